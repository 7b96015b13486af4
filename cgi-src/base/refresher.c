/*
 * A monitor with two conditions: the thread waits for work, callers for its end. The thread sleeps
 * until it is told to do something: an idle process wakes up for nothing.
 */
#include "base/refresher.h"

#include <signal.h>
#include <time.h>

#define LONGEST_WAIT_US INT64_C(3600000000)

static int64_t refresher_now_us(const struct refresher *r)
{
    return r->clock->mono_us(r->clock->context);
}

void refresher_init(struct refresher *r, const struct clock *clock, int64_t (*refresh)(void *owner),
                    void *owner)
{
    pthread_condattr_t monotonic;
    *r = (struct refresher){.clock = clock, .refresh = refresh, .owner = owner};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wanted_changed, NULL);
    pthread_cond_init(&r->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void refresher_free(struct refresher *r)
{
    pthread_mutex_lock(&r->lock);
    bool started = r->started;
    r->stop = true;
    pthread_cond_signal(&r->wanted_changed);
    pthread_mutex_unlock(&r->lock);
    if (started)
        pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->done);
    pthread_cond_destroy(&r->wanted_changed);
    pthread_mutex_destroy(&r->lock);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* With the lock held; the source is asked without it. */
static void refresher_work(struct refresher *r)
{
    r->wanted = false;
    r->running = true;
    pthread_mutex_unlock(&r->lock);
    int64_t rest_until_us = r->refresh(r->owner);
    pthread_mutex_lock(&r->lock);
    r->running = false;
    r->rest_until_us = rest_until_us;
    r->ended++;
    pthread_cond_broadcast(&r->done);
}

static void *refresher_thread(void *context)
{
    struct refresher *r = context;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        if (r->wanted)
            refresher_work(r);
        else
            pthread_cond_wait(&r->wanted_changed, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Not before it is needed: a thread does not survive a fork. It takes no signal: those are for the
 * threads that wait for them. */
static bool refresher_start(struct refresher *r)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r->started = pthread_create(&r->thread, NULL, refresher_thread, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r->started;
}

/* ---- the callers ----------------------------------------------------------------------------- */

int64_t refresher_rest_us(const struct refresher *r)
{
    int64_t left = r->rest_until_us - refresher_now_us(r);
    return left > 0 ? left : 0;
}

enum refresher_state refresher_ask(struct refresher *r, enum refresher_haste haste)
{
    if (r->wanted || r->running)
        return REFRESHER_UNDER_WAY;
    if (haste == REFRESHER_HEED_REST && refresher_rest_us(r) > 0)
        return REFRESHER_RESTS;
    if (!r->started && !refresher_start(r))
        return REFRESHER_HELPLESS;
    r->wanted = true;
    pthread_cond_signal(&r->wanted_changed);
    return REFRESHER_UNDER_WAY;
}

static struct timespec after_us(int64_t us)
{
    struct timespec t;
    if (us < 0)
        us = 0;
    if (us > LONGEST_WAIT_US)
        us = LONGEST_WAIT_US;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + us % 1000000 * 1000;
    t.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    t.tv_nsec = ns % 1000000000;
    return t;
}

enum refresher_wait_result refresher_wait(struct refresher *r, int64_t us)
{
    const struct timespec until = after_us(us);
    uint64_t before = r->ended;
    while ((r->wanted || r->running) && r->ended == before) {
        if (pthread_cond_timedwait(&r->done, &r->lock, &until) != 0)
            return r->ended != before ? REFRESHER_ENDED : REFRESHER_NOT_IN_TIME;
    }
    return REFRESHER_ENDED;
}
