/*
 * One attempt after the other: 1. credentials, 2. a signature for AWS's time, 3. send, 4. judge,
 * 5. set right what was wrong (credentials, clock) or pause, and begin again. Limits, deadline and
 * quota are looked at before each repetition. The numbers of pauses and quota are retry's.
 */
#include "aws/attempts.h"

/* With less time left nothing is begun. */
#define ATTEMPT_MIN_US 1000

static int64_t time_left_us(const struct attempts *a)
{
    return a->deadline_us - a->clock->mono_us(a->clock->context);
}

static int sign_for_now(struct attempts *a, struct err *e)
{
    if (!a->service->sign)
        return 0;
    a->signed_skew_s = skew_get(a->skew);
    int64_t wall_s = a->clock->wall_us(a->clock->context) / 1000000;
    return a->service->sign(a->call, wall_s + a->signed_skew_s, e);
}

static enum attempts_end make_attempt(struct attempts *a, struct attempt_report *report,
                                      struct err *e)
{
    const struct attempt_service *service = a->service;
    if (time_left_us(a) < ATTEMPT_MIN_US)
        return ATTEMPTS_TOO_LATE;
    if (service->get_credentials && service->get_credentials(a->call, e) < 0)
        return ATTEMPTS_STOPPED;
    /* Credentials may have taken their time. */
    int64_t left_us = time_left_us(a);
    if (left_us < ATTEMPT_MIN_US)
        return ATTEMPTS_TOO_LATE;
    if (sign_for_now(a, e) < 0)
        return ATTEMPTS_STOPPED;
    a->made++;
    struct skew_interval interval = skew_interval_begin(a->clock);
    service->send(a->call, left_us);
    a->clock_s = skew_interval_middle_s(a->clock, &interval);
    service->judge(a->call, report);
    a->maybe_done |= report->maybe_done && a->effect != ATTEMPT_READS;
    return ATTEMPTS_GO_ON;
}

static bool may_repeat(const struct attempts *a, const struct attempt_report *report)
{
    if (report->maybe_done && a->effect == ATTEMPT_WRITES_ONCE)
        return false;
    return report->outcome == ATTEMPT_CONFLICT || a->made - a->conflicts < a->most;
}

static bool pay(struct attempts *a, int cost)
{
    if (a->quota && !retry_quota_take(a->quota, cost))
        return false;
    a->paid = cost;
    return true;
}

static enum attempts_end pause_and_repeat(struct attempts *a, const struct attempt_report *report)
{
    const struct clock *clock = a->clock;
    bool conflict = report->outcome == ATTEMPT_CONFLICT;
    enum retry_kind kind = report->outcome == ATTEMPT_THROTTLED ? a->throttled : a->transient;
    a->conflicts += conflict;
    if (!may_repeat(a, report))
        return ATTEMPTS_FAILED;
    unsigned failed = conflict ? a->conflicts : a->made - a->conflicts;
    int64_t pause =
        retry_pause_us(kind, failed, clock->chance(clock->context), report->retry_after_ms);
    if (pause >= time_left_us(a) - ATTEMPT_MIN_US || !pay(a, conflict ? 0 : retry_cost(kind)))
        return ATTEMPTS_FAILED;
    clock->sleep_us(clock->context, pause);
    return ATTEMPTS_GO_ON;
}

/* What was wrong has been set right: no pause, but an attempt like every other. */
static enum attempts_end repeat_at_once(struct attempts *a, const struct attempt_report *report)
{
    if (!may_repeat(a, report) || !pay(a, retry_cost(a->transient)))
        return ATTEMPTS_FAILED;
    return ATTEMPTS_GO_ON;
}

static enum attempts_end renew_and_repeat(struct attempts *a, const struct attempt_report *report,
                                          struct err *e)
{
    if (a->renewed)
        return ATTEMPTS_FAILED;
    a->renewed = true;
    switch (a->service->renew(a->call, e)) {
    case CREDENTIALS_CHANGED:
        return repeat_at_once(a, report);
    case CREDENTIALS_UNCHANGED:
        return ATTEMPTS_FAILED;
    default:
        return ATTEMPTS_STOPPED;
    }
}

static enum attempts_end correct_and_repeat(struct attempts *a, const struct attempt_report *report)
{
    if (a->clock_corrected)
        return ATTEMPTS_FAILED;
    a->clock_corrected = true;
    skew_correct(a->skew, report->server_s, a->clock_s, a->signed_skew_s);
    return repeat_at_once(a, report);
}

static enum attempts_end conclude_attempt(struct attempts *a, const struct attempt_report *report,
                                          struct err *e)
{
    switch (report->outcome) {
    case ATTEMPT_SUCCEEDED:
        if (a->quota)
            retry_quota_succeed(a->quota, a->paid);
        return ATTEMPTS_ANSWERED;
    case ATTEMPT_REFUSED:
        return ATTEMPTS_ANSWERED;
    case ATTEMPT_TRANSIENT:
    case ATTEMPT_THROTTLED:
    case ATTEMPT_CONFLICT:
        return pause_and_repeat(a, report);
    case ATTEMPT_EXPIRED:
        return renew_and_repeat(a, report, e);
    case ATTEMPT_CLOCK:
        return correct_and_repeat(a, report);
    default:
        return ATTEMPTS_FAILED;
    }
}

enum attempts_end attempts_run(struct attempts *a, struct err *e)
{
    for (;;) {
        struct attempt_report report = {0};
        enum attempts_end end = make_attempt(a, &report, e);
        if (end == ATTEMPTS_GO_ON)
            end = conclude_attempt(a, &report, e);
        if (end != ATTEMPTS_GO_ON)
            return end;
        if (a->service->note_repeat)
            a->service->note_repeat(a->call);
    }
}
