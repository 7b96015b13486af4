/*
 * The master: start, the event loop, stop. It records what happens as facts, lets master_step
 * decide, and carries the decisions out. It touches no request but those that it refuses
 * (refusal.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/children.h"
#include "pool/listener.h"
#include "pool/notify.h"
#include "pool/privileges.h"
#include "pool/refusal.h"
#include "pool/signals.h"
#include "pool/status.h"
#include "pool/title.h"

/* Connections that wait while every worker is busy: a burst of as many clients loses none of them.
 * The kernel takes less where net.core.somaxconn is less. */
#define BACKLOG 1024
#define STATUS_BACKLOG 1024
#define PLACES_MIN 16
#define DESCRIPTORS 65536

/* A generation's configuration; `owned` is the same if it came from a reload, else NULL. */
struct configuration {
    unsigned number;
    const struct config *config;
    struct config *owned;
};

struct master {
    const struct pool_options *options;
    int epoll_fd;
    struct watch signals;
    struct listener listener;
    struct listener status_listener;
    char status_path[128];
    struct scoreboard *scoreboard;
    struct status *status;
    struct refusal *refusal;
    struct configuration current;
    struct configuration next; /* of the reload under way */
    bool reload_again;         /* asked for while one was under way */
    unsigned reloads;
    struct master_state state;
    struct children children;
    struct decisions decisions;
};

/* ---- reports ---- */

static void report(void *context, struct status_report *out)
{
    struct master *m = context;

    *out = (struct status_report){.reloads = m->reloads,
                                  .refused = refusal_count(m->refusal),
                                  .starting = step_count(&m->state, CHILD_STARTING),
                                  .ready = step_count(&m->state, CHILD_READY),
                                  .draining = step_count(&m->state, CHILD_DRAINING)};
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

static void announce(const struct master *m)
{
    notify_send("READY=1\nSTATUS=%u processes with %lld threads each", m->state.current.processes,
                (long long)m->current.config->pool_threads);
}

/* ---- generations ---- */

static unsigned processes_for(const struct master *m, const struct config *config)
{
    long n = (long)config->pool_processes;

    if (n <= 0)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    if (config->pool_processes <= 0 && n < 2)
        n = 2; /* so that a crash leaves one that answers */
    if (n > STEP_POSITIONS)
        n = STEP_POSITIONS;
    if (m->state.places && n > (long)m->state.places / 2) {
        n = (long)m->state.places / 2;
        log_warning("POOL_PROCESSES: only %ld until the pool is started again", n);
    }
    return (unsigned)n;
}

static struct generation make_generation(struct master *m, const struct config *config)
{
    return (struct generation){.number = ++m->state.last_number,
                               .processes = processes_for(m, config),
                               .stop_timeout_us = config->pool_stop_timeout_s * 1000000,
                               .stuck_us = config->stuck_request_s * 1000000};
}

static void free_owned(struct configuration *c)
{
    if (c->owned)
        config_free(c->owned);
    free(c->owned);
    *c = (struct configuration){.number = 0};
}

static void begin_reload(struct master *m)
{
    struct err e = {.code = ERR_NONE};
    struct config *config = NULL;

    notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)pool_now_us());
    if (m->options->reload && !(config = m->options->reload(&e))) {
        log_error("reload: the configuration is not used, the pool goes on with the old one: %s",
                  e.detail);
        announce(m);
        return;
    }
    m->next =
        (struct configuration){.config = config ? config : m->current.config, .owned = config};
    struct generation next = make_generation(m, m->next.config);
    m->next.number = next.number;
    log_info("reload: starting %u new processes", next.processes);
    if (step_free_places(&m->state) < next.processes)
        log_warning("reload: it waits for %u processes of earlier reloads that still end their "
                    "requests (POOL_STOP_TIMEOUT_S)",
                    step_count(&m->state, CHILD_DRAINING));
    master_step_reload(&m->state, next, pool_now_us());
}

static void ask_for_reload(struct master *m)
{
    if (m->state.stop_signals > 0)
        return;
    if (m->state.next.number != 0)
        m->reload_again = true;
    else
        begin_reload(m);
}

static void end_reload(struct master *m)
{
    announce(m);
    if (m->reload_again) {
        m->reload_again = false;
        begin_reload(m);
    }
}

static void commit(struct master *m)
{
    /* Without a reload function the new generation runs with the old configuration. */
    if (m->next.owned) {
        free_owned(&m->current);
        m->current = m->next;
    }
    m->current.number = m->next.number;
    m->next = (struct configuration){.number = 0};
    m->reloads++;
    log_info("reload: %u new processes are ready, the old ones end when their requests have",
             m->state.current.processes);
}

