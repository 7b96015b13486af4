/*
 * One process of the pool as the master sees it: start, orders, death. How many there should be,
 * and when they are replaced, is decided in generations.c.
 */
#include "pool/master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "pool/title.h"

/* One that dies sooner than this after its start has not died of its work. Short, so that whoever
 * kills a worker each second (a drill, or the kernel short of memory) still finds the others
 * replaced at once. */
#define EARLY_DEATH_US ((int64_t)1 * 1000000)
#define BACKOFF_MAX_S 30
#define CRASH_LOOP 5
/* Of those that die of their work, one and the same request perhaps, again and again. The pause is
 * short enough that somebody who kills a worker each second finds the others up before the next. */
#define RECENT_US ((int64_t)60 * 1000000)
#define RECENT_PAUSE_US ((int64_t)500000)
#define STATUS_UNKNOWN (-1) /* waitpid gives no such status */
#define START_TIME_US ((int64_t)60 * 1000000)

unsigned position_count_death(struct position *p, bool early, int64_t now_us)
{
    unsigned recent = 0;

    p->failures = early ? p->failures + 1 : 0;
    p->deaths_us[p->deaths++ % DEATHS_KEPT] = now_us;
    for (unsigned i = 0; i < DEATHS_KEPT && i < p->deaths; i++)
        recent += now_us - p->deaths_us[i] < RECENT_US;
    return recent;
}

int64_t child_backoff_us(unsigned failures, unsigned recent)
{
    if (failures <= 1)
        return recent >= DEATHS_KEPT ? RECENT_PAUSE_US : 0;
    int64_t s = failures - 2 < 5 ? (int64_t)1 << (failures - 2) : BACKOFF_MAX_S;
    return s * 1000000;
}

/* ---- start ---- */

static unsigned place_of(const struct child *c)
{
    return (unsigned)(c - c->master->children);
}

static int free_place(const struct master *m)
{
    for (unsigned i = 0; i < board_places(m->board); i++) {
        if (m->children[i].state == CHILD_NONE)
            return (int)i;
    }
    return -1;
}

/* What belongs to the master alone: above all the other processes' control sockets, whose end must
 * tell them that the master is gone. */
static void close_masters_descriptors(struct master *m)
{
    close(m->epoll_fd);
    close(m->signals.fd);
    status_abandon(m->status);
    if (m->status_listener.fd >= 0)
        close(m->status_listener.fd);
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        if (m->children[i].state != CHILD_NONE)
            close(m->children[i].control.fd);
    }
}

_Noreturn static void run_child(struct master *m, const struct generation *g, unsigned place,
                                int control)
{
    struct process_setup setup = {.config = g->config,
                                  .handler = m->options->handler,
                                  .board = m->board,
                                  .place = place,
                                  .listener = m->listener.fd,
                                  .control = control};

    close_masters_descriptors(m);
    title_set("chat-sessions: worker %u", place);
    exit(process_run(&setup));
}

static void control_ready(struct watch *w, uint32_t events)
{
    struct child *c = (struct child *)w;
    char message;

    if (recv(w->fd, &message, 1, MSG_DONTWAIT) == 1) {
        if (message == CONTROL_READY)
            generation_child_ready(c->master, c);
        else if (message == CONTROL_RECYCLE)
            c->wants_successor = true;
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        watch_remove(c->master->epoll_fd, w); /* its death comes as SIGCHLD */
    }
}

int child_start(struct master *m, const struct generation *g, unsigned position)
{
    int place = free_place(m);
    int pair[2];

    if (place < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("cannot make a control socket: %s", strerrordesc_np(errno));
        return -1;
    }
    board_set(m->board, (unsigned)place, BOARD_STARTING, (unsigned)g->config->pool_threads);
    fflush(NULL);
    /* Signals are blocked in the master, and stay so in the child: none is lost or comes twice. */
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        run_child(m, g, (unsigned)place, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        log_error("cannot start a worker process: %s", strerrordesc_np(errno));
        close(pair[0]);
        board_clear(m->board, (unsigned)place);
        return -1;
    }
    int64_t now = pool_now_us();
    m->children[place] = (struct child){.control = {pair[0], control_ready},
                                        .master = m,
                                        .state = CHILD_STARTING,
                                        .pid = pid,
                                        .generation = g->number,
                                        .position = position,
                                        .started_us = now,
                                        .deadline_us = now + START_TIME_US};
    watch_add(m->epoll_fd, &m->children[place].control, EPOLLIN);
    metrics_process_started();
    return 0;
}

/* ---- orders ---- */

