/*
 * Health and metrics over HTTP on a unix socket of the master's own: answered even when every
 * worker is busy. Part of the master's event loop; never waits for a client. For pool/ alone.
 */
#ifndef POOL_STATUS_H
#define POOL_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "pool/master_step.h"
#include "pool/timers.h"

/* The state of the pool at the moment of the call. */
struct status_report {
    unsigned starting, ready, draining; /* processes */
    unsigned busy, idle, max;           /* worker threads; max: as configured */
    unsigned connections;
    unsigned reloads;
    unsigned long refused;        /* requests, while no process was ready */
    pid_t processes[STEP_PLACES]; /* the workers' ids; 0: a place without one */
};

struct status;

struct status_setup {
    int epoll_fd;
    int listener;        /* stays the caller's */
    struct timer *timer; /* set while there are clients: call status_expire when it fires */
    void (*report)(void *context, struct status_report *out);
    void *context;
};

struct status *status_new(const struct status_setup *setup, struct err *e);
/* Closes the clients' connections. */
void status_free(struct status *s);
/* For a process that was just forked: closes its copies and touches nothing that is shared. */
void status_abandon(struct status *s);

/* Drops clients that are too slow. */
void status_expire(struct status *s, int64_t now_us);

#endif
