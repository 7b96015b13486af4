/*
 * The status server: HTTP/1.0 and 1.1, GET and HEAD, one answer a connection. What it tells is
 * counted elsewhere.
 */
#include "pool/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/metrics.h"
#include "http/response.h"
#include "pool/process.h"
#include "pool/watch.h"

#define CLIENTS_MAX 32
#define CLIENT_TIME_US ((int64_t)2 * 1000000)
#define REQUEST_MAX 8192
#define ANSWER_MAX ((size_t)8 * 1024 * 1024)

struct client {
    struct watch watch; /* first: the event's pointer is the client's; fd -1: free */
    struct status *status;
    int64_t deadline_us;
    struct buf in;
    struct buf out;
    size_t sent;
};

struct status {
    struct watch watch; /* of the listener; first */
    int epoll_fd;
    void (*report)(void *context, struct status_report *out);
    void *context;
    struct client clients[CLIENTS_MAX];
};

/* ---- answers ---- */

#define STATUS_ID_SIZE 129

/* The same problem that nginx makes of a pool without workers. */
static void answer_unhealthy(struct response *r, const char *request_id)
{
    struct json_writer w;

    r->status = 503;
    r->content_type = "application/problem+json";
    json_writer_init(&w, &r->body);
    json_begin_object(&w);
    json_put_string(&w, "type", STR("about:blank"));
    json_put_string(&w, "title", STR("Service Unavailable"));
    json_put_int(&w, "status", r->status);
    json_put_string(&w, "code", STR("overloaded"));
    json_put_string(&w, "detail", STR("no worker process is ready; the log says why"));
    json_put_string(&w, "request_id", str_from(request_id));
    json_end_object(&w);
    response_header(r, "Retry-After", STR("1"));
}

static void answer_health(struct status *s, struct response *r, const char *request_id)
{
    struct status_report now;
    struct json_writer w;

    s->report(s->context, &now);
    if (now.ready == 0) {
        answer_unhealthy(r, request_id);
        return;
    }
    response_begin(r, 200, &w);
    json_put_bool(&w, "healthy", true);
    json_key(&w, "workers");
    json_begin_object(&w);
    json_put_int(&w, "busy", now.busy);
    json_put_int(&w, "idle", now.idle);
    json_put_int(&w, "max", now.max);
    json_end_object(&w);
    response_end(&w, clock_system.wall_us(clock_system.context));
}

static void put_gauge(struct buf *out, const char *name, const char *help, unsigned value)
{
    metrics_print_family(out, name, "gauge", help);
    buf_printf(out, "%s %u\n", name, value);
}

static void answer_metrics(struct status *s, struct response *r, const char *request_id)
{
    static const char processes[] = "chat_sessions_pool_processes";
    struct buf *out = &r->body;
    struct status_report now;

    (void)request_id;
    s->report(s->context, &now);
    r->status = 200;
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(out);
    metrics_print_family(out, processes, "gauge", "Worker processes by state.");
    buf_printf(out, "%s{state=\"starting\"} %u\n", processes, now.starting);
    buf_printf(out, "%s{state=\"ready\"} %u\n", processes, now.ready);
    buf_printf(out, "%s{state=\"draining\"} %u\n", processes, now.draining);
    put_gauge(out, "chat_sessions_pool_workers_busy", "Worker threads at work on a request.",
              now.busy);
    put_gauge(out, "chat_sessions_pool_workers_idle", "Worker threads that wait for a request.",
              now.idle);
    put_gauge(out, "chat_sessions_pool_workers_max", "Worker threads as configured.", now.max);
    put_gauge(out, "chat_sessions_pool_connections", "Open connections from the web server.",
              now.connections);
    metrics_print_family(out, "chat_sessions_pool_reloads_total", "counter",
                         "Reloads that succeeded.");
    buf_printf(out, "chat_sessions_pool_reloads_total %u\n", now.reloads);
}