void child_order(struct child *c, enum control order)
{
    char message = (char)order;

    send(c->control.fd, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void child_retire(struct child *c)
{
    unsigned place = place_of(c);

    board_set(c->master->board, place, BOARD_DRAINING, board_threads(c->master->board, place));
}

void child_drain(struct child *c, enum control how)
{
    const struct config *config = c->master->current.config;

    child_order(c, how);
    c->state = CHILD_DRAINING;
    c->severity = 0;
    c->deadline_us = pool_now_us() + config->pool_stop_timeout_s * 1000000;
}

void child_escalate(struct child *c, int64_t now_us)
{
    if (c->deadline_us == 0 || now_us < c->deadline_us)
        return;
    if (c->state == CHILD_STARTING) {
        log_error("worker process %d has not become ready within %d s: killing it", (int)c->pid,
                  (int)(START_TIME_US / 1000000));
        c->severity = 1;
    } else if (c->severity == 0) {
        log_warning("worker process %d has not ended in time: its requests are cut off",
                    (int)c->pid);
    }
    kill(c->pid, c->severity == 0 ? SIGTERM : SIGKILL);
    c->deadline_us = c->severity == 0 ? now_us + TERM_TIME_US : 0;
    c->severity++;
}

/* ---- death ---- */

static void describe_end(int status, char *out, size_t size)
{
    if (status == STATUS_UNKNOWN)
        snprintf(out, size, "has ended, nobody can say how");
    else if (WIFSIGNALED(status))
        snprintf(out, size, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status))); /* the master has one thread */
    else
        snprintf(out, size, "has exited with status %d", WEXITSTATUS(status));
}

/* When the next one for its position may start. */
static void back_off(struct master *m, const struct child *c, int64_t now_us)
{
    struct position *p = &m->positions[c->position];

    if (c->killed && c->state == CHILD_READY)
        return; /* the watchdog's doing: the next one starts at once */
    bool early = now_us - c->started_us < EARLY_DEATH_US || c->state == CHILD_STARTING;
    unsigned recent = position_count_death(p, early, now_us);
    int64_t wait = child_backoff_us(p->failures, recent);
    p->next_us = now_us + wait;
    if (p->failures >= CRASH_LOOP)
        log_error("crash loop: worker %u has died %u times in a row soon after its start; the next "
                  "one starts in %d s; the lines above say why",
                  c->position, p->failures, (int)(wait / 1000000));
    else if (recent >= CRASH_LOOP)
        log_error("crash loop: worker %u has died %u times or more within a minute; the next one "
                  "starts in %d ms; the lines above say why",
                  c->position, recent, (int)(wait / 1000));
}

static void died(struct master *m, struct child *c, int status)
{
    int64_t now = pool_now_us();
    bool asked = c->state == CHILD_DRAINING;
    char how[80];

    describe_end(status, how, sizeof(how));
    if (asked && status == 0) {
        log_debug("worker process %d has ended", (int)c->pid);
    } else {
        log_error("worker process %d %s", (int)c->pid, how);
        metrics_process_died();
    }
    struct child gone = *c;
    watch_remove(m->epoll_fd, &c->control);
    close(c->control.fd);
    board_clear(m->board, place_of(c));
    *c = (struct child){.state = CHILD_NONE};
    if (asked || m->stopping)
        return;
    if (m->next.config && gone.generation == m->next.number)
        generation_abort(m, "its processes do not start");
    else
        back_off(m, &gone, now);
}

/* Processes that the program before an upgrade has started. */
static void reap_strangers(const struct master *m)
{
    siginfo_t info = {.si_pid = 0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        for (unsigned i = 0; i < BOARD_PLACES; i++) {
            if (m->children[i].state != CHILD_NONE && m->children[i].pid == info.si_pid)
                return; /* ended just now: the next SIGCHLD is for it */
        }
        waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

void children_reap(struct master *m)
{
    reap_strangers(m);
    for (unsigned i = 0; i < BOARD_PLACES; i++) {
        struct child *c = &m->children[i];
        int status;
        if (c->state == CHILD_NONE)
            continue;
        pid_t ended = waitpid(c->pid, &status, WNOHANG);
        if (ended == c->pid)
            died(m, c, status);
        else if (ended < 0 && errno == ECHILD) /* somebody else has waited for it */
            died(m, c, STATUS_UNKNOWN);
    }
}

unsigned children_count(const struct master *m, enum child_state state, unsigned generation)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BOARD_PLACES; i++)
        n += m->children[i].state == state &&
             (generation == 0 || m->children[i].generation == generation);
    return n;
}
