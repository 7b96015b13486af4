/*
 * What the tests of the DynamoDB client share: a process with a clock that moves only when somebody
 * sleeps or waits for an answer, credentials from a provider that can change them, and an exchange
 * that answers by a script and keeps what it was asked. For tests/unit/test_dynamo*.c and
 * test_session_activity.c, and for the tests of the store by way of store_fixture.h.
 */
#ifndef TESTS_UNIT_DYNAMO_FIXTURE_H
#define TESTS_UNIT_DYNAMO_FIXTURE_H

#include "fakes.h"

#include "aws/credentials.h"
#include "aws/dynamo.h"
#include "environment.h"

#define START_WALL_US INT64_C(1440938160000000) /* 20150830T123600Z */
#define START_MONO_US INT64_C(3600000000)

/* Answers of a script. */
#define TYPE(name, words)                                                                          \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" name "\",\"message\":\"" words "\"}"
#define NAMED(name)                                                                                \
    {                                                                                              \
        .status = 400, .body = TYPE(name, "words")                                                 \
    }
#define STATUS(number)                                                                             \
    {                                                                                              \
        .status = (number), .body = "<html>"                                                       \
    }
#define THROTTLED NAMED("ThrottlingException")
#define CONFLICT                                                                                   \
    {                                                                                              \
        .status = 400, .body = "{\"__type\":\"a#TransactionCanceledException\","                   \
                               "\"CancellationReasons\":[{\"Code\":\"None\"},"                     \
                               "{\"Code\":\"TransactionConflict\"}]}"                              \
    }
#define REPLICATED NAMED("ReplicatedWriteConflictException")
#define OK                                                                                         \
    {                                                                                              \
        .status = 200                                                                              \
    }
#define NOT_SENT                                                                                   \
    {                                                                                              \
        .outcome = TRANSPORT_NOT_SENT                                                              \
    }
#define MAYBE_SENT                                                                                 \
    {                                                                                              \
        .outcome = TRANSPORT_MAYBE_SENT                                                            \
    }
#define EXPIRED NAMED("ExpiredTokenException")
#define OLD_SIGNATURE(ahead)                                                                       \
    {                                                                                              \
        .status = 400, .body = TYPE("InvalidSignatureException", "Signature expired: x"),          \
        .date_ahead_s = (ahead)                                                                    \
    }

/* The machine around the client. */
struct machine {
    struct config config;
    struct clock clock;
    struct fake_clock time; /* what clock tells */
    struct fake_dynamodb dynamodb;
    struct dynamo_shared *shared;
    struct dynamo *dynamo;
};

/* The provider has no context of its own. */
struct fake_provider {
    bool not_configured;
    bool changes; /* another token at each fetch */
    int fetches;
    int64_t skew_s; /* that it was given at the last one */
};
static struct fake_provider provider;

static inline enum credentials_result provider_fetch(const struct credentials_context *context,
                                                     struct credentials *out, struct err *e)
{
    char token[32];
    (void)e;
    provider.skew_s = skew_get(context->skew);
    if (provider.not_configured)
        return CREDENTIALS_NOT_HERE;
    int n = provider.changes ? provider.fetches : 0;
    provider.fetches++;
    (void)snprintf(token, sizeof token, "TOKEN%d", n);
    *out = (struct credentials){.access_key_id = strdup("AKIDEXAMPLE"),
                                .secret_access_key = strdup("secret"),
                                .session_token = strdup(token),
                                .source = "test",
                                .expires_us = CREDENTIALS_NEVER_EXPIRE};
    return CREDENTIALS_FOUND;
}

static const struct credentials_provider fake_chain[] = {{"test", provider_fetch}, {NULL, NULL}};

/* For the credentials, whose provider asks nobody here. */
static inline void no_transport_free(struct transport *t)
{
    free(t);
}

static inline struct transport *no_transport_new(void *context, struct err *e)
{
    struct transport *t = calloc(1, sizeof *t);
    (void)context;
    (void)e;
    assert_non_null(t);
    t->free = no_transport_free;
    return t;
}

/* ---- the machine ----------------------------------------------------------------------------- */

/* settings: "KEY=value", ended by NULL. */
static inline void load_settings(struct config *config, const char *const *settings)
{
    struct err e = {0};
    clear_environment();
    setenv("AWS_REGION", "us-east-1", 1);
    for (; *settings; settings++) {
        char key[64];
        const char *equals = strchr(*settings, '=');
        (void)snprintf(key, sizeof key, "%.*s", (int)(equals - *settings), *settings);
        setenv(key, equals + 1, 1);
    }
    if (config_load(config, NULL, false, &e) != 0)
        fail_msg("config_load: %s", e.detail);
}

static inline int machine_call_of(struct machine *m, enum dynamo_operation operation,
                                  bool repeatable, struct dynamo_answer *answer, struct err *e)
{
    const struct dynamo_call call = {operation, STR("{\"TableName\":\"t\"}"), repeatable};
    *e = (struct err){0};
    return dynamo_call(m->dynamo, &call, answer, e);
}

static inline int machine_call(struct machine *m, bool repeatable, struct dynamo_answer *answer,
                               struct err *e)
{
    return machine_call_of(m, DYNAMO_UPDATE_ITEM, repeatable, answer, e);
}

/* The cache does not ask the provider again right after it has asked: a call, and some time. */
static inline void machine_warm_up(struct machine *m)
{
    struct dynamo_answer answer;
    struct err e;
    if (machine_call(m, true, &answer, &e) != 0)
        fail_msg("%s", e.detail);
    dynamo_answer_free(&answer);
    m->dynamodb.requests = 0;
    m->time.wall_us = START_WALL_US;
    m->time.mono_us = START_MONO_US;
}

/* settings: "KEY=value", ended by NULL. */
static inline void machine_init_with(struct machine *m, const char *const *settings,
                                     const struct step *steps, size_t step_count)
{
    struct err e = {0};
    const struct dynamo_parts parts = {fake_chain, no_transport_new, fake_exchange_new,
                                       &m->dynamodb};
    provider.fetches = 0;
    *m = (struct machine){.time = {.wall_us = START_WALL_US, .mono_us = 1, .chance = 0.5},
                          .dynamodb.time = &m->time};
    m->clock = fake_clock_table(&m->time);
    load_settings(&m->config, settings);
    m->shared = dynamo_shared_new_with(&m->config, &m->clock, &parts, &e);
    if (!m->shared)
        fail_msg("%s", e.detail);
    m->dynamo = dynamo_new(m->shared, &e);
    assert_non_null(m->dynamo);
    if (!provider.not_configured)
        machine_warm_up(m);
    m->dynamodb.steps = steps;
    m->dynamodb.step_count = step_count;
}

static inline void machine_init(struct machine *m, const char *setting, const struct step *steps,
                                size_t step_count)
{
    const char *const settings[] = {setting, NULL};
    machine_init_with(m, settings, steps, step_count);
}

static inline void machine_free(struct machine *m)
{
    dynamo_free(m->dynamo);
    dynamo_shared_free(m->shared);
    config_free(&m->config);
    provider = (struct fake_provider){0};
}

#endif
