/*
 * The file of keys on disk. jwks.h says what it holds, keyring.h when it is read.
 */
#include "auth/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct key_file_stamp stamp_of(const struct stat *st)
{
    return (struct key_file_stamp){
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
        .size = st->st_size,
        .device = st->st_dev,
        .inode = st->st_ino,
    };
}

static int key_file_error(const char *path, struct err *e)
{
    return err_set(e, ERR_CONFIGURATION, "AUTH_JWT_JWKS_FILE %s cannot be read: %s", path,
                   strerrordesc_np(errno));
}

static int key_file_read_all(int fd, const char *path, struct buf *out, struct err *e)
{
    char piece[8192];
    ssize_t n;

    while ((n = read(fd, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return key_file_error(path, e);
        buf_append(out, piece, (size_t)n);
    }
    if (!buf_ok(out))
        return err_set(e, ERR_CONFIGURATION, "AUTH_JWT_JWKS_FILE %s is larger than %zu bytes", path,
                       out->cap);
    return 0;
}

int key_file_read(const char *path, struct buf *out, struct key_file_stamp *stamp, struct err *e)
{
    struct stat st;
    int r = -1;
    /* Non-blocking: a FIFO without a writer would hold the start-up for ever. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        key_file_error(path, e);
        if (stat(path, &st) == 0)
            *stamp = stamp_of(&st);
        return -1;
    }
    if (fstat(fd, &st) < 0) {
        key_file_error(path, e);
    } else {
        *stamp = stamp_of(&st);
        r = S_ISREG(st.st_mode)
                ? key_file_read_all(fd, path, out, e)
                : err_set(e, ERR_CONFIGURATION, "AUTH_JWT_JWKS_FILE %s is not a file", path);
    }
    close(fd);
    return r;
}

bool key_file_changed(const char *path, const struct key_file_stamp *stamp)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false;
    struct key_file_stamp now = stamp_of(&st);
    return now.ctime_ns != stamp->ctime_ns || now.size != stamp->size ||
           now.device != stamp->device || now.inode != stamp->inode;
}
