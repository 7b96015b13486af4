/*
 * The cache around the chain: decides when the chain is asked and who waits for it. A thread of its
 * own asks, one question at a time, so that a provider that needs seconds (a command, an endpoint
 * that times out) holds no request beyond its deadline. What a provider does is not its business.
 */
#include "aws/credentials.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)

#define ADVISORY_US (15 * MINUTE)  /* before expiry: refresh, let the others go on */
#define JITTER_US (3 * MINUTE)     /* later than that by chance: processes do not ask all at once */
#define MANDATORY_US (10 * MINUTE) /* before expiry: wait for the refresh */

/*
 * After a failure the chain rests, and callers get the same error at once: a server without
 * credentials would else spend the second that the metadata service takes to time out on every
 * request, and hammer an endpoint that is down.
 */
#define REST_FIRST_US (5 * SECOND)
#define REST_MAX_US (60 * SECOND)

struct credentials_cache {
    const struct credentials_provider *chain;
    struct credentials_context context;
    pthread_mutex_t mutex;
    pthread_cond_t wanted_changed; /* for the thread: there is work, or it must end */
    pthread_cond_t done;           /* for the callers: a refresh has ended */
    pthread_t thread;
    /* below: under the mutex */
    bool started;
    bool stop;
    bool wanted;
    bool running;
    uint64_t refreshes;         /* that have ended */
    struct credentials current; /* access_key_id NULL: none */
    uint64_t generation;        /* of current; 0: none yet */
    int64_t advisory_us;        /* wall clock */
    int64_t mandatory_us;
    int64_t rest_until_us; /* monotonic: not asked before, unless DynamoDB refuses the keys */
    int64_t rest_us;       /* how long the last rest was; 0 after a success */
    struct err error;      /* of the last refresh; code ERR_NONE if it succeeded */
};

enum phase { PHASE_NONE, PHASE_MANDATORY, PHASE_ADVISORY, PHASE_FRESH };

static int64_t wall_us(const struct credentials_cache *c)
{
    return c->context.clock->wall_us(c->context.clock->context);
}

static int64_t mono_us(const struct credentials_cache *c)
{
    return c->context.clock->mono_us(c->context.clock->context);
}

static double chance(const struct credentials_cache *c)
{
    return c->context.clock->chance(c->context.clock->context);
}

struct credentials_cache *credentials_cache_new(const struct credentials_provider *chain,
                                                const struct credentials_context *context)
{
    struct credentials_cache *c = calloc(1, sizeof *c);
    pthread_condattr_t attributes;
    if (!c)
        return NULL;
    c->chain = chain;
    c->context = *context;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wanted_changed, NULL);
    pthread_cond_init(&c->done, &attributes);
    pthread_condattr_destroy(&attributes);
    return c;
}

void credentials_cache_free(struct credentials_cache *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    bool started = c->started;
    c->stop = true;
    pthread_cond_signal(&c->wanted_changed);
    pthread_mutex_unlock(&c->mutex);
    if (started)
        pthread_join(c->thread, NULL);
    credentials_clear(&c->current);
    pthread_cond_destroy(&c->done);
    pthread_cond_destroy(&c->wanted_changed);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

/* ---- the thread --------------------------------------------------------------------------------
 */

static bool same(const struct credentials *a, const struct credentials *b)
{
    const char *token_a = a->session_token ? a->session_token : "";
    const char *token_b = b->session_token ? b->session_token : "";
    return a->access_key_id && b->access_key_id &&
           strcmp(a->access_key_id, b->access_key_id) == 0 &&
           strcmp(a->secret_access_key, b->secret_access_key) == 0 &&
           strcmp(token_a, token_b) == 0 && a->expires_us == b->expires_us;
}

static void log_found(const struct credentials *c)
{
    char until[CLOCK_TIME_SIZE];
    if (c->expires_us == CREDENTIALS_NEVER_EXPIRE) {
        log_info("AWS credentials from %s", c->source);
        return;
    }
    clock_format_us(c->expires_us, until);
    log_info("AWS credentials from %s, valid until %s", c->source, until);
}

/* Both windows shrink with a short life: else a set for 15 minutes would be due from the start. */
static void schedule(struct credentials_cache *c, int64_t now_us)
{
    if (c->current.expires_us == CREDENTIALS_NEVER_EXPIRE) {
        c->advisory_us = CREDENTIALS_NEVER_EXPIRE;
        c->mandatory_us = CREDENTIALS_NEVER_EXPIRE;
        return;
    }
    int64_t life = c->current.expires_us - now_us;
    int64_t advisory = life / 2 < ADVISORY_US ? life / 2 : ADVISORY_US;
    int64_t mandatory = life / 3 < MANDATORY_US ? life / 3 : MANDATORY_US;
    int64_t jitter = JITTER_US * advisory / ADVISORY_US;
    c->advisory_us = c->current.expires_us - advisory + (int64_t)(chance(c) * (double)jitter);
    c->mandatory_us = c->current.expires_us - mandatory;
}

/* Takes *fresh over. */
static void succeed(struct credentials_cache *c, struct credentials *fresh)
{
    c->error = (struct err){0};
    c->rest_us = 0;
    c->rest_until_us = mono_us(c) + REST_FIRST_US;
    if (same(fresh, &c->current)) {
        credentials_clear(fresh);
    } else {
        credentials_clear(&c->current);
        c->current = *fresh;
        c->generation++;
        log_found(&c->current);
    }
    schedule(c, wall_us(c));
}

/* Callers get a sentence that names no file, role or address: those are for the log. */
static void word_for_clients(struct err *e)
{
    /* A profile or an endpoint that cannot be right is found here at run time. */
    if (e->code == ERR_CREDENTIALS_NOT_CONFIGURED || e->code == ERR_CONFIGURATION)
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                "DynamoDB not available: AWS credentials not configured; the service's log says "
                "what was tried");
    else
        err_set(e, e->code,
                "the AWS credentials of this service could not be obtained; its log says why");
}

