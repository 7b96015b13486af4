/*
 * One call of DynamoDB: its attempts with their credentials, signature and time, and what is done
 * after each. What a response means is dynamo_classify's business, how long to wait is retry's, and
 * where credentials come from is the cache's.
 */
#include "aws/dynamo.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials.h"
#include "aws/dynamo_classify.h"
#include "aws/dynamo_failure.h"
#include "aws/dynamo_request.h"
#include "aws/http_exchange.h"
#include "aws/region.h"
#include "aws/retry.h"
#include "aws/skew.h"
#include "aws/transport.h"
#include "base/log.h"
#include "base/metrics.h"

/* A page is 1 MB of items, a canceled transaction may return 4 MB of them; in JSON's notation a
 * byte can become six. */
#define ANSWER_CAP ((size_t)32 * 1024 * 1024)
/* A larger buffer is not kept for the next call: pages of lists are for whoever works on one. */
#define ANSWER_KEPT ((size_t)4 * 1024)

#define ATTEMPT_MIN_US 1000
#define NO_SKEW INT64_MIN

const char *const dynamo_outcome_names[DYNAMO_OUTCOMES] = {
    [DYNAMO_OK] = "ok",
    [DYNAMO_CONDITION_FAILED] = "condition_failed",
    [DYNAMO_TRANSACTION_CANCELED] = "transaction_canceled",
    [DYNAMO_TABLE_NOT_FOUND] = "table_not_found",
    [DYNAMO_TABLE_IN_USE] = "table_in_use",
    [DYNAMO_DENIED] = "denied",
    [DYNAMO_REJECTED] = "rejected",
    [DYNAMO_FAILED] = "failed",
};

struct dynamo_shared {
    const struct config *config;
    const struct clock *clock;
    struct dynamo_parts parts;
    struct transport_shared *transport_shared;
    struct transport *credentials_transport;
    struct http_exchange *exchange;
    struct credentials_cache *credentials;
    struct dynamo_endpoint endpoint;
    struct retry_quota quota;
    struct skew skew;                /* DynamoDB's or STS's, which are the same */
    _Atomic int64_t measured_skew_s; /* NO_SKEW: not yet */
};

struct dynamo {
    struct dynamo_shared *shared;
    struct transport_response response;
    struct credentials credentials; /* of the last attempt */
    uint64_t generation;            /* of them, as the cache counts */
    struct dynamo_request request;
    uint64_t prepared; /* the generation that it is for */
    int64_t deadline_us;
    struct dynamo_stats stats;
};

/* ---- the process's part ---------------------------------------------------------------------- */

static struct transport *make_transport(struct dynamo_shared *s, struct err *e)
{
    if (s->parts.transport_new)
        return s->parts.transport_new(s->parts.context, e);
    return transport_curl_new(s->transport_shared, e);
}

/* As many connections as threads can be at a call are kept. */
static struct http_exchange *make_exchange(struct dynamo_shared *s, struct err *e)
{
    if (s->parts.exchange_new)
        return s->parts.exchange_new(s->parts.context, e);
    return http_exchange_new(s->transport_shared, s->endpoint.url,
                             (unsigned)s->config->pool_threads, e);
}

static int find_endpoint(struct dynamo_shared *s, const struct credentials_context *context,
                         struct err *e)
{
    char url[ENDPOINT_SIZE];
    if (region_resolve(context, s->endpoint.region, e) != 0 ||
        endpoint_find(s->config, ENDPOINT_DYNAMODB, s->endpoint.region, url, e) != 0)
        return -1;
    user_agent_make(s->config, s->endpoint.user_agent);
    return dynamo_endpoint_set(&s->endpoint, url, e);
}

