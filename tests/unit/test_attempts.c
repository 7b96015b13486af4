/*
 * The attempts of a call without a network: each row is a script of what attempts come to, and how
 * the call must end, after how many attempts, pauses and quota. Then the moments that are no rows:
 * what a signature is dated with, and in which order a service is asked.
 */
#include "fakes.h"

#include "aws/attempts.h"

#define SECOND INT64_C(1000000)
#define START_US (3600 * SECOND)
#define FOREVER INT64_MAX
#define FAULT(what)                                                                                \
    {                                                                                              \
        .report = {.outcome = ATTEMPT_##what }                                                     \
    }
#define MAYBE(what)                                                                                \
    {                                                                                              \
        .report = {.outcome = ATTEMPT_##what, .maybe_done = true }                                 \
    }
#define SLOW(what, us)                                                                             \
    {                                                                                              \
        .report = {.outcome = ATTEMPT_##what}, .took_us = (us)                                     \
    }
#define WISH(what, ms)                                                                             \
    {                                                                                              \
        .report = {.outcome = ATTEMPT_##what, .retry_after_ms = (ms) }                             \
    }
#define CLOCK_AHEAD(seconds)                                                                       \
    {                                                                                              \
        .report = {.outcome = ATTEMPT_CLOCK}, .server_ahead_s = (seconds)                          \
    }

/* One attempt of the script; beyond its end a test fails. */
struct scripted {
    struct attempt_report report;
    int64_t took_us;
    int64_t server_ahead_s; /* ATTEMPT_CLOCK: of this machine's clock */
};

/* A call whose service answers by the script, and what was asked of it. */
struct scripted_call {
    const struct scripted *script;
    struct fake_clock time;
    enum credentials_renewal renewal;
    unsigned credentials_fail_at; /* the attempt, from 1, that gets no credentials; 0: none */
    unsigned sign_fails_at;
    int64_t credentials_took_us;
    unsigned asked; /* for credentials */
    unsigned sent;
    unsigned renewed;
    unsigned repeated;
    int64_t left_us;  /* as the last send was told */
    int64_t dates[8]; /* of the signatures */
    char steps[128];  /* "c": credentials, "s": signed, "x": sent, "j": judged, "r": repeated */
};

static void note_step(struct scripted_call *c, char step)
{
    size_t n = strlen(c->steps);
    if (n + 1 < sizeof c->steps)
        c->steps[n] = step;
}

static int scripted_get_credentials(void *context, struct err *e)
{
    struct scripted_call *c = context;
    note_step(c, 'c');
    fake_advance(&c->time, c->credentials_took_us);
    if (++c->asked == c->credentials_fail_at)
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "none");
    return 0;
}

static int scripted_sign(void *context, int64_t wall_s, struct err *e)
{
    struct scripted_call *c = context;
    note_step(c, 's');
    if (c->sent < COUNT(c->dates))
        c->dates[c->sent] = wall_s;
    return c->sent + 1 == c->sign_fails_at ? err_set(e, ERR_INTERNAL, "unsigned") : 0;
}

static void scripted_send(void *context, int64_t left_us)
{
    struct scripted_call *c = context;
    note_step(c, 'x');
    c->left_us = left_us;
    fake_advance(&c->time, c->script[c->sent].took_us);
}

static void scripted_judge(void *context, struct attempt_report *report)
{
    struct scripted_call *c = context;
    const struct scripted *step = &c->script[c->sent++];
    note_step(c, 'j');
    *report = step->report;
    report->server_s = c->time.wall_us / SECOND + step->server_ahead_s;
}

static enum credentials_renewal scripted_renew(void *context, struct err *e)
{
    struct scripted_call *c = context;
    c->renewed++;
    if (c->renewal == CREDENTIALS_NOT_RENEWED)
        err_set(e, ERR_DYNAMODB_UNAVAILABLE, "no others");
    return c->renewal;
}

static void scripted_note_repeat(void *context)
{
    struct scripted_call *c = context;
    note_step(c, 'r');
    c->repeated++;
}

static const struct attempt_service scripted_service = {
    scripted_get_credentials, scripted_sign,  scripted_send,
    scripted_judge,           scripted_renew, scripted_note_repeat};

/* ---- rows ------------------------------------------------------------------------------------ */

/* Chance is one half, so pauses of transient faults are 12.5, 25, 50 ms and those of throttling
 * 0.5, 1, 2 s. Four attempts at most, unless the row says otherwise. */
static const struct row {
    const char *name;
    struct scripted script[10];
    enum attempt_effect effect;
    unsigned most;       /* 0: 4 */
    int64_t deadline_us; /* from the start; 0: none */
    int quota;           /* at the start; 0: a full bucket */
    enum credentials_renewal renewal;
    unsigned credentials_fail_at;
    unsigned sign_fails_at;
    int64_t credentials_took_us;
    enum attempts_end end;
    unsigned made;
    int64_t slept_us;
    int quota_left; /* 0: a full bucket */
    bool maybe_done;
    enum err_code code; /* that e must have */
} rows[] = {
    {"an answer at once", {FAULT(SUCCEEDED)}, .end = ATTEMPTS_ANSWERED, .made = 1},
    {"a refusal is an answer", {FAULT(REFUSED)}, .end = ATTEMPTS_ANSWERED, .made = 1},
    {"a success gives a token back",
     {FAULT(SUCCEEDED)},
     .quota = 100,
     .end = ATTEMPTS_ANSWERED,
     .made = 1,
     .quota_left = 101},
    {"a refusal gives none back",
     {FAULT(REFUSED)},
     .quota = 100,
     .end = ATTEMPTS_ANSWERED,
     .made = 1,
     .quota_left = 100},
    {"a success gives back what the last retry cost",
     {FAULT(THROTTLED), FAULT(TRANSIENT), FAULT(SUCCEEDED)},
     .quota = 100,
     .end = ATTEMPTS_ANSWERED,
     .made = 3,
     .slept_us = 525000,
     .quota_left = 95},
    {"hopeless", {FAULT(HOPELESS)}, .end = ATTEMPTS_FAILED, .made = 1},
    {"transient faults to the last attempt",
     {FAULT(TRANSIENT), FAULT(TRANSIENT), FAULT(TRANSIENT), FAULT(TRANSIENT)},
     .end = ATTEMPTS_FAILED,
     .made = 4,
     .slept_us = 87500,
     .quota_left = 500 - 3 * 14},
    {"one attempt alone", {FAULT(TRANSIENT)}, .most = 1, .end = ATTEMPTS_FAILED, .made = 1},
    {"throttled to the last attempt",
     {FAULT(THROTTLED), FAULT(THROTTLED), FAULT(THROTTLED), FAULT(THROTTLED)},
     .end = ATTEMPTS_FAILED,
     .made = 4,
     .slept_us = 3500000,
     .quota_left = 500 - 3 * 5},
    {"the server's wish is the pause",
     {WISH(TRANSIENT, 700), FAULT(SUCCEEDED)},
     .end = ATTEMPTS_ANSWERED,
     .made = 2,
     .slept_us = 700000},
    {"conflicts go on beyond the last attempt, and cost nothing",
     {FAULT(CONFLICT), FAULT(CONFLICT), FAULT(CONFLICT), FAULT(CONFLICT), FAULT(CONFLICT),
      FAULT(SUCCEEDED)},
     .most = 2,
     .quota = 3,
     .end = ATTEMPTS_ANSWERED,
     .made = 6,
     .slept_us = 12500 + 25000 + 50000 + 100000 + 200000,
     .quota_left = 4},
    {"conflicts do not use up the attempts of faults",
     {FAULT(CONFLICT), FAULT(TRANSIENT), FAULT(CONFLICT), FAULT(TRANSIENT)},
     .most = 2,
     .end = ATTEMPTS_FAILED,
     .made = 4,
     .slept_us = 12500 + 12500 + 25000,
     .quota_left = 500 - 14},
    {"conflicts end with the time",
     {FAULT(CONFLICT), FAULT(CONFLICT), FAULT(CONFLICT)},
     .deadline_us = 60000,
     .end = ATTEMPTS_FAILED,
     .made = 3,
     .slept_us = 37500},
    {"an empty quota",
     {FAULT(TRANSIENT)},
     .quota = 13,
     .end = ATTEMPTS_FAILED,
     .made = 1,
     .quota_left = 13},
    {"a pause that would pass the deadline is not begun",
     {FAULT(THROTTLED)},
     .deadline_us = 500000,
     .end = ATTEMPTS_FAILED,
     .made = 1},
    {"a pause that just fits",
     {FAULT(THROTTLED), FAULT(SUCCEEDED)},
     .deadline_us = 501001,
     .end = ATTEMPTS_ANSWERED,
     .made = 2,
     .slept_us = 500000},
    {"no time at all", {FAULT(SUCCEEDED)}, .deadline_us = 999, .end = ATTEMPTS_TOO_LATE},
    {"the credentials took all of it",
     {FAULT(SUCCEEDED)},
     .deadline_us = 2000,
     .credentials_took_us = 1500,
     .end = ATTEMPTS_TOO_LATE},
    {"an attempt took all of it",
     {SLOW(TRANSIENT, 2 * SECOND)},
     .deadline_us = SECOND,
     .end = ATTEMPTS_FAILED,
     .made = 1},
    {"no credentials",
     {FAULT(SUCCEEDED)},
     .credentials_fail_at = 1,
     .end = ATTEMPTS_STOPPED,
     .code = ERR_CREDENTIALS_NOT_CONFIGURED},
    {"no signature",
     {FAULT(SUCCEEDED)},
     .sign_fails_at = 1,
     .end = ATTEMPTS_STOPPED,
     .code = ERR_INTERNAL},

    {"a write that may have been carried out, and then an answer",
     {MAYBE(TRANSIENT), FAULT(REFUSED)},
     .effect = ATTEMPT_WRITES,
     .end = ATTEMPTS_ANSWERED,
     .made = 2,
     .slept_us = 12500,
     .quota_left = 486,
     .maybe_done = true},
    {"a write that may have been carried out stays so, whatever follows",
     {MAYBE(TRANSIENT), FAULT(THROTTLED), FAULT(HOPELESS)},
     .effect = ATTEMPT_WRITES,
     .end = ATTEMPTS_FAILED,
     .made = 3,
     .slept_us = 1012500,
     .quota_left = 481,
     .maybe_done = true},
    {"also when the next attempt has no credentials",
     {MAYBE(TRANSIENT)},
     .effect = ATTEMPT_WRITES,
     .credentials_fail_at = 2,
     .end = ATTEMPTS_STOPPED,
     .made = 1,
     .slept_us = 12500,
     .quota_left = 486,
     .maybe_done = true,
     .code = ERR_CREDENTIALS_NOT_CONFIGURED},
    {"a write that is made once is not repeated after it",
     {MAYBE(TRANSIENT)},
     .effect = ATTEMPT_WRITES_ONCE,
     .end = ATTEMPTS_FAILED,
     .made = 1,
     .maybe_done = true},
    {"but is after a fault that carried nothing out",
     {FAULT(TRANSIENT), FAULT(SUCCEEDED)},
     .effect = ATTEMPT_WRITES_ONCE,
     .end = ATTEMPTS_ANSWERED,
     .made = 2,
     .slept_us = 12500},
    {"a read is never half done",
     {MAYBE(TRANSIENT), FAULT(SUCCEEDED)},
     .end = ATTEMPTS_ANSWERED,
     .made = 2,
     .slept_us = 12500},

    {"expired, and others are there: at once",
     {FAULT(EXPIRED), FAULT(SUCCEEDED)},
     .renewal = CREDENTIALS_CHANGED,
     .end = ATTEMPTS_ANSWERED,
     .made = 2},
    {"expired, and there are no others",
     {FAULT(EXPIRED)},
     .renewal = CREDENTIALS_UNCHANGED,
     .end = ATTEMPTS_FAILED,
     .made = 1},
    {"expired, and others cannot be had",
     {FAULT(EXPIRED)},
     .renewal = CREDENTIALS_NOT_RENEWED,
     .end = ATTEMPTS_STOPPED,
     .made = 1,
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {"expired twice",
     {FAULT(EXPIRED), FAULT(EXPIRED)},
     .renewal = CREDENTIALS_CHANGED,
     .end = ATTEMPTS_FAILED,
     .made = 2,
     .quota_left = 486},
    {"expired at the last attempt",
     {FAULT(EXPIRED)},
     .renewal = CREDENTIALS_CHANGED,
     .most = 1,
     .end = ATTEMPTS_FAILED,
     .made = 1},
    {"the clock, once", {CLOCK_AHEAD(900), FAULT(SUCCEEDED)}, .end = ATTEMPTS_ANSWERED, .made = 2},
    {"the clock, twice",
     {CLOCK_AHEAD(900), CLOCK_AHEAD(900)},
     .end = ATTEMPTS_FAILED,
     .made = 2,
     .quota_left = 486},
    {"the clock and the token",
     {CLOCK_AHEAD(900), FAULT(EXPIRED), FAULT(SUCCEEDED)},
     .renewal = CREDENTIALS_CHANGED,
     .end = ATTEMPTS_ANSWERED,
     .made = 3,
     .quota_left = 486},
    {"the clock costs quota too",
     {CLOCK_AHEAD(900)},
     .quota = 13,
     .end = ATTEMPTS_FAILED,
     .made = 1,
     .quota_left = 13},
};

/* A call on its way, with all that it borrows. */
struct bench {
    struct scripted_call call;
    struct clock clock;
    struct skew skew;
    struct retry_quota quota;
    struct attempts attempts;
};

static void bench_init(struct bench *b, const struct scripted *script)
{
    *b = (struct bench){
        .call = {.script = script,
                 .time = {.wall_us = FAKE_NOW_US, .mono_us = START_US, .chance = 0.5}}};
    b->clock = fake_clock_table(&b->call.time);
    retry_quota_init(&b->quota);
    b->attempts = (struct attempts){.service = &scripted_service,
                                    .call = &b->call,
                                    .clock = &b->clock,
                                    .skew = &b->skew,
                                    .quota = &b->quota,
                                    .deadline_us = FOREVER,
                                    .most = 4,
                                    .transient = RETRY_TRANSIENT,
                                    .throttled = RETRY_THROTTLED};
}

static void check_row(const struct row *row)
{
    struct bench b;
    struct err e = {0};
    print_message("  %s\n", row->name);
    bench_init(&b, row->script);
    b.call.renewal = row->renewal;
    b.call.credentials_fail_at = row->credentials_fail_at;
    b.call.sign_fails_at = row->sign_fails_at;
    b.call.credentials_took_us = row->credentials_took_us;
    b.attempts.effect = row->effect;
    if (row->most)
        b.attempts.most = row->most;
    if (row->deadline_us)
        b.attempts.deadline_us = START_US + row->deadline_us;
    if (row->quota)
        b.quota.tokens = row->quota;
    assert_int_equal(attempts_run(&b.attempts, &e), row->end);
    assert_int_equal(b.attempts.made, row->made);
    assert_int_equal(b.call.sent, row->made);
    assert_int_equal(b.call.time.slept_us, row->slept_us);
    assert_int_equal(b.quota.tokens, row->quota_left ? row->quota_left : RETRY_QUOTA_SIZE);
    assert_int_equal(b.attempts.maybe_done, row->maybe_done);
    assert_int_equal(e.code, row->code);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(&rows[i]);
}

/* ---- signatures ------------------------------------------------------------------------------ */

/* What is learned counts for the next attempt, and for the next call. */
static void test_a_corrected_clock_dates_the_next_signature(void **state)
{
    static const struct scripted script[] = {CLOCK_AHEAD(900), FAULT(SUCCEEDED)};
    struct bench b;
    struct err e = {0};
    (void)state;
    bench_init(&b, script);
    assert_int_equal(attempts_run(&b.attempts, &e), ATTEMPTS_ANSWERED);
    assert_int_equal(b.call.dates[0], FAKE_NOW_US / SECOND);
    assert_int_equal(b.call.dates[1], FAKE_NOW_US / SECOND + 900);
    assert_int_equal(skew_get(&b.skew), 900);
    assert_int_equal(b.attempts.signed_skew_s, 900);
}

/* The process was held up between signing and sending: the clocks agree, so nothing is corrected.
 */
static void test_an_old_signature_is_made_again(void **state)
{
    static const struct scripted script[] = {CLOCK_AHEAD(0), FAULT(SUCCEEDED)};
    struct bench b;
    struct err e = {0};
    (void)state;
    bench_init(&b, script);
    assert_int_equal(attempts_run(&b.attempts, &e), ATTEMPTS_ANSWERED);
    assert_int_equal(b.call.sent, 2);
    assert_int_equal(skew_get(&b.skew), 0);
}

static void test_the_clock_is_read_in_the_middle(void **state)
{
    static const struct scripted script[] = {SLOW(SUCCEEDED, 8 * SECOND)};
    struct bench b;
    struct err e = {0};
    (void)state;
    bench_init(&b, script);
    assert_int_equal(attempts_run(&b.attempts, &e), ATTEMPTS_ANSWERED);
    assert_int_equal(b.attempts.clock_s, FAKE_NOW_US / SECOND + 4);
}

/* ---- a service ------------------------------------------------------------------------------- */

static void test_the_order_in_which_a_service_is_asked(void **state)
{
    static const struct scripted script[] = {FAULT(TRANSIENT), FAULT(EXPIRED), FAULT(SUCCEEDED)};
    struct bench b;
    struct err e = {0};
    (void)state;
    bench_init(&b, script);
    b.call.renewal = CREDENTIALS_CHANGED;
    assert_int_equal(attempts_run(&b.attempts, &e), ATTEMPTS_ANSWERED);
    assert_string_equal(b.call.steps, "csxjrcsxjrcsxj");
    assert_int_equal(b.call.repeated, 2);
    assert_int_equal(b.call.renewed, 1);
}

static void test_an_attempt_is_told_the_time_that_is_left(void **state)
{
    static const struct scripted script[] = {FAULT(THROTTLED), FAULT(SUCCEEDED)};
    struct bench b;
    struct err e = {0};
    (void)state;
    bench_init(&b, script);
    b.call.credentials_took_us = 1000;
    b.attempts.deadline_us = START_US + 5 * SECOND;
    assert_int_equal(attempts_run(&b.attempts, &e), ATTEMPTS_ANSWERED);
    assert_int_equal(b.call.left_us, 5 * SECOND - 500000 - 2 * 1000);
}

/* As an endpoint of credentials is asked: no credentials, no signature, no quota. */
static void test_a_service_without_signature_and_quota(void **state)
{
    static const struct attempt_service plain = {.send = scripted_send, .judge = scripted_judge};
    static const struct scripted script[] = {FAULT(TRANSIENT), FAULT(THROTTLED), FAULT(SUCCEEDED)};
    struct bench b;
    (void)state;
    bench_init(&b, script);
    b.attempts.service = &plain;
    b.attempts.skew = NULL;
    b.attempts.quota = NULL;
    b.attempts.transient = RETRY_CREDENTIALS;
    b.attempts.throttled = RETRY_CREDENTIALS;
    assert_int_equal(attempts_run(&b.attempts, NULL), ATTEMPTS_ANSWERED);
    assert_string_equal(b.call.steps, "xjxjxj");
    assert_int_equal(b.call.time.slept_us, 100000 + 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_a_corrected_clock_dates_the_next_signature),
        cmocka_unit_test(test_an_old_signature_is_made_again),
        cmocka_unit_test(test_the_clock_is_read_in_the_middle),
        cmocka_unit_test(test_the_order_in_which_a_service_is_asked),
        cmocka_unit_test(test_an_attempt_is_told_the_time_that_is_left),
        cmocka_unit_test(test_a_service_without_signature_and_quota),
    };
    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
