/*
 * One call of DynamoDB from its first attempt to its answer or error: which faults are tried again,
 * how often, after how long, with which credentials and which time; all in no time.
 */
#include "dynamo_fixture.h"

struct call_case {
    const char *name;
    const char *setting;             /* NULL: none that matters */
    enum dynamo_operation operation; /* DYNAMO_GET_ITEM, the first, stands for UpdateItem */
    bool once;                       /* the call must not be repeated after a maybe-sent */
    bool credentials_change;
    int64_t deadline_ms; /* 0: 5 s */
    struct step steps[8];
    /* what comes out */
    enum err_code code; /* ERR_NONE: an answer */
    enum dynamo_outcome outcome;
    unsigned requests;
    int64_t slept_us;
    bool repeated_after_maybe_sent;
    const char *words; /* of the error */
};

static const struct call_case cases[] = {
    {.name = "answered at once", .steps = {OK}, .requests = 1},
    {.name = "an item that did not fit its condition is an answer",
     .steps = {NAMED("ConditionalCheckFailedException")},
     .outcome = DYNAMO_CONDITION_FAILED,
     .requests = 1},
    {.name = "a refusal is an answer",
     .steps = {NAMED("ValidationException")},
     .outcome = DYNAMO_REJECTED,
     .requests = 1},
    {.name = "a missing permission is an answer",
     .steps = {NAMED("AccessDeniedException")},
     .outcome = DYNAMO_DENIED,
     .requests = 1},

    {.name = "a server fault, then good",
     .steps = {STATUS(500), OK},
     .requests = 2,
     .slept_us = 12500,
     .repeated_after_maybe_sent = true},
    {.name = "four attempts in all, the pauses doubling",
     .steps = {STATUS(500), STATUS(502), STATUS(503), STATUS(504), OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 4,
     .slept_us = 12500 + 25000 + 50000,
     .words = "may have been carried out"},
    {.name = "AWS_MAX_ATTEMPTS",
     .setting = "AWS_MAX_ATTEMPTS=2",
     .steps = {STATUS(500), STATUS(500), OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 2,
     .slept_us = 12500},
    {.name = "no retry at all",
     .setting = "AWS_MAX_ATTEMPTS=1",
     .steps = {STATUS(500), OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 1},
    {.name = "an answer that is not what was sent",
     .steps = {{.bad_crc = true}, OK},
     .requests = 2,
     .slept_us = 12500,
     .repeated_after_maybe_sent = true},

    {.name = "not sent, then good",
     .steps = {NOT_SENT, NOT_SENT, OK},
     .requests = 3,
     .slept_us = 12500 + 25000},
    {.name = "cannot be reached",
     .steps = {NOT_SENT, NOT_SENT, NOT_SENT, NOT_SENT, OK},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .requests = 4,
     .slept_us = 12500 + 25000 + 50000,
     .words = "DynamoDB cannot be reached or fails; try again"},
    {.name = "a name that does not resolve is not tried again",
     .steps = {{.outcome = TRANSPORT_NOT_SENT, .name_not_resolved = true}, OK},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .requests = 1,
     .words = "the name of DynamoDB's endpoint"},
    {.name = "not DynamoDB",
     .steps = {STATUS(404), OK},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .requests = 1,
     .words = "is not DynamoDB"},

    {.name = "maybe sent: repeated",
     .steps = {MAYBE_SENT, OK},
     .requests = 2,
     .slept_us = 12500,
     .repeated_after_maybe_sent = true},
    {.name = "maybe sent, then the condition knows its own success",
     .steps = {MAYBE_SENT, NAMED("ConditionalCheckFailedException")},
     .outcome = DYNAMO_CONDITION_FAILED,
     .requests = 2,
     .slept_us = 12500,
     .repeated_after_maybe_sent = true},
    {.name = "maybe sent, then throttled: still maybe carried out",
     .steps = {MAYBE_SENT, THROTTLED, OK},
     .requests = 3,
     .slept_us = 12500 + 1000000,
     .repeated_after_maybe_sent = true},
    {.name = "maybe sent, then throttled to the end: it may be there all the same",
     .steps = {MAYBE_SENT, THROTTLED, THROTTLED, THROTTLED},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 4,
     .slept_us = 12500 + 1000000 + 2000000,
     .words = "Idempotency-Key"},
    {.name = "maybe sent, then conflicts until the deadline",
     .deadline_ms = 100,
     .steps = {MAYBE_SENT, CONFLICT, CONFLICT, CONFLICT},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 4,
     .slept_us = 12500 + 12500 + 25000,
     .words = "may have been carried out"},
    {.name = "maybe sent, then a token that has expired",
     .steps = {MAYBE_SENT, EXPIRED, OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 2,
     .slept_us = 12500,
     .words = "may have been carried out"},
    {.name = "maybe sent, and then its name is not known any more",
     .steps = {{.outcome = TRANSPORT_MAYBE_SENT, .name_not_resolved = true}, OK},
     .requests = 2,
     .slept_us = 12500,
     .repeated_after_maybe_sent = true},
    {.name = "a read that failed has written nothing",
     .operation = DYNAMO_QUERY,
     .steps = {MAYBE_SENT, STATUS(500), STATUS(500), STATUS(500)},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .requests = 4,
     .slept_us = 12500 + 25000 + 50000,
     .words = "DynamoDB cannot be reached or fails; try again"},
    {.name = "maybe sent: not repeated",
     .once = true,
     .steps = {MAYBE_SENT, OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 1,
     .words = "may have been carried out"},
    {.name = "a server fault may be a success: not repeated",
     .once = true,
     .steps = {STATUS(500), OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 1},
    {.name = "a broken answer may be a success: not repeated",
     .once = true,
     .steps = {{.bad_crc = true}, OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 1},
    {.name = "not sent: repeated in any case",
     .once = true,
     .steps = {NOT_SENT, OK},
     .requests = 2,
     .slept_us = 12500},
    {.name = "throttled: repeated in any case",
     .once = true,
     .steps = {THROTTLED, OK},
     .requests = 2,
     .slept_us = 500000},
    {.name = "timed out, not repeated",
     .once = true,
     .steps = {{.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 3000000}, OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 1,
     .words = "may have been carried out"},

    {.name = "throttled four times",
     .steps = {THROTTLED, THROTTLED, THROTTLED, THROTTLED, OK},
     .code = ERR_DYNAMODB_THROTTLED,
     .requests = 4,
     .slept_us = 500000 + 1000000 + 2000000},
    {.name = "throttled, with a time to wait",
     .steps = {{.status = 400, .body = TYPE("ThrottlingException", ""), .retry_after_ms = 700}, OK},
     .requests = 2,
     .slept_us = 700000},
    {.name = "a server fault with a time to wait",
     .steps = {{.status = 503, .retry_after_ms = 300}, OK},
     .requests = 2,
     .slept_us = 300000,
     .repeated_after_maybe_sent = true},
    {.name = "a sleep that would pass the deadline fails at once",
     .deadline_ms = 1400,
     .steps = {THROTTLED, THROTTLED, OK},
     .code = ERR_DYNAMODB_THROTTLED,
     .requests = 2,
     .slept_us = 500000},
    {.name = "so does one that the server asks for",
     .steps = {{.status = 503, .retry_after_ms = 60000, .took_us = 1000}, OK},
     .deadline_ms = 4000,
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 1},
    {.name = "the deadline ends the attempts",
     .steps = {{.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 3000000},
               {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 1987500},
               OK},
     .code = ERR_DEADLINE_EXCEEDED,
     .requests = 2,
     .slept_us = 12500,
     .words = "may have been carried out"},
    {.name = "no time left", .deadline_ms = -1, .code = ERR_DEADLINE_EXCEEDED, .requests = 0},

    {.name = "conflicts are tried again beyond four attempts",
     .steps = {CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT, OK},
     .requests = 6,
     .slept_us = 12500 + 25000 + 50000 + 100000 + 200000},
    {.name = "conflicts until the deadline",
     .deadline_ms = 200,
     .steps = {CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT},
     .code = ERR_DYNAMODB_CONFLICT,
     .requests = 5,
     .slept_us = 12500 + 25000 + 50000 + 100000},
    {.name = "another region's conflicts are faults like others",
     .steps = {REPLICATED, REPLICATED, REPLICATED, REPLICATED, OK},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .requests = 4,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "another region's conflict has written nothing: repeated in any case",
     .once = true,
     .steps = {REPLICATED, OK},
     .requests = 2,
     .slept_us = 12500},
    {.name = "conflicts leave the attempts for faults",
     .steps = {CONFLICT, CONFLICT, NOT_SENT, NOT_SENT, NOT_SENT, OK},
     .requests = 6,
     .slept_us = 12500 + 25000 + 12500 + 25000 + 50000},

    {.name = "an expired token: fetched anew, repeated at once",
     .credentials_change = true,
     .steps = {EXPIRED, OK},
     .requests = 2},
    {.name = "an expired token: the same again",
     .steps = {EXPIRED, OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 1,
     .words = "expired"},
    {.name = "an expired token: once a call",
     .credentials_change = true,
     .deadline_ms = 60000,
     /* Long enough after the refresh that the cache would ask again. */
     .steps = {EXPIRED,
               {.status = 400, .body = TYPE("ExpiredTokenException", ""), .took_us = 6000000},
               OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 2},
    {.name = "an expired token: within the four attempts",
     .credentials_change = true,
     .steps = {NOT_SENT, NOT_SENT, NOT_SENT, EXPIRED, OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 4,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "an expired token: no retry at all",
     .setting = "AWS_MAX_ATTEMPTS=1",
     .credentials_change = true,
     .steps = {EXPIRED, OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 1},
    {.name = "an unknown key",
     .steps = {NAMED("UnrecognizedClientException"), OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 1,
     .words = "AWS_ACCESS_KEY_ID"},
    {.name = "a wrong secret",
     .steps = {NAMED("InvalidSignatureException"), OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 1,
     .words = "AWS_SECRET_ACCESS_KEY"},

    {.name = "a clock that is behind", .steps = {OLD_SIGNATURE(600), OK}, .requests = 2},
    {.name = "a clock that is ahead", .steps = {OLD_SIGNATURE(-600), OK}, .requests = 2},
    {.name = "just far enough", .steps = {OLD_SIGNATURE(240), OK}, .requests = 2},
    {.name = "a process that was held up after it had signed",
     .steps = {OLD_SIGNATURE(0), OK},
     .requests = 2},
    {.name = "not the clock's fault",
     .steps = {OLD_SIGNATURE(239), OLD_SIGNATURE(239), OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 2,
     .words = "clock"},
    {.name = "the clock is corrected once a call",
     .steps = {OLD_SIGNATURE(600), OLD_SIGNATURE(1200), OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 2},
    {.name = "a corrected clock: within the four attempts",
     .steps = {NOT_SENT, NOT_SENT, NOT_SENT, OLD_SIGNATURE(600), OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 4,
     .slept_us = 12500 + 25000 + 50000,
     .words = "clock"},
    {.name = "a corrected clock: no retry at all",
     .setting = "AWS_MAX_ATTEMPTS=1",
     .steps = {OLD_SIGNATURE(600), OK},
     .code = ERR_DYNAMODB_DENIED,
     .requests = 1},
    {.name = "a token, a clock and a fault: each is one of the four attempts",
     .credentials_change = true,
     .steps = {EXPIRED, OLD_SIGNATURE(600), NOT_SENT, OK},
     .requests = 4,
     .slept_us = 50000},
    {.name = "no Date: the time is in the words",
     .steps = {{.status = 400,
                .date_ahead_s = DATE_ABSENT,
                .body = TYPE("InvalidSignatureException",
                             "Signature expired: 20150830T123600Z is now earlier than "
                             "20150830T124500Z (20150830T125000Z - 5 min.)")},
               OK},
     .requests = 2},
    {.name = "no Date, no time",
     .steps = {{.status = 400,
                .date_ahead_s = DATE_ABSENT,
                .body = TYPE("InvalidSignatureException", "Signature expired: ")},
               OK},
     .requests = 2},
};

/* Every resend has identical bytes, and every attempt is signed for its own time. */
static void check_requests(const struct machine *m)
{
    for (size_t i = 0; i < m->dynamodb.requests; i++)
        assert_string_equal(m->dynamodb.seen[i].body, "{\"TableName\":\"t\"}");
    for (size_t i = 1; i < m->dynamodb.requests; i++) {
        if (strcmp(m->dynamodb.seen[i].date, m->dynamodb.seen[i - 1].date) != 0)
            assert_string_not_equal(m->dynamodb.seen[i].authorization,
                                    m->dynamodb.seen[i - 1].authorization);
    }
}

static void run_case(const struct call_case *row)
{
    struct machine m;
    struct dynamo_answer answer;
    struct err e;
    provider.changes = row->credentials_change;
    machine_init(&m, row->setting ? row->setting : "LOG_LEVEL=error", row->steps,
                 COUNT(row->steps));
    int64_t deadline_ms = row->deadline_ms ? row->deadline_ms : 5000;
    dynamo_begin(m.dynamo, m.time.mono_us + deadline_ms * 1000);
    int result = machine_call_of(&m, row->operation ? row->operation : DYNAMO_UPDATE_ITEM,
                                 !row->once, &answer, &e);
    if (result == 0 ? row->code != ERR_NONE : row->code != e.code)
        fail_msg("%s: %d %s: %s", row->name, result, err_code_name(e.code), e.detail);
    assert_int_equal(m.dynamodb.requests, row->requests);
    assert_int_equal(m.time.slept_us, row->slept_us);
    assert_int_equal(answer.outcome, result == 0 ? row->outcome : DYNAMO_FAILED);
    if (result == 0)
        assert_int_equal(answer.repeated_after_maybe_sent, row->repeated_after_maybe_sent);
    if (row->words && !strstr(e.detail, row->words))
        fail_msg("%s: %s", row->name, e.detail);
    check_requests(&m);
    struct dynamo_stats stats = dynamo_stats(m.dynamo);
    assert_int_equal(stats.calls, 1);
    assert_int_equal(stats.retries, m.dynamodb.requests ? m.dynamodb.requests - 1 : 0);
    assert_int_equal(stats.us, m.time.mono_us - START_MONO_US);
    dynamo_answer_free(&answer);
    machine_free(&m);
}

static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("  %s\n", cases[i].name);
        run_case(&cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls)};
    return cmocka_run_group_tests_name("dynamo", tests, NULL, NULL);
}
