/*
 * Statuses, envelopes and the bytes of an answer. The layers below decide which error it is.
 */
#include "http/response.h"

#include <stdio.h>

#include "base/clock.h"

/* Memory that a thread keeps for its next answer. */
#define BODY_KEPT ((size_t)4 * 1024)
#define HEADERS_KEPT ((size_t)4 * 1024)
#define HEADERS_CAP (64 * 1024)

struct status_row {
    int status;
    unsigned retry_after_s; /* 0: no Retry-After */
};

#define STATUS_OF_CODE(code, name, status, retry_after_s) [code] = {status, retry_after_s},
static const struct status_row status_of_code[ERR_CODES] = {[ERR_NONE] = {500, 0},
                                                            ERR_TABLE(STATUS_OF_CODE)};

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}

int response_status_of(enum err_code code)
{
    return status_of_code[code].status;
}

void response_init(struct response *r, size_t body_cap)
{
    *r = (struct response){.status = 500};
    buf_init(&r->headers, HEADERS_CAP);
    buf_init(&r->body, body_cap);
}

void response_free(struct response *r)
{
    buf_free(&r->headers);
    buf_free(&r->body);
}

void response_reset(struct response *r)
{
    r->status = 500;
    r->content_type = NULL;
    r->begun = r->client_gone = false;
    if (r->headers.size > HEADERS_KEPT)
        buf_free(&r->headers);
    if (r->body.size > BODY_KEPT)
        buf_free(&r->body);
    buf_reset(&r->headers);
    buf_reset(&r->body);
}

void response_header(struct response *r, const char *name, struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
            return;
    }
    buf_puts(&r->headers, name);
    buf_puts(&r->headers, ": ");
    buf_append_str(&r->headers, value);
    buf_puts(&r->headers, "\r\n");
}

void response_begin(struct response *r, int status, struct json_writer *w)
{
    r->status = status;
    r->content_type = "application/json";
    buf_reset(&r->body);
    json_writer_init(w, &r->body);
    json_begin_object(w);
    json_put_string(w, "status", STR("success"));
}

void response_end(struct json_writer *w, int64_t wall_us)
{
    char now[CLOCK_TIME_SIZE];

    clock_format_us(wall_us, now);
    json_put_string(w, "timestamp", str_from(now));
    json_end_object(w);
}

/* What a client is told. Front ends of the first backend look for these first words. */
static void put_detail(struct json_writer *w, const struct err *e)
{
    static const char introduction[] = "DynamoDB not available: ";
    char introduced[sizeof(introduction) + sizeof(e->detail)];
    const char *detail = e->detail;

    if (e->code == ERR_CREDENTIALS_NOT_CONFIGURED) {
        (void)snprintf(introduced, sizeof(introduced), "%s%s", introduction, e->detail);
        detail = introduced;
    }
    json_put_string(w, "detail", str_from(detail));
}

void response_error(struct response *r, const struct err *e, const char *request_id)
{
    const struct status_row *row = &status_of_code[e->code];
    unsigned retry_after =
        e->retry_after_s && row->retry_after_s ? e->retry_after_s : row->retry_after_s;
    struct json_writer w;

    r->status = row->status;
    r->content_type = "application/problem+json";
    buf_reset(&r->body);
    json_writer_init(&w, &r->body);
    json_begin_object(&w);
    json_put_string(&w, "type", STR("about:blank"));
    json_put_string(&w, "title", str_from(reason_of(row->status)));
    json_put_int(&w, "status", row->status);
    json_put_string(&w, "code", str_from(err_code_name(e->code)));
    put_detail(&w, e);
    json_put_string(&w, "request_id", str_from(request_id));
    json_end_object(&w);
    if (retry_after)
        buf_printf(&r->headers, "Retry-After: %u\r\n", retry_after);
    if (row->status == 401)
        response_header(r, "WWW-Authenticate", STR("Bearer"));
}

/* Of an answer that is sent in parts the length is not known: the server frames its body itself. */
static int send_head(struct response *r, struct gateway *g)
{
    char start[256];
    int n = snprintf(start, sizeof(start), "Status: %d %s\r\n", r->status, reason_of(r->status));

    if (r->content_type && r->begun)
        n += snprintf(start + n, sizeof(start) - (size_t)n,
                      "Content-Type: %s\r\nCache-Control: no-store\r\n", r->content_type);
    else if (r->content_type)
        n += snprintf(start + n, sizeof(start) - (size_t)n,
                      "Content-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n",
                      r->content_type, r->body.len);
    buf_puts(&r->headers, "\r\n");
    if (!buf_ok(&r->headers))
        return -1;
    if (g->write(g, start, (size_t)n) < 0)
        return -1;
    return g->write(g, r->headers.data, r->headers.len);
}

int response_flush(struct response *r, struct gateway *g)
{
    bool first = !r->begun;

    if (!buf_ok(&r->body))
        return -1;
    r->begun = true;
    r->client_gone = (first && send_head(r, g) < 0) || g->write(g, r->body.data, r->body.len) < 0;
    buf_reset(&r->body);
    return r->client_gone ? -1 : 0;
}

int response_send(struct response *r, struct gateway *g, bool head)
{
    if (r->begun)
        return r->body.len ? response_flush(r, g) : 0;
    if (send_head(r, g) < 0)
        return -1;
    if (!r->content_type || head || r->body.len == 0)
        return 0;
    return g->write(g, r->body.data, r->body.len);
}
