/*
 * Reads the head of a request line by line into a buffer of fixed size.
 */
#include "pool/status_request.h"

#include <string.h>
#include <strings.h>

void status_request_init(struct status_request *r)
{
    *r = (struct status_request){.progress = STATUS_MORE};
    request_id_choose(STR(""), r->id);
}

/* The length of the beginning without any of these characters. */
static size_t length_until(struct str s, const char *ends)
{
    size_t n = 0;

    while (n < s.n && (s.p[n] == '\0' || !strchr(ends, s.p[n])))
        n++;
    return n;
}

/* "GET /metrics?x HTTP/1.1" */
static void read_request_line(struct status_request *r, struct str line)
{
    size_t n = length_until(line, " ");

    if (n < sizeof(r->method))
        memcpy(r->method, line.p, n); /* the rest is zero */
    if (n == line.n)
        return;
    struct str target = {line.p + n + 1, line.n - n - 1};
    r->path_n = length_until(target, " ?#");
    if (r->path_n > sizeof(r->path))
        r->path_n = sizeof(r->path);
    memcpy(r->path, target.p, r->path_n);
}

static void read_request_header(struct status_request *r, struct str line)
{
    static const char name[] = "X-Request-Id:";
    const size_t n = sizeof(name) - 1;

    if (line.n < n || strncasecmp(line.p, name, n) != 0)
        return;
    struct str value = {line.p + n, line.n - n};
    while (value.n > 0 && char_is_blank(*value.p)) {
        value.p++;
        value.n--;
    }
    while (value.n > 0 && char_is_blank(value.p[value.n - 1]))
        value.n--;
    request_id_choose(value, r->id);
}

static void end_line(struct status_request *r)
{
    struct str line = {r->line, r->line_n};

    r->line_n = 0;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n == 0) {
        if (r->begun)
            r->progress = STATUS_COMPLETE;
        return; /* an empty line before the request is allowed (RFC 9112 section 2.2) */
    }
    if (r->begun)
        read_request_header(r, line);
    else
        read_request_line(r, line);
    r->begun = true;
}

/* The last place stays for the CR of a line that just fits, and for any byte of a longer one. */
static void add_byte(struct status_request *r, char c)
{
    if (r->line_n < STATUS_LINE_MAX)
        r->line[r->line_n++] = c;
    else
        r->line[STATUS_LINE_MAX - 1] = c;
}

enum status_progress status_request_feed(struct status_request *r, const char *data, size_t n)
{
    for (size_t i = 0; i < n && r->progress == STATUS_MORE; i++) {
        if (data[i] == '\n')
            end_line(r);
        else
            add_byte(r, data[i]);
        if (++r->total >= STATUS_REQUEST_MAX && r->progress == STATUS_MORE)
            r->progress = STATUS_TOO_LARGE;
    }
    return r->progress;
}
