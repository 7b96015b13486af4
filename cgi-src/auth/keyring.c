/*
 * Two locks: `lock` guards the pointer to the current set and is held for an instant, the
 * refresher's guards everything about getting a new one. A request that does not miss a key takes
 * the first alone. A file is read by the request that comes; a URL, by the refresher's thread.
 */
#include "auth/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "auth/key_file.h"
#include "base/log.h"
#include "base/refresher.h"

/* How long a request waits for a fetch; the fetch itself gives up earlier. */
#define WAIT_US INT64_C(3000000)
/* How long a process waits for its first keys before it takes requests. */
#define START_US INT64_C(500000)

struct keyring {
    const struct clock *clock;
    const char *file; /* "" or url is "" */
    const char *url;

    pthread_rwlock_t lock;
    struct jwks *current;
    atomic_int_least64_t due_us; /* when to look at the source again, monotonic */

    auth_fetch fetch; /* set once, before the first refresh */
    void *context;
    struct refresher refresher;
    /* below: under its lock, or by its thread while that refreshes */
    uint64_t generation;         /* of the last set that was made */
    unsigned waiting;            /* requests in wait_for_fetch */
    unsigned max_waiting;        /* beyond it they go on with the keys there are, or none */
    struct key_file_stamp stamp; /* of the file as it was last read */
};

static int64_t keyring_now_us(const struct keyring *k)
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

static void keyring_put(struct keyring *k, struct jwks *set)
{
    pthread_rwlock_wrlock(&k->lock);
    struct jwks *old = k->current;
    k->current = set;
    pthread_rwlock_unlock(&k->lock);
    jwks_release(old);
}

/* The same text keeps the set, and with it what is cached under its generation. Only one thread at
 * a time is here: the one that fetches, or the one that holds the refresher's lock. */
static int keyring_adopt(struct keyring *k, struct str text, struct err *e)
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
    keyring_put(k, set);
    return 0;
}

/* ---- from a file --------------------------------------------------------------------------- */

static int keyring_read_file(struct keyring *k, struct err *e)
{
    struct buf text;
    int r = -1;

    buf_init(&text, KEYRING_MAX_BYTES);
    if (key_file_read(k->file, &text, &k->stamp, e) == 0)
        r = keyring_adopt(k, buf_str(&text), e);
    buf_free(&text);
    return r;
}

/* With the lock held. */
static void look_at_file(struct keyring *k)
{
    struct err e;

    atomic_store(&k->due_us, keyring_now_us(k) + KEYRING_LOOK_US);
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
            r = keyring_adopt(k, buf_str(&body), e);
    }
    buf_free(&body);
    return r;
}

/* On the refresher's thread. The pauses are counted from the beginning of a fetch. */
static int64_t keyring_fetch(void *owner)
{
    struct keyring *k = owner;
    struct err e = {.detail = "no reason given"};
    int64_t began_us = keyring_now_us(k);
    int64_t due_after_us = KEYRING_REFRESH_US;
    int64_t rest_us = KEYRING_AGAIN_US;

    if (fetch_once(k, &e) < 0) {
        struct jwks *set = keyring_take(k);
        rest_us = set ? KEYRING_AGAIN_US : KEYRING_FIRST_US;
        due_after_us = rest_us;
        log_warning("AUTH_JWT_JWKS_URL could not be read, %s: %s",
                    set ? "the old keys stay" : "no token can be verified", e.detail);
        jwks_release(set);
    }
    atomic_store(&k->due_us, keyring_now_us(k) + due_after_us);
    return began_us + rest_us;
}

/* With the lock held. */
static void ask_for_fetch(struct keyring *k)
{
    if (k->fetch && refresher_ask(&k->refresher, REFRESHER_HEED_REST) == REFRESHER_HELPLESS)
        log_warning("no thread could be started to fetch the keys for tokens");
}

/* With the lock held. Also while there are no keys at all only so many wait: clients that send
 * tokens which cannot be verified, while the issuer hangs, must not hold every worker. */
static void wait_for_fetch(struct keyring *k, int64_t us)
{
    if (k->waiting >= k->max_waiting)
        return;
    k->waiting++;
    (void)refresher_wait(&k->refresher, us);
    k->waiting--;
}

/* ---- for requests -------------------------------------------------------------------------- */

/* With the lock held. */
static void look_at_source(struct keyring *k)
{
    if (*k->file)
        look_at_file(k);
    else
        ask_for_fetch(k);
}

/* A look at the source is due. The thread that comes first does it, or asks for it; the others go
 * on with the keys there are. */
static void look_if_free(struct keyring *k)
{
    if (pthread_mutex_trylock(&k->refresher.lock) != 0)
        return;
    look_at_source(k);
    pthread_mutex_unlock(&k->refresher.lock);
}

struct jwks *keyring_get(struct keyring *k)
{
    if (keyring_now_us(k) >= atomic_load(&k->due_us))
        look_if_free(k);
    return keyring_take(k);
}

struct jwks *keyring_look_again(struct keyring *k, const struct jwks *seen)
{
    pthread_mutex_lock(&k->refresher.lock);
    struct jwks *set = keyring_take(k);
    if (jwks_generation(set) == jwks_generation(seen)) {
        look_at_source(k);
        wait_for_fetch(k, WAIT_US);
    }
    pthread_mutex_unlock(&k->refresher.lock);
    jwks_release(set);
    return keyring_take(k);
}

/* ---- making and ending --------------------------------------------------------------------- */

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
    pthread_rwlock_init(&k->lock, NULL);
    refresher_init(&k->refresher, clock, keyring_fetch, k);
    atomic_init(&k->due_us, keyring_now_us(k) + KEYRING_LOOK_US);
    if (*file && keyring_read_file(k, e) < 0) {
        keyring_free(k);
        return NULL;
    }
    return k;
}

void keyring_set_fetch(struct keyring *k, auth_fetch fetch, void *context)
{
    pthread_mutex_lock(&k->refresher.lock);
    k->fetch = fetch;
    k->context = context;
    if (*k->url) {
        ask_for_fetch(k);
        (void)refresher_wait(&k->refresher, START_US);
    }
    pthread_mutex_unlock(&k->refresher.lock);
}

void keyring_free(struct keyring *k)
{
    if (!k)
        return;
    refresher_free(&k->refresher);
    jwks_release(k->current);
    pthread_rwlock_destroy(&k->lock);
    free(k);
}
