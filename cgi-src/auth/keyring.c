/*
 * Two locks: `lock` guards the pointer to the current set and is held for an instant, `mutex`
 * guards everything about getting a new one. A request that does not miss a key takes the first
 * alone. The thread that fetches sleeps until it is told to: an idle process wakes up for nothing.
 */
#include "auth/keyring.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "auth/key_file.h"
#include "base/log.h"

#define WAIT_MS 3000 /* how long a request waits for a fetch; the fetch itself gives up earlier */
#define START_MS 500 /* how long a process waits for its first keys before it takes requests */

struct keyring {
    const struct clock *clock;
    const char *file; /* "" or url is "" */
    const char *url;

    pthread_rwlock_t lock;
    struct jwks *current;
    atomic_int_least64_t due_us; /* when to look at the source again, monotonic */

    pthread_mutex_t mutex;
    pthread_cond_t wake; /* for the thread: wanted or stop */
    pthread_cond_t done; /* for requests: rounds has changed */
    auth_fetch fetch;
    void *context;
    pthread_t thread;
    bool running;                /* the thread exists */
    bool wanted;                 /* a fetch has been asked for */
    bool busy;                   /* a fetch is under way */
    bool stop;                   /* the end */
    bool fetched;                /* at least once: fetched_us counts */
    int64_t fetched_us;          /* when the last fetch began */
    uint64_t rounds;             /* fetches that have ended */
    uint64_t generation;         /* of the last set that was made */
    unsigned waiting;            /* requests in wait_for_round */
    unsigned max_waiting;        /* beyond it they go on with the keys there are, or none */
    struct key_file_stamp stamp; /* of the file as it was last read */
};

static int64_t now_us(const struct keyring *k)
{
    return k->clock->mono_us(k->clock->context);
}

/* ---- the current set ----------------------------------------------------------------------- */

static struct jwks *keyring_take(struct keyring *k)
{
    pthread_rwlock_rdlock(&k->lock);
    struct jwks *set = jwks_retain(k->current);
    pthread_rwlock_unlock(&k->lock);
    return set;
}

static void put(struct keyring *k, struct jwks *set)
{
    pthread_rwlock_wrlock(&k->lock);
    struct jwks *old = k->current;
    k->current = set;
    pthread_rwlock_unlock(&k->lock);
    jwks_release(old);
}

/* The same text keeps the set, and with it what is cached under its generation. Only one thread at
 * a time is here: the one that fetches, or the one that holds the mutex. */
static int adopt(struct keyring *k, struct str text, struct err *e)
{
    struct jwks *old = keyring_take(k);
    bool same = jwks_is_text(old, text);

    jwks_release(old);
    if (same)
        return 0;
    struct jwks *set = jwks_parse(text, k->generation + 1, e);
    if (!set)
        return -1;
    k->generation++;
    log_info("%zu keys for tokens read from %s, %zu entries passed over", jwks_size(set),
             *k->file ? "AUTH_JWT_JWKS_FILE" : "AUTH_JWT_JWKS_URL", jwks_skipped(set));
    put(k, set);
    return 0;
}

/* ---- from a file --------------------------------------------------------------------------- */

static int keyring_read_file(struct keyring *k, struct err *e)
{
    struct buf text;
    int r = -1;

    buf_init(&text, KEYRING_MAX_BYTES);
    if (key_file_read(k->file, &text, &k->stamp, e) == 0)
        r = adopt(k, buf_str(&text), e);
    buf_free(&text);
    return r;
}

/* With the mutex held. */
static void look_at_file(struct keyring *k)
{
    struct err e;

    atomic_store(&k->due_us, now_us(k) + KEYRING_LOOK_US);
    if (!key_file_changed(k->file, &k->stamp))
        return;
    if (keyring_read_file(k, &e) < 0)
        log_warning("AUTH_JWT_JWKS_FILE has changed and cannot be used, the old keys stay: %s",
                    e.detail);
}

/* ---- from a URL ---------------------------------------------------------------------------- */

static int fetch_once(struct keyring *k, struct err *e)
{
    struct buf body;
    int r = -1;

    buf_init(&body, KEYRING_MAX_BYTES);
    if (k->fetch(k->context, k->url, &body, e) == 0) {
        if (!buf_ok(&body))
            err_set(e, ERR_CONFIGURATION, "the answer is larger than %zu bytes", KEYRING_MAX_BYTES);
        else
            r = adopt(k, buf_str(&body), e);
    }
    buf_free(&body);
    return r;
}

static void keyring_fetch(struct keyring *k)
{
    struct err e = {.detail = "no reason given"};
    int64_t pause = KEYRING_REFRESH_US;

    if (fetch_once(k, &e) < 0) {
        struct jwks *set = keyring_take(k);
        pause = set ? KEYRING_AGAIN_US : KEYRING_FIRST_US;
        log_warning("AUTH_JWT_JWKS_URL could not be read, %s: %s",
                    set ? "the old keys stay" : "no token can be verified", e.detail);
        jwks_release(set);
    }
    atomic_store(&k->due_us, now_us(k) + pause);
}

