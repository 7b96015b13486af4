/*
 * A thread's client, and one call of DynamoDB: how its attempts are made, signed and judged.
 * attempts decides whether there is another attempt, dynamo_classify what a response means, and the
 * cache where credentials come from.
 */
#include "aws/dynamo.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/attempts.h"
#include "aws/dynamo_classify.h"
#include "aws/dynamo_failure.h"
#include "aws/dynamo_shared.h"
#include "base/log.h"
#include "base/metrics.h"

/* A page is 1 MB of items, a canceled transaction may return 4 MB of them; in JSON's notation a
 * byte can become six. */
#define ANSWER_CAP ((size_t)32 * 1024 * 1024)
/* A larger buffer is not kept for the next call: few threads work on pages of lists at a time. */
#define ANSWER_KEPT ((size_t)4 * 1024)

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

/* ---- the client ----------------------------------------------------------------------------- */

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

/* ---- one call: how attempts are made and judged ---------------------------------------------- */

struct dynamo_progress {
    struct dynamo *d;
    const struct dynamo_call *call;
    struct dynamo_verdict verdict; /* of the last attempt */
    struct attempts attempts;
};

static int dynamo_get_credentials(void *context, struct err *e)
{
    struct dynamo_progress *p = context;
    struct dynamo *d = p->d;
    return credentials_cache_update(d->shared->credentials, d->deadline_us, &d->credentials,
                                    &d->generation, e);
}

static int prepare_request(struct dynamo *d)
{
    if (d->prepared == d->generation)
        return 0;
    d->prepared = 0;
    if (dynamo_request_prepare(&d->request, &d->shared->endpoint, &d->credentials) < 0)
        return -1;
    d->prepared = d->generation;
    return 0;
}

