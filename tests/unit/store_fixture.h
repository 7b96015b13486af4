/*
 * What the tests of the store share: a store over the scripted DynamoDB of dynamo_fixture.h, and
 * one kind of row: an operation, the calls that it must make with their answers, and what must come
 * out. For tests/unit/test_store_*.c alone.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "dynamo_fixture.h"
#include "store/internal.h"

#define NOW_MS "1440938160000" /* START_WALL_US, in the units of a sort key */
#define NOW_TEXT "2015-08-30T12:36:00.000000Z"

/* Attributes and answers. "{}" is also what GetItem answers where no item is. */
#define S(name, value) "\"" name "\":{\"S\":\"" value "\"}"
#define N(name, value) "\"" name "\":{\"N\":\"" value "\"}"
#define BODY(text)                                                                                 \
    {                                                                                              \
        .body = (text)                                                                             \
    }
#define FOUND(attributes) BODY("{\"Item\":{" attributes "}}")
#define PAGE(items) BODY("{\"Items\":[" items "]}")
#define PAGE_BEFORE(key, items) BODY("{\"LastEvaluatedKey\":{" key "},\"Items\":[" items "]}")
#define CANCELED(reasons)                                                                          \
    {                                                                                              \
        .status = 400, .body = "{\"__type\":\"a#TransactionCanceledException\","                   \
                               "\"CancellationReasons\":[" reasons "]}"                            \
    }
#define NONE "{\"Code\":\"None\"}"
#define STOPPED "{\"Code\":\"ConditionalCheckFailed\"}"
#define STOPPED_BY(attributes) "{\"Code\":\"ConditionalCheckFailed\",\"Item\":{" attributes "}}"
#define CONFLICTING "{\"Code\":\"TransactionConflict\"}"
#define THROTTLING "{\"Code\":\"ThrottlingError\"}"
#define INVALID(words) "{\"Code\":\"ValidationError\",\"Message\":\"" words "\"}"
#define IN_PROGRESS NAMED("TransactionInProgressException")
#define DENIED NAMED("AccessDeniedException")

#define OWNER S("session_id", "s") "," N("timestamp", "0") "," S("user_id", "u")
#define DELETED S("deleted_at", NOW_TEXT)
#define NO_FINGERPRINT                                                                             \
    S("fingerprint", "0000000000000000000000000000000000000000000000000000000000000000")

/* How an exchange begins. */
#define GET .operation = "GetItem"
#define PUT .operation = "PutItem"
#define DELETE .operation = "DeleteItem"
#define QUERY .operation = "Query"
#define TRANSACT .operation = "TransactWriteItems"
#define BATCH .operation = "BatchWriteItem"
#define CREATE .operation = "CreateTable"
#define DESCRIBE .operation = "DescribeTable"

/* A call that the store must make, and what it is answered. */
struct scripted_call {
    const char *operation; /* NULL ends the script */
    struct step answer;
    const char *asks[6]; /* what the request must have in it; ended by NULL */
    const char *lacks;   /* what it must not */
    bool again;          /* the very bytes of the call before */
};

#define SCRIPT_MAX 12

struct world {
    struct machine machine;
    struct arena arena;
    struct store_shared *shared;
    struct store *store;
    char said[512]; /* what came out, in words of the operation's */
};

typedef int (*store_operation)(struct world *w, struct err *e);

struct store_case {
    const char *name;
    store_operation run;
    const char *setting;   /* "KEY=value"; NULL: none that matters */
    int64_t deadline_ms;   /* 0: 5 s */
    int64_t known_last_ms; /* not 0: the owner of "s" is cached, with this last timestamp */
    struct scripted_call script[SCRIPT_MAX];
    /* what comes out */
    enum err_code code; /* ERR_NONE: it went well */
    const char *words;  /* of the error */
    const char *says;   /* what the operation must have said, if that matters */
    int64_t slept_us;
};

/* Adds to what came out. */
__attribute__((format(printf, 2, 3))) static inline void say(struct world *w, const char *format,
                                                             ...)
{
    size_t n = strlen(w->said);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(w->said + n, sizeof w->said - n, format, arguments);
    va_end(arguments);
}

static inline void say_str(struct world *w, const char *before, struct str s)
{
    say(w, "%s%.*s", before, s.p ? (int)s.n : 1, s.p ? s.p : "-");
}