static void *fetch_thread(void *context)
{
    struct keyring *k = context;

    pthread_mutex_lock(&k->mutex);
    for (;;) {
        while (!k->wanted && !k->stop)
            pthread_cond_wait(&k->wake, &k->mutex);
        if (k->stop)
            break;
        k->wanted = false;
        k->busy = true;
        k->fetched = true;
        k->fetched_us = now_us(k);
        pthread_mutex_unlock(&k->mutex);
        keyring_fetch(k);
        pthread_mutex_lock(&k->mutex);
        k->busy = false;
        k->rounds++;
        pthread_cond_broadcast(&k->done);
    }
    pthread_mutex_unlock(&k->mutex);
    return NULL;
}

/* Signals are for the pool's threads: this one takes none. */
static bool keyring_start_thread(struct keyring *k)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    k->running = pthread_create(&k->thread, NULL, fetch_thread, k) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!k->running)
        log_warning("no thread could be started to fetch the keys for tokens");
    return k->running;
}

/* Asks for a fetch unless the last one was too short a time ago. With the mutex held. */
static void want_fetch(struct keyring *k, bool have_keys)
{
    int64_t pause = have_keys ? KEYRING_AGAIN_US : KEYRING_FIRST_US;

    if (!k->fetch || k->wanted || k->busy || (k->fetched && now_us(k) - k->fetched_us < pause))
        return;
    if (!k->running && !keyring_start_thread(k))
        return;
    k->wanted = true;
    pthread_cond_signal(&k->wake);
}

/* Until the fetch that is wanted or under way has ended. With the mutex held. */
static void wait_for_round(struct keyring *k, long ms)
{
    struct timespec until;
    uint64_t round = k->rounds;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    k->waiting++;
    while ((k->wanted || k->busy) && k->rounds == round && !k->stop) {
        if (pthread_cond_timedwait(&k->done, &k->mutex, &until) != 0)
            break;
    }
    k->waiting--;
}

/* ---- for requests -------------------------------------------------------------------------- */

/* A look at the source is due. The thread that comes first does it, or asks for it; the others go
 * on with the keys there are. */
static void look_if_free(struct keyring *k)
{
    if (pthread_mutex_trylock(&k->mutex) != 0)
        return;
    if (*k->file)
        look_at_file(k);
    else
        want_fetch(k, true);
    pthread_mutex_unlock(&k->mutex);
}

struct jwks *keyring_get(struct keyring *k)
{
    if (now_us(k) >= atomic_load(&k->due_us))
        look_if_free(k);
    return keyring_take(k);
}

struct jwks *keyring_look_again(struct keyring *k, const struct jwks *seen)
{
    pthread_mutex_lock(&k->mutex);
    struct jwks *set = keyring_take(k);
    if (jwks_generation(set) == jwks_generation(seen)) {
        if (*k->file)
            look_at_file(k);
        else
            want_fetch(k, set);
        /* Also while there are no keys at all: whoever sends tokens that nobody can verify, while
         * the issuer hangs, must not hold every worker. */
        if (k->waiting < k->max_waiting)
            wait_for_round(k, WAIT_MS);
    }
    pthread_mutex_unlock(&k->mutex);
    jwks_release(set);
    return keyring_take(k);
}

/* ---- making and ending --------------------------------------------------------------------- */

static void init_locks(struct keyring *k)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_rwlock_init(&k->lock, NULL);
    pthread_mutex_init(&k->mutex, NULL);
    pthread_cond_init(&k->wake, NULL);
    pthread_cond_init(&k->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct keyring *keyring_new(const char *file, const char *url, unsigned max_waiting,
                            const struct clock *clock, struct err *e)
{
    struct keyring *k = calloc(1, sizeof(*k));

    if (!k) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    k->clock = clock;
    k->file = file;
    k->url = url;
    k->max_waiting = max_waiting;
    init_locks(k);
    atomic_init(&k->due_us, now_us(k) + KEYRING_LOOK_US);
    if (*file && keyring_read_file(k, e) < 0) {
        keyring_free(k);
        return NULL;
    }
    return k;
}

void keyring_set_fetch(struct keyring *k, auth_fetch fetch, void *context)
{
    pthread_mutex_lock(&k->mutex);
    k->fetch = fetch;
    k->context = context;
    if (*k->url) {
        want_fetch(k, false);
        wait_for_round(k, START_MS);
    }
    pthread_mutex_unlock(&k->mutex);
}

void keyring_free(struct keyring *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->mutex);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->mutex);
    if (k->running)
        pthread_join(k->thread, NULL);
    jwks_release(k->current);
    pthread_cond_destroy(&k->done);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->mutex);
    pthread_rwlock_destroy(&k->lock);
    free(k);
}
