/*
 * What the calls of a process share: credentials, the correction of the clock, the quota, and the
 * counts of a request.
 */
#include "dynamo_fixture.h"

#include <pthread.h>

static void call_once(struct machine *m, int expected)
{
    struct dynamo_answer answer;
    struct err e;
    dynamo_begin(m->dynamo, m->time.mono_us + 5000000);
    assert_int_equal(machine_call(m, true, &answer, &e), expected);
    dynamo_answer_free(&answer);
}

static void test_every_attempt_has_the_credentials_of_its_moment(void **state)
{
    const struct step steps[] = {EXPIRED, OK, OK};
    struct machine m;
    (void)state;
    provider.changes = true;
    machine_init(&m, "LOG_LEVEL=error", steps, COUNT(steps));
    call_once(&m, 0);
    call_once(&m, 0);
    assert_string_equal(m.dynamodb.seen[0].token, "TOKEN0");
    assert_string_equal(m.dynamodb.seen[1].token, "TOKEN1");
    assert_string_equal(m.dynamodb.seen[2].token, "TOKEN1");
    assert_int_equal(provider.fetches, 2);
    assert_non_null(strstr(m.dynamodb.seen[0].authorization, "x-amz-security-token"));
    machine_free(&m);
}

static void test_a_corrected_clock_stays_corrected(void **state)
{
    const struct step steps[] = {OLD_SIGNATURE(600), OK, OK, OLD_SIGNATURE(0), OK};
    struct machine m;
    int64_t skew = 0;
    (void)state;
    machine_init(&m, "LOG_LEVEL=error", steps, COUNT(steps));
    call_once(&m, 0);
    call_once(&m, 0);
    assert_string_equal(m.dynamodb.seen[0].date, "20150830T123600Z");
    assert_string_equal(m.dynamodb.seen[1].date, "20150830T124600Z");
    assert_string_equal(m.dynamodb.seen[2].date, "20150830T124600Z");
    /* Somebody has set the clock right: what was added is now what is wrong. */
    call_once(&m, 0);
    assert_string_equal(m.dynamodb.seen[3].date, "20150830T124600Z");
    assert_string_equal(m.dynamodb.seen[4].date, "20150830T123600Z");
    assert_true(dynamo_clock_skew_s(m.shared, &skew));
    assert_int_equal(skew, 0);
    machine_free(&m);
}

/* A call that has no attempt left leaves the others the right time and the new credentials. */
static void test_what_was_set_right_stays_when_the_call_fails(void **state)
{
    const struct step steps[] = {OLD_SIGNATURE(600), EXPIRED, OK};
    struct machine m;
    (void)state;
    provider.changes = true;
    machine_init(&m, "AWS_MAX_ATTEMPTS=1", steps, COUNT(steps));
    call_once(&m, -1);
    call_once(&m, -1);
    call_once(&m, 0);
    assert_int_equal(m.dynamodb.requests, 3);
    assert_string_equal(m.dynamodb.seen[1].date, "20150830T124600Z");
    assert_string_equal(m.dynamodb.seen[1].token, "TOKEN0");
    assert_string_equal(m.dynamodb.seen[2].token, "TOKEN1");
    assert_int_equal(provider.skew_s, 600); /* for STS: it has the same clock */
    machine_free(&m);
}

/* The Date is compared with the middle of sending and answer, not with either end, and with the
 * clock that the signature was made by, whatever somebody sets it to meanwhile. */
