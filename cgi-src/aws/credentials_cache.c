/*
 * The cache around the chain: decides when the chain is asked and who waits for it. It is asked by
 * the thread of a refresher, one question at a time. What a provider does is not known here.
 */
#include "aws/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/refresher.h"

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
    struct refresher refresher;
    /* below: under its lock */
    struct credentials current; /* access_key_id NULL: none */
    uint64_t generation;        /* of current; 0: none yet */
    int64_t advisory_us;        /* wall clock */
    int64_t mandatory_us;
    int64_t rest_us;  /* after the last failure; 0 after a success */
    struct err error; /* of the last refresh; code ERR_NONE if it succeeded */
};

enum phase { PHASE_NONE, PHASE_MANDATORY, PHASE_ADVISORY, PHASE_FRESH };

static int64_t cache_wall_us(const struct credentials_cache *c)
{
    return c->context.clock->wall_us(c->context.clock->context);
}

static int64_t cache_mono_us(const struct credentials_cache *c)
{
    return c->context.clock->mono_us(c->context.clock->context);
}

static double cache_chance(const struct credentials_cache *c)
{
    return c->context.clock->chance(c->context.clock->context);
}

/* ---- a refresh ------------------------------------------------------------------------------- */

static bool credentials_are_same(const struct credentials *a, const struct credentials *b)
{
    const char *token_a = a->session_token ? a->session_token : "";
    const char *token_b = b->session_token ? b->session_token : "";
    return a->access_key_id && b->access_key_id &&
           strcmp(a->access_key_id, b->access_key_id) == 0 &&
           strcmp(a->secret_access_key, b->secret_access_key) == 0 &&
           strcmp(token_a, token_b) == 0 && a->expires_us == b->expires_us;
}

static void log_source(const struct credentials *c)
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
static void schedule_refresh(struct credentials_cache *c, int64_t now_us)
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
    c->advisory_us = c->current.expires_us - advisory + (int64_t)(cache_chance(c) * (double)jitter);
    c->mandatory_us = c->current.expires_us - mandatory;
}

/* Takes *fresh over; returns how long the chain rests. */
static int64_t keep_credentials(struct credentials_cache *c, struct credentials *fresh)
{
    c->error = (struct err){0};
    c->rest_us = 0;
    if (credentials_are_same(fresh, &c->current)) {
        credentials_clear(fresh);
    } else {
        credentials_clear(&c->current);
        c->current = *fresh;
        c->generation++;
        log_source(&c->current);
    }
    schedule_refresh(c, cache_wall_us(c));
    return REST_FIRST_US;
}

/* Callers get a sentence that names no file, role or address: those are for the log. */
static void word_for_clients(struct err *e)
{
    /* A profile or an endpoint that cannot be right is found here at run time. */
    if (e->code == ERR_CREDENTIALS_NOT_CONFIGURED || e->code == ERR_CONFIGURATION)
        err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                "AWS credentials not configured; the service's log says what was tried");
    else
        err_set(e, e->code,
                "the AWS credentials of this service could not be obtained; its log says why");
}

static int64_t keep_failure(struct credentials_cache *c, struct err *e)
{
    c->rest_us = c->rest_us ? c->rest_us * 2 : REST_FIRST_US;
    if (c->rest_us > REST_MAX_US)
        c->rest_us = REST_MAX_US;
    log_warning("%s", e->detail);
    word_for_clients(e);
    c->error = *e;
    return c->rest_us;
}

static int64_t refresh_credentials(void *owner)
{
    struct credentials_cache *c = owner;
    struct credentials fresh = {0};
    struct err e = {0};
    int result = credentials_fetch(c->chain, &c->context, &fresh, &e);
    pthread_mutex_lock(&c->refresher.lock);
    int64_t rest_us = result == 0 ? keep_credentials(c, &fresh) : keep_failure(c, &e);
    pthread_mutex_unlock(&c->refresher.lock);
    return cache_mono_us(c) + rest_us;
}

/* ---- the callers, all with the lock held ----------------------------------------------------- */

static enum phase phase_of(const struct credentials_cache *c)
{
    int64_t now = cache_wall_us(c);
    if (!c->current.access_key_id || now >= c->current.expires_us)
        return PHASE_NONE;
    if (now >= c->mandatory_us)
        return PHASE_MANDATORY;
    return now >= c->advisory_us ? PHASE_ADVISORY : PHASE_FRESH;
}

/* With the time of the next try, for Retry-After. */
static int last_error(const struct credentials_cache *c, struct err *e)
{
    int64_t left = refresher_rest_us(&c->refresher);
    *e = c->error;
    e->retry_after_s = left > 0 ? (unsigned)((left + SECOND - 1) / SECOND) : 1;
    return -1;
}

static int credentials_too_late(struct err *e)
{
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                   "the AWS credentials of this service did not come in time");
}

static int credentials_helpless(struct err *e)
{
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "no thread can be started to get AWS credentials");
}