static const struct {
    const char *path;
    void (*answer)(struct status *s, struct response *r, const char *request_id);
} pages[] = {
    {"/api/v1/health", answer_health},
    {"/health", answer_health},
    {"/metrics", answer_metrics},
};

static void answer_error(struct response *r, enum err_code code, const char *detail,
                         const char *request_id)
{
    struct err e = {.code = ERR_NONE};

    err_set(&e, code, "%s", detail);
    response_error(r, &e, request_id);
    if (code == ERR_METHOD_NOT_ALLOWED)
        response_header(r, "Allow", STR("GET, HEAD"));
}

static void answer_path(struct status *s, struct response *r, struct str path,
                        const char *request_id)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (str_is(path, pages[i].path)) {
            pages[i].answer(s, r, request_id);
            return;
        }
    }
    answer_error(r, ERR_NOT_FOUND, "there is nothing at this path", request_id);
}

/* "GET /metrics?x HTTP/1.1": method and path without its query. */
static void split_request(struct str in, struct str *method, struct str *path)
{
    const char *line_end = memchr(in.p, '\n', in.n);
    size_t n = line_end ? (size_t)(line_end - in.p) : in.n;
    const char *space = memchr(in.p, ' ', n);

    *method = *path = STR("");
    if (!space)
        return;
    *method = (struct str){in.p, (size_t)(space - in.p)};
    const char *start = space + 1;
    size_t left = n - (size_t)(start - in.p);
    size_t length = 0;
    while (length < left && !strchr(" ?#\r", start[length]))
        length++;
    *path = (struct str){start, length};
}

/* X-Request-Id as nginx passes it on, else a new one. */
static void take_request_id(const char *in, char out[STATUS_ID_SIZE])
{
    static const char name[] = "\nX-Request-Id:";
    const char *header = strcasestr(in, name);
    size_t n = 0;

    if (header) {
        header += sizeof(name) - 1;
        header += strspn(header, " \t");
        n = strcspn(header, "\r\n");
    }
    if (n == 0 || n >= STATUS_ID_SIZE) {
        ids_uuid7(clock_system.wall_us(clock_system.context) / 1000, out);
        return;
    }
    memcpy(out, header, n);
    out[n] = '\0';
}

/* response_send writes a CGI answer: "Status: 200 OK" becomes HTTP's first line. */
struct http_gateway {
    struct gateway gateway;
    struct buf *out;
    bool begun;
};

static int http_write(struct gateway *g, const void *data, size_t n)
{
    static const char cgi_start[] = "Status:";
    struct http_gateway *h = (struct http_gateway *)g;

    if (!h->begun && n > sizeof(cgi_start)) {
        buf_puts(h->out, "HTTP/1.1");
        data = (const char *)data + sizeof(cgi_start) - 1;
        n -= sizeof(cgi_start) - 1;
        h->begun = true;
    }
    buf_append(h->out, data, n);
    return buf_ok(h->out) ? 0 : -1;
}

static int make_answer(struct client *c)
{
    struct http_gateway h = {.gateway = {.write = http_write}, .out = &c->out};
    struct response r;
    struct str method;
    struct str path;

    char id[STATUS_ID_SIZE];

    split_request(buf_str(&c->in), &method, &path);
    take_request_id(c->in.data, id);
    response_init(&r, ANSWER_MAX);
    if (str_is(method, "GET") || str_is(method, "HEAD"))
        answer_path(c->status, &r, path, id);
    else
        answer_error(&r, ERR_METHOD_NOT_ALLOWED, "only GET and HEAD are answered here", id);
    response_header(&r, "Connection", STR("close"));
    int result = response_send(&r, &h.gateway, str_is(method, "HEAD"));
    response_free(&r);
    return result;
}

/* ---- clients ---- */

static void drop(struct client *c)
{
    if (c->watch.fd < 0)
        return;
    watch_remove(c->status->epoll_fd, &c->watch);
    close(c->watch.fd);
    c->watch.fd = -1;
    buf_free(&c->in);
    buf_free(&c->out);
}

