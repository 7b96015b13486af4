/*
 * What the processes of a pool know of each other: a scoreboard in shared memory, and an inbox for
 * each process through which the others hand it connections. Made by the master before it forks.
 */
#ifndef POOL_BOARD_H
#define POOL_BOARD_H

#include <stdbool.h>
#include "base/err.h"

/* The most places that a board can have, and the most threads of one process. */
#define BOARD_PLACES 256
#define BOARD_THREADS 512

enum board_state { BOARD_FREE, BOARD_STARTING, BOARD_READY, BOARD_DRAINING };

struct board;

/* NULL with e on failure. places: at most BOARD_PLACES. */
struct board *board_new(unsigned places, struct err *e);
void board_free(struct board *b);
unsigned board_places(const struct board *b);

void board_set(struct board *b, unsigned place, enum board_state state, unsigned threads);
/* From one state to another; false if it was not in the first. */
bool board_change(struct board *b, unsigned place, enum board_state from, enum board_state to);
/* The place is free, with no connection. For the master, when its process has ended. */
void board_clear(struct board *b, unsigned place);
enum board_state board_state(const struct board *b, unsigned place);
unsigned board_threads(const struct board *b, unsigned place);

/* How many connections a process has, those on the way to its inbox included. */
void board_count(struct board *b, unsigned place, int change);
unsigned board_connections(const struct board *b, unsigned place);

/* The ready place with the fewest connections, other than `except`; -1 if there is none. */
int board_least(const struct board *b, unsigned except);

/* Where the connections for a place arrive; for epoll. */
int board_inbox(const struct board *b, unsigned place);

/*
 * Gives the connection to a place: its process gets it as it is, with whatever the peer has sent
 * meanwhile. On success the caller's descriptor is closed. -1: the inbox is full, the descriptor is
 * still the caller's. If the place has become free meanwhile, it goes on to another one.
 */
int board_give(struct board *b, unsigned place, int fd);
/* The next connection in a place's inbox; -1 if it is empty. The caller counts nothing. */
int board_take(struct board *b, unsigned place);
/* Gives what is in a place's inbox to others; closes it if there are none. */
void board_forward(struct board *b, unsigned place);

/* The slot of a thread in metrics. */
static inline unsigned board_metrics_slot(unsigned place, unsigned thread)
{
    return place * BOARD_THREADS + thread;
}

/* How many threads work on a request at the moment; the oldest one's begin in *since_us. */
unsigned board_busy(const struct board *b, unsigned place, long long *since_us);

#endif