/* While the old ones live, waiting for new ones must leave the time to use them. */
static int64_t patience_us(const struct credentials_cache *c, enum phase phase, int64_t deadline_us)
{
    int64_t left = deadline_us - cache_mono_us(c);
    if (phase == PHASE_NONE)
        return left;
    return left / 2 < SECOND ? left / 2 : SECOND;
}

/* A set that has run out right after a success is asked for at once: only a failure keeps it. */
static enum refresher_haste haste_of(const struct credentials_cache *c, enum phase phase)
{
    return phase == PHASE_NONE && c->error.code == ERR_NONE ? REFRESHER_IGNORE_REST
                                                            : REFRESHER_HEED_REST;
}

/* Sees to it that there is a usable set in c->current. */
static int make_ready(struct credentials_cache *c, int64_t deadline_us, struct err *e)
{
    for (;;) {
        enum phase phase = phase_of(c);
        if (phase == PHASE_FRESH)
            return 0;
        enum refresher_state state = refresher_ask(&c->refresher, haste_of(c, phase));
        if (state == REFRESHER_RESTS)
            return phase == PHASE_NONE ? last_error(c, e) : 0; /* the old ones still live */
        if (phase == PHASE_ADVISORY)
            return 0;
        if (state == REFRESHER_UNDER_WAY &&
            refresher_wait(&c->refresher, patience_us(c, phase, deadline_us)) == REFRESHER_ENDED)
            continue;
        /* Again: waiting may have taken them past their end. */
        if (phase_of(c) != PHASE_NONE)
            return 0;
        return state == REFRESHER_HELPLESS ? credentials_helpless(e) : credentials_too_late(e);
    }
}

int credentials_cache_update(struct credentials_cache *c, int64_t deadline_us,
                             struct credentials *held, uint64_t *generation, struct err *e)
{
    struct err own;
    struct credentials copy = {0};
    pthread_mutex_lock(&c->refresher.lock);
    int result = make_ready(c, deadline_us, e ? e : &own);
    if (result == 0 && *generation != c->generation) {
        result = credentials_copy(&copy, &c->current);
        if (result != 0)
            err_set(e, ERR_INTERNAL, "out of memory");
    }
    uint64_t current = c->generation;
    pthread_mutex_unlock(&c->refresher.lock);
    if (result == 0 && *generation != current) {
        credentials_clear(held);
        *held = copy;
        *generation = current;
    }
    return result;
}

static bool is_other_key(const struct credentials *a, const struct credentials *b)
{
    const char *token_a = a->session_token ? a->session_token : "";
    const char *token_b = b->session_token ? b->session_token : "";
    return !b->access_key_id || strcmp(a->access_key_id, b->access_key_id) != 0 ||
           strcmp(token_a, token_b) != 0;
}

/* 0 if a refresh has ended well since, or not long ago; -1 with e. Many threads hear of expired
 * ones at once, and a provider may go on giving the same: it is asked once, not once a request. */
static int refresh_expired(struct credentials_cache *c, int64_t deadline_us, struct err *e)
{
    switch (refresher_ask(&c->refresher, REFRESHER_HEED_REST)) {
    case REFRESHER_HELPLESS:
        return credentials_helpless(e);
    case REFRESHER_UNDER_WAY:
        if (refresher_wait(&c->refresher, deadline_us - cache_mono_us(c)) != REFRESHER_ENDED)
            return credentials_too_late(e);
        break;
    case REFRESHER_RESTS:
        break;
    }
    return c->error.code == ERR_NONE ? 0 : last_error(c, e);
}

static enum credentials_renewal replace_expired(struct credentials_cache *c,
                                                const struct credentials *old, int64_t deadline_us,
                                                struct err *e)
{
    if (is_other_key(old, &c->current) && c->current.access_key_id)
        return CREDENTIALS_CHANGED; /* by another thread */
    if (refresh_expired(c, deadline_us, e) < 0)
        return CREDENTIALS_NOT_RENEWED;
    return is_other_key(old, &c->current) ? CREDENTIALS_CHANGED : CREDENTIALS_UNCHANGED;
}

enum credentials_renewal credentials_cache_expired(struct credentials_cache *c,
                                                   const struct credentials *old,
                                                   int64_t deadline_us, struct err *e)
{
    struct err own;
    pthread_mutex_lock(&c->refresher.lock);
    enum credentials_renewal result = replace_expired(c, old, deadline_us, e ? e : &own);
    pthread_mutex_unlock(&c->refresher.lock);
    return result;
}

/* ---- making and ending ----------------------------------------------------------------------- */

struct credentials_cache *credentials_cache_new(const struct credentials_provider *chain,
                                                const struct credentials_context *context)
{
    struct credentials_cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->chain = chain;
    c->context = *context;
    refresher_init(&c->refresher, context->clock, refresh_credentials, c);
    return c;
}

void credentials_cache_free(struct credentials_cache *c)
{
    if (!c)
        return;
    refresher_free(&c->refresher);
    credentials_clear(&c->current);
    free(c);
}
