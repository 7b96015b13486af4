/*
 * The whole client over libcurl against the scripted server: each fault on command, and what the
 * caller of dynamo_call gets; connections, clocks and lost answers.
 */
#include "transport_server.h"

#include <pthread.h>

#include "aws/credentials.h"
#include "aws/dynamo.h"

static int fetches;

/* Another token at each fetch. */
static enum credentials_result fetch(const struct credentials_context *context,
                                     struct credentials *out, struct err *e)
{
    char token[32];
    (void)context;
    (void)e;
    (void)snprintf(token, sizeof token, "TOKEN%d", fetches++);
    *out = (struct credentials){.access_key_id = strdup("AKIDEXAMPLE"),
                                .secret_access_key = strdup("secret"),
                                .session_token = strdup(token),
                                .source = "test",
                                .expires_us = CREDENTIALS_NEVER_EXPIRE};
    return CREDENTIALS_FOUND;
}

static const struct credentials_provider chain[] = {{"test", fetch}, {NULL, NULL}};

/* Real time, except that nobody sleeps and that it can be set ahead. */
static _Atomic int64_t ahead_us;

static int64_t wall(void *context)
{
    (void)context;
    return clock_system.wall_us(clock_system.context);
}

static int64_t mono(void *context)
{
    (void)context;
    return clock_system.mono_us(clock_system.context) + ahead_us;
}

static void no_sleep(void *context, int64_t us)
{
    (void)context;
    (void)us;
}

static double no_chance(void *context)
{
    (void)context;
    return 0;
}

static const struct clock test_clock = {wall, mono, no_sleep, no_chance, NULL};

struct process {
    struct config config;
    struct dynamo_shared *shared;
    struct dynamo *dynamo;
};

static void process_init(struct process *p, const char *setting)
{
    char endpoint[128];
    const struct dynamo_parts parts = {.chain = chain};
    struct err e = {0};
    (void)snprintf(endpoint, sizeof endpoint, "AWS_ENDPOINT_URL=%s", server.url);
    const char *const settings[] = {endpoint, "AWS_REGION=us-east-1", setting, NULL};
    client_config(&p->config, settings);
    p->shared = dynamo_shared_new_with(&p->config, &test_clock, &parts, &e);
    if (!p->shared)
        fail_msg("%s", e.detail);
    p->dynamo = dynamo_new(p->shared, &e);
    assert_non_null(p->dynamo);
}

static void process_free(struct process *p)
{
    dynamo_free(p->dynamo);
    dynamo_shared_free(p->shared);
    config_free(&p->config);
}

#define BODY "{\"TransactItems\":[],\"ClientRequestToken\":\"3f1c\"}"

static int call(struct dynamo *d, bool repeatable, int64_t deadline_ms,
                struct dynamo_answer *answer, struct err *e)
{
    const struct dynamo_call call = {DYNAMO_TRANSACT_WRITE_ITEMS, STR(BODY), repeatable};
    *e = (struct err){0};
    dynamo_begin(d, mono(NULL) + deadline_ms * 1000);
    return dynamo_call(d, &call, answer, e);
}

static void expect_ok(struct process *p)
{
    struct dynamo_answer answer;
    struct err e;
    if (call(p->dynamo, true, 5000, &answer, &e) != 0)
        fail_msg("%s", e.detail);
    assert_int_equal(answer.outcome, DYNAMO_OK);
    dynamo_answer_free(&answer);
}

/* ---- one fault at a time --------------------------------------------------------------------- */

#define THEN_GOOD(text) "{\"rules\":[{" text "},{\"body\":{\"Item\":{}}}]}"

