/*
 * The file of keys: it is read whole, and a change is noticed.
 */
#ifndef AUTH_KEY_FILE_H
#define AUTH_KEY_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/err.h"

/* What tells one state of a file from another. */
struct key_file_stamp {
    int64_t ctime_ns; /* moves with content, mode and mtime */
    int64_t size;
    dev_t device;
    ino_t inode; /* another one after rename(2), the safe way to replace it */
};

/*
 * Appends the whole file and sets *stamp to the state in which it was read. Fails with
 * ERR_CONFIGURATION if the file cannot be read, is not a regular file, or is larger than the
 * buffer's cap; *stamp is then that of the bad file, so that it is complained about once and not
 * each time.
 */
int key_file_read(const char *path, struct buf *out, struct key_file_stamp *stamp, struct err *e);

/* True if there is a file at the path now and it is in another state. */
bool key_file_changed(const char *path, const struct key_file_stamp *stamp);

#endif
