/*
 * The life of a refused request: 1. accept, 2. read it to its end, else the answer might be lost
 * with what was not read, 3. answer, 4. keep the connection if the web server keeps it: if it were
 * closed from here, the next request might just be on its way. When a process is ready it gets the
 * kept connections.
 */
#include "pool/refusal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "http/response.h"
#include "pool/fastcgi_reader.h"
#include "pool/connection.h"
#include "pool/connections.h"
#include "pool/reply.h"
#include "pool/watch.h"

#define CLIENTS_MAX 256
#define CLIENT_TIME_US ((int64_t)5 * 1000000)
/* Longer than nginx keeps an idle connection, as in connections.c. */
#define IDLE_TIME_US ((int64_t)60 * 1000000)
#define EXPIRE_EVERY_US ((int64_t)1 * 1000000)
#define ANSWER_MAX 16384
#define ACCEPT_BATCH 64
/* How many reads one client gets before it is the turn of the others. */
#define READS_MAX 16

struct refused {
    struct watch watch; /* first: the event's pointer is the client's; fd -1: free */
    struct refusal *all;
    int64_t deadline_us;
    bool answered; /* a request before this one */
    struct fastcgi_reader reader;
    struct buf out;
    size_t sent;
};

struct refusal {
    struct watch watch; /* of the listener; first */
    struct refusal_setup setup;
    bool active;
    bool watching;      /* the listener is watched: active, and there is room for another client */
    char *cors_origins; /* a copy; NULL: none */
    struct cors_policy cors;
    unsigned long refused;
    unsigned used; /* clients */
    struct refused clients[CLIENTS_MAX];
};

/* ---- 1. accept ---- */

static void refusal_watch_listener(struct refusal *r)
{
    bool wanted = r->active && r->used < CLIENTS_MAX;

    if (wanted && !r->watching)
        r->watching = watch_add(r->setup.epoll_fd, &r->watch, EPOLLIN) == 0;
    else if (!wanted && r->watching)
        watch_remove(r->setup.epoll_fd, &r->watch);
    r->watching = r->watching && wanted;
}

/* The descriptor has been closed or given away. */
static void refused_forget(struct refused *c)
{
    c->watch.fd = -1;
    fastcgi_reader_free(&c->reader);
    buf_free(&c->out);
    c->all->used--;
    refusal_watch_listener(c->all);
}

static void refused_drop(struct refused *c)
{
    watch_remove(c->all->setup.epoll_fd, &c->watch);
    close(c->watch.fd);
    refused_forget(c);
}

static void refused_ready(struct watch *w, uint32_t events);

static struct refused *free_client(struct refusal *r)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (r->clients[i].watch.fd < 0)
            return &r->clients[i];
    }
    return NULL;
}

/* False if there is no room; the descriptor is the refusal's in any case. */
static bool refused_take_in(struct refusal *r, int fd)
{
    struct refused *c = free_client(r);
    int64_t now = pool_now_us();

    if (!c) {
        close(fd);
        return false;
    }
    *c = (struct refused){
        .watch = {fd, refused_ready}, .all = r, .deadline_us = now + CLIENT_TIME_US};
    fastcgi_reader_init(&c->reader);
    buf_init(&c->out, ANSWER_MAX);
    r->used++;
    timer_set_at_most(r->setup.timer, now + EXPIRE_EVERY_US);
    if (watch_add(r->setup.epoll_fd, &c->watch, EPOLLIN) < 0) {
        refused_drop(c);
        return false;
    }
    refused_ready(&c->watch, EPOLLIN); /* most have sent their request already */
    return true;
}

/* True if nothing of a next request has come. */
static bool is_idle(const struct refused *c)
{
    return c->watch.fd >= 0 && c->out.len == 0 && c->reader.total == 0;
}

