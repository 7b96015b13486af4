/*
 * The master: start, the event loop, signals, end. Events are recorded as facts, master_step
 * decides, decisions.c carries out. It touches no requests except those that it refuses
 * (refusal.c).
 */
#include "pool/master.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/no_auth.h"
#include "pool/notify.h"
#include "pool/privileges.h"
#include "pool/signals.h"
#include "pool/title.h"
#include "pool/upgrade.h"

/* Connections that wait while every worker is busy: a burst of as many clients loses none of them.
 * The kernel takes less where net.core.somaxconn is less. */
#define BACKLOG 1024
#define PLACES_MIN 16
#define DESCRIPTORS 65536

/* ---- reports ---- */

static void master_report(void *context, struct status_report *out)
{
    struct master *m = context;

    *out = (struct status_report){.reloads = m->reloads,
                                  .refused = refusal_count(m->refusal),
                                  .starting = step_count(&m->state, CHILD_STARTING),
                                  .ready = step_count(&m->state, CHILD_READY),
                                  .draining = step_count(&m->state, CHILD_DRAINING)};
    for (unsigned i = 0; i < STEP_PLACES; i++)
        out->processes[i] = children_pid(&m->children, i);
    out->max = m->state.current.processes * (unsigned)m->current.config->pool_threads;
    for (unsigned i = 0; i < scoreboard_places(m->scoreboard); i++) {
        long long since_us;
        unsigned busy = scoreboard_busy(m->scoreboard, i, &since_us);
        out->busy += busy;
        out->connections += scoreboard_connections(m->scoreboard, i);
        if (m->state.children[i].state == CHILD_READY)
            out->idle += scoreboard_threads(m->scoreboard, i) - busy;
    }
}

/* ---- signals ---- */

