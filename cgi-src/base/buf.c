/*
 * The growable buffer with a cap and a sticky failure. It knows nothing of what the bytes are; the
 * caller of buf_init sets the limits that a client may reach.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

void buf_init(struct buf *b, size_t cap)
{
    /* Room is left for the NUL and for doubling without overflow. */
    *b = (struct buf){.cap = cap < SIZE_MAX / 4 ? cap : SIZE_MAX / 4};
}

void buf_free(struct buf *b)
{
    free(b->data);
    buf_init(b, b->cap);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

static void buf_fail(struct buf *b)
{
    buf_free(b);
    b->failed = true;
}

/* Makes room for len more bytes and a NUL. */
static bool buf_extend(struct buf *b, size_t len)
{
    if (b->failed)
        return false;
    if (len > b->cap - b->len) {
        buf_fail(b);
        return false;
    }
    size_t need = b->len + len + 1;
    if (need <= b->size)
        return true;
    size_t size = b->size ? b->size * 2 : FIRST_SIZE;
    if (size < need)
        size = need;
    if (size > b->cap + 1)
        size = b->cap + 1;
    char *data = realloc(b->data, size);
    if (!data) {
        buf_fail(b);
        return false;
    }
    b->data = data;
    b->size = size;
    return true;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        buf_fail(b);
    else if (buf_extend(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

char *buf_grow(struct buf *b, size_t len)
{
    return buf_extend(b, len) ? b->data + b->len : NULL;
}

void buf_truncate(struct buf *b, size_t len)
{
    if (len >= b->len)
        return;
    b->len = len;
    b->data[len] = '\0';
}

bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

struct str buf_str(const struct buf *b)
{
    return b->data ? (struct str){b->data, b->len} : STR("");
}
