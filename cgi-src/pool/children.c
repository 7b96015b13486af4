/*
 * Worker processes: what the master does to them and learns of them. Decisions are made in
 * master_step.c.
 */
#include "pool/children.h"

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

#define STATUS_UNKNOWN (-1) /* waitpid gives no such status */

/* ---- start ---- */

/* Above all the other processes' control sockets: their end must tell them that the master is gone.
 */
static void close_siblings(const struct children *c)
{
    for (unsigned i = 0; i < STEP_PLACES; i++) {
        if (c->processes[i].pid != 0)
            close(c->processes[i].control.fd);
    }
}

_Noreturn static void run_child(struct children *c, const struct child_start *start, int control)
{
    struct process_setup setup = {.config = start->config,
                                  .handler = start->handler,
                                  .scoreboard = c->scoreboard,
                                  .place = start->place,
                                  .listener = start->listener,
                                  .control = control};

    close_siblings(c);
    c->close_masters(c->context);
    title_set("chat-sessions: worker %u", start->place);
    exit(process_run(&setup));
}

static void control_ready(struct watch *w, uint32_t events)
{
    struct child_process *p = (struct child_process *)w;
    struct child_facts *facts = &p->all->facts[p - p->all->processes];
    char message;

    if (recv(w->fd, &message, 1, MSG_DONTWAIT) == 1) {
        if (message == CONTROL_READY)
            facts->said_ready = true;
        else if (message == CONTROL_RECYCLE)
            facts->wants_successor = true;
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        watch_remove(p->all->epoll_fd, w); /* its death comes as SIGCHLD */
    }
}

static int fail_start(struct children *c, unsigned place, const char *what)
{
    log_error("cannot start a worker process: %s: %s", what, strerrordesc_np(errno));
    scoreboard_clear(c->scoreboard, place);
    c->facts[place].has_ended = true;
    return -1;
}

int children_start(struct children *c, const struct child_start *start)
{
    unsigned place = start->place;
    int pair[2];

    scoreboard_set(c->scoreboard, place, SCOREBOARD_STARTING,
                   (unsigned)start->config->pool_threads);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return fail_start(c, place, "socketpair");
    fflush(NULL);
    /* Signals are blocked in the master and stay blocked in the child, so that none is lost and
     * none comes twice. */
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        run_child(c, start, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return fail_start(c, place, "fork");
    }
    c->processes[place] = (struct child_process){
        .control = {pair[0], control_ready}, .all = c, .pid = pid, .started_us = pool_now_us()};
    watch_add(c->epoll_fd, &c->processes[place].control, EPOLLIN);
    metrics_process_started();
    return 0;
}

/* ---- orders ---- */

void children_order(struct children *c, unsigned place, enum control order)
{
    char message = (char)order;

    if (c->processes[place].pid != 0)
        send(c->processes[place].control.fd, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void children_order_all(struct children *c, enum control order)
{
    for (unsigned i = 0; i < STEP_PLACES; i++)
        children_order(c, i, order);
}

void children_retire(struct children *c, unsigned place)
{
    scoreboard_set(c->scoreboard, place, SCOREBOARD_DRAINING,
                   scoreboard_threads(c->scoreboard, place));
}

void children_signal(struct children *c, unsigned place, int number)
{
    if (c->processes[place].pid != 0)
        kill(c->processes[place].pid, number);
}

/* ---- end ---- */

static void describe_end(int status, char *out, size_t size)
{
    if (status == STATUS_UNKNOWN)
        snprintf(out, size, "has ended; its exit status is not known");
    else if (WIFSIGNALED(status))
        snprintf(out, size, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status))); /* the master has one thread */
    else
        snprintf(out, size, "has exited with status %d", WEXITSTATUS(status));
}

static void child_bury(struct children *c, unsigned place, int status)
{
    struct child_process *p = &c->processes[place];
    char how[80];

    describe_end(status, how, sizeof(how));
    if (c->facts[place].state == CHILD_DRAINING && status == 0) {
        log_debug("worker process %d has ended", (int)p->pid);
    } else {
        log_error("worker process %d %s, %lld ms after its start", (int)p->pid, how,
                  (long long)(pool_now_us() - p->started_us) / 1000);
        metrics_process_died();
    }
    watch_remove(c->epoll_fd, &p->control);
    close(p->control.fd);
    *p = (struct child_process){.pid = 0};
    scoreboard_clear(c->scoreboard, place);
    c->facts[place].has_ended = true;
}

/* What it said before it ended counts: it may have been ready. */
static void read_last_words(struct child_process *p)
{
    control_ready(&p->control, 0);
}

static bool is_known(const struct children *c, pid_t pid)
{
    for (unsigned i = 0; i < STEP_PLACES; i++) {
        if (c->processes[i].pid == pid)
            return true;
    }
    return false;
}

/* Reaps processes that the program before an upgrade started, and what was started beside the
 * pool. */
static void reap_strangers(const struct children *c)
{
    siginfo_t info = {.si_pid = 0};

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        if (is_known(c, info.si_pid))
            return; /* it ended just now: the next SIGCHLD is for it */
        waitpid(info.si_pid, NULL, WNOHANG);
        info.si_pid = 0;
    }
}

void children_reap(struct children *c)
{
    for (unsigned i = 0; i < STEP_PLACES; i++) {
        struct child_process *p = &c->processes[i];
        int status;
        if (p->pid == 0)
            continue;
        pid_t ended = waitpid(p->pid, &status, WNOHANG);
        if (ended == 0 || (ended < 0 && errno != ECHILD))
            continue;
        read_last_words(p);
        child_bury(c, i,
                   ended == p->pid ? status : STATUS_UNKNOWN); /* else: waited for by another */
    }
    reap_strangers(c);
}

/* ---- what is asked ---- */

void children_record_busy(struct children *c)
{
    for (unsigned i = 0; i < STEP_PLACES; i++) {
        long long since_us = 0;
        if (c->processes[i].pid != 0)
            scoreboard_busy(c->scoreboard, i, &since_us);
        c->facts[i].busy_since_us = since_us;
    }
}

pid_t children_pid(const struct children *c, unsigned place)
{
    return c->processes[place].pid;
}

bool children_exist(const struct children *c)
{
    for (unsigned i = 0; i < STEP_PLACES; i++) {
        if (c->processes[i].pid != 0)
            return true;
    }
    return false;
}