static void test_skew_is_measured_in_the_middle(void **state)
{
    static const struct step steps[] = {
        {.took_us = 2000000, .date_ahead_s = 7},
        {.took_us = 2000000, .date_ahead_s = 7, .wall_jump_us = 600000000},
        {.took_us = 2000000, .date_ahead_s = 7, .wall_jump_us = -600000000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct machine m;
        int64_t skew = 0;
        machine_init(&m, "LOG_LEVEL=error", &steps[i], 1);
        call_once(&m, 0);
        assert_true(dynamo_clock_skew_s(m.shared, &skew));
        assert_int_equal(skew, 7);
        machine_free(&m);
    }
}

/* A clock that is set while a call is under way moves neither its deadline nor its measured time.
 */
static void test_intervals_are_of_the_clock_that_does_not_step(void **state)
{
    static const int64_t jumps[] = {INT64_C(3600000000), -INT64_C(3600000000)};
    (void)state;
    for (size_t i = 0; i < COUNT(jumps); i++) {
        const struct step steps[] = {
            {.outcome = TRANSPORT_NOT_SENT, .took_us = 1000000, .wall_jump_us = jumps[i]}, OK};
        struct machine m;
        machine_init(&m, "LOG_LEVEL=error", steps, COUNT(steps));
        call_once(&m, 0);
        assert_int_equal(m.dynamodb.requests, 2);
        assert_int_equal(m.dynamodb.seen[1].timeout_ms, 3000);
        assert_int_equal(dynamo_stats(m.dynamo).us, 1000000 + 12500);
        machine_free(&m);
    }
}

/* Not once a call: a signature is too old after five minutes, and its credentials may be. */
static void test_every_attempt_is_signed_for_its_own_time(void **state)
{
    const struct step steps[] = {
        {.outcome = TRANSPORT_NOT_SENT, .took_us = 1000000},
        {.status = 503, .took_us = 2000000},
        OK,
    };
    struct machine m;
    (void)state;
    machine_init(&m, "LOG_LEVEL=error", steps, COUNT(steps));
    call_once(&m, 0);
    assert_string_equal(m.dynamodb.seen[0].date, "20150830T123600Z");
    assert_string_equal(m.dynamodb.seen[1].date, "20150830T123601Z");
    assert_string_equal(m.dynamodb.seen[2].date, "20150830T123603Z");
    assert_string_not_equal(m.dynamodb.seen[0].authorization, m.dynamodb.seen[1].authorization);
    assert_string_not_equal(m.dynamodb.seen[1].authorization, m.dynamodb.seen[2].authorization);
    machine_free(&m);
}

static void test_time_limits_of_an_attempt(void **state)
{
    static const struct {
        const char *setting;
        int64_t deadline_ms;
        int64_t connect_ms;
        int64_t attempt_ms;
    } rows[] = {
        {"LOG_LEVEL=error", 5000, 1000, 3000},
        {"LOG_LEVEL=error", 2000, 1000, 2000},
        {"LOG_LEVEL=error", 300, 300, 300},
        {"CONNECT_TIMEOUT_MS=70", 5000, 70, 3000},
        {"ATTEMPT_TIMEOUT_MS=1700", 5000, 1000, 1700},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct machine m;
        struct dynamo_answer answer;
        struct err e;
        machine_init(&m, rows[i].setting, NULL, 0);
        dynamo_begin(m.dynamo, m.time.mono_us + rows[i].deadline_ms * 1000);
        assert_int_equal(machine_call(&m, true, &answer, &e), 0);
        assert_int_equal(m.dynamodb.seen[0].connect_timeout_ms, rows[i].connect_ms);
        assert_int_equal(m.dynamodb.seen[0].timeout_ms, rows[i].attempt_ms);
        dynamo_answer_free(&answer);
        machine_free(&m);
    }
}

static void test_without_credentials(void **state)
{
    struct machine m;
    struct dynamo_answer answer;
    struct err e;
    (void)state;
    provider.not_configured = true;
    machine_init(&m, "LOG_LEVEL=error", NULL, 0);
    dynamo_begin(m.dynamo, m.time.mono_us + 5000000);
    assert_int_equal(machine_call(&m, true, &answer, &e), -1);
    assert_int_equal(e.code, ERR_CREDENTIALS_NOT_CONFIGURED);
    assert_true(str_starts_with(str_from(e.detail), "AWS credentials not configured"));
    assert_int_equal(m.dynamodb.requests, 0);
    dynamo_answer_free(&answer);
    machine_free(&m);
}

/* Calls until one of them finds too little for a retry: how many retries were paid. */
static unsigned empty_the_quota(struct machine *m)
{
    unsigned paid = 0;
    for (int calls = 0; calls < 200; calls++) {
        m->dynamodb.requests = 0;
        call_once(m, -1);
        if (m->dynamodb.requests == 1)
            return paid; /* at once */
        paid += (unsigned)m->dynamodb.requests - 1;
        fake_advance(&m->time, 60000000); /* the cache would rest else */
    }
    fail_msg("the quota has no end");
    return paid;
}

static void test_what_retries_cost(void **state)
{
    static const struct {
        const char *name;
        struct step fault;
        unsigned retries;
    } rows[] = {
        {"not sent", NOT_SENT, 500 / 14},
        {"maybe sent", MAYBE_SENT, 500 / 14},
        {"a server fault", STATUS(500), 500 / 14},
        {"another region's conflict", REPLICATED, 500 / 14},
        {"throttled", THROTTLED, 500 / 5},
        {"throttled, a server fault",
         {.status = 503, .body = TYPE("ThrottlingException", "")},
         500 / 5},
        {"an expired token", EXPIRED, 500 / 14},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct step faults[REQUESTS_MAX];
        struct machine m;
        print_message("  %s\n", rows[i].name);
        for (size_t k = 0; k < COUNT(faults); k++)
            faults[k] = rows[i].fault;
        provider.changes = true;
        machine_init(&m, "LOG_LEVEL=error", faults, COUNT(faults));
        assert_int_equal(empty_the_quota(&m), rows[i].retries);
        machine_free(&m);
    }
}

/* A machine on which calls that were not sent have left 500 % 14 = 10 of the quota. */
static void machine_init_poor(struct machine *m)
{
    static const struct step faults[] = {NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT};
    machine_init(m, "LOG_LEVEL=error", faults, COUNT(faults));
    assert_int_equal(empty_the_quota(m), 500 / 14);
}

static void test_the_quota_is_of_the_process(void **state)
{
    struct machine m;
    struct err e;
    (void)state;
    machine_init_poor(&m);
    struct dynamo *other = dynamo_new(m.shared, &e);
    struct dynamo *own = m.dynamo;
    m.dynamodb.requests = 0;
    m.dynamo = other;
    call_once(&m, -1);
    assert_int_equal(m.dynamodb.requests, 1);
    dynamo_free(other);
    m.dynamo = own;
    machine_free(&m);
}

/* One for each success without a retry, so four of them make another retry possible. No refusal
 * does: a server that refuses all has not shown that it is well. */
static void test_successes_alone_fill_the_quota(void **state)
{
    static const struct {
        const char *name;
        struct step answer;
        unsigned times;
        unsigned requests; /* of the call that is not sent at first */
    } rows[] = {
        {"three successes", OK, 3, 1},
        {"four successes", OK, 4, 2},
        {"conditions that fail", NAMED("ConditionalCheckFailedException"), 20, 1},
        {"refusals", NAMED("ValidationException"), 20, 1},
        {"missing permissions", NAMED("AccessDeniedException"), 20, 1},
        {"missing tables", NAMED("ResourceNotFoundException"), 20, 1},
    };
    static const struct step once[] = {NOT_SENT, OK};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct machine m;
        print_message("  %s\n", rows[i].name);
        machine_init_poor(&m);
        m.dynamodb.steps = &rows[i].answer;
        m.dynamodb.step_count = 1;
        for (unsigned n = 0; n < rows[i].times; n++) {
            m.dynamodb.requests = 0;
            call_once(&m, 0);
        }
        m.dynamodb.steps = once;
        m.dynamodb.step_count = COUNT(once);
        m.dynamodb.requests = 0;
        call_once(&m, rows[i].requests == 2 ? 0 : -1);
        assert_int_equal(m.dynamodb.requests, rows[i].requests);
        machine_free(&m);
    }
}

