/*
 * The life of a worker process: start of its threads, orders from the master, draining, end. The
 * first thread does this alone, so that orders are heard while every worker thread is busy.
 */
#include "pool/process.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/connection.h"
#include "pool/worker.h"

struct process {
    struct process_setup setup;
    void *context; /* the handler's */
    struct connections *connections;
    struct workers *workers;
    int signal_fd;
    bool draining;
};

/*
 * Limits what many threads would keep of freed memory. Without a limit the C library gives each of
 * up to 8 threads a core an arena of its own, and each arena keeps what its busiest moment took.
 * With a fixed threshold, large blocks (bodies, answers) always go straight back to the kernel.
 */
#define ARENAS 2
#define LARGE_BLOCK (128 * 1024)

static void limit_memory(void)
{
    mallopt(M_ARENA_MAX, ARENAS);
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
}

/* ---- start ---- */

/* Signals come to the first thread, through a descriptor: libfcgi's handlers never run. */
static int open_signals(bool single)
{
    sigset_t blocked;
    sigset_t wanted;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGQUIT);
    sigaddset(&blocked, SIGUSR1);
    wanted = blocked;
    if (single)
        sigaddset(&wanted, SIGINT);
    /* Ctrl-C and a closed terminal reach the whole group; if there is a master, it handles them. */
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGHUP);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
}

static struct workers *start_workers(struct process *p, unsigned threads, struct err *e)
{
    const struct workers_setup setup = {.handler = p->setup.handler,
                                        .context = p->context,
                                        .connections = p->connections,
                                        .place = p->setup.place,
                                        .count = threads,
                                        .max_requests = p->setup.config->pool_max_requests,
                                        .control = p->setup.control};

    return workers_start(&setup, e);
}

static int process_start(struct process *p, struct err *e)
{
    const struct config *config = p->setup.config;
    unsigned threads = config->pool_threads < SCOREBOARD_THREADS ? (unsigned)config->pool_threads
                                                                 : (unsigned)SCOREBOARD_THREADS;
    const struct connections_setup setup = {.scoreboard = p->setup.scoreboard,
                                            .place = p->setup.place,
                                            .threads = threads,
                                            .listener = p->setup.listener};

    limit_memory();
    p->signal_fd = open_signals(p->setup.control < 0);
    if (p->signal_fd < 0)
        return err_set(e, ERR_INTERNAL, "signalfd: %s", strerrordesc_np(errno));
    log_begin_queue(); /* its thread gets no signals either */
    if (connection_library_init(e) < 0 || !(p->connections = connections_new(&setup, e)) ||
        !(p->context = p->setup.handler->process_new(config, e)) ||
        !(p->workers = start_workers(p, threads, e)))
        return -1;
    return connections_listen(p->connections, e);
}

/* ---- draining ---- */

static void begin_drain(struct process *p, enum drain_scope scope)
{
    if (p->draining)
        return;
    scoreboard_change(p->setup.scoreboard, p->setup.place, SCOREBOARD_READY, SCOREBOARD_DRAINING);
    p->draining = true;
    connections_drain(p->connections, scope);
}

/* ---- orders ---- */

struct orders {
    int control;         /* to the master; -1: there is none (any more) */
    int64_t deadline_us; /* 0: none */
    bool drained;
};

/* Without a master that keeps the time, the process keeps it itself. Also if it drains already: its
 * master may have gone meanwhile. */
static void keep_own_deadline(const struct process *p, struct orders *o)
{
    if (!o->deadline_us)
        o->deadline_us = pool_now_us() + p->setup.config->pool_stop_timeout_s * 1000000;
}

static void read_signals(struct process *p, struct orders *o)
{
    struct signalfd_siginfo info;

    while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGUSR1) {
            log_reopen();
        } else if (p->draining) {
            log_warning("told to stop again: exiting with requests unfinished");
            _exit(EXIT_FAILURE);
        } else {
            keep_own_deadline(p, o);
            begin_drain(p, p->setup.control < 0 ? DRAIN_POOL : DRAIN_PROCESS);
        }
    }
}

static void read_control(struct process *p, struct orders *o)
{
    char message;
    ssize_t n;

    while ((n = recv(o->control, &message, 1, MSG_DONTWAIT)) == 1) {
        if (message == CONTROL_REOPEN)
            log_reopen();
        else
            begin_drain(p, message == CONTROL_STOP ? DRAIN_POOL : DRAIN_PROCESS);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    /* The master has gone, so no process would replace this one or stop it. */
    o->control = -1;
    log_error("the master has gone; this process ends when its requests have ended");
    keep_own_deadline(p, o);
    begin_drain(p, DRAIN_PROCESS);
}

static int wait_ms(const struct orders *o)
{
    if (!o->deadline_us)
        return -1;
    int64_t left_ms = (o->deadline_us - pool_now_us()) / 1000 + 1;
    return left_ms > 0 ? (int)left_ms : 0;
}

static void follow_orders(struct process *p)
{
    struct orders o = {.control = p->setup.control};

    while (!o.drained) {
        struct pollfd fds[] = {{.fd = connections_drained_fd(p->connections), .events = POLLIN},
                               {.fd = p->signal_fd, .events = POLLIN},
                               {.fd = o.control, .events = POLLIN}};
        int ready = poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms(&o));
        if (ready == 0) {
            log_warning("requests have not ended within %lld s: exiting without them",
                        (long long)p->setup.config->pool_stop_timeout_s);
            _exit(EXIT_FAILURE);
        }
        if (ready < 0)
            continue;
        if (fds[1].revents)
            read_signals(p, &o);
        if (fds[2].revents)
            read_control(p, &o);
        o.drained = fds[0].revents != 0;
    }
}

/* ---- end ---- */

int process_run(const struct process_setup *setup)
{
    struct process p = {.setup = *setup};
    struct err e = {.code = ERR_NONE};
    char ready = CONTROL_READY;

    if (process_start(&p, &e) < 0) {
        log_error("a worker process cannot start: %s", e.detail);
        _exit(EXIT_FAILURE); /* some threads may have started, so there is no orderly way back */
    }
    /* It becomes ready unless the master already wants it to stop. */
    scoreboard_change(setup->scoreboard, setup->place, SCOREBOARD_STARTING, SCOREBOARD_READY);
    if (setup->control >= 0)
        send(setup->control, &ready, 1, MSG_NOSIGNAL);
    follow_orders(&p);
    connections_stop(p.connections);
    workers_join(p.workers);
    log_end_queue();
    /* Another process may have handed a connection over just before this one was no longer
     * ready. */
    scoreboard_forward(setup->scoreboard, setup->place);
    setup->handler->process_free(p.context);
    connections_free(p.connections);
    close(p.signal_fd);
    return EXIT_SUCCESS;
}