static void fail(struct credentials_cache *c, struct err *e)
{
    c->rest_us = c->rest_us ? c->rest_us * 2 : REST_FIRST_US;
    if (c->rest_us > REST_MAX_US)
        c->rest_us = REST_MAX_US;
    c->rest_until_us = mono_us(c) + c->rest_us;
    log_warning("%s", e->detail);
    word_for_clients(e);
    c->error = *e;
}

/* Called and returns with the mutex held; the chain is asked without it. */
static void refresh(struct credentials_cache *c)
{
    struct credentials fresh = {0};
    struct err e = {0};
    c->wanted = false;
    c->running = true;
    pthread_mutex_unlock(&c->mutex);
    int result = credentials_fetch(c->chain, &c->context, &fresh, &e);
    pthread_mutex_lock(&c->mutex);
    c->running = false;
    c->refreshes++;
    if (result == 0)
        succeed(c, &fresh);
    else
        fail(c, &e);
    pthread_cond_broadcast(&c->done);
}

static void *run(void *argument)
{
    struct credentials_cache *c = argument;
    pthread_mutex_lock(&c->mutex);
    while (!c->stop) {
        if (c->wanted)
            refresh(c);
        else
            pthread_cond_wait(&c->wanted_changed, &c->mutex);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* Not before it is needed: a thread does not survive a fork. It takes no signal: those are for the
 * threads that wait for them. */
static int start_thread(struct credentials_cache *c, struct err *e)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&c->thread, NULL, run, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error)
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "no thread can be started to get AWS credentials");
    c->started = true;
    return 0;
}

/* ---- the callers, all with the mutex held ------------------------------------------------------
 */

static int request_refresh(struct credentials_cache *c, struct err *e)
{
    if (!c->started && start_thread(c, e) != 0)
        return -1;
    if (!c->running && !c->wanted) {
        c->wanted = true;
        pthread_cond_signal(&c->wanted_changed);
    }
    return 0;
}

/* Real time, which is what the condition variable waits by, from the caller's clock. */
static struct timespec real_deadline(const struct credentials_cache *c, int64_t deadline_us)
{
    struct timespec t;
    int64_t left = deadline_us - mono_us(c);
    if (left < 0)
        left = 0;
    if (left > 3600 * SECOND)
        left = 3600 * SECOND;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + left % SECOND * 1000;
    t.tv_sec += (time_t)(left / SECOND + ns / 1000000000);
    t.tv_nsec = ns % 1000000000;
    return t;
}

/* Waits for the end of the refresh that is wanted or running. False: the deadline came first. */
static bool wait_for_refresh(struct credentials_cache *c, int64_t deadline_us)
{
    const struct timespec until = real_deadline(c, deadline_us);
    uint64_t before = c->refreshes;
    while (c->refreshes == before) {
        if (pthread_cond_timedwait(&c->done, &c->mutex, &until) == ETIMEDOUT)
            return c->refreshes != before;
    }
    return true;
}

static enum phase phase_of(const struct credentials_cache *c)
{
    int64_t now = wall_us(c);
    if (!c->current.access_key_id || now >= c->current.expires_us)
        return PHASE_NONE;
    if (now >= c->mandatory_us)
        return PHASE_MANDATORY;
    return now >= c->advisory_us ? PHASE_ADVISORY : PHASE_FRESH;
}

/* A set that has run out right after a success is asked for at once: only a failure keeps it. */
static bool rests(const struct credentials_cache *c, enum phase phase)
{
    if (phase == PHASE_NONE && c->error.code == ERR_NONE)
        return false;
    return mono_us(c) < c->rest_until_us;
}