static void handle_signal(struct master *m, int number)
{
    switch (number) {
    case SIGCHLD:
        children_reap(&m->children);
        break;
    case SIGHUP:
        decisions_ask_for_reload(m);
        break;
    case SIGUSR1:
        log_reopen();
        children_order_all(&m->children, CONTROL_REOPEN);
        break;
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        m->state.stop_signals++;
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

/* ---- start ---- */

static int open_socket(struct listener *l, const char *systemd_name, const char *path,
                       const struct config *c, struct err *e)
{
    if (listener_from_systemd(l, systemd_name)) {
        listen(l->fd, BACKLOG); /* its unit may allow another number to wait */
        return 0;
    }
    return listener_open(l, path, (unsigned)c->socket_mode, BACKLOG, e);
}

static int open_sockets(struct master *m, struct err *e)
{
    const struct config *c = m->current.config;

    if (*c->status_socket)
        snprintf(m->status_path, sizeof(m->status_path), "%s", c->status_socket);
    else
        snprintf(m->status_path, sizeof(m->status_path), "%s.status", c->socket);
    int result = open_socket(&m->listener, NULL, c->socket, c, e);
    if (result == 0) {
        listener_warn_if_open(m->listener.fd);
        no_auth_warn(c, m->listener.fd);
        listener_warn_if_short(BACKLOG);
        result = open_socket(&m->status_listener, "status", m->status_path, c, e);
    }
    listener_forget_environment();
    return result;
}

/* Takes over the sockets that another program had opened before this one took its place. */
static void own_sockets(struct master *m)
{
    if (!upgrade_gave_own_sockets())
        return;
    listener_own(&m->listener, m->options->config->socket);
    listener_own(&m->status_listener, m->status_path);
}

/* Descriptors are needed for each client's connection, each thread's connection to DynamoDB and
 * each inbox. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* In a process that was just forked. */
static void close_masters(void *context)
{
    struct master *m = context;

    close(m->epoll_fd);
    close(m->signals.fd);
    status_abandon(m->status);
    refusal_abandon(m->refusal);
    if (m->status_listener.fd >= 0)
        close(m->status_listener.fd);
}

static int start_servers(struct master *m, struct err *e)
{
    const struct status_setup status = {.epoll_fd = m->epoll_fd,
                                        .listener = m->status_listener.fd,
                                        .timer = &m->state.timers[TIMER_CLIENTS],
                                        .report = master_report,
                                        .context = m};
    const struct refusal_setup refusal = {.epoll_fd = m->epoll_fd,
                                          .listener = m->listener.fd,
                                          .scoreboard = m->scoreboard,
                                          .timer = &m->state.timers[TIMER_CLIENTS]};

    m->refusal = refusal_new(&refusal, e);
    m->status = m->refusal ? status_new(&status, e) : NULL;
    return m->status ? 0 : -1;
}

static int master_start(struct master *m, struct err *e)
{
    const struct config *c = m->options->config;

    m->current.config = c;
    m->state.current = decisions_generation(m, c);
    m->current.number = m->state.current.number;
    raise_descriptor_limit();
    if (open_sockets(m, e) < 0 || privileges_give_socket(c, m->listener.path, e) < 0 ||
        privileges_give_socket(c, m->status_listener.path, e) < 0 || privileges_drop(c, e) < 0)
        return -1;
    own_sockets(m);
    /* Two generations, and room for those that still drain when the next reload comes. */
    unsigned places = m->state.current.processes * 4;
    m->state.places = places < PLACES_MIN ? PLACES_MIN : places;
    m->scoreboard = scoreboard_new(m->state.places, e);
    if (!m->scoreboard || start_servers(m, e) < 0)
        return -1;
    m->state.keep_listener = m->listener.path == NULL; /* systemd's: for the next master */
    m->state.notify_every_us = notify_watchdog_us();
    if (m->state.notify_every_us)
        timer_set(&m->state.timers[TIMER_NOTIFY], pool_now_us());
    m->children.epoll_fd = m->epoll_fd;
    m->children.scoreboard = m->scoreboard;
    title_set("chat-sessions: master (%s)", c->socket);
    return 0;
}

/* ---- the loop ---- */

/* True if something happened on the way that must be decided upon at once. */
static bool master_decide(struct master *m)
{
    int64_t now = pool_now_us();

    if (step_watchdog_is_due(&m->state, now))
        children_record_busy(&m->children);
    master_step(&m->state, now, &m->decisions);
    return decisions_carry_out(m);
}

static void wait_for_event(struct master *m)
{
    struct epoll_event event;
    int wait_ms = -1;
    /* The timers are looked at here, since carrying out decisions may have set some. */
    int64_t next = timers_next(m->state.timers, TIMER_COUNT);

    if (next) {
        int64_t now = pool_now_us();
        wait_ms = next > now ? (int)((next - now) / 1000 + 1) : 0;
    }
    if (epoll_wait(m->epoll_fd, &event, 1, wait_ms) != 1)
        return;
    struct watch *w = event.data.ptr;
    w->ready(w, event.events);
}

static void master_loop(struct master *m)
{
    for (;;) {
        bool again = master_decide(m);
        if (m->state.stop_signals > 0 && !children_exist(&m->children))
            return;
        if (!again)
            wait_for_event(m);
    }
}

/* ---- end ---- */

static void master_clean_up(struct master *m)
{
    status_free(m->status);
    refusal_free(m->refusal);
    listener_close(&m->status_listener);
    listener_close(&m->listener);
    scoreboard_free(m->scoreboard);
    configuration_free(&m->next);
    configuration_free(&m->current);
    if (m->signals.fd >= 0)
        close(m->signals.fd);
    if (m->epoll_fd >= 0)
        close(m->epoll_fd);
}

int pool_run(const struct pool_options *options, struct err *e)
{
    static struct master m; /* static, because it is large and there is only one */
    int result = -1;

    m = (struct master){.options = options,
                        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                        .signals = {.fd = -1},
                        .listener.fd = -1,
                        .status_listener.fd = -1};
    m.signals = (struct watch){signals_open(&m.mask_before), signals_ready};
    m.children.facts = m.state.children;
    m.children.close_masters = close_masters;
    m.children.context = &m;
    if (m.epoll_fd < 0 || m.signals.fd < 0 || watch_add(m.epoll_fd, &m.signals, EPOLLIN) < 0) {
        err_set(e, ERR_INTERNAL, "the master cannot open its descriptors: %s",
                strerrordesc_np(errno));
    } else if (master_start(&m, e) == 0) {
        master_loop(&m);
        log_info("stopped");
        result = 0;
    }
    master_clean_up(&m);
    sigprocmask(SIG_SETMASK, &m.mask_before, NULL);
    return result;
}
