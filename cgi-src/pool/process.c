/*
 * The life of a worker process: start of its threads, orders from the master, draining, end. The
 * first thread does this alone, so that orders are heard while every worker thread is busy.
 */
#include "pool/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pool/connection.h"

/* Idle connections beyond the busy ones: nginx keeps 32 for each of its own processes. */
#define CONNECTIONS_MIN 256
#define CONNECTIONS_PER_THREAD 4

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
    /* Ctrl-C and a closed terminal reach the whole group; with a master they are its business. */
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGHUP);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int watch_event(struct process *p, int fd, enum process_event event, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.u64 = TABLE_KEY_OTHER + event};

    return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int open_descriptors(struct process *p, struct err *e)
{
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->drained_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (p->epoll_fd < 0 || p->stop_fd < 0 || p->drained_fd < 0 || p->timer_fd < 0 ||
        p->signal_fd < 0 || watch_event(p, p->stop_fd, EVENT_STOP, EPOLLIN) < 0 ||
        watch_event(p, p->timer_fd, EVENT_TIMER, EPOLLIN) < 0 ||
        watch_event(p, board_inbox(p->setup.board, p->setup.place), EVENT_INBOX, EPOLLIN) < 0)
        return err_set(e, ERR_INTERNAL, "a worker process cannot open its descriptors: %s",
                       strerrordesc_np(errno));
    unsigned size = p->thread_count * CONNECTIONS_PER_THREAD;
    if (size < CONNECTIONS_MIN)
        size = CONNECTIONS_MIN;
    p->table = table_new(p->epoll_fd, p->drained_fd, size, e);
    return p->table ? 0 : -1;
}

static int start_threads(struct process *p, struct err *e)
{
    /* Lives as long as the process: threads read it when they get to run. */
    static struct worker_start starts[BOARD_THREADS];
    unsigned created = 0;

    for (; created < p->thread_count; created++) {
        starts[created] = (struct worker_start){p, created};
        if (pthread_create(&p->threads[created], NULL, worker_main, &starts[created]) != 0)
            break;
    }
    pthread_mutex_lock(&p->start_lock);
    while (p->started + p->failed < created)
        pthread_cond_wait(&p->start_changed, &p->start_lock);
    unsigned started = p->started;
    pthread_mutex_unlock(&p->start_lock);
    if (started == p->thread_count)
        return 0;
    return err_set(e, ERR_INTERNAL, "only %u of %u worker threads could start", started,
                   p->thread_count);
}

/* Processes that started together should not all be replaced together: a tenth more or less. */
static unsigned long serve_limit(int64_t max_requests)
{
    uint32_t chance;

    if (max_requests <= 0)
        return 0;
    unsigned long max = (unsigned long)max_requests;
    ids_random(&chance, sizeof(chance));
    return max - max / 10 + chance % (max / 5 + 1);
}

static int start(struct process *p, struct err *e)
{
    const struct config *config = p->setup.config;

    p->thread_count = config->pool_threads < BOARD_THREADS ? (unsigned)config->pool_threads
                                                           : (unsigned)BOARD_THREADS;
    p->serve_limit = serve_limit(config->pool_max_requests);
    pthread_mutex_init(&p->start_lock, NULL);
    pthread_cond_init(&p->start_changed, NULL);
    p->signal_fd = open_signals(p->setup.control < 0);
    if (connection_library_init(e) < 0 || open_descriptors(p, e) < 0)
        return -1;
    p->context = p->setup.handler->process_new(config, e);
    if (!p->context || start_threads(p, e) < 0)
        return -1;
    /* Exclusive: a connection wakes one of the processes that wait for it, not all. */
    if (watch_event(p, p->setup.listener, EVENT_LISTENER, EPOLLIN | EPOLLEXCLUSIVE) < 0)
        return err_set(e, ERR_INTERNAL, "cannot wait for connections: %s", strerrordesc_np(errno));
    return 0;
}

/* ---- draining ---- */

