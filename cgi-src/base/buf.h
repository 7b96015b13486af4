/*
 * A growable byte buffer with a cap. Failure is sticky: when the cap is passed or memory runs out,
 * the buffer frees itself, every later append does nothing, and buf_ok() is false. So a writer
 * appends freely, and buf_ok is checked once, where the bytes are used.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"

struct buf {
    char *data;  /* always NUL-terminated when not NULL; owned */
    size_t len;  /* bytes in use, without the NUL */
    size_t size; /* bytes allocated */
    size_t cap;  /* len never passes this */
    bool failed;
};

/* An empty buffer that will hold at most cap bytes. Allocates nothing yet. */
void buf_init(struct buf *b, size_t cap);

/* Frees the bytes and returns to the state after buf_init. */
void buf_free(struct buf *b);

/* Empties the buffer, keeps the memory for the next use, clears a failure. */
void buf_reset(struct buf *b);

/* What buf_reserve does where there is no room, or no buffer yet. */
char *buf_grow(struct buf *b, size_t len);

/* Makes room for `len` more bytes and returns where they start; NULL on failure. The caller
 * writes up to len bytes there and then calls buf_added. */
static inline char *buf_reserve(struct buf *b, size_t len)
{
    return len < b->size - b->len ? b->data + b->len : buf_grow(b, len);
}

static inline void buf_added(struct buf *b, size_t len)
{
    b->len += len;
    b->data[b->len] = '\0';
}

/* Appending is most of the work of writing an answer, so it is inlined where there is room. */
static inline void buf_append(struct buf *b, const void *data, size_t len)
{
    char *to = buf_reserve(b, len);
    if (!to)
        return;
    if (len > 0)
        memcpy(to, data, len);
    buf_added(b, len);
}

static inline void buf_append_str(struct buf *b, struct str s)
{
    buf_append(b, s.p, s.n);
}

static inline void buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

static inline void buf_putc(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes back what was appended since the buffer had len bytes. */
void buf_truncate(struct buf *b, size_t len);

bool buf_ok(const struct buf *b) __attribute__((warn_unused_result));

/* The bytes as a view, valid until the next append. Empty (p != NULL) when failed. */
struct str buf_str(const struct buf *b);

#endif
