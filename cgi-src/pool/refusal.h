/*
 * Refuses requests while no worker process is ready: the master itself takes them from the FastCGI
 * socket and answers 503 with Retry-After, so that no client waits without an answer. Part of the
 * master's event loop; never waits for a client. For pool/ alone.
 */
#ifndef POOL_REFUSAL_H
#define POOL_REFUSAL_H

#include <stdint.h>
#include "base/err.h"
#include "http/cors.h"
#include "pool/scoreboard.h"
#include "pool/timers.h"

struct refusal;

struct refusal_setup {
    int epoll_fd;
    int listener; /* stays the caller's */
    struct scoreboard *scoreboard;
    struct timer *timer; /* set while there are clients: call refusal_expire when it fires */
};

struct refusal *refusal_new(const struct refusal_setup *setup, struct err *e);
/* Closes the clients' connections. */
void refusal_free(struct refusal *r);
/* For a process that was just forked: closes its copies and touches nothing that is shared. */
void refusal_abandon(struct refusal *r);

/* Takes connections from now on: those that wait on the listener and those that had been handed to
 * processes that have died. cors is copied. */
void refusal_begin(struct refusal *r, const struct cors_policy *cors);
/* Accepts no more connections, now that a process is ready. Clients that have sent something are
 * still answered; the other connections go to the processes. */
void refusal_end(struct refusal *r);

/* Drops clients that are too slow. */
void refusal_expire(struct refusal *r, int64_t now_us);
/* How many requests have been refused. */
unsigned long refusal_count(const struct refusal *r);

#endif