static void send_answer(struct client *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->watch.fd, c->out.data + c->sent, c->out.len - c->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            watch_change(c->status->epoll_fd, &c->watch, EPOLLOUT);
            return;
        }
        if (n <= 0)
            break;
        c->sent += (size_t)n;
    }
    drop(c);
}

static bool is_complete(const struct buf *in)
{
    return memmem(in->data, in->len, "\r\n\r\n", 4) || memmem(in->data, in->len, "\n\n", 2);
}

static void client_ready(struct watch *w, uint32_t events)
{
    struct client *c = (struct client *)w;
    char text[2048];

    (void)events;
    if (c->out.len > 0) {
        send_answer(c);
        return;
    }
    ssize_t n = recv(w->fd, text, sizeof(text), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        buf_append(&c->in, text, (size_t)n);
    if (n <= 0 || !buf_ok(&c->in)) {
        drop(c);
        return;
    }
    if (!is_complete(&c->in))
        return;
    if (make_answer(c) < 0)
        drop(c);
    else
        send_answer(c);
}

static struct client *free_client(struct status *s)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (s->clients[i].watch.fd < 0)
            return &s->clients[i];
    }
    return NULL;
}

/* Drops the client that has been there longest: new ones are never kept waiting. */
static bool make_room(struct status *s)
{
    struct client *longest = NULL;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &s->clients[i];
        if (c->watch.fd >= 0 && (!longest || c->deadline_us < longest->deadline_us))
            longest = c;
    }
    if (longest)
        drop(longest);
    return longest != NULL;
}

static int accept_client(struct status *s)
{
    int fd = accept4(s->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    /* The socket stays ready: no busy loop where nothing can be done about it. */
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && !make_room(s))
        clock_system.sleep_us(clock_system.context, 100000);
    return fd;
}

static void listener_ready(struct watch *w, uint32_t events)
{
    struct status *s = (struct status *)w;
    int fd = accept_client(s);

    (void)events;
    if (fd < 0)
        return;
    struct client *c = free_client(s);
    if (!c && make_room(s))
        c = free_client(s);
    if (!c) {
        close(fd);
        return;
    }
    *c = (struct client){
        .watch = {fd, client_ready}, .status = s, .deadline_us = pool_now_us() + CLIENT_TIME_US};
    buf_init(&c->in, REQUEST_MAX);
    buf_init(&c->out, ANSWER_MAX + REQUEST_MAX);
    if (watch_add(s->epoll_fd, &c->watch, EPOLLIN) < 0) {
        close(fd);
        c->watch.fd = -1;
        return;
    }
    client_ready(&c->watch, EPOLLIN); /* most have sent their request already */
}

/* ---- for the master ---- */

struct status *status_new(int epoll_fd, int listener,
                          void (*report)(void *context, struct status_report *out), void *context,
                          struct err *e)
{
    struct status *s = calloc(1, sizeof(*s));

    if (!s) {
        err_set(e, ERR_INTERNAL, "no memory for the status server");
        return NULL;
    }
    *s = (struct status){.watch = {listener, listener_ready},
                         .epoll_fd = epoll_fd,
                         .report = report,
                         .context = context};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        s->clients[i].watch.fd = -1;
    if (watch_add(epoll_fd, &s->watch, EPOLLIN) < 0) {
        err_set(e, ERR_INTERNAL, "cannot watch the status socket: %s", strerrordesc_np(errno));
        free(s);
        return NULL;
    }
    return s;
}

void status_free(struct status *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        drop(&s->clients[i]);
    free(s);
}

void status_abandon(struct status *s)
{
    for (size_t i = 0; s && i < CLIENTS_MAX; i++) {
        if (s->clients[i].watch.fd >= 0)
            close(s->clients[i].watch.fd);
    }
}

int64_t status_expire(struct status *s, int64_t now_us)
{
    int64_t next = 0;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &s->clients[i];
        if (c->watch.fd < 0)
            continue;
        if (c->deadline_us <= now_us)
            drop(c);
        else if (next == 0 || c->deadline_us < next)
            next = c->deadline_us;
    }
    return next;
}