static void abandon(struct master *m, enum decision_reason why)
{
    static const char *const reasons[] = {[REASON_STARTS_FAIL] = "its processes do not start",
                                          [REASON_TOO_SLOW] = "its processes are not ready in time",
                                          [REASON_NO_PLACE] =
                                              "those of earlier reloads take every place"};

    log_error("reload: given up because %s; the pool goes on with the old configuration",
              reasons[why]);
    free_owned(&m->next);
}

/* ---- decisions ---- */

static void start_child(struct master *m, const struct decision *d)
{
    bool is_current = d->generation == m->current.number;
    const struct child_start start = {.place = d->place,
                                      .config = is_current ? m->current.config : m->next.config,
                                      .handler = m->options->handler,
                                      .listener = m->listener.fd};

    children_start(&m->children, &start);
}

static void signal_child(struct master *m, const struct decision *d)
{
    int pid = (int)children_pid(&m->children, d->place);

    if (d->reason == REASON_NOT_READY)
        log_error("worker process %d has not become ready within %d s: killing it", pid,
                  (int)(STEP_START_TIME_US / 1000000));
    else if (d->reason == REASON_NOT_ENDED)
        log_warning("worker process %d has not ended in time: its requests are cut off", pid);
    else if (d->reason == REASON_STUCK)
        log_error("worker process %d has worked on one request for %lld s: killing it", pid,
                  (long long)d->wait_us / 1000000);
    children_signal(&m->children, d->place, d->number);
}

static void retire_child(struct master *m, const struct decision *d)
{
    if (d->reason == REASON_SERVED)
        log_info("worker process %d has served enough and is replaced",
                 (int)children_pid(&m->children, d->place));
    children_retire(&m->children, d->place);
}

static void say_crash_loop(const struct decision *d)
{
    if (d->kind == DECIDE_CRASH_LOOP)
        log_error("crash loop: worker %u has died %d times in a row before it was ready; the next "
                  "one starts in %lld ms; the lines above say why",
                  d->position, d->number, (long long)d->wait_us / 1000);
    else
        log_error("crash loop: worker %u has died %d times or more within a minute; the next one "
                  "starts at once; the lines above say why",
                  d->position, d->number);
}

static void begin_stop(struct master *m)
{
    long long timeout_s = m->current.config->pool_stop_timeout_s;

    log_info("stopping: requests have %lld s to end", timeout_s);
    /* systemd's own patience (TimeoutStopSec) may be shorter than what is configured here. */
    notify_send("STOPPING=1\nSTATUS=waiting for requests to end\nEXTEND_TIMEOUT_USEC=%lld",
                timeout_s * 1000000 + 2 * (long long)STEP_TERM_TIME_US);
    listener_unlink(&m->listener);
}

static void drop_clients(struct master *m)
{
    int64_t now = pool_now_us();

    status_expire(m->status, now);
    refusal_expire(m->refusal, now);
}

static void become_ready(struct master *m)
{
    log_info("the pool is ready: %u processes with %lld threads each", m->state.current.processes,
             (long long)m->current.config->pool_threads);
    announce(m);
}

/* What concerns one process. False if it is none of these. */
static bool carry_out_for_child(struct master *m, const struct decision *d)
{
    switch (d->kind) {
    case DECIDE_START:
        start_child(m, d);
        return true;
    case DECIDE_RETIRE:
        retire_child(m, d);
        return true;
    case DECIDE_DRAIN:
        children_order(&m->children, d->place, CONTROL_DRAIN);
        return true;
    case DECIDE_DRAIN_LAST:
        children_order(&m->children, d->place, CONTROL_STOP);
        return true;
    case DECIDE_SIGNAL:
        signal_child(m, d);
        return true;
    case DECIDE_CRASH_LOOP:
    case DECIDE_DEATHS:
        say_crash_loop(d);
        return true;
    default:
        return false;
    }
}

