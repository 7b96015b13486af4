/*
 * Buffers, strings and files with secrets in them. The providers know what the bytes
 * mean. No caller may print one of them.
 */
#include "aws/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void secret_buf_init(struct buf *b, size_t cap)
{
    buf_init(b, cap);
    (void)buf_reserve(b, cap); /* a failure is sticky and found by buf_ok */
}

void secret_buf_free(struct buf *b)
{
    if (b->data)
        OPENSSL_cleanse(b->data, b->size);
    buf_free(b);
}

char *secret_dup(struct str s)
{
    char *copy = malloc(s.n + 1);
    if (!copy)
        return NULL;
    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

void secret_free(char *s)
{
    if (!s)
        return;
    OPENSSL_cleanse(s, strlen(s));
    free(s);
}

static int secret_read_all(int fd, size_t cap, struct buf *out)
{
    for (;;) {
        char piece[4096];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        int error = n < 0 ? errno : 0;
        if (n > 0 && (size_t)n > cap - out->len)
            error = EFBIG;
        else if (n > 0)
            buf_append(out, piece, (size_t)n);
        OPENSSL_cleanse(piece, sizeof piece);
        if (error || n == 0)
            return error;
    }
}

int secret_read_file(const char *path, size_t cap, struct buf *out)
{
    secret_buf_init(out, cap);
    if (!buf_ok(out))
        return ENOMEM;
    /* Not to be held up by a FIFO that somebody put in the file's place. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    int error = secret_read_all(fd, cap, out);
    close(fd);
    return error;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str secret_trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}
