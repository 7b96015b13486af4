/*
 * Timers as objects in one array: code that waits for a time sets a timer, and the loop sleeps
 * until the earliest of them. Times are CLOCK_MONOTONIC in µs. No clock and no system call in here.
 */
#ifndef POOL_TIMERS_H
#define POOL_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
    int64_t due_us; /* 0: off */
};

static inline void timer_set(struct timer *t, int64_t due_us)
{
    t->due_us = due_us;
}

/* Sets it, or moves it forward; never later than it was. */
static inline void timer_set_at_most(struct timer *t, int64_t due_us)
{
    if (t->due_us == 0 || due_us < t->due_us)
        t->due_us = due_us;
}

static inline void timer_off(struct timer *t)
{
    t->due_us = 0;
}

static inline bool timer_is_set(const struct timer *t)
{
    return t->due_us != 0;
}

static inline bool timer_is_due(const struct timer *t, int64_t now_us)
{
    return t->due_us != 0 && now_us >= t->due_us;
}

/* True once when its time has come: it is off then. */
static inline bool timer_fires(struct timer *t, int64_t now_us)
{
    if (!timer_is_due(t, now_us))
        return false;
    t->due_us = 0;
    return true;
}

/* When the earliest of them is due; 0: none is set. */
static inline int64_t timers_next(const struct timer *timers, unsigned count)
{
    int64_t next = 0;

    for (unsigned i = 0; i < count; i++) {
        if (timers[i].due_us != 0 && (next == 0 || timers[i].due_us < next))
            next = timers[i].due_us;
    }
    return next;
}

#endif
