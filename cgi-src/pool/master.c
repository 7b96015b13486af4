/*
 * The master: start, the event loop, signals, stop. It touches no request; what it does for the
 * processes is in children.c and generations.c.
 */
#include "pool/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/notify.h"
#include "pool/title.h"
#include "pool/upgrade.h"
#include "pool/user.h"

/* Connections that wait while every worker is busy; nginx's max_conns stays below. */
#define BACKLOG 511
#define STATUS_BACKLOG 64
#define PLACES_MIN 16
#define DESCRIPTORS 65536

/* ---- reports ---- */

static void report(void *context, struct status_report *out)
{
    struct master *m = context;

    *out = (struct status_report){.reloads = m->reloads,
                                  .starting = children_count(m, CHILD_STARTING, 0),
                                  .ready = children_count(m, CHILD_READY, 0),
                                  .draining = children_count(m, CHILD_DRAINING, 0)};
    out->max = m->current.processes * (unsigned)m->current.config->pool_threads;
    for (unsigned i = 0; i < board_places(m->board); i++) {
        long long since_us;
        unsigned busy = board_busy(m->board, i, &since_us);
        out->busy += busy;
        out->connections += board_connections(m->board, i);
        if (m->children[i].state == CHILD_READY)
            out->idle += board_threads(m->board, i) - busy;
    }
}

/* ---- stop ---- */

static void begin_stop(struct master *m)
{
    /* A socket of systemd's stays open: what waits there is for whoever is started next. */
    enum control how = m->listener.path ? CONTROL_STOP : CONTROL_DRAIN;

    m->stopping = true;
    long long timeout_s = m->current.config->pool_stop_timeout_s;
    log_info("stopping: requests have %lld s to end", timeout_s);
    /* systemd's own patience (TimeoutStopSec) may be shorter than what is configured here. */
    notify_send("STOPPING=1\nSTATUS=waiting for requests to end\nEXTEND_TIMEOUT_USEC=%lld",
                timeout_s * 1000000 + 2 * TERM_TIME_US);
    listener_unlink(&m->listener);
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < BOARD_PLACES; i++) {
            struct child *c = &m->children[i];
            if (c->state == CHILD_NONE || c->state == CHILD_DRAINING)
                continue;
            if (pass == 0)
                child_retire(c);
            else
                child_drain(c, how);
        }
    }
}

/* A second signal: TERM for all workers, so that they leave their requests; a third: KILL. */
static void hasten_stop(struct master *m, int64_t now_us)
{
    log_warning("told to stop again: not waiting for requests any longer");
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        struct child *c = &m->children[i];
        if (c->state == CHILD_NONE)
            continue;
        c->state = CHILD_DRAINING;
        c->deadline_us = now_us;
        c->severity = m->stop_signals > 2 ? 1 : 0;
    }
}

/* ---- signals ---- */

static void reopen_logs(struct master *m)
{
    log_reopen();
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        if (m->children[i].state != CHILD_NONE)
            child_order(&m->children[i], CONTROL_REOPEN);
    }
}

static void handle_signal(struct master *m, int number)
{
    switch (number) {
    case SIGCHLD:
        children_reap(m);
        break;
    case SIGHUP:
        if (!m->stopping)
            generation_reload(m);
        break;
    case SIGUSR1:
        reopen_logs(m);
        break;
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        if (m->stop_signals++ == 0)
            begin_stop(m);
        else
            hasten_stop(m, pool_now_us());
        break;
    default:
        break;
    }
}

static void signals_ready(struct watch *w, uint32_t events)
{
    struct master *m = (struct master *)((char *)w - offsetof(struct master, signals));
    struct signalfd_siginfo info;

    (void)events;
    if (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        handle_signal(m, (int)info.ssi_signo);
}

static void wanted_signals(sigset_t *set)
{
    static const int wanted[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGQUIT};

    sigemptyset(set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        sigaddset(set, wanted[i]);
}

void master_hold_signals(sigset_t *before)
{
    sigset_t set;

    wanted_signals(&set);
    sigprocmask(SIG_BLOCK, &set, before);
}

static int open_signals(struct master *m, sigset_t *before)
{
    sigset_t set;

    wanted_signals(&set);
    master_hold_signals(before);
    signal(SIGPIPE, SIG_IGN);
    m->signals = (struct watch){signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), signals_ready};
    return m->signals.fd < 0 ? -1 : watch_add(m->epoll_fd, &m->signals, EPOLLIN);
}

/* ---- start ---- */

static int open_socket(struct listener *l, const char *systemd_name, const char *path, int backlog,
                       const struct config *c, struct err *e)
{
    if (listener_from_systemd(l, systemd_name))
        return 0;
    return listener_open(l, path, (unsigned)c->socket_mode, backlog, e);
}

static int open_sockets(struct master *m, char *status_path, size_t size, struct err *e)
{
    const struct config *c = m->current.config;

    if (*c->status_socket)
        snprintf(status_path, size, "%s", c->status_socket);
    else
        snprintf(status_path, size, "%s.status", c->socket);
    int result = open_socket(&m->listener, NULL, c->socket, BACKLOG, c, e);
    if (result == 0) {
        listener_warn_if_open(m->listener.fd);
        result = open_socket(&m->status_listener, "status", status_path, STATUS_BACKLOG, c, e);
    }
    listener_forget_environment();
    return result;
}

/* Each connection, each thread's connection to DynamoDB and each inbox is one. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static unsigned places_for(unsigned processes)
{
    /* Two generations, and room for those that still drain when the next reload comes. */
    unsigned n = processes * 4;
    return n < PLACES_MIN ? PLACES_MIN : n;
}