static const struct fault_case {
    const char *name;
    const char *command;
    const char *setting;
    int64_t deadline_ms; /* 0: 5 s */
    bool once;
    enum err_code code;
    enum dynamo_outcome outcome;
    int seen;
    bool repeated_after_maybe_sent;
} cases[] = {
    {.name = "reset before it was read",
     .command = THEN_GOOD("\"fault\":\"reset-at-once\""),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "reset when it was read",
     .command = THEN_GOOD("\"fault\":\"reset-before\""),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "closed when it was read",
     .command = THEN_GOOD("\"fault\":\"close-before\""),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "closed when it was read, not to be repeated",
     .command = THEN_GOOD("\"fault\":\"close-before\""),
     .once = true,
     .code = ERR_DEADLINE_EXCEEDED,
     .seen = 1},
    {.name = "no answer, then good",
     .command = THEN_GOOD("\"fault\":\"stall\""),
     .setting = "ATTEMPT_TIMEOUT_MS=150",
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "no answer until the deadline",
     .command = THEN_GOOD("\"fault\":\"stall\""),
     .deadline_ms = 200,
     .code = ERR_DEADLINE_EXCEEDED,
     .seen = 1},
    {.name = "a trickle",
     .command = THEN_GOOD("\"fault\":\"trickle\",\"every_ms\":2,\"body\":{\"Item\":{}}"),
     .seen = 1},
    {.name = "half an answer",
     .command = THEN_GOOD("\"fault\":\"truncate\",\"body\":{\"Item\":{}}"),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "half an answer in chunks",
     .command = THEN_GOOD("\"fault\":\"truncate-chunked\",\"body\":{\"Item\":{}}"),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "a flipped bit",
     .command = THEN_GOOD("\"fault\":\"flip\",\"body\":{\"Item\":{\"title\":{\"S\":\"hello\"}}}"),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "another checksum",
     .command = THEN_GOOD("\"crc\":\"wrong\",\"body\":{\"Item\":{}}"),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "no checksum",
     .command = THEN_GOOD("\"crc\":false,\"body\":{\"Item\":{}}"),
     .seen = 1},
    {.name = "HTML with 503",
     .command = THEN_GOOD("\"status\":503,\"headers\":{\"Content-Type\":\"text/html\"},"
                          "\"body\":\"<html><body>Service Unavailable</body></html>\""),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "an empty 500",
     .command = THEN_GOOD("\"status\":500,\"body\":\"\""),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "throttled", .command = THEN_GOOD("\"error\":\"ThrottlingException\""), .seen = 2},
    {.name = "throttled, with a time that passes the deadline",
     .command = THEN_GOOD("\"error\":\"ThrottlingException\","
                          "\"headers\":{\"X-Amz-Retry-After\":\"4900\"}"),
     .deadline_ms = 2000,
     .code = ERR_DYNAMODB_THROTTLED,
     .seen = 1},
    {.name = "an expired token",
     .command = THEN_GOOD("\"error\":\"ExpiredTokenException\""),
     .seen = 2},
    {.name = "the other casing",
     .command = THEN_GOOD("\"error\":\"ValidationException\",\"message_name\":\"Message\","
                          "\"headers\":{\"CONTENT-TYPE\":\"application/x-amz-json-1.0\"}"),
     .outcome = DYNAMO_REJECTED,
     .seen = 1},
    {.name = "a condition that failed",
     .command = THEN_GOOD("\"error\":\"ConditionalCheckFailedException\","
                          "\"body\":{\"Item\":{\"a\":{\"S\":\"b\"}}}"),
     .outcome = DYNAMO_CONDITION_FAILED,
     .seen = 1},
    {.name = "a lost answer, then a token that is said to be another transaction's",
     .command = "{\"rules\":[{\"fault\":\"close-before\"},"
                "{\"error\":\"IdempotentParameterMismatchException\"}]}",
     .outcome = DYNAMO_REJECTED,
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "two lengths",
     .command = THEN_GOOD("\"fault\":\"raw\",\"raw\":\"HTTP/1.1 200 OK\\r\\n"
                          "Content-Length: 2\\r\\nContent-Length: 2\\r\\n\\r\\n{}\""),
     .seen = 2,
     .repeated_after_maybe_sent = true},
    {.name = "nobody listens",
     .command = "{\"refuse\":true}",
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .seen = 0},
    {.name = "something else listens",
     .command = "{\"rules\":[{\"status\":404,\"body\":\"nothing here\"}]}",
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .seen = 1},
};

/* Every resend must have the bytes of the first: the token makes it one transaction. */
static void check_bodies(void)
{
    struct json_object *answer = aws_server_ask(&server, "{}");
    struct json_object *seen = json_object_object_get(answer, "seen");
    for (size_t i = 0; i < json_object_array_length(seen); i++) {
        struct json_object *request = json_object_array_get_idx(seen, i);
        struct json_object *body = json_object_object_get(request, "body");
        /* A request that was cut off has none. */
        if (body)
            assert_string_equal(json_object_get_string(body), BODY);
    }
    json_object_put(answer);
}

static void run_case(const struct fault_case *row, bool kept_alive)
{
    struct process p;
    struct dynamo_answer answer;
    struct err e;
    aws_server_do(&server, "{\"reset\":true,\"rules\":[{}]}");
    process_init(&p, row->setting ? row->setting : "LOG_LEVEL=error");
    if (kept_alive)
        expect_ok(&p);
    ahead_us += 60000000; /* the credentials are not fresh from the provider */
    aws_server_do(&server, "{\"forget\":true}");
    aws_server_do(&server, row->command);
    int result =
        call(p.dynamo, !row->once, row->deadline_ms ? row->deadline_ms : 5000, &answer, &e);
    if (result == 0 ? row->code != ERR_NONE : row->code != e.code)
        fail_msg("%s: %d %s: %s", row->name, result, err_code_name(e.code), e.detail);
    if (result == 0) {
        assert_int_equal(answer.outcome, row->outcome);
        assert_int_equal(answer.repeated_after_maybe_sent, row->repeated_after_maybe_sent);
    }
    if (row->outcome == DYNAMO_REJECTED)
        assert_string_equal(answer.message, "scripted");
    if (row->outcome == DYNAMO_OK && result == 0)
        assert_non_null(strstr(answer.body.data, "\"Item\""));
    assert_int_equal(aws_server_count(&server, "seen"), row->seen);
    check_bodies();
    dynamo_answer_free(&answer);
    process_free(&p);
}

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("  %s\n", cases[i].name);
        if (!strstr(cases[i].command, "Expired"))
            run_case(&cases[i], false);
        run_case(&cases[i], true);
    }
}

