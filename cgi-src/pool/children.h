/*
 * The worker processes as the master has them: fork, orders, signals, and who has ended. What
 * happens to them is recorded as facts in the master's state; master_step.c decides what follows
 * from it. For pool/ alone.
 */
#ifndef POOL_CHILDREN_H
#define POOL_CHILDREN_H

#include <sys/types.h>
#include "pool/master_step.h"
#include "pool/pool.h"
#include "pool/connections.h"
#include "pool/process.h"
#include "pool/watch.h"

struct children;

/* A process; its index is its place. */
struct child_process {
    struct watch control; /* first: the event's pointer is the process's */
    struct children *all;
    pid_t pid; /* 0: there is none */
    int64_t started_us;
};

struct children {
    int epoll_fd;
    struct scoreboard *scoreboard;
    struct child_facts *facts; /* of master_state: a place has the same index in both */
    /* In a new process: closes what belongs to the master alone. */
    void (*close_masters)(void *context);
    void *context;
    struct child_process processes[STEP_PLACES];
};

struct child_start {
    unsigned place;
    const struct config *config;
    const struct pool_handler *handler;
    int listener;
};

/* Forks one. A failure is recorded as its end, and -1. */
int children_start(struct children *c, const struct child_start *start);
/* From now on no process hands connections to it. */
void children_retire(struct children *c, unsigned place);
/* Sends it a byte of enum control. */
void children_order(struct children *c, unsigned place, enum control order);
void children_order_all(struct children *c, enum control order);
void children_signal(struct children *c, unsigned place, int number);
/* Records which of them have ended. */
void children_reap(struct children *c);
/* Records since when each works on its oldest request. */
void children_record_busy(struct children *c);
/* For log lines; 0: none. */
pid_t children_pid(const struct children *c, unsigned place);
bool children_exist(const struct children *c);

#endif
