/*
 * The status server: HTTP/1.0 and 1.1, GET and HEAD, one answer a connection. What it reports is
 * counted elsewhere.
 */
#include "pool/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/metrics.h"
#include "http/response.h"
#include "pool/connections.h"
#include "pool/reply.h"
#include "pool/status_request.h"
#include "pool/usage.h"
#include "pool/watch.h"

/* As many as the backlog holds; when there are more, the one that has been there longest makes
 * room. */
#define CLIENTS_MAX 1024
#define ACCEPT_BATCH 64
#define EXPIRE_EVERY_US ((int64_t)1 * 1000000)
#define CLIENT_TIME_US ((int64_t)2 * 1000000)
#define HEADERS_MAX 8192
#define READS_MAX 16 /* how many one client gets before it is the turn of the others */
#define ANSWER_MAX ((size_t)8 * 1024 * 1024)

struct client {
    struct watch watch; /* first: the event's pointer is the client's */
    TAILQ_ENTRY(client) neighbours;
    struct status *status;
    int64_t deadline_us;
    struct status_request request;
    struct buf out;
    size_t sent;
};

struct status {
    struct watch watch; /* of the listener; first */
    struct status_setup setup;
    TAILQ_HEAD(client_list, client) clients; /* in the order in which they came */
    unsigned count;
    struct usage usage;
};

/* ---- answers ---- */

/* Problems that have no code of their own in err.h; the words are those of nginx's own answers. */
struct problem {
    int status;
    const char *title;
    const char *code;
    const char *detail;
};

static void answer_problem(struct response *r, const struct problem *p, const char *request_id)
{
    struct json_writer w;

    r->status = p->status;
    r->content_type = "application/problem+json";
    json_writer_init(&w, &r->body);
    json_begin_object(&w);
    json_put_string(&w, "type", STR("about:blank"));
    json_put_string(&w, "title", str_from(p->title));
    json_put_int(&w, "status", p->status);
    json_put_string(&w, "code", str_from(p->code));
    json_put_string(&w, "detail", str_from(p->detail));
    json_put_string(&w, "request_id", str_from(request_id));
    json_end_object(&w);
}

static void answer_unhealthy(struct response *r, const char *request_id)
{
    static const struct problem unhealthy = {503, "Service Unavailable", "overloaded",
                                             "no worker process is ready; the log says why"};

    answer_problem(r, &unhealthy, request_id);
    response_header(r, "Retry-After", STR("1"));
}

static void answer_too_large(struct response *r, const char *request_id)
{
    static const struct problem too_large = {431, "Request Header Fields Too Large",
                                             "headers_too_large",
                                             "the headers together are too long"};

    answer_problem(r, &too_large, request_id);
}

