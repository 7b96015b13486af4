/*
 * What the processes of a pool know of each other: a scoreboard in shared memory, and an inbox for
 * each process through which the others hand it connections. Made by the master before it forks.
 */
#ifndef POOL_SCOREBOARD_H
#define POOL_SCOREBOARD_H

#include <stdbool.h>
#include "base/err.h"

/* The most places that a scoreboard can have, and the most threads of one process. */
#define SCOREBOARD_PLACES 256
#define SCOREBOARD_THREADS 512

enum scoreboard_state {
    SCOREBOARD_FREE,
    SCOREBOARD_STARTING,
    SCOREBOARD_READY,
    SCOREBOARD_DRAINING
};

struct scoreboard;

/* NULL with e on failure. places: at most SCOREBOARD_PLACES. */
struct scoreboard *scoreboard_new(unsigned places, struct err *e);
void scoreboard_free(struct scoreboard *b);
unsigned scoreboard_places(const struct scoreboard *b);

void scoreboard_set(struct scoreboard *b, unsigned place, enum scoreboard_state state,
                    unsigned threads);
/* From one state to another; false if it was not in the first. */
bool scoreboard_change(struct scoreboard *b, unsigned place, enum scoreboard_state from,
                       enum scoreboard_state to);
/* The place is free. What is in its inbox goes to others; see scoreboard_forward. For the master,
 * when its process has ended. */
void scoreboard_clear(struct scoreboard *b, unsigned place);
enum scoreboard_state scoreboard_state(const struct scoreboard *b, unsigned place);
unsigned scoreboard_threads(const struct scoreboard *b, unsigned place);

/* How many connections a process has, those on the way to its inbox included. */
void scoreboard_count(struct scoreboard *b, unsigned place, int change);
unsigned scoreboard_connections(const struct scoreboard *b, unsigned place);

/*
 * How many connections a process of so many threads holds. nginx keeps 128 idle ones for each of
 * its own processes, and in a rush each request that waits has one: those that are here are asked
 * in the order in which they came, while those on the listener wait until one here is closed.
 */
static inline unsigned scoreboard_capacity(unsigned threads)
{
    return threads < 64 ? 1024 : threads * 16;
}

/* The ready place with the fewest connections, other than `except`, if it has room for one more; -1
 * if there is none. */
int scoreboard_least(const struct scoreboard *b, unsigned except);

/* Where the connections for a place arrive; for epoll. */
int scoreboard_inbox(const struct scoreboard *b, unsigned place);

/*
 * Gives the connection to a place: its process gets it as it is, with whatever the peer has sent
 * meanwhile. On success the caller's descriptor is closed. -1: the inbox is full, the descriptor is
 * still the caller's. If the place has become free meanwhile, it goes on to another one.
 */
int scoreboard_give(struct scoreboard *b, unsigned place, int fd);
/* The next connection in a place's inbox; -1 if it is empty. The caller counts nothing. */
int scoreboard_take(struct scoreboard *b, unsigned place);
/* Gives what is in a place's inbox to others. While there are none it stays there, for the process
 * that has the place next. */
void scoreboard_forward(struct scoreboard *b, unsigned place);
/* The same for every free place. */
void scoreboard_forward_free(struct scoreboard *b);

/* The slot of a thread in metrics. */
static inline unsigned scoreboard_metrics_slot(unsigned place, unsigned thread)
{
    return place * SCOREBOARD_THREADS + thread;
}

/* How many threads work on a request at the moment; the oldest one's begin in *since_us. */
unsigned scoreboard_busy(const struct scoreboard *b, unsigned place, long long *since_us);

#endif
