/*
 * What the tests of the DynamoDB client share: a process with a clock that moves only when somebody
 * sleeps or waits for an answer, credentials from a provider that can change them, and an exchange
 * that answers by a script and keeps what it was asked. For tests/unit/test_dynamo*.c and
 * test_session_activity.c, and for the tests of the store by way of store_fixture.h.
 */
#ifndef TESTS_UNIT_DYNAMO_FIXTURE_H
#define TESTS_UNIT_DYNAMO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/credentials.h"
#include "aws/dynamo.h"
#include "aws/http_exchange.h"
#include "base/crc32.h"
#include "environment.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define START_WALL_US INT64_C(1440938160000000) /* 20150830T123600Z */
#define START_MONO_US INT64_C(3600000000)
#define REQUESTS_MAX 16

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

/* One answer of the script. A zeroed one is a good and empty answer. */
struct step {
    enum transport_outcome outcome;
    int status;             /* 0: 200 */
    const char *body;       /* NULL: "{}" */
    int64_t date_ahead_s;   /* of the Date header; DATE_ABSENT: none */
    int64_t retry_after_ms; /* 0: none */
    int64_t took_us;
    int64_t wall_jump_us; /* somebody sets this machine's clock before the answer comes */
    bool timed_out;
    bool name_not_resolved;
    bool bad_crc;
    bool good_crc;
};
#define DATE_ABSENT INT64_MIN

struct seen_request {
    char date[64];
    char token[64];
    char authorization[512];
    char operation[32];
    char body[4096];
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
};

/* The machine around the client. */
struct machine {
    struct config config;
    struct clock clock;
    int64_t wall_us;
    int64_t mono_us;
    int64_t slept_us;
    const struct step *steps;
    size_t step_count;
    struct seen_request seen[REQUESTS_MAX];
    size_t requests;
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

/* ---- clock ----------------------------------------------------------------------------------- */

/* The cache's thread reads the clock too. */
static inline int64_t machine_wall(void *context)
{
    return __atomic_load_n(&((struct machine *)context)->wall_us, __ATOMIC_SEQ_CST);
}

static inline int64_t machine_mono(void *context)
{
    return __atomic_load_n(&((struct machine *)context)->mono_us, __ATOMIC_SEQ_CST);
}

static inline void machine_pass(struct machine *m, int64_t us)
{
    __atomic_add_fetch(&m->wall_us, us, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&m->mono_us, us, __ATOMIC_SEQ_CST);
}

static inline void machine_sleep(void *context, int64_t us)
{
    struct machine *m = context;
    m->slept_us += us;
    machine_pass(m, us);
}

static inline double machine_chance(void *context)
{
    (void)context;
    return 0.5;
}

/* ---- the exchange ---------------------------------------------------------------------------- */

struct script_exchange {
    struct http_exchange base;
    struct machine *machine;
};

/* The value of a header line of the text that is sent; "" if there is none. */
static inline void keep_header(char *out, size_t size, struct str text, const char *name)
{
    const char *at = memmem(text.p, text.n, name, strlen(name));
    if (!at)
        return;
    at += strlen(name);
    const char *end = memchr(at, '\r', text.n - (size_t)(at - text.p));
    (void)snprintf(out, size, "%.*s", (int)(end - at), at);
}

static inline void note_request(struct machine *m, const struct http_exchange_request *request)
{
    struct str text = request->text;
    assert_true(m->requests < REQUESTS_MAX);
    struct seen_request *seen = &m->seen[m->requests++];
    *seen = (struct seen_request){.connect_timeout_ms = request->connect_timeout_ms,
                                  .timeout_ms = request->timeout_ms};
    const char *body = memmem(text.p, text.n, "\r\n\r\n", 4);
    assert_non_null(body);
    keep_header(seen->date, sizeof seen->date, text, "\r\nX-Amz-Date: ");
    keep_header(seen->operation, sizeof seen->operation, text,
                "\r\nX-Amz-Target: DynamoDB_20120810.");
    keep_header(seen->token, sizeof seen->token, text, "\r\nX-Amz-Security-Token: ");
    keep_header(seen->authorization, sizeof seen->authorization, text, "\r\nAuthorization: ");
    (void)snprintf(seen->body, sizeof seen->body, "%.*s%.*s", (int)(text.p + text.n - body - 4),
                   body + 4, (int)request->rest.n, request->rest.n ? request->rest.p : "");
}

static inline void script_perform(struct http_exchange *x,
                                  const struct http_exchange_request *request,
                                  struct transport_response *response)
{
    static const struct step good;
    struct machine *m = ((struct script_exchange *)x)->machine;
    const struct step *step = m->requests < m->step_count ? &m->steps[m->requests] : &good;
    note_request(m, request);
    buf_reset(&response->body);
    buf_puts(&response->body, step->body ? step->body : "{}");
    response->outcome = step->outcome;
    response->status = step->status ? step->status : 200;
    response->crc32 = step->bad_crc    ? 1
                      : step->good_crc ? (int64_t)crc32_of(buf_str(&response->body))
                                       : -1;
    response->retry_after_ms = step->retry_after_ms ? step->retry_after_ms : -1;
    response->timed_out = step->timed_out;
    response->name_not_resolved = step->name_not_resolved;
    /* The Date is that of the middle, and the server's clock is right. */
    response->date_s = step->date_ahead_s == DATE_ABSENT
                           ? -1
                           : (m->wall_us + step->took_us / 2) / 1000000 + step->date_ahead_s;
    (void)snprintf(response->error, sizeof response->error, "scripted");
    machine_pass(m, step->took_us);
    __atomic_add_fetch(&m->wall_us, step->wall_jump_us, __ATOMIC_SEQ_CST);
}

static inline void script_free(struct http_exchange *x)
{
    free(x);
}

static inline struct http_exchange *script_new(void *context, struct err *e)
{
    struct script_exchange *x = calloc(1, sizeof *x);
    (void)e;
    assert_non_null(x);
    *x = (struct script_exchange){{script_perform, script_free}, context};
    return &x->base;
}

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
    m->requests = 0;
    m->wall_us = START_WALL_US;
    m->mono_us = START_MONO_US;
}

static inline void machine_init(struct machine *m, const char *setting, const struct step *steps,
                                size_t step_count)
{
    struct err e = {0};
    const char *const settings[] = {setting, NULL};
    const struct dynamo_parts parts = {fake_chain, no_transport_new, script_new, m};
    provider.fetches = 0;
    *m = (struct machine){.wall_us = START_WALL_US, .mono_us = 1};
    m->clock = (struct clock){machine_wall, machine_mono, machine_sleep, machine_chance, m};
    load_settings(&m->config, settings);
    m->shared = dynamo_shared_new_with(&m->config, &m->clock, &parts, &e);
    if (!m->shared)
        fail_msg("%s", e.detail);
    m->dynamo = dynamo_new(m->shared, &e);
    assert_non_null(m->dynamo);
    if (!provider.not_configured)
        machine_warm_up(m);
    m->steps = steps;
    m->step_count = step_count;
}

static inline void machine_free(struct machine *m)
{
    dynamo_free(m->dynamo);
    dynamo_shared_free(m->shared);
    config_free(&m->config);
    provider = (struct fake_provider){0};
}

#endif