/* With the time of the next try, for Retry-After. */
static int last_error(const struct credentials_cache *c, struct err *e)
{
    int64_t left = c->rest_until_us - mono_us(c);
    *e = c->error;
    e->retry_after_s = left > 0 ? (unsigned)((left + SECOND - 1) / SECOND) : 1;
    return -1;
}

static int too_late(struct err *e)
{
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                   "the AWS credentials of this service did not come in time");
}

/* While the old ones live, waiting for new ones must leave the time to use them. */
static int64_t patience_until(const struct credentials_cache *c, enum phase phase,
                              int64_t deadline_us)
{
    int64_t now = mono_us(c);
    int64_t half = now + (deadline_us - now) / 2;
    int64_t longest = now + SECOND;
    if (phase == PHASE_NONE)
        return deadline_us;
    return half < longest ? half : longest;
}

/* Sees to it that there is a usable set in c->current. */
static int make_ready(struct credentials_cache *c, int64_t deadline_us, struct err *e)
{
    for (;;) {
        enum phase phase = phase_of(c);
        if (phase == PHASE_FRESH)
            return 0;
        bool under_way = c->wanted || c->running;
        if (!under_way && rests(c, phase)) {
            if (phase != PHASE_NONE)
                return 0; /* the old ones still live */
            return last_error(c, e);
        }
        bool asked = request_refresh(c, e) == 0;
        if (phase == PHASE_ADVISORY)
            return 0;
        if (!asked || !wait_for_refresh(c, patience_until(c, phase, deadline_us))) {
            /* Again: waiting may have taken them past their end. */
            if (phase_of(c) != PHASE_NONE)
                return 0;
            return asked ? too_late(e) : -1;
        }
    }
}

int credentials_cache_update(struct credentials_cache *c, int64_t deadline_us,
                             struct credentials *held, uint64_t *generation, struct err *e)
{
    struct err own;
    struct credentials copy = {0};
    pthread_mutex_lock(&c->mutex);
    int result = make_ready(c, deadline_us, e ? e : &own);
    if (result == 0 && *generation != c->generation) {
        result = credentials_copy(&copy, &c->current);
        if (result != 0)
            err_set(e, ERR_INTERNAL, "out of memory");
    }
    uint64_t current = c->generation;
    pthread_mutex_unlock(&c->mutex);
    if (result == 0 && *generation != current) {
        credentials_clear(held);
        *held = copy;
        *generation = current;
    }
    return result;
}

int credentials_cache_get(struct credentials_cache *c, int64_t deadline_us, struct credentials *out,
                          struct err *e)
{
    uint64_t generation = 0;
    *out = (struct credentials){0};
    return credentials_cache_update(c, deadline_us, out, &generation, e);
}

static bool is_other_key(const struct credentials *a, const struct credentials *b)
{
    const char *token_a = a->session_token ? a->session_token : "";
    const char *token_b = b->session_token ? b->session_token : "";
    return !b->access_key_id || strcmp(a->access_key_id, b->access_key_id) != 0 ||
           strcmp(token_a, token_b) != 0;
}

static enum credentials_renewal replace_expired(struct credentials_cache *c,
                                                const struct credentials *old, int64_t deadline_us,
                                                struct err *e)
{
    if (is_other_key(old, &c->current) && c->current.access_key_id)
        return CREDENTIALS_CHANGED; /* by another thread */
    /* Many threads hear of it at once, and a provider may go on giving the same: it is asked once,
     * not once a request. */
    if (!c->wanted && !c->running && mono_us(c) < c->rest_until_us) {
        if (c->error.code == ERR_NONE)
            return CREDENTIALS_UNCHANGED;
        last_error(c, e);
        return CREDENTIALS_NOT_RENEWED;
    }
    if (request_refresh(c, e) != 0)
        return CREDENTIALS_NOT_RENEWED;
    if (!wait_for_refresh(c, deadline_us)) {
        too_late(e);
        return CREDENTIALS_NOT_RENEWED;
    }
    if (c->error.code != ERR_NONE) {
        last_error(c, e);
        return CREDENTIALS_NOT_RENEWED;
    }
    return is_other_key(old, &c->current) ? CREDENTIALS_CHANGED : CREDENTIALS_UNCHANGED;
}

enum credentials_renewal credentials_cache_expired(struct credentials_cache *c,
                                                   const struct credentials *old,
                                                   int64_t deadline_us, struct err *e)
{
    struct err own;
    pthread_mutex_lock(&c->mutex);
    enum credentials_renewal result = replace_expired(c, old, deadline_us, e ? e : &own);
    pthread_mutex_unlock(&c->mutex);
    return result;
}