/* Idle connections go to another process; without one, their clients are asked to close them. */
static void give_up_idle(struct process *p)
{
    unsigned index;

    for (unsigned left = table_count(p->table); left > 0; left--) {
        int fd = table_take_oldest(p->table, INT64_MAX, &index);
        if (fd < 0)
            return;
        if (!worker_pass_on(p, index, fd))
            worker_part(p, index, fd);
    }
}

/*
 * Those who wait on the listener. At the end of the pool itself they are served here. Otherwise
 * they are handed on: of a connection the kernel has told one process alone, and if that was this
 * one, nobody else would look before the next connection comes. Where nobody is ready they are left
 * for whoever starts next and looks at the listener then.
 */
static void take_backlog(struct process *p, bool last)
{
    for (unsigned i = 0; i < CONNECTIONS_MIN; i++) {
        if (!last && board_least(p->setup.board, p->setup.place) < 0)
            return;
        if (!worker_accept(p))
            return;
    }
}

static void begin_drain(struct process *p, bool last)
{
    board_change(p->setup.board, p->setup.place, BOARD_READY, BOARD_DRAINING);
    epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, p->setup.listener, NULL);
    /* First the threads are told: after take_backlog none of them takes a connection. */
    atomic_store(&p->draining, true);
    take_backlog(p, last);
    table_close(p->table);
    atomic_store(&p->timer_armed, false); /* from now on it is to ring sooner */
    give_up_idle(p);
}

/* ---- orders ---- */

struct orders {
    int control;         /* to the master; -1: there is none (any more) */
    int64_t deadline_us; /* 0: none */
    bool drained;
};

static void drain_by(struct process *p, struct orders *o, bool last, bool own_deadline)
{
    /* Also for one that drains already: its master, who kept the time until now, may be gone. */
    if (own_deadline && !o->deadline_us)
        o->deadline_us = pool_now_us() + p->setup.config->pool_stop_timeout_s * 1000000;
    if (!atomic_load(&p->draining))
        begin_drain(p, last);
}

static void read_signals(struct process *p, struct orders *o)
{
    struct signalfd_siginfo info;

    while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGUSR1) {
            log_reopen();
        } else if (atomic_load(&p->draining)) {
            log_warning("told to stop again: exiting with requests unfinished");
            _exit(EXIT_FAILURE);
        } else {
            drain_by(p, o, p->setup.control < 0, true);
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
            drain_by(p, o, message == CONTROL_STOP, false);
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    /* The master is gone: nobody would replace this process or stop it. */
    o->control = -1;
    if (!atomic_load(&p->draining))
        log_error("the master is gone, this process ends when its requests have");
    drain_by(p, o, false, true);
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
        struct pollfd fds[] = {{.fd = p->drained_fd, .events = POLLIN},
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

static void stop_threads(struct process *p)
{
    uint64_t one = 1;

    /* Nobody reads it: it stays ready until every thread has seen it. */
    if (write(p->stop_fd, &one, sizeof(one)) < 0)
        return;
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
}

static void close_all(struct process *p)
{
    table_free(p->table);
    close(p->epoll_fd);
    close(p->stop_fd);
    close(p->drained_fd);
    close(p->timer_fd);
    close(p->signal_fd);
}

int process_run(const struct process_setup *setup)
{
    static struct process p; /* too large for some stacks */
    struct err e = {.code = ERR_NONE};
    char ready = CONTROL_READY;

    p = (struct process){.setup = *setup};
    if (start(&p, &e) < 0) {
        log_error("a worker process cannot start: %s", e.detail);
        _exit(EXIT_FAILURE); /* some threads may have started: no orderly way back */
    }
    /* Unless the master wants it to stop already. */
    board_change(setup->board, setup->place, BOARD_STARTING, BOARD_READY);
    if (setup->control >= 0)
        send(setup->control, &ready, 1, MSG_NOSIGNAL);
    follow_orders(&p);
    stop_threads(&p);
    /* What was given by one who saw this process as ready just before it was not any more. */
    board_forward(setup->board, setup->place);
    p.setup.handler->process_free(p.context);
    close_all(&p);
    return EXIT_SUCCESS;
}
