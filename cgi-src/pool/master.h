/*
 * The master's state, shared by master.c (start, signals, stop), children.c (one process) and
 * generations.c (all of them: how many there should be, replacing, reload). For pool/ alone.
 */
#ifndef POOL_MASTER_H
#define POOL_MASTER_H

#include <signal.h>
#include <sys/types.h>
#include "pool/board.h"
#include "pool/listener.h"
#include "pool/pool.h"
#include "pool/process.h"
#include "pool/status.h"
#include "pool/watch.h"

/* Between TERM, on which a worker leaves its requests unfinished, and KILL. */
#define TERM_TIME_US ((int64_t)2 * 1000000)

/* The most processes; at a reload the old and the new have a place each. */
#define MASTER_PROCESSES 64

struct master;

enum child_state { CHILD_NONE, CHILD_STARTING, CHILD_READY, CHILD_DRAINING };

/* A process; its index is its place on the board. */
struct child {
    struct watch control; /* first: the event's pointer is the child's */
    struct master *master;
    enum child_state state;
    pid_t pid;
    unsigned generation; /* of the configuration it runs with */
    unsigned position;   /* which of the pool's processes it is: 0 to processes - 1 */
    bool wants_successor;
    bool killed; /* by the watchdog or for not starting: not its own death */
    int64_t started_us;
    int64_t deadline_us; /* of the state it is in; 0: none */
    unsigned severity;   /* what was done after the deadline: nothing, TERM, KILL */
};

/* As many of the latest deaths of a position as are remembered. */
#define DEATHS_KEPT 10

/* How starting processes for a position has gone. */
struct position {
    unsigned failures;              /* deaths in a row soon after the start */
    int64_t deaths_us[DEATHS_KEPT]; /* the latest ones, soon after the start or not */
    unsigned deaths;                /* how many ever: the next one's place in the ring */
    int64_t next_us;                /* not before */
};

/* The configuration that new processes run with, and how many there are. */
struct generation {
    unsigned number;
    const struct config *config;
    struct config *owned; /* the same if it came from a reload, else NULL */
    unsigned processes;
};

struct master {
    const struct pool_options *options;
    int epoll_fd;
    struct watch signals;
    sigset_t mask_before; /* the signals that were blocked when the pool began */
    struct listener listener;
    struct listener status_listener;
    struct status *status;
    struct board *board;

    struct generation current;
    struct generation next; /* a reload under way; config NULL: none */
    int64_t next_deadline_us;
    bool reload_again; /* asked for while one was under way */
    unsigned last_generation;
    unsigned reloads;

    bool announced; /* READY=1 was sent */
    bool stopping;
    unsigned stop_signals;
    int64_t check_us;        /* when the watchdog looks next; 0: never */
    int64_t notify_us;       /* when systemd wants to hear next; 0: never */
    int64_t notify_every_us; /* 0: never */

    struct position positions[MASTER_PROCESSES];
    struct child children[BOARD_PLACES];
};

/* ---- master.c ---- */

/* Blocks the signals that the master reads from its descriptor. */
void master_hold_signals(sigset_t *before);

/* ---- children.c ---- */

/* Starts a process. -1 if there is no free place or no memory: try again later. */
int child_start(struct master *m, const struct generation *g, unsigned position);
/* Sends a byte of enum control. */
void child_order(struct child *c, enum control order);
/* Nobody hands connections to it any more. Before child_drain, for all that are to go together. */
void child_retire(struct child *c);
/* It is to end its requests, within the stop timeout, and exit. */
void child_drain(struct child *c, enum control how);
/* Signals for those who are past their deadline. */
void child_escalate(struct child *c, int64_t now_us);
/* Looks which of them have ended. */
void children_reap(struct master *m);
/* How many are in a state; any generation if 0. */
unsigned children_count(const struct master *m, enum child_state state, unsigned generation);
/* Remembers a death (early: soon after the start) and returns how many there were within the last
 * minute, DEATHS_KEPT at most. */
unsigned position_count_death(struct position *p, bool early, int64_t now_us);
/* How long to wait after so many deaths soon after the start in a row, and so many in a minute. */
int64_t child_backoff_us(unsigned failures, unsigned recent);

/* ---- generations.c ---- */

/* Executes the program's new file, if there is one: returns if there is none, or it cannot be. */
void generation_upgrade(struct master *m);

unsigned generation_processes(const struct master *m, const struct config *config);
/* Begins a reload, or remembers that one is wanted. */
void generation_reload(struct master *m);
/* Drops a reload that has failed; the pool goes on as before. */
void generation_abort(struct master *m, const char *reason);
/* A child reported that it is ready. */
void generation_child_ready(struct master *m, struct child *ready);
/* Starts what is missing, replaces what has served enough, completes a reload, and kills those who
 * are stuck. */
void generation_step(struct master *m, int64_t now_us);

#endif
