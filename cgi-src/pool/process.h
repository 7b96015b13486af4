/*
 * One worker process: its threads, its epoll set, and the thread that listens to the master. For
 * pool/ alone.
 */
#ifndef POOL_PROCESS_H
#define POOL_PROCESS_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/clock.h"
#include "pool/board.h"
#include "pool/pool.h"
#include "pool/table.h"

/* What goes over the control socket, a byte a message. */
enum control {
    CONTROL_DRAIN = 'D',   /* to the worker: end what was begun, hand idle connections on, exit */
    CONTROL_STOP = 'S',    /* to the worker: the same, and first take what waits on the listener */
    CONTROL_REOPEN = 'L',  /* to the worker: open the log again */
    CONTROL_READY = 'R',   /* to the master: all threads are up */
    CONTROL_RECYCLE = 'X', /* to the master: it has served enough, a successor is due */
};

struct process_setup {
    const struct config *config;
    const struct pool_handler *handler;
    struct board *board;
    unsigned place;
    int listener; /* listening, not blocking */
    int control;  /* to the master; -1: there is none */
};

/* Keys of the events that are not a connection's. */
enum process_event {
    EVENT_LISTENER,
    EVENT_INBOX,
    EVENT_TIMER,
    EVENT_STOP,
};

struct process {
    struct process_setup setup;
    unsigned thread_count;
    pthread_t threads[BOARD_THREADS];
    void *context; /* the handler's */
    struct table *table;
    int epoll_fd, stop_fd, drained_fd, timer_fd, signal_fd;
    atomic_bool draining;
    atomic_bool timer_armed;
    atomic_ulong served;
    unsigned long serve_limit; /* 0: none */
    /* how the threads' start went */
    pthread_mutex_t start_lock;
    pthread_cond_t start_changed;
    unsigned started, failed;
};

/* Runs in a process of its own and does not return before it is to exit: the exit status. */
int process_run(const struct process_setup *setup);

static inline int64_t pool_now_us(void)
{
    return clock_system.mono_us(clock_system.context);
}

/* The body of a worker thread (worker.c). */
struct worker_start {
    struct process *process;
    unsigned thread;
};
void *worker_main(void *start);

/* Accepts one connection. True if there may be more. */
bool worker_accept(struct process *p);
/* Gives the connection, which the caller holds, to another process: true if one took it. */
bool worker_pass_on(struct process *p, unsigned index, int fd);
/* Has the client close a connection that the caller holds. A request that comes first is served. */
void worker_part(struct process *p, unsigned index, int fd);
/* Closes a connection that the caller holds. */
void worker_discard(struct process *p, unsigned index, int fd);

#endif
