/*
 * The master's state: master.c (start, loop, stop) owns it, and decisions.c carries out what
 * master_step.c decides. For pool/ alone.
 */
#ifndef POOL_MASTER_H
#define POOL_MASTER_H

#include <signal.h>
#include "pool/children.h"
#include "pool/listener.h"
#include "pool/refusal.h"
#include "pool/status.h"

/* A generation's configuration; `owned` is the same if it came from a reload, else NULL. */
struct configuration {
    unsigned number;
    const struct config *config;
    struct config *owned;
};

struct master {
    const struct pool_options *options;
    int epoll_fd;
    struct watch signals;
    sigset_t mask_before; /* the signals that were blocked when the pool began */
    struct listener listener;
    struct listener status_listener;
    char status_path[128];
    struct scoreboard *scoreboard;
    struct status *status;
    struct refusal *refusal;
    struct configuration current;
    struct configuration next; /* of the reload under way */
    bool reload_again;         /* asked for while one was under way */
    unsigned reloads;
    struct master_state state;
    struct children children;
    struct decisions decisions;
};

/* ---- decisions.c ---- */

/* A new generation with this configuration, with the next number. */
struct generation decisions_generation(struct master *m, const struct config *config);
/* Loads the configuration anew and begins a reload, or remembers that one is wanted. */
void decisions_ask_for_reload(struct master *m);
/* Carries out all of m->decisions. True if what happened on the way must be decided upon at once.
 */
bool decisions_carry_out(struct master *m);
void configuration_free(struct configuration *c);

#endif