/* What a success gives back is what its last retry cost, so such calls go on for ever. */
static void test_a_success_gives_back_its_retry(void **state)
{
    static const struct {
        const char *name;
        struct step steps[2];
        int calls; /* that the quota pays for; 0: any number */
    } rows[] = {
        {"not sent", {NOT_SENT, OK}, 0},
        {"throttled", {THROTTLED, OK}, 0},
        {"an expired token", {EXPIRED, OK}, 0},
        {"not sent, then refused", {NOT_SENT, NAMED("ValidationException")}, 500 / 14},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct machine m;
        print_message("  %s\n", rows[i].name);
        provider.changes = true;
        machine_init(&m, "LOG_LEVEL=error", rows[i].steps, COUNT(rows[i].steps));
        for (int n = 0; n < (rows[i].calls ? rows[i].calls : 150); n++) {
            m.dynamodb.requests = 0;
            call_once(&m, 0);
            assert_int_equal(m.dynamodb.requests, 2);
            fake_advance(&m.time, 60000000);
        }
        m.dynamodb.requests = 0;
        call_once(&m, rows[i].calls ? -1 : 0);
        machine_free(&m);
    }
}

static void test_conflicts_cost_no_quota(void **state)
{
    const struct step conflicts[] = {CONFLICT, CONFLICT, CONFLICT, OK};
    const struct step once[] = {NOT_SENT, OK};
    struct machine m;
    (void)state;
    machine_init(&m, "LOG_LEVEL=error", conflicts, COUNT(conflicts));
    for (int i = 0; i < 50; i++) {
        m.dynamodb.requests = 0;
        call_once(&m, 0);
    }
    m.dynamodb.steps = once;
    m.dynamodb.step_count = COUNT(once);
    m.dynamodb.requests = 0;
    call_once(&m, 0);
    machine_free(&m);
}

