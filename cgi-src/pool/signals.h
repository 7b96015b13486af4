/*
 * The signals that the master reads from a descriptor. For pool/ alone.
 */
#ifndef POOL_SIGNALS_H
#define POOL_SIGNALS_H

#include <signal.h>

/* Blocks them; the mask before goes to *before. */
void signals_hold(sigset_t *before);
/* Blocks them and opens the descriptor: not blocking, close-on-exec; -1 with errno. */
int signals_open(sigset_t *before);

#endif