/* Drops the connection that has been kept longest. */
static void refused_make_room(struct refusal *r)
{
    struct refused *longest = NULL;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct refused *c = &r->clients[i];
        if (is_idle(c) && c->answered && (!longest || c->deadline_us < longest->deadline_us))
            longest = c;
    }
    if (longest)
        refused_drop(longest);
}

static void refusal_listener_ready(struct watch *w, uint32_t events)
{
    struct refusal *r = (struct refusal *)w;

    (void)events;
    for (int i = 0; i < ACCEPT_BATCH && r->used < CLIENTS_MAX; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
            clock_system.sleep_us(clock_system.context, 10000); /* it stays ready: no busy loop */
        if (fd < 0)
            break;
        connection_prepare(fd); /* a worker process may get it later */
        if (!refused_take_in(r, fd))
            break;
        if (r->used == CLIENTS_MAX)
            refused_make_room(r);
    }
    refusal_watch_listener(r);
}

/* Gives the connection to a process that is ready, with whatever has come meanwhile. */
static void refused_hand_over(struct refused *c)
{
    struct refusal *r = c->all;
    int target = scoreboard_least(r->setup.scoreboard, SCOREBOARD_PLACES);

    if (target < 0)
        return; /* it is answered here, or dropped in time */
    watch_remove(r->setup.epoll_fd, &c->watch);
    if (scoreboard_give(r->setup.scoreboard, (unsigned)target, c->watch.fd) < 0)
        watch_add(r->setup.epoll_fd, &c->watch, EPOLLIN);
    else
        refused_forget(c);
}

/* ---- 3. answer ---- */

struct refusal_gateway {
    struct gateway gateway;
    const struct fastcgi_reader *reader;
    struct arena *arena;
    struct buf *out;
};

static const char *refusal_param(struct gateway *g, const char *name)
{
    struct refusal_gateway *r = (struct refusal_gateway *)g;

    return fastcgi_reader_param(r->reader, name, r->arena);
}

static int refusal_write(struct gateway *g, const void *data, size_t n)
{
    struct buf *out = ((struct refusal_gateway *)g)->out;

    buf_append(out, data, n);
    return buf_ok(out) ? 0 : -1;
}

static void write_refusal(struct gateway *g, struct arena *arena, const struct cors_policy *cors)
{
    struct request request;
    struct response response;
    struct err e = {.code = ERR_NONE};

    response_init(&response, ANSWER_MAX);
    request_init(&request, g, arena, &e); /* it is refused, be it valid or not */
    e = (struct err){.code = ERR_NONE};
    err_set(&e, ERR_OVERLOADED, "no worker process is ready; the log of the service says why");
    response_header(&response, "X-Request-Id", str_from(request.request_id));
    cors_apply(cors, &request, &response);
    response_error(&response, &e, request.request_id);
    response_send(&response, g, request.method == HTTP_HEAD);
    response_free(&response);
}

static void make_refusal(struct refused *c)
{
    struct arena arena;
    struct buf text;

    arena_init(&arena);
    buf_init(&text, ANSWER_MAX);
    struct refusal_gateway g = {.gateway = {.param = refusal_param, .write = refusal_write},
                                .reader = &c->reader,
                                .arena = &arena,
                                .out = &text};
    write_refusal(&g.gateway, &arena, &c->all->cors);
    fastcgi_write_answer(c->reader.id, buf_str(&text), &c->out);
    buf_free(&text);
    arena_free(&arena);
    c->all->refused++;
}

/* Keeps the connection for the next request. Its event may still be set for EPOLLOUT. */
static void refused_keep(struct refused *c)
{
    fastcgi_reader_free(&c->reader);
    fastcgi_reader_init(&c->reader);
    buf_reset(&c->out);
    c->sent = 0;
    c->answered = true;
    c->deadline_us = pool_now_us() + IDLE_TIME_US;
    watch_change(c->all->setup.epoll_fd, &c->watch, EPOLLIN);
    if (!c->all->active)
        refused_hand_over(c);
}