static void test_counts_begin_anew(void **state)
{
    const struct step steps[] = {STATUS(500), OK, OK};
    struct machine m;
    struct dynamo_answer answer;
    struct err e;
    (void)state;
    machine_init(&m, "LOG_LEVEL=error", steps, COUNT(steps));
    dynamo_begin(m.dynamo, m.time.mono_us + 5000000);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(machine_call(&m, true, &answer, &e), 0);
        dynamo_answer_free(&answer);
    }
    assert_int_equal(dynamo_stats(m.dynamo).calls, 2);
    assert_int_equal(dynamo_stats(m.dynamo).retries, 1);
    dynamo_begin(m.dynamo, 0);
    assert_int_equal(dynamo_stats(m.dynamo).calls, 0);
    assert_int_equal(dynamo_stats(m.dynamo).retries, 0);
    assert_int_equal(dynamo_stats(m.dynamo).us, 0);
    machine_free(&m);
}

static void test_throttled_names_the_time(void **state)
{
    const struct step steps[] = {
        {.status = 400, .body = TYPE("ThrottlingException", ""), .retry_after_ms = 2400}};
    struct machine m;
    struct dynamo_answer answer;
    struct err e;
    (void)state;
    machine_init(&m, "AWS_MAX_ATTEMPTS=1", steps, COUNT(steps));
    dynamo_begin(m.dynamo, m.time.mono_us + 5000000);
    assert_int_equal(machine_call(&m, true, &answer, &e), -1);
    assert_int_equal(e.code, ERR_DYNAMODB_THROTTLED);
    assert_int_equal(e.retry_after_s, 3);
    machine_free(&m);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define THREADS 8
#define CALLS 200

struct busy_thread {
    struct dynamo_shared *shared;
    int failed;
};

/* A server that throttles, expires tokens and is 10 minutes ahead, now and then. */
static void busy_perform(struct http_exchange *x, const struct http_exchange_request *request,
                         struct transport_response *response)
{
    static _Atomic unsigned requests;
    unsigned n = ++requests;
    (void)x;
    (void)request;
    const struct step old = OLD_SIGNATURE(600);
    const char *body = n % 7 == 0    ? old.body
                       : n % 11 == 0 ? TYPE("ExpiredTokenException", "")
                                     : "{}";
    buf_reset(&response->body);
    buf_puts(&response->body, body);
    response->outcome = n % 5 == 0 ? TRANSPORT_NOT_SENT : TRANSPORT_ANSWERED;
    response->status = body[2] == '_' ? 400 : 200;
    response->crc32 = response->retry_after_ms = -1;
    response->date_s = clock_system.wall_us(NULL) / 1000000 + (n % 3) * 600;
}

static struct http_exchange *busy_new(void *context, struct err *e)
{
    struct http_exchange *x = calloc(1, sizeof *x);
    (void)context;
    (void)e;
    assert_non_null(x);
    *x = (struct http_exchange){busy_perform, fake_exchange_free};
    return x;
}

static void no_sleep(void *context, int64_t us)
{
    (void)context;
    (void)us;
}

static void *busy_run(void *context)
{
    struct busy_thread *thread = context;
    struct err e;
    struct dynamo *d = dynamo_new(thread->shared, &e);
    for (int i = 0; d && i < CALLS; i++) {
        struct dynamo_answer answer;
        const struct dynamo_call call = {DYNAMO_QUERY, STR("{}"), true};
        dynamo_begin(d, clock_system.mono_us(NULL) + 30000000);
        /* Any end will do that is one. */
        if (dynamo_call(d, &call, &answer, &e) == 0 ? answer.outcome != DYNAMO_OK
                                                    : e.code == ERR_INTERNAL)
            thread->failed++;
        dynamo_answer_free(&answer);
    }
    dynamo_free(d);
    return NULL;
}

/* For ThreadSanitizer more than for its result. */
static void test_threads(void **state)
{
    const char *const settings[] = {"LOG_LEVEL=error", NULL};
    const struct dynamo_parts parts = {fake_chain, no_transport_new, busy_new, NULL};
    struct busy_thread threads[THREADS];
    pthread_t ids[THREADS];
    struct config config;
    struct clock clock = clock_system;
    struct err e;
    (void)state;
    provider.changes = true;
    load_settings(&config, settings);
    clock.sleep_us = no_sleep;
    struct dynamo_shared *shared = dynamo_shared_new_with(&config, &clock, &parts, &e);
    assert_non_null(shared);
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = (struct busy_thread){shared, 0};
        assert_int_equal(pthread_create(&ids[i], NULL, busy_run, &threads[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(threads[i].failed, 0);
    }
    dynamo_shared_free(shared);
    config_free(&config);
    provider = (struct fake_provider){0};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_attempt_has_the_credentials_of_its_moment),
        cmocka_unit_test(test_a_corrected_clock_stays_corrected),
        cmocka_unit_test(test_what_was_set_right_stays_when_the_call_fails),
        cmocka_unit_test(test_skew_is_measured_in_the_middle),
        cmocka_unit_test(test_intervals_are_of_the_clock_that_does_not_step),
        cmocka_unit_test(test_every_attempt_is_signed_for_its_own_time),
        cmocka_unit_test(test_time_limits_of_an_attempt),
        cmocka_unit_test(test_without_credentials),
        cmocka_unit_test(test_what_retries_cost),
        cmocka_unit_test(test_the_quota_is_of_the_process),
        cmocka_unit_test(test_successes_alone_fill_the_quota),
        cmocka_unit_test(test_a_success_gives_back_its_retry),
        cmocka_unit_test(test_conflicts_cost_no_quota),
        cmocka_unit_test(test_counts_begin_anew),
        cmocka_unit_test(test_throttled_names_the_time),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("dynamo_process", tests, NULL, NULL);
}
