/*
 * The idle connections of a process, from the one used last to the one that has waited longest.
 * None is opened, read or closed under the lock.
 */
#include "aws/transport_connection.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

/*
 * Servers close idle connections after 60 to 90 s. A request on one that has just been closed is
 * one of which cannot be told whether it was carried out.
 */
#define IDLE_MAX_US INT64_C(50000000)

struct transport_idle {
    pthread_mutex_t mutex;
    struct transport_connection *newest;
    struct transport_connection *oldest;
    unsigned count;
    unsigned keep;
};

struct transport_idle *transport_idle_new(unsigned keep)
{
    struct transport_idle *idle = calloc(1, sizeof(*idle));
    if (!idle)
        return NULL;
    idle->keep = keep;
    pthread_mutex_init(&idle->mutex, NULL);
    return idle;
}

static void close_all(struct transport_connection *c)
{
    while (c) {
        struct transport_connection *older = c->older;
        transport_connection_free(c);
        c = older;
    }
}

void transport_idle_free(struct transport_idle *idle)
{
    if (!idle)
        return;
    close_all(idle->newest);
    pthread_mutex_destroy(&idle->mutex);
    free(idle);
}

/* ---- under the lock -------------------------------------------------------------------------- */

static struct transport_connection *detach_newest(struct transport_idle *idle)
{
    struct transport_connection *c = idle->newest;
    if (!c)
        return NULL;
    idle->newest = c->older;
    if (c->older)
        c->older->newer = NULL;
    else
        idle->oldest = NULL;
    idle->count--;
    c->older = NULL;
    return c;
}

static struct transport_connection *detach_oldest(struct transport_idle *idle)
{
    struct transport_connection *c = idle->oldest;
    idle->oldest = c->newer;
    if (c->newer)
        c->newer->older = NULL;
    else
        idle->newest = NULL;
    idle->count--;
    c->newer = NULL;
    return c;
}

static void attach_newest(struct transport_idle *idle, struct transport_connection *c)
{
    c->newer = NULL;
    c->older = idle->newest;
    if (c->older)
        c->older->newer = c;
    else
        idle->oldest = c;
    idle->newest = c;
    idle->count++;
}

/* Those that are too old or too many, in a list by `older`. */
static struct transport_connection *detach_surplus(struct transport_idle *idle, int64_t now_us)
{
    struct transport_connection *surplus = NULL;
    while (idle->oldest &&
           (idle->count > idle->keep || now_us - idle->oldest->idle_since_us >= IDLE_MAX_US)) {
        struct transport_connection *c = detach_oldest(idle);
        c->older = surplus;
        surplus = c;
    }
    return surplus;
}

/* ---- giving and taking ----------------------------------------------------------------------- */

static int64_t idle_now_us(void)
{
    return clock_system.mono_us(clock_system.context);
}

struct transport_connection *transport_idle_take(struct transport_idle *idle)
{
    int64_t now_us = idle_now_us();
    for (;;) {
        pthread_mutex_lock(&idle->mutex);
        struct transport_connection *surplus = detach_surplus(idle, now_us);
        struct transport_connection *c = detach_newest(idle);
        pthread_mutex_unlock(&idle->mutex);
        close_all(surplus);
        if (!c || transport_connection_is_quiet(c))
            return c;
        transport_connection_free(c);
    }
}

void transport_idle_put(struct transport_idle *idle, struct transport_connection *c)
{
    c->idle_since_us = idle_now_us();
    pthread_mutex_lock(&idle->mutex);
    attach_newest(idle, c);
    struct transport_connection *surplus = detach_surplus(idle, c->idle_since_us);
    pthread_mutex_unlock(&idle->mutex);
    close_all(surplus);
}
