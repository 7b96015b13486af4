/*
 * What the processes of the pool use of the machine, from /proc: the families process_* that
 * Prometheus' own clients have, for all processes together. For pool/ alone.
 */
#ifndef POOL_USAGE_H
#define POOL_USAGE_H

#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"

struct usage {
    /* The most that was shown so far, in clock ticks: a counter must not go back while an ended
     * process counts neither as running nor as waited for. */
    uint64_t ticks_shown;
};

/*
 * Appends the families for the calling process and these children of it; an entry of 0 is skipped.
 * A family whose value cannot be read (descriptors of processes that root has started and left) is
 * left out.
 */
void usage_print(struct usage *usage, const pid_t *children, unsigned count, struct buf *out);

#endif