static void send_refusal(struct refused *c)
{
    enum reply_progress progress = reply_send(c->watch.fd, &c->out, &c->sent);

    if (progress == REPLY_LATER) {
        watch_change(c->all->setup.epoll_fd, &c->watch, EPOLLOUT);
        return;
    }
    if (progress == REPLY_SENT && c->reader.keep && !c->reader.surplus)
        refused_keep(c);
    else
        refused_drop(c);
}

/* ---- 2. read ---- */

static enum fastcgi_progress refused_read(struct refused *c)
{
    char text[16384];

    for (int i = 0; i < READS_MAX && c->reader.progress == FASTCGI_MORE; i++) {
        ssize_t n = recv(c->watch.fd, text, sizeof(text), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0)
            return FASTCGI_BROKEN;
        if (c->reader.total == 0)
            c->deadline_us = pool_now_us() + CLIENT_TIME_US;
        fastcgi_reader_feed(&c->reader, text, (size_t)n);
    }
    return c->reader.progress;
}

static void refused_ready(struct watch *w, uint32_t events)
{
    struct refused *c = (struct refused *)w;

    (void)events;
    if (c->out.len > 0) {
        send_refusal(c);
        return;
    }
    switch (refused_read(c)) {
    case FASTCGI_COMPLETE:
        make_refusal(c);
        send_refusal(c);
        break;
    case FASTCGI_BROKEN:
        refused_drop(c);
        break;
    case FASTCGI_MORE:
        break;
    }
}

/* ---- for the master ---- */

struct refusal *refusal_new(const struct refusal_setup *setup, struct err *e)
{
    struct refusal *r = calloc(1, sizeof(*r));

    if (!r) {
        err_set(e, ERR_INTERNAL, "no memory for the server that refuses requests");
        return NULL;
    }
    *r = (struct refusal){.watch = {setup->listener, refusal_listener_ready}, .setup = *setup};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        r->clients[i].watch.fd = -1;
    return r;
}

void refusal_free(struct refusal *r)
{
    if (!r)
        return;
    refusal_end(r);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (r->clients[i].watch.fd >= 0)
            refused_drop(&r->clients[i]);
    }
    free(r->cors_origins);
    free(r);
}

void refusal_abandon(struct refusal *r)
{
    for (size_t i = 0; r && i < CLIENTS_MAX; i++) {
        if (r->clients[i].watch.fd >= 0)
            close(r->clients[i].watch.fd);
    }
}

void refusal_begin(struct refusal *r, const struct cors_policy *cors)
{
    int fd;

    log_error("no worker process is ready: requests are answered 503 until one is; the lines above "
              "say why");
    r->active = true;
    free(r->cors_origins);
    r->cors_origins = strdup(cors->origins);
    r->cors = (struct cors_policy){r->cors_origins ? r->cors_origins : "", cors->credentials};
    for (unsigned i = 0; i < scoreboard_places(r->setup.scoreboard); i++) {
        while (scoreboard_state(r->setup.scoreboard, i) == SCOREBOARD_FREE &&
               (fd = scoreboard_take(r->setup.scoreboard, i)) >= 0) {
            scoreboard_count(r->setup.scoreboard, i, -1);
            refused_take_in(r, fd);
        }
    }
    refusal_watch_listener(r);
}

void refusal_end(struct refusal *r)
{
    if (r->active)
        log_info("a worker process is ready again: %lu requests were answered 503 in all",
                 r->refused);
    r->active = false;
    refusal_watch_listener(r);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (is_idle(&r->clients[i]))
            refused_hand_over(&r->clients[i]);
    }
}

void refusal_expire(struct refusal *r, int64_t now_us)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (r->clients[i].watch.fd >= 0 && r->clients[i].deadline_us <= now_us)
            refused_drop(&r->clients[i]);
    }
    if (r->used > 0)
        timer_set_at_most(r->setup.timer, now_us + EXPIRE_EVERY_US);
}

unsigned long refusal_count(const struct refusal *r)
{
    return r->refused;
}
