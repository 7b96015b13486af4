/*
 * One worker process: the start of its threads, the orders of the master, its end. For pool/ alone.
 */
#ifndef POOL_PROCESS_H
#define POOL_PROCESS_H

#include "pool/pool.h"
#include "pool/scoreboard.h"

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
    struct scoreboard *scoreboard;
    unsigned place;
    int listener; /* listening, not blocking */
    int control;  /* to the master; -1: there is none */
};

/* Runs in a process of its own until that is to exit, and returns the exit status. */
int process_run(const struct process_setup *setup);

#endif