static int dynamo_sign(void *context, int64_t wall_s, struct err *e)
{
    struct dynamo_progress *p = context;
    struct dynamo *d = p->d;
    if (prepare_request(d) < 0 ||
        dynamo_request_sign(&d->request, &d->shared->endpoint, &d->credentials, wall_s) < 0)
        return err_set(e, ERR_INTERNAL, "a request to DynamoDB cannot be signed");
    return 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void dynamo_send(void *context, int64_t left_us)
{
    struct dynamo_progress *p = context;
    struct dynamo *d = p->d;
    const struct config *config = d->shared->config;
    struct http_exchange *exchange = d->shared->exchange;
    const struct http_exchange_request request = {
        .text = buf_str(&d->request.text),
        .rest = d->request.rest,
        .connect_timeout_ms = least(config->connect_timeout_ms, left_us / 1000),
        .timeout_ms = least(config->attempt_timeout_ms, left_us / 1000),
    };
    exchange->perform(exchange, &request, &d->response);
    memcpy(d->stats.request_id, d->response.request_id, sizeof(d->stats.request_id));
}

static enum attempt_outcome attempt_outcome_of(const struct dynamo_verdict *v)
{
    static const enum attempt_outcome outcomes[] = {
        [VERDICT_ANSWER] = ATTEMPT_REFUSED,       [VERDICT_TRANSIENT] = ATTEMPT_TRANSIENT,
        [VERDICT_THROTTLED] = ATTEMPT_THROTTLED,  [VERDICT_CONFLICT] = ATTEMPT_CONFLICT,
        [VERDICT_EXPIRED] = ATTEMPT_EXPIRED,      [VERDICT_CLOCK] = ATTEMPT_CLOCK,
        [VERDICT_KEY_UNKNOWN] = ATTEMPT_HOPELESS, [VERDICT_BAD_SIGNATURE] = ATTEMPT_HOPELESS,
        [VERDICT_UNRESOLVED] = ATTEMPT_HOPELESS,  [VERDICT_STRANGE] = ATTEMPT_HOPELESS,
    };
    if (v->kind == VERDICT_ANSWER && v->outcome == DYNAMO_OK)
        return ATTEMPT_SUCCEEDED;
    return outcomes[v->kind];
}

static void dynamo_judge(void *context, struct attempt_report *report)
{
    struct dynamo_progress *p = context;
    struct dynamo_verdict *v = &p->verdict;
    const struct transport_response *response = &p->d->response;
    if (response->outcome == TRANSPORT_ANSWERED && response->date_s >= 0)
        atomic_store_explicit(&p->d->shared->measured_skew_s,
                              response->date_s - p->attempts.clock_s, memory_order_relaxed);
    dynamo_classify(&p->d->response, v);
    if (v->kind == VERDICT_THROTTLED)
        metrics_throttle(p->call->operation);
    *report = (struct attempt_report){.outcome = attempt_outcome_of(v),
                                      .maybe_done = v->maybe_done,
                                      .server_s = v->server_s,
                                      .retry_after_ms = v->retry_after_ms};
}

static enum credentials_renewal dynamo_renew(void *context, struct err *e)
{
    struct dynamo_progress *p = context;
    struct dynamo *d = p->d;
    return credentials_cache_expired(d->shared->credentials, &d->credentials, d->deadline_us, e);
}

static void dynamo_note_repeat(void *context)
{
    struct dynamo_progress *p = context;
    p->d->stats.retries++;
    metrics_retry(p->call->operation);
    dynamo_log_fault(LOG_DEBUG, p->call->operation, "is tried again after", &p->verdict,
                     p->d->stats.request_id);
}

static const struct attempt_service dynamo_service = {
    .get_credentials = dynamo_get_credentials,
    .sign = dynamo_sign,
    .send = dynamo_send,
    .judge = dynamo_judge,
    .renew = dynamo_renew,
    .note_repeat = dynamo_note_repeat,
};

static enum attempt_effect effect_of(const struct dynamo_call *call)
{
    if (!dynamo_writes(call->operation))
        return ATTEMPT_READS;
    return call->repeatable ? ATTEMPT_WRITES : ATTEMPT_WRITES_ONCE;
}

static void progress_begin(struct dynamo_progress *p, struct dynamo *d,
                           const struct dynamo_call *call)
{
    struct dynamo_shared *shared = d->shared;
    p->d = d;
    p->call = call;
    p->attempts = (struct attempts){.service = &dynamo_service,
                                    .call = p,
                                    .clock = shared->clock,
                                    .skew = &shared->skew,
                                    .quota = &shared->quota,
                                    .deadline_us = d->deadline_us,
                                    .most = (unsigned)shared->config->max_attempts,
                                    .transient = RETRY_TRANSIENT,
                                    .throttled = RETRY_THROTTLED,
                                    .effect = effect_of(call)};
}

/* ---- its end --------------------------------------------------------------------------------- */

static void give_answer(struct dynamo_progress *p, struct dynamo_answer *answer)
{
    struct dynamo *d = p->d;
    const struct dynamo_verdict *v = &p->verdict;
    d->stats.refusals += dynamo_is_refusal(v->outcome);
    answer->outcome = v->outcome;
    answer->reasons = v->reasons;
    memcpy(answer->type, v->type, sizeof answer->type);
    memcpy(answer->message, v->message, sizeof answer->message);
    answer->repeated_after_maybe_sent = p->attempts.maybe_done;
    answer->client = d;
    answer->body = d->response.body;
    buf_init(&d->response.body, ANSWER_CAP);
}

static void log_failure(const struct dynamo_progress *p)
{
    char what[64];
    unsigned made = p->attempts.made;
    snprintf(what, sizeof(what), "failed after %u attempt%s", made, made == 1 ? "" : "s");
    dynamo_log_fault(LOG_WARNING, p->call->operation, what, &p->verdict, p->d->stats.request_id);
}

static int end_call(struct dynamo_progress *p, enum attempts_end end, struct dynamo_answer *answer,
                    struct err *e)
{
    bool maybe_done = p->attempts.maybe_done;
    switch (end) {
    case ATTEMPTS_ANSWERED:
        give_answer(p, answer);
        return 0;
    case ATTEMPTS_TOO_LATE:
        return dynamo_too_late(maybe_done, e);
    case ATTEMPTS_FAILED:
        log_failure(p);
        return dynamo_failure(&p->verdict, maybe_done, e);
    default:
        return maybe_done ? dynamo_maybe_done(e) : -1;
    }
}

static int make_call(struct dynamo *d, const struct dynamo_call *call, struct dynamo_answer *answer,
                     struct err *e)
{
    struct dynamo_progress p;
    if (dynamo_request_begin(&d->request, call) < 0)
        return err_set(e, ERR_INTERNAL, "a request to DynamoDB cannot be signed");
    progress_begin(&p, d, call);
    return end_call(&p, attempts_run(&p.attempts, e), answer, e);
}

int dynamo_call(struct dynamo *d, const struct dynamo_call *call, struct dynamo_answer *answer,
                struct err *e)
{
    int64_t began = mono_us(d);
    *answer = (struct dynamo_answer){.outcome = DYNAMO_FAILED};
    d->stats.calls++;
    int result = make_call(d, call, answer, e);
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
