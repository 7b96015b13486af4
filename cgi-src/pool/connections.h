/*
 * The connections of one worker process: accepting them, sharing them out among the processes,
 * waiting for requests on them, and what becomes of them when the process drains. Which thread does
 * what with a request is worker.c's. Every function may be called from any thread. For pool/ alone.
 */
#ifndef POOL_CONNECTIONS_H
#define POOL_CONNECTIONS_H

#include <stdbool.h>
#include "base/clock.h"
#include "base/err.h"
#include "pool/scoreboard.h"

struct connections;

struct connections_setup {
    struct scoreboard *scoreboard;
    unsigned place;
    unsigned threads;
    int listener; /* listening, not blocking */
};

struct connections *connections_new(const struct connections_setup *setup, struct err *e);
void connections_free(struct connections *c);

/* From now on new connections are taken. */
int connections_listen(struct connections *c, struct err *e);

/*
 * Waits for a connection on which a request has arrived: its descriptor and index, the caller's
 * until connections_give_back or connections_forget. Whatever else happens meanwhile (connections
 * to accept, to take over, to close) is done on the way. -1: the process ends.
 */
int connections_next(struct connections *c, unsigned *index);
/* The request has been answered; the connection waits for the next one. */
void connections_give_back(struct connections *c, unsigned index, int fd);
/*
 * Takes at once what waits on the listener. In a rush the event that tells of it comes behind all
 * the connections that have a request, so those that wait there would wait for several rounds.
 */
void connections_look_for_more(struct connections *c);
/* The connection has been closed. */
void connections_forget(struct connections *c, unsigned index);

/*
 * No new ones from now on; idle ones go to other processes, or their clients are asked to close
 * them. last: the whole pool ends, so those that wait on the listener are served here first.
 * connections_drained_fd becomes readable when the last one has gone.
 */
void connections_drain(struct connections *c, bool last);
int connections_drained_fd(const struct connections *c);
/* connections_next returns -1 in every thread. */
void connections_stop(struct connections *c);

static inline int64_t pool_now_us(void)
{
    return clock_system.mono_us(clock_system.context);
}

#endif