/* ---- clocks ---------------------------------------------------------------------------------- */

/* The server's clock is ahead or behind; it says so only in the Date of its refusal. */
static void test_a_shifted_clock(void **state)
{
    static const struct {
        const char *command;
        const char *message;
        enum err_code code;
    } rows[] = {
        {"{\"clock_ms\":600000}", "Signature expired: a is now earlier than b", ERR_NONE},
        {"{\"clock_ms\":-600000}", "Signature not yet current: a is still later than b", ERR_NONE},
        {"{\"clock_ms\":100000}", "Signature expired: a is now earlier than b", ERR_NONE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct process p;
        struct dynamo_answer answer;
        struct err e;
        char rules[512];
        int64_t skew = 0;
        aws_server_do(&server, "{\"reset\":true}");
        aws_server_do(&server, rows[i].command);
        (void)snprintf(rules, sizeof rules,
                       "{\"rules\":[{\"error\":\"InvalidSignatureException\",\"message\":\"%s\"},"
                       "{\"times\":0}]}",
                       rows[i].message);
        aws_server_do(&server, rules);
        process_init(&p, "LOG_LEVEL=error");
        int result = call(p.dynamo, true, 5000, &answer, &e);
        assert_int_equal(result, rows[i].code ? -1 : 0);
        assert_int_equal(e.code, rows[i].code);
        assert_true(dynamo_clock_skew_s(p.shared, &skew));
        assert_true(llabs(skew) > 95);
        dynamo_answer_free(&answer);
        process_free(&p);
    }
}

/* ---- connections ----------------------------------------------------------------------------- */

#define THREADS 4
#define CALLS 250

static void *run_thread(void *context)
{
    struct dynamo_shared *shared = context;
    struct dynamo_answer answer;
    struct err e;
    int good = 0;
    struct dynamo *d = dynamo_new(shared, &e);
    for (int i = 0; d && i < CALLS; i++) {
        if (call(d, true, 30000, &answer, &e) == 0 && answer.outcome == DYNAMO_OK)
            good++;
        dynamo_answer_free(&answer);
    }
    dynamo_free(d);
    return good == CALLS ? context : NULL;
}

static void test_as_many_connections_as_threads(void **state)
{
    struct process p;
    pthread_t threads[THREADS];
    (void)state;
    server_answer_all();
    process_init(&p, "LOG_LEVEL=error");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, p.shared), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(aws_server_count(&server, "seen"), THREADS * CALLS);
    assert_int_equal(aws_server_count(&server, "connections"), THREADS);
    process_free(&p);
}

/* No attempt is lost on it: a call that may not be repeated succeeds too. */
static void test_idle_connections_that_the_server_closed(void **state)
{
    struct process p;
    (void)state;
    server_answer_all();
    process_init(&p, "AWS_MAX_ATTEMPTS=1");
    for (int i = 0; i < 20; i++) {
        struct dynamo_answer answer;
        struct err e;
        assert_int_equal(call(p.dynamo, false, 5000, &answer, &e), 0);
        dynamo_answer_free(&answer);
        aws_server_do(&server, "{\"close_idle\":true}");
    }
    assert_int_equal(aws_server_count(&server, "seen"), 20);
    process_free(&p);
}

/* DynamoDB is away and comes back: nothing has to be restarted. */
static void test_recovery(void **state)
{
    struct process p;
    struct dynamo_answer answer;
    struct err e;
    (void)state;
    server_answer_all();
    process_init(&p, "LOG_LEVEL=error");
    expect_ok(&p);
    aws_server_do(&server, "{\"refuse\":true}");
    assert_int_equal(call(p.dynamo, true, 5000, &answer, &e), -1);
    assert_int_equal(e.code, ERR_DYNAMODB_UNAVAILABLE);
    aws_server_do(&server, "{\"refuse\":false}");
    expect_ok(&p);
    process_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_a_shifted_clock),
        cmocka_unit_test(test_as_many_connections_as_threads),
        cmocka_unit_test(test_idle_connections_that_the_server_closed),
        cmocka_unit_test(test_recovery),
    };
    return cmocka_run_group_tests_name("dynamo_faults", tests, server_start, server_stop);
}