static void carry_out(struct master *m, const struct decision *d)
{
    switch (d->kind) {
    case DECIDE_ANNOUNCE:
        become_ready(m);
        break;
    case DECIDE_COMMIT:
        commit(m);
        break;
    case DECIDE_ABANDON:
        abandon(m, d->reason);
        break;
    case DECIDE_STOPPING:
        begin_stop(m);
        break;
    case DECIDE_HASTEN:
        log_warning("told to stop again: not waiting for requests any longer");
        break;
    case DECIDE_FORWARD:
        scoreboard_forward_free(m->scoreboard);
        break;
    case DECIDE_REFUSE:
        refusal_begin(m->refusal, &(struct cors_policy){m->current.config->cors_origins,
                                                        m->current.config->cors_credentials});
        break;
    case DECIDE_ADMIT:
        refusal_end(m->refusal);
        break;
    case DECIDE_NOTIFY:
        notify_send("WATCHDOG=1");
        break;
    case DECIDE_DROP_CLIENTS:
        drop_clients(m);
        break;
    default:
        carry_out_for_child(m, d);
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
        ask_for_reload(m);
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

static int open_socket(struct listener *l, const char *systemd_name, const char *path, int backlog,
                       const struct config *c, struct err *e)
{
    if (listener_from_systemd(l, systemd_name)) {
        listen(l->fd, backlog); /* its unit may have another idea of how many may wait */
        return 0;
    }
    return listener_open(l, path, (unsigned)c->socket_mode, backlog, e);
}

static int open_sockets(struct master *m, struct err *e)
{
    const struct config *c = m->current.config;

    if (*c->status_socket)
        snprintf(m->status_path, sizeof(m->status_path), "%s", c->status_socket);
    else
        snprintf(m->status_path, sizeof(m->status_path), "%s.status", c->socket);
    int result = open_socket(&m->listener, NULL, c->socket, BACKLOG, c, e);
    if (result == 0) {
        listener_warn_if_open(m->listener.fd);
        listener_warn_if_short(BACKLOG);
        result = open_socket(&m->status_listener, "status", m->status_path, STATUS_BACKLOG, c, e);
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
                                        .report = report,
                                        .context = m};
    const struct refusal_setup refusal = {.epoll_fd = m->epoll_fd,
                                          .listener = m->listener.fd,
                                          .scoreboard = m->scoreboard,
                                          .timer = &m->state.timers[TIMER_CLIENTS]};

    m->refusal = refusal_new(&refusal, e);
    m->status = m->refusal ? status_new(&status, e) : NULL;
    return m->status ? 0 : -1;
}

static int start(struct master *m, struct err *e)
{
    const struct config *c = m->options->config;

    m->current.config = c;
    m->state.current = make_generation(m, c);
    m->current.number = m->state.current.number;
    raise_descriptor_limit();
    if (open_sockets(m, e) < 0 || privileges_give_socket(c, m->listener.path, e) < 0 ||
        privileges_give_socket(c, m->status_listener.path, e) < 0 || privileges_drop(c, e) < 0)
        return -1;
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
static bool step(struct master *m)
{
    int64_t now = pool_now_us();
    bool reload_ended = false;

    if (step_watchdog_is_due(&m->state, now))
        children_record_busy(&m->children);
    master_step(&m->state, now, &m->decisions);
    for (unsigned i = 0; i < m->decisions.count; i++) {
        const struct decision *d = &m->decisions.list[i];
        carry_out(m, d);
        reload_ended = reload_ended || d->kind == DECIDE_COMMIT || d->kind == DECIDE_ABANDON;
    }
    if (reload_ended)
        end_reload(m);
    for (unsigned i = 0; i < m->state.places; i++) {
        if (m->state.children[i].has_ended) /* it could not be started */
            return true;
    }
    return reload_ended;
}

static void wait_for_event(struct master *m)
{
    struct epoll_event event;
    int wait_ms = -1;
    /* Carrying out decisions may have set timers. */
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

static void run(struct master *m)
{
    for (;;) {
        bool again = step(m);
        if (m->state.stop_signals > 0 && !children_exist(&m->children))
            return;
        if (!again)
            wait_for_event(m);
    }
}

/* ---- end ---- */

static void clean_up(struct master *m)
{
    status_free(m->status);
    refusal_free(m->refusal);
    listener_close(&m->status_listener);
    listener_close(&m->listener);
    scoreboard_free(m->scoreboard);
    free_owned(&m->next);
    free_owned(&m->current);
    if (m->signals.fd >= 0)
        close(m->signals.fd);
    if (m->epoll_fd >= 0)
        close(m->epoll_fd);
}

int pool_run(const struct pool_options *options, struct err *e)
{
    static struct master m; /* large, and there is one */
    sigset_t before;
    int result = -1;

    m = (struct master){.options = options,
                        .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                        .signals = {signals_open(&before), signals_ready},
                        .listener.fd = -1,
                        .status_listener.fd = -1};
    m.children.facts = m.state.children;
    m.children.close_masters = close_masters;
    m.children.context = &m;
    if (m.epoll_fd < 0 || m.signals.fd < 0 || watch_add(m.epoll_fd, &m.signals, EPOLLIN) < 0) {
        err_set(e, ERR_INTERNAL, "the master cannot open its descriptors: %s",
                strerrordesc_np(errno));
    } else if (start(&m, e) == 0) {
        run(&m);
        log_info("stopped");
        result = 0;
    }
    clean_up(&m);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}
