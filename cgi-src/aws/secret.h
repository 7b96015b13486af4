/*
 * Memory that holds secrets: taken in one piece, so that growing leaves no copy behind, and
 * cleansed before it is freed.
 */
#ifndef AWS_SECRET_H
#define AWS_SECRET_H

#include <stddef.h>
#include "base/buf.h"
#include "base/str.h"

/* An empty buffer with the memory for cap bytes already taken. */
void secret_buf_init(struct buf *b, size_t cap);
void secret_buf_free(struct buf *b);

/* A NUL-terminated copy; NULL when out of memory. Free it with secret_free. */
char *secret_dup(struct str s);
void secret_free(char *s); /* takes NULL */

/*
 * Reads a whole file of at most cap bytes into *out, which it initialises; secret_buf_free it in
 * either case. Returns 0, or an errno value (EFBIG: more than cap bytes).
 */
int secret_read_file(const char *path, size_t cap, struct buf *out);

/* s without the white space around it. */
struct str secret_trim(struct str s);

#endif
