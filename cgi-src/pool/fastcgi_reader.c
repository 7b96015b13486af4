/*
 * A FastCGI request in pieces. Whatever arrives, nothing is read or kept beyond the limits below.
 */
#include "pool/fastcgi_reader.h"

#include <string.h>

/* nginx sends its own parameters before the client's headers. */
#define PARAMS_MAX 16384
/* More than nginx lets through (client_max_body_size) with every header. */
#define TOTAL_MAX ((uint64_t)64 * 1024 * 1024)
#define CONTENT_MAX ((size_t)65528)

#define VERSION 1
#define BEGIN_LENGTH 8
#define FLAGS_AT ((size_t)2)
#define KEEP_CONN 1

/* FCGI_BEGIN_REQUEST and so on; the specification's numbers. */
enum record_type {
    RECORD_BEGIN = 1,
    RECORD_END = 3,
    RECORD_PARAMS = 4,
    RECORD_STDIN = 5,
    RECORD_STDOUT = 6,
};

void fastcgi_reader_init(struct fastcgi_reader *r)
{
    *r = (struct fastcgi_reader){.progress = FASTCGI_MORE};
    buf_init(&r->params, PARAMS_MAX);
}

void fastcgi_reader_free(struct fastcgi_reader *r)
{
    buf_free(&r->params);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- records ---- */

static enum fastcgi_progress begin_record(struct fastcgi_reader *r)
{
    unsigned id = (unsigned)r->head[2] << 8 | r->head[3];

    r->content_left = (size_t)r->head[4] << 8 | r->head[5];
    r->padding_left = r->head[6];
    if (r->head[0] != VERSION || id == 0)
        return FASTCGI_BROKEN;
    switch (r->head[1]) {
    case RECORD_BEGIN:
        if (r->id != 0 || r->content_left != BEGIN_LENGTH)
            return FASTCGI_BROKEN;
        r->id = id;
        return FASTCGI_MORE;
    case RECORD_PARAMS:
    case RECORD_STDIN:
        return id == r->id ? FASTCGI_MORE : FASTCGI_BROKEN;
    default:
        return FASTCGI_BROKEN;
    }
}

static void take_content(struct fastcgi_reader *r, const char *data, size_t n)
{
    size_t at = BEGIN_LENGTH - r->content_left; /* in the record's content, if it is a begin */

    if (r->head[1] == RECORD_BEGIN && at <= FLAGS_AT && FLAGS_AT - at < n)
        r->keep = data[FLAGS_AT - at] & KEEP_CONN;
    if (r->head[1] != RECORD_PARAMS)
        return;
    n = smaller(n, PARAMS_MAX - r->params.len);
    if (n > 0)
        buf_append(&r->params, data, n);
}

/* An empty FCGI_STDIN ends the body, and with it the request. */
static enum fastcgi_progress end_record(struct fastcgi_reader *r)
{
    size_t length = (size_t)r->head[4] << 8 | r->head[5];

    r->head_n = 0;
    return r->head[1] == RECORD_STDIN && length == 0 ? FASTCGI_COMPLETE : FASTCGI_MORE;
}

/* Takes the part of the data that belongs together: some of a head, of content or of padding.
 * Returns how much that was. */
static size_t take_part(struct fastcgi_reader *r, const char *data, size_t n)
{
    size_t part;

    if (r->head_n < sizeof(r->head)) {
        part = smaller(n, sizeof(r->head) - r->head_n);
        memcpy(r->head + r->head_n, data, part);
        r->head_n += part;
        if (r->head_n == sizeof(r->head))
            r->progress = begin_record(r);
    } else if (r->content_left > 0) {
        part = smaller(n, r->content_left);
        take_content(r, data, part);
        r->content_left -= part;
    } else {
        part = smaller(n, r->padding_left);
        r->padding_left -= part;
    }
    return part;
}

enum fastcgi_progress fastcgi_reader_feed(struct fastcgi_reader *r, const void *data, size_t n)
{
    const char *at = data;

    r->total += n;
    if (r->total > TOTAL_MAX)
        r->progress = FASTCGI_BROKEN;
    while (n > 0 && r->progress == FASTCGI_MORE) {
        size_t part = take_part(r, at, n);
        at += part;
        n -= part;
        if (r->progress == FASTCGI_MORE && r->head_n == sizeof(r->head) && r->content_left == 0 &&
            r->padding_left == 0)
            r->progress = end_record(r);
    }
    r->surplus = r->surplus || n > 0;
    return r->progress;
}

/* ---- parameters ---- */

/* A length of one byte, or of four with the highest bit set (section 3.4). False at the end. */
static bool read_length(const unsigned char **at, const unsigned char *end, size_t *length)
{
    const unsigned char *p = *at;

    if (p == end)
        return false;
    if (*p < 0x80) {
        *length = *p;
        *at = p + 1;
        return true;
    }
    if (end - p < 4)
        return false;
    *length = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    *at = p + 4;
    return true;
}

const char *fastcgi_reader_param(const struct fastcgi_reader *r, const char *name,
                                 struct arena *arena)
{
    const unsigned char *at = (const unsigned char *)r->params.data;
    const unsigned char *end = at ? at + r->params.len : NULL;
    size_t name_n;
    size_t value_n;

    while (read_length(&at, end, &name_n) && read_length(&at, end, &value_n)) {
        if (name_n > (size_t)(end - at) || value_n > (size_t)(end - at) - name_n)
            return NULL;
        if (name_n == strlen(name) && memcmp(at, name, name_n) == 0)
            return arena_str(arena, (struct str){(const char *)at + name_n, value_n}).p;
        at += name_n + value_n;
    }
    return NULL;
}

/* ---- answers ---- */

static void write_head(enum record_type type, unsigned id, size_t length, struct buf *out)
{
    const unsigned char head[8] = {
        VERSION,           (unsigned char)type,          (unsigned char)(id >> 8),
        (unsigned char)id, (unsigned char)(length >> 8), (unsigned char)length,
    };

    buf_append(out, head, sizeof(head));
}

void fastcgi_write_answer(unsigned id, struct str text, struct buf *out)
{
    static const unsigned char request_complete[8] = {0}; /* both statuses are 0 */

    while (text.n > 0) {
        size_t part = smaller(text.n, CONTENT_MAX);
        write_head(RECORD_STDOUT, id, part, out);
        buf_append(out, text.p, part);
        text.p += part;
        text.n -= part;
    }
    write_head(RECORD_STDOUT, id, 0, out);
    write_head(RECORD_END, id, sizeof(request_complete), out);
    buf_append(out, request_complete, sizeof(request_complete));
}
