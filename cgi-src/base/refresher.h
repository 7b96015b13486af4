/*
 * Something that a process keeps and gets anew from time to time, from a source that may be slow or
 * down: AWS credentials, an issuer's keys. One thread of the refresher's own gets it, one time
 * after the other, so that a source which needs seconds holds no request beyond the time that it
 * has. Everybody else goes on with what there is, or waits.
 *
 * The refresher knows nothing of what is kept, nor when that is too old. Its owner decides that
 * under `lock`, which also guards whatever the owner puts under it.
 */
#ifndef BASE_REFRESHER_H
#define BASE_REFRESHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"

struct refresher {
    pthread_mutex_t lock;
    /* The refresher's own. */
    const struct clock *clock;
    int64_t (*refresh)(void *owner);
    void *owner;
    pthread_cond_t wanted_changed; /* for the thread: there is work, or it must end */
    pthread_cond_t done;           /* for those who wait: a refresh has ended */
    pthread_t thread;
    bool started; /* the thread */
    bool stop;
    bool wanted;           /* a refresh that has not begun */
    bool running;          /* one that has */
    uint64_t ended;        /* how many have ended */
    int64_t rest_until_us; /* monotonic: as the last refresh said */
};

/*
 * Of refresh: it is called by the refresher's thread without the lock, takes the lock itself to put
 * in force what it got, and returns until when (monotonic, microseconds) the source is to be left
 * alone: after a failure everybody would else ask it again at once. clock, borrowed, says whether
 * that time has come. Make it after fork; its thread begins with the first refresh.
 */
void refresher_init(struct refresher *r, const struct clock *clock, int64_t (*refresh)(void *owner),
                    void *owner);
/* Waits for a refresh that is under way. Nobody may be waiting or come after this. */
void refresher_free(struct refresher *r);

/* ---- all below: with the lock held ----------------------------------------------------------- */

enum refresher_haste {
    REFRESHER_HEED_REST,
    REFRESHER_IGNORE_REST, /* what is kept is of no use, and the source did not fail */
};

enum refresher_state {
    REFRESHER_UNDER_WAY, /* a refresh is wanted or running: it was before, or is from now on */
    REFRESHER_RESTS,     /* the source is to be left alone: see refresher_rest_us */
    REFRESHER_HELPLESS,  /* the thread could not be started */
};

/* Has a refresh made if none is under way. Does not wait. */
enum refresher_state refresher_ask(struct refresher *r, enum refresher_haste haste);

/* How much longer the source is left alone, microseconds; 0 if it is not. */
int64_t refresher_rest_us(const struct refresher *r);

enum refresher_wait_result { REFRESHER_ENDED, REFRESHER_NOT_IN_TIME };

/* Waits until the refresh that is under way has ended, or for us microseconds of real time (an hour
 * at most). The lock is free meanwhile. Ended at once if none is under way. */
enum refresher_wait_result refresher_wait(struct refresher *r, int64_t us);

#endif