static inline void world_init(struct world *w, const struct store_case *row, struct step *steps,
                              size_t step_count)
{
    machine_init(&w->machine, row->setting ? row->setting : "LOG_LEVEL=error", steps, step_count);
    arena_init(&w->arena);
    w->shared = store_shared_new(&w->machine.config, &w->machine.clock);
    w->store = store_new(w->shared, w->machine.dynamo, &w->arena);
    w->said[0] = '\0';
    if (row->known_last_ms)
        owner_cache_put(w->shared->owners, STR("s"), STR("u"), row->known_last_ms);
    int64_t deadline_ms = row->deadline_ms ? row->deadline_ms : 5000;
    dynamo_begin(w->machine.dynamo, w->machine.time.mono_us + deadline_ms * 1000);
}

static inline void world_free(struct world *w)
{
    store_free(w->store);
    store_shared_free(w->shared);
    arena_free(&w->arena);
    machine_free(&w->machine);
}

static inline void check_request(const char *name, const struct scripted_call *wanted, size_t i,
                                 const struct seen_request *seen)
{
    if (strcmp(seen->operation, wanted->operation) != 0)
        fail_msg("%s: call %zu is %s, not %s", name, i + 1, seen->operation, wanted->operation);
    if (strlen(seen->body) == sizeof seen->body - 1)
        fail_msg("%s: call %zu is too long for the fixture", name, i + 1);
    for (const char *const *words = wanted->asks; *words; words++) {
        if (!strstr(seen->body, *words))
            fail_msg("%s: call %zu does not have %s: %s", name, i + 1, *words, seen->body);
    }
    if (wanted->lacks && strstr(seen->body, wanted->lacks))
        fail_msg("%s: call %zu has %s: %s", name, i + 1, wanted->lacks, seen->body);
}

/* A resend has identical bytes; any other transaction is another one, with a token of its own. */
static inline void check_resends(const char *name, const struct scripted_call *script,
                                 const struct machine *m)
{
    for (size_t i = 1; i < m->dynamodb.requests; i++) {
        bool same = strcmp(m->dynamodb.seen[i].body, m->dynamodb.seen[i - 1].body) == 0;
        bool tells = script[i].again || strstr(m->dynamodb.seen[i].body, "ClientRequestToken");
        if (tells && same != script[i].again)
            fail_msg("%s: call %zu %s the one before", name, i + 1, same ? "is" : "is not");
    }
}

/* The calls are those of the script, which ends at its first row without an operation. */
static inline void check_calls(const char *name, const struct scripted_call *script, size_t max,
                               const struct machine *m)
{
    size_t count = 0;
    while (count < max && script[count].operation)
        count++;
    for (size_t i = 0; i < m->dynamodb.requests && i < count; i++)
        check_request(name, &script[i], i, &m->dynamodb.seen[i]);
    if (m->dynamodb.requests != count)
        fail_msg("%s: %zu calls, not %zu", name, m->dynamodb.requests, count);
    check_resends(name, script, m);
}

static inline void run_store_case(const struct store_case *row)
{
    struct world w;
    struct step steps[SCRIPT_MAX];
    struct err e = {0};
    for (size_t i = 0; i < SCRIPT_MAX; i++)
        steps[i] = row->script[i].answer;
    world_init(&w, row, steps, SCRIPT_MAX);
    int64_t deadline_us = dynamo_deadline(w.machine.dynamo);
    int result = row->run(&w, &e);
    check_calls(row->name, row->script, SCRIPT_MAX, &w.machine);
    if ((result == 0) != (row->code == ERR_NONE) || (result < 0 && e.code != row->code))
        fail_msg("%s: %d %s: %s", row->name, result, err_code_name(e.code), e.detail);
    if (row->words && !strstr(e.detail, row->words))
        fail_msg("%s: %s", row->name, e.detail);
    if (row->says && strcmp(row->says, w.said) != 0)
        fail_msg("%s: \"%s\" is not \"%s\"", row->name, w.said, row->says);
    if (w.machine.time.slept_us != row->slept_us)
        fail_msg("%s: slept %lld us, not %lld", row->name, (long long)w.machine.time.slept_us,
                 (long long)row->slept_us);
    if (w.machine.time.slept_us && w.machine.time.mono_us >= deadline_us)
        fail_msg("%s: slept beyond the deadline", row->name);
    world_free(&w);
}

/* A test of cmocka's that runs a table of cases. */
#define STORE_TEST(test, cases)                                                                    \
    static void test(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < COUNT(cases); i++) {                                                \
            print_message("  %s\n", (cases)[i].name);                                              \
            run_store_case(&(cases)[i]);                                                           \
        }                                                                                          \
    }

#endif
