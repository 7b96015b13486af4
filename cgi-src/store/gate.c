/*
 * A fixed number of queues, each first come, first served. A session's queue is chosen by a hash of
 * its id; sessions that share a queue wait a little longer, and nothing worse. (A plain mutex is
 * not fair: under load some appends waited until their deadline.)
 */
#include "store/gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define QUEUES 1024

/* A thread that waits. It lies on that thread's stack. */
struct gate_waiter {
    pthread_cond_t turn;
    bool admitted;
    struct gate_waiter *next;
};

struct gate_queue {
    pthread_mutex_t lock;
    bool busy;
    struct gate_waiter *first;
    struct gate_waiter **end; /* where the next one is linked */
};

struct gate {
    struct gate_queue queues[QUEUES];
};

struct gate *gate_new(void)
{
    struct gate *g = calloc(1, sizeof(*g));

    if (!g)
        abort();
    for (int i = 0; i < QUEUES; i++) {
        pthread_mutex_init(&g->queues[i].lock, NULL);
        g->queues[i].end = &g->queues[i].first;
    }
    return g;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    for (int i = 0; i < QUEUES; i++)
        pthread_mutex_destroy(&g->queues[i].lock);
    free(g);
}

static struct gate_queue *gate_queue(struct gate *g, struct str session_id)
{
    return &g->queues[str_hash(session_id) % QUEUES];
}

static void queue_remove(struct gate_queue *q, struct gate_waiter *w)
{
    struct gate_waiter **at = &q->first;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (!w->next)
        q->end = at;
}

/* Waits for this thread's turn. The queue is locked. */
static bool queue_wait(struct gate_queue *q, const struct timespec *until)
{
    struct gate_waiter self = {.turn = PTHREAD_COND_INITIALIZER};
    int r = 0;

    /* The waiter is out of the queue before this function returns. */
    *q->end = &self;     // cppcheck-suppress autoVariables
    q->end = &self.next; // cppcheck-suppress autoVariables
    while (!self.admitted && r == 0)
        r = pthread_cond_clockwait(&self.turn, &q->lock, CLOCK_MONOTONIC, until);
    if (!self.admitted)
        queue_remove(q, &self);
    pthread_cond_destroy(&self.turn);
    return self.admitted;
}

bool gate_enter(struct gate *g, struct str session_id, int64_t deadline_us)
{
    struct gate_queue *q = gate_queue(g, session_id);
    struct timespec until = {
        .tv_sec = deadline_us / 1000000,
        .tv_nsec = deadline_us % 1000000 * 1000,
    };
    bool entered = true;

    pthread_mutex_lock(&q->lock);
    if (q->busy)
        entered = queue_wait(q, &until);
    else
        q->busy = true;
    pthread_mutex_unlock(&q->lock);
    return entered;
}

void gate_leave(struct gate *g, struct str session_id)
{
    struct gate_queue *q = gate_queue(g, session_id);

    pthread_mutex_lock(&q->lock);
    struct gate_waiter *next = q->first;
    if (next) {
        queue_remove(q, next);
        next->admitted = true; /* the queue stays busy: it passes to the next one */
        pthread_cond_signal(&next->turn);
    } else {
        q->busy = false;
    }
    pthread_mutex_unlock(&q->lock);
}