static void answer_health(struct status *s, struct response *r, const char *request_id)
{
    struct status_report now;
    struct json_writer w;

    s->setup.report(s->setup.context, &now);
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
    s->setup.report(s->setup.context, &now);
    r->status = 200;
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(out);
    usage_print(&s->usage, now.processes, STEP_PLACES, out);
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
    metrics_print_family(out, "chat_sessions_pool_refused_total", "counter",
                         "Requests answered 503 by the master while no process was ready.");
    buf_printf(out, "chat_sessions_pool_refused_total %lu\n", now.refused);
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

static void choose_answer(struct client *c, struct response *r)
{
    const struct status_request *in = &c->request;
    struct str method = str_from(in->method);

    if (in->progress == STATUS_TOO_LARGE)
        answer_too_large(r, in->id);
    else if (str_is(method, "GET") || str_is(method, "HEAD"))
        answer_path(c->status, r, (struct str){in->path, in->path_n}, in->id);
    else
        answer_error(r, ERR_METHOD_NOT_ALLOWED, "only GET and HEAD are answered here", in->id);
}

static int make_answer(struct client *c)
{
    struct http_gateway h = {.gateway = {.write = http_write}, .out = &c->out};
    struct response r;

    response_init(&r, ANSWER_MAX);
    choose_answer(c, &r);
    response_header(&r, "Connection", STR("close"));
    int result = response_send(&r, &h.gateway, strcmp(c->request.method, "HEAD") == 0);
    response_free(&r);
    return result;
}

/* ---- clients ---- */

static void client_drop(struct client *c)
{
    struct status *s = c->status;

    watch_remove(s->setup.epoll_fd, &c->watch);
    close(c->watch.fd);
    buf_free(&c->out);
    TAILQ_REMOVE(&s->clients, c, neighbours);
    s->count--;
    free(c);
}

static void send_status(struct client *c)
{
    enum reply_progress progress = reply_send(c->watch.fd, &c->out, &c->sent);

    if (progress == REPLY_LATER) {
        watch_change(c->status->setup.epoll_fd, &c->watch, EPOLLOUT);
        return;
    }
    client_drop(c);
}

/* False when the client has gone. */
static bool read_some(struct client *c)
{
    char text[4096];

    for (int i = 0; i < READS_MAX && c->request.progress == STATUS_MORE; i++) {
        ssize_t n = recv(c->watch.fd, text, sizeof(text), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0)
            return false;
        status_request_feed(&c->request, text, (size_t)n);
    }
    return true;
}

static void client_ready(struct watch *w, uint32_t events)
{
    struct client *c = (struct client *)w;
    bool answered = c->out.len > 0;
    bool alive = answered || read_some(c);

    (void)events;
    if (alive && !answered && c->request.progress == STATUS_MORE)
        return;
    if (alive && (answered || make_answer(c) == 0))
        send_status(c);
    else
        client_drop(c);
}

/* Drops the client that has been there longest: new ones are never kept waiting. */
static bool make_room(struct status *s)
{
    if (TAILQ_EMPTY(&s->clients))
        return false;
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it misses that the one before was taken out
    client_drop(TAILQ_FIRST(&s->clients));
    return true;
}

static int accept_client(struct status *s)
{
    int fd = accept4(s->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    /* The socket stays ready, so the loop must not spin where nothing can be done about it. */
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && !make_room(s))
        clock_system.sleep_us(clock_system.context, 100000);
    return fd;
}

static void take_in(struct status *s, int fd)
{
    int64_t now = pool_now_us();

    if (s->count == CLIENTS_MAX)
        make_room(s);
    struct client *c = calloc(1, sizeof(*c));
    if (!c) {
        close(fd);
        return;
    }
    c->watch = (struct watch){fd, client_ready};
    c->status = s;
    c->deadline_us = now + CLIENT_TIME_US;
    status_request_init(&c->request);
    buf_init(&c->out, ANSWER_MAX + HEADERS_MAX);
    TAILQ_INSERT_TAIL(&s->clients, c, neighbours);
    s->count++;
    timer_set_at_most(s->setup.timer, now + EXPIRE_EVERY_US);
    if (watch_add(s->setup.epoll_fd, &c->watch, EPOLLIN) < 0)
        client_drop(c);
    else
        client_ready(&c->watch, EPOLLIN); /* most have sent their request already */
}

/* Accepts all that wait: if it took one at a time, those of a burst would come behind everything
 * else again and again. */
static void listener_ready(struct watch *w, uint32_t events)
{
    int fd;

    (void)events;
    for (int i = 0; i < ACCEPT_BATCH && (fd = accept_client((struct status *)w)) >= 0; i++)
        take_in((struct status *)w, fd);
}

/* ---- for the master ---- */

struct status *status_new(const struct status_setup *setup, struct err *e)
{
    struct status *s = calloc(1, sizeof(*s));

    if (!s) {
        err_set(e, ERR_INTERNAL, "no memory for the status server");
        return NULL;
    }
    *s = (struct status){.watch = {setup->listener, listener_ready}, .setup = *setup};
    TAILQ_INIT(&s->clients);
    if (watch_add(setup->epoll_fd, &s->watch, EPOLLIN) < 0) {
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
    while (make_room(s))
        ;
    free(s);
}

void status_abandon(struct status *s)
{
    struct client *c = s ? TAILQ_FIRST(&s->clients) : NULL;

    for (; c; c = TAILQ_NEXT(c, neighbours))
        close(c->watch.fd);
}

void status_expire(struct status *s, int64_t now_us)
{
    while (!TAILQ_EMPTY(&s->clients) && TAILQ_FIRST(&s->clients)->deadline_us <= now_us)
        client_drop(TAILQ_FIRST(&s->clients));
    if (s->count > 0)
        timer_set_at_most(s->setup.timer, now_us + EXPIRE_EVERY_US);
}
