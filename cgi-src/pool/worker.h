/*
 * The worker threads of one process. For pool/ alone.
 */
#ifndef POOL_WORKER_H
#define POOL_WORKER_H

#include "pool/connections.h"
#include "pool/pool.h"

struct workers;

struct workers_setup {
    const struct pool_handler *handler;
    void *context; /* the handler's, from process_new */
    struct connections *connections;
    unsigned place; /* on the scoreboard */
    unsigned count;
    int64_t max_requests; /* POOL_MAX_REQUESTS */
    int control;          /* where CONTROL_RECYCLE goes after so many; -1: nowhere */
};

/* Starts the threads and waits until each of them is ready. NULL with e if one is not; some may
 * have started then: the process must exit. */
struct workers *workers_start(const struct workers_setup *setup, struct err *e);
/* Waits for their end, after connections_stop. */
void workers_join(struct workers *all);

#endif
