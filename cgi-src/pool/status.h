/*
 * Health and metrics over HTTP on a unix socket of the master's own: answered even when every
 * worker is busy. Part of the master's event loop; never waits for a client. For pool/ alone.
 */
#ifndef POOL_STATUS_H
#define POOL_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* The state of the pool at the moment of the call. */
struct status_report {
    unsigned starting, ready, draining; /* processes */
    unsigned busy, idle, max;           /* worker threads; max: as configured */
    unsigned connections;
    unsigned reloads;
};

struct status;

/* Answers on the listening socket, which stays the caller's, with what report says. */
struct status *status_new(int epoll_fd, int listener,
                          void (*report)(void *context, struct status_report *out), void *context,
                          struct err *e);
/* Closes the clients' connections. */
void status_free(struct status *s);
/* For a process that was just forked: closes its copies and touches nothing that is shared. */
void status_abandon(struct status *s);

/* Drops clients that are too slow. Returns when to call again (CLOCK_MONOTONIC, µs); 0: no need. */
int64_t status_expire(struct status *s, int64_t now_us);

#endif