static int fill_shared(struct dynamo_shared *s, struct err *e)
{
    retry_quota_init(&s->quota);
    atomic_init(&s->measured_skew_s, NO_SKEW);
    if (!s->parts.transport_new || !s->parts.exchange_new) {
        s->transport_shared = transport_shared_new(s->config, e);
        if (!s->transport_shared)
            return -1;
    }
    s->credentials_transport = make_transport(s, e);
    if (!s->credentials_transport)
        return -1;
    struct credentials_context context = {.config = s->config,
                                          .clock = s->clock,
                                          .transport = s->credentials_transport,
                                          .skew = &s->skew};
    if (find_endpoint(s, &context, e) != 0)
        return -1;
    s->exchange = make_exchange(s, e);
    if (!s->exchange)
        return -1;
    context.region = s->endpoint.region;
    s->credentials =
        credentials_cache_new(s->parts.chain ? s->parts.chain : credentials_chain, &context);
    return s->credentials ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

struct dynamo_shared *dynamo_shared_new_with(const struct config *config, const struct clock *clock,
                                             const struct dynamo_parts *parts, struct err *e)
{
    struct dynamo_shared *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    s->config = config;
    s->clock = clock;
    if (parts)
        s->parts = *parts;
    if (fill_shared(s, e) != 0) {
        dynamo_shared_free(s);
        return NULL;
    }
    return s;
}

struct dynamo_shared *dynamo_shared_new(const struct config *config, const struct clock *clock,
                                        struct err *e)
{
    return dynamo_shared_new_with(config, clock, NULL, e);
}

void dynamo_shared_free(struct dynamo_shared *s)
{
    if (!s)
        return;
    credentials_cache_free(s->credentials); /* its thread uses the transport */
    if (s->credentials_transport)
        s->credentials_transport->free(s->credentials_transport);
    if (s->exchange)
        s->exchange->free(s->exchange);
    transport_shared_free(s->transport_shared);
    free(s);
}

const char *dynamo_endpoint(const struct dynamo_shared *s)
{
    return s->endpoint.url;
}

const char *dynamo_region(const struct dynamo_shared *s)
{
    return s->endpoint.region;
}

bool dynamo_clock_skew_s(const struct dynamo_shared *s, int64_t *out)
{
    *out = atomic_load_explicit(&s->measured_skew_s, memory_order_relaxed);
    return *out != NO_SKEW;
}

/* ---- the thread's part ----------------------------------------------------------------------- */

struct dynamo *dynamo_new(struct dynamo_shared *shared, struct err *e)
{
    struct dynamo *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    d->shared = shared;
    d->deadline_us = INT64_MAX;
    buf_init(&d->response.body, ANSWER_CAP);
    return d;
}

void dynamo_free(struct dynamo *d)
{
    if (!d)
        return;
    credentials_clear(&d->credentials);
    dynamo_request_free(&d->request);
    buf_free(&d->response.body);
    free(d);
}

void dynamo_begin(struct dynamo *d, int64_t deadline_us)
{
    d->stats = (struct dynamo_stats){0};
    d->deadline_us = deadline_us;
}

void dynamo_set_deadline(struct dynamo *d, int64_t deadline_us)
{
    d->deadline_us = deadline_us;
}

int64_t dynamo_deadline(const struct dynamo *d)
{
    return d->deadline_us;
}

struct dynamo_stats dynamo_stats(const struct dynamo *d)
{
    return d->stats;
}

static int64_t mono_us(const struct dynamo *d)
{
    return d->shared->clock->mono_us(d->shared->clock->context);
}

static int64_t wall_us(const struct dynamo *d)
{
    return d->shared->clock->wall_us(d->shared->clock->context);
}

/* ---- one attempt ----------------------------------------------------------------------------- */

/* What has happened to a call so far. */
struct progress {
    unsigned attempts;
    unsigned conflicts; /* attempts that failed by one */
    int paid;           /* to the quota, for the last retry */
    bool maybe_done;    /* an attempt to write may have been carried out */
    bool refreshed;     /* the credentials, after AWS called them expired */
    bool clock_corrected;
    int64_t signed_skew_s; /* of the last attempt: what was added to our clock */
    int64_t clock_s;       /* of the last attempt: our clock between sending and answer */
};

static int take_credentials(struct dynamo *d, struct err *e)
{
    return credentials_cache_update(d->shared->credentials, d->deadline_us, &d->credentials,
                                    &d->generation, e);
}

static int prepare(struct dynamo *d)
{
    if (d->prepared == d->generation)
        return 0;
    d->prepared = 0;
    if (dynamo_request_prepare(&d->request, &d->shared->endpoint, &d->credentials) < 0)
        return -1;
    d->prepared = d->generation;
    return 0;
}

static int sign(struct dynamo *d, struct progress *p, struct err *e)
{
    p->signed_skew_s = skew_get(&d->shared->skew);
    if (prepare(d) < 0 || dynamo_request_sign(&d->request, &d->shared->endpoint, &d->credentials,
                                              wall_us(d) / 1000000 + p->signed_skew_s) < 0)
        return err_set(e, ERR_INTERNAL, "a request to DynamoDB cannot be signed");
    return 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void send(struct dynamo *d, struct progress *p, int64_t left_us)
{
    const struct config *config = d->shared->config;
    const struct clock *clock = d->shared->clock;
    struct http_exchange *exchange = d->shared->exchange;
    const struct http_exchange_request request = {
        .text = buf_str(&d->request.text),
        .rest = d->request.rest,
        .connect_timeout_ms = least(config->connect_timeout_ms, left_us / 1000),
        .timeout_ms = least(config->attempt_timeout_ms, left_us / 1000),
    };
    struct skew_interval interval = skew_interval_begin(clock);
    exchange->perform(exchange, &request, &d->response);
    p->clock_s = skew_interval_middle_s(clock, &interval);
    memcpy(d->stats.request_id, d->response.request_id, sizeof(d->stats.request_id));
    if (d->response.outcome == TRANSPORT_ANSWERED && d->response.date_s >= 0)
        atomic_store_explicit(&d->shared->measured_skew_s, d->response.date_s - p->clock_s,
                              memory_order_relaxed);
}

/* -1 with e if nothing could be sent for a reason of our own. */
static int attempt(struct dynamo *d, const struct dynamo_call *call, struct progress *p,
                   struct verdict *v, struct err *e)
{
    if (d->deadline_us - mono_us(d) < ATTEMPT_MIN_US)
        return dynamo_too_late(p->maybe_done, e);
    if (take_credentials(d, e) != 0)
        return p->maybe_done ? dynamo_maybe_done(e) : -1;
    /* Credentials may have taken their time. */
    int64_t left_us = d->deadline_us - mono_us(d);
    if (left_us < ATTEMPT_MIN_US)
        return dynamo_too_late(p->maybe_done, e);
    if (sign(d, p, e) != 0)
        return -1;
    p->attempts++;
    send(d, p, left_us);
    dynamo_classify(&d->response, v);
    p->maybe_done |= v->maybe_done && dynamo_writes(call->operation);
    return 0;
}

/* ---- after it -------------------------------------------------------------------------------- */

static int fail(struct dynamo *d, const struct dynamo_call *call, const struct progress *p,
                const struct verdict *v, struct err *e)
{
    char what[64];

    snprintf(what, sizeof(what), "failed after %u attempt%s", p->attempts,
             p->attempts == 1 ? "" : "s");
    dynamo_log_fault(LOG_WARNING, call->operation, what, v, d->stats.request_id);
    return dynamo_failure(v, p->maybe_done, e);
}

static enum retry_kind retry_kind_of(const struct verdict *v)
{
    return v->kind == VERDICT_THROTTLED ? RETRY_THROTTLED : RETRY_TRANSIENT;
}

/*
 * Conflicts are the doing of callers who write to one session, not of DynamoDB: they are tried
 * again for as long as there is time, and cost nothing, so that one busy session does not use up
 * what the others may need.
 */
static bool may_retry(struct dynamo *d, const struct dynamo_call *call, const struct progress *p,
                      const struct verdict *v)
{
    if (v->maybe_done && !call->repeatable)
        return false;
    if (v->kind == VERDICT_CONFLICT)
        return true;
    return p->attempts - p->conflicts < (unsigned)d->shared->config->max_attempts;
}

/* Sleeps before the next attempt: 0 if there is to be one, -1 with e if not. */
static int wait_for_retry(struct dynamo *d, const struct dynamo_call *call, struct progress *p,
                          const struct verdict *v, struct err *e)
{
    const struct clock *clock = d->shared->clock;
    enum retry_kind kind = retry_kind_of(v);
    bool conflict = v->kind == VERDICT_CONFLICT;
    p->conflicts += conflict;
    if (!may_retry(d, call, p, v))
        return fail(d, call, p, v, e);
    unsigned failed = conflict ? p->conflicts : p->attempts - p->conflicts;
    int64_t pause = retry_pause_us(kind, failed, clock->chance(clock->context), v->retry_after_ms);
    if (pause >= d->deadline_us - mono_us(d) - ATTEMPT_MIN_US)
        return fail(d, call, p, v, e);
    int cost = conflict ? 0 : retry_cost(kind);
    if (!retry_quota_take(&d->shared->quota, cost))
        return fail(d, call, p, v, e);
    p->paid = cost;
    clock->sleep_us(clock->context, pause);
    return 0;
}

/* What was wrong has been set right: no pause, but an attempt like every other. */
static int repeat_at_once(struct dynamo *d, const struct dynamo_call *call, struct progress *p,
                          const struct verdict *v, struct err *e)
{
    int cost = retry_cost(RETRY_TRANSIENT);
    if (!may_retry(d, call, p, v) || !retry_quota_take(&d->shared->quota, cost))
        return fail(d, call, p, v, e);
    p->paid = cost;
    return 0;
}

static int refresh_credentials(struct dynamo *d, const struct dynamo_call *call, struct progress *p,
                               const struct verdict *v, struct err *e)
{
    if (p->refreshed)
        return fail(d, call, p, v, e);
    p->refreshed = true;
    int changed =
        credentials_cache_expired(d->shared->credentials, &d->credentials, d->deadline_us, e);
    if (changed < 0)
        return p->maybe_done ? dynamo_maybe_done(e) : -1;
    return changed ? repeat_at_once(d, call, p, v, e) : fail(d, call, p, v, e);
}

static int correct_clock(struct dynamo *d, const struct dynamo_call *call, struct progress *p,
                         const struct verdict *v, struct err *e)
{
    if (p->clock_corrected)
        return fail(d, call, p, v, e);
    p->clock_corrected = true;
    skew_correct(&d->shared->skew, v->server_s, p->clock_s, p->signed_skew_s);
    return repeat_at_once(d, call, p, v, e);
}

/* What to do after a fault: 0 to go on with another attempt, -1 with e. */
static int recover(struct dynamo *d, const struct dynamo_call *call, struct progress *p,
                   const struct verdict *v, struct err *e)
{
    if (v->kind == VERDICT_THROTTLED)
        metrics_throttle(call->operation);
    switch (v->kind) {
    case VERDICT_TRANSIENT:
    case VERDICT_THROTTLED:
    case VERDICT_CONFLICT:
        return wait_for_retry(d, call, p, v, e);
    case VERDICT_EXPIRED:
        return refresh_credentials(d, call, p, v, e);
    case VERDICT_CLOCK:
        return correct_clock(d, call, p, v, e);
    default:
        return fail(d, call, p, v, e);
    }
}

static void note_retry(struct dynamo *d, const struct dynamo_call *call, const struct verdict *v)
{
    d->stats.retries++;
    metrics_retry(call->operation);
    dynamo_log_fault(LOG_DEBUG, call->operation, "is tried again after", v, d->stats.request_id);
}

static void take_answer(struct dynamo *d, struct dynamo_answer *answer, const struct verdict *v)
{
    answer->outcome = v->outcome;
    answer->reasons = v->reasons;
    memcpy(answer->type, v->type, sizeof answer->type);
    memcpy(answer->message, v->message, sizeof answer->message);
    answer->client = d;
    answer->body = d->response.body;
    buf_init(&d->response.body, ANSWER_CAP);
}

static int run(struct dynamo *d, const struct dynamo_call *call, struct dynamo_answer *answer,
               struct err *e)
{
    struct progress p = {0};
    if (dynamo_request_begin(&d->request, call) < 0)
        return err_set(e, ERR_INTERNAL, "a request to DynamoDB cannot be signed");
    for (;;) {
        struct verdict v = {0};
        answer->repeated_after_maybe_sent = p.maybe_done;
        if (attempt(d, call, &p, &v, e) != 0)
            return -1;
        if (v.kind == VERDICT_ANSWER) {
            if (v.outcome == DYNAMO_OK)
                retry_quota_succeed(&d->shared->quota, p.paid);
            d->stats.refusals += dynamo_is_refusal(v.outcome);
            take_answer(d, answer, &v);
            return 0;
        }
        if (recover(d, call, &p, &v, e) != 0)
            return -1;
        note_retry(d, call, &v);
    }
}

int dynamo_call(struct dynamo *d, const struct dynamo_call *call, struct dynamo_answer *answer,
                struct err *e)
{
    int64_t began = mono_us(d);
    *answer = (struct dynamo_answer){.outcome = DYNAMO_FAILED};
    d->stats.calls++;
    int result = run(d, call, answer, e);
    int64_t us = mono_us(d) - began;
    d->stats.us += us;
    metrics_dynamodb(call->operation, answer->outcome, us);
    if (d->response.body.size > ANSWER_KEPT)
        buf_free(&d->response.body);
    return result;
}

/* One buffer is kept for the next answer: that of the answer that is freed first. */
void dynamo_answer_free(struct dynamo_answer *answer)
{
    struct dynamo *d = answer->client;
    bool keep = d && !d->response.body.data && answer->body.size <= ANSWER_KEPT;
    if (keep)
        d->response.body = answer->body;
    else
        buf_free(&answer->body);
    *answer = (struct dynamo_answer){.outcome = answer->outcome};
}