static int start(struct master *m, char *status_path, size_t size, struct err *e)
{
    m->current = (struct generation){.number = ++m->last_generation, .config = m->options->config};
    m->current.processes = generation_processes(m, m->current.config);
    raise_descriptor_limit();
    const struct config *c = m->options->config;
    if (open_sockets(m, status_path, size, e) < 0 || user_give_socket(c, m->listener.path, e) < 0 ||
        user_give_socket(c, m->status_listener.path, e) < 0 || user_become(c, e) < 0)
        return -1;
    if (upgrade_gave_own_sockets()) {
        listener_own(&m->listener, c->socket);
        listener_own(&m->status_listener, status_path);
    }
    m->board = board_new(places_for(m->current.processes), e);
    if (!m->board)
        return -1;
    m->status = status_new(m->epoll_fd, m->status_listener.fd, report, m, e);
    if (!m->status)
        return -1;
    m->notify_every_us = notify_watchdog_us();
    m->notify_us = m->notify_every_us ? pool_now_us() : 0;
    title_set("chat-sessions: master (%s)", m->current.config->socket);
    return 0;
}

/* ---- the loop ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    if (a == 0 || b == 0)
        return a ? a : b;
    return a < b ? a : b;
}

/* When something is due next; 0: nothing but events. */
static int64_t next_wake(struct master *m, int64_t now_us)
{
    int64_t next = earlier(m->notify_us, status_expire(m->status, now_us));

    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        if (m->children[i].state != CHILD_NONE)
            next = earlier(next, m->children[i].deadline_us);
    }
    if (m->stopping)
        return next;
    if (m->next.config)
        next = earlier(next, m->next_deadline_us);
    for (unsigned i = 0; i < MASTER_PROCESSES; i++) {
        if (m->positions[i].next_us > now_us)
            next = earlier(next, m->positions[i].next_us);
    }
    return earlier(next, m->check_us);
}

static void keep_systemd_calm(struct master *m, int64_t now_us)
{
    if (m->notify_us == 0 || now_us < m->notify_us)
        return;
    notify_send("WATCHDOG=1");
    m->notify_us = now_us + m->notify_every_us;
}

static bool has_children(const struct master *m)
{
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        if (m->children[i].state != CHILD_NONE)
            return true;
    }
    return false;
}

static void run(struct master *m)
{
    struct epoll_event event;

    for (;;) {
        int64_t now = pool_now_us();
        generation_step(m, now);
        keep_systemd_calm(m, now);
        if (m->stopping && !has_children(m))
            return;
        int64_t next = next_wake(m, now);
        int wait_ms = -1;
        if (next)
            wait_ms = next > now ? (int)((next - now) / 1000 + 1) : 0;
        if (epoll_wait(m->epoll_fd, &event, 1, wait_ms) != 1)
            continue;
        struct watch *w = event.data.ptr;
        w->ready(w, event.events);
    }
}

/* ---- end ---- */

static void clean_up(struct master *m)
{
    status_free(m->status);
    listener_close(&m->status_listener);
    listener_close(&m->listener);
    board_free(m->board);
    if (m->current.owned) {
        config_free(m->current.owned);
        free(m->current.owned);
    }
    if (m->signals.fd >= 0)
        close(m->signals.fd);
    if (m->epoll_fd >= 0)
        close(m->epoll_fd);
}

int pool_run(const struct pool_options *options, struct err *e)
{
    static struct master m; /* large, and there is one */
    char status_path[128];
    sigset_t before;
    int result = -1;

    sigprocmask(SIG_SETMASK, NULL, &before);
    m = (struct master){.options = options,
                        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                        .signals.fd = -1,
                        .listener.fd = -1,
                        .status_listener.fd = -1};
    int opened = m.epoll_fd < 0 ? -1 : open_signals(&m, &before);
    m.mask_before = before;
    if (opened < 0) {
        err_set(e, ERR_INTERNAL, "the master cannot open its descriptors: %s",
                strerrordesc_np(errno));
    } else if (start(&m, status_path, sizeof(status_path), e) == 0) {
        run(&m);
        log_info("stopped");
        result = 0;
    }
    clean_up(&m);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}
