/*
 * The fakes of the tests: the web server in front of the program (a gateway), the clock, and what
 * stands behind it (the HTTP that credentials are asked for by, and DynamoDB), each answering by a
 * script and keeping what it was asked.
 */
#ifndef TESTS_UNIT_FAKES_H
#define TESTS_UNIT_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/http_exchange.h"
#include "aws/transport.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crc32.h"
#include "http/gateway.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FAKE_NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define REQUESTS_MAX 16

/* ---- the gateway ------------------------------------------------------------------------------
 */

struct fake_gateway {
    struct gateway gateway;
    const char *const *variables; /* "NAME=value", ended by NULL */
    struct str body;
    size_t piece; /* read hands out at most as many bytes at a time */
    struct buf written;
    bool client_gone;
    bool broken_off;
};

static inline const char *fake_param(struct gateway *g, const char *name)
{
    const struct fake_gateway *fake = (const struct fake_gateway *)g;
    size_t n = strlen(name);

    for (size_t i = 0; fake->variables[i]; i++) {
        if (strncmp(fake->variables[i], name, n) == 0 && fake->variables[i][n] == '=')
            return fake->variables[i] + n + 1;
    }
    return NULL;
}

static inline long fake_read(struct gateway *g, void *out, size_t n)
{
    struct fake_gateway *fake = (struct fake_gateway *)g;
    size_t step = n < fake->piece ? n : fake->piece;

    if (step > fake->body.n)
        step = fake->body.n;
    if (step)
        memcpy(out, fake->body.p, step);
    fake->body.p += step;
    fake->body.n -= step;
    return (long)step;
}

static inline int fake_write(struct gateway *g, const void *data, size_t n)
{
    struct fake_gateway *fake = (struct fake_gateway *)g;
    buf_append(&fake->written, data, n);
    return 0;
}

static inline bool fake_client_gone(struct gateway *g)
{
    return ((const struct fake_gateway *)g)->client_gone;
}

static inline void fake_break_off(struct gateway *g)
{
    ((struct fake_gateway *)g)->broken_off = true;
}

static inline void fake_gateway_init(struct fake_gateway *fake, const char *const *variables,
                                     const char *body)
{
    *fake = (struct fake_gateway){
        .gateway = {.param = fake_param,
                    .read = fake_read,
                    .write = fake_write,
                    .client_gone = fake_client_gone,
                    .break_off = fake_break_off},
        .variables = variables,
        .body = str_from(body),
        .piece = 7,
    };
    buf_init(&fake->written, 1 << 20);
}

/* ---- clock ----------------------------------------------------------------------------------- */

/* Moves only when somebody sleeps or waits for an answer. Threads may read it. */
struct fake_clock {
    int64_t wall_us;
    int64_t mono_us;
    int64_t slept_us;
    double chance;
};

static inline int64_t fake_wall_us(void *context)
{
    return __atomic_load_n(&((struct fake_clock *)context)->wall_us, __ATOMIC_SEQ_CST);
}

static inline int64_t fake_mono_us(void *context)
{
    return __atomic_load_n(&((struct fake_clock *)context)->mono_us, __ATOMIC_SEQ_CST);
}

static inline double fake_chance(void *context)
{
    return ((struct fake_clock *)context)->chance;
}

static inline void fake_advance(struct fake_clock *clock, int64_t us)
{
    __atomic_add_fetch(&clock->wall_us, us, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&clock->mono_us, us, __ATOMIC_SEQ_CST);
}

static inline void fake_sleep_us(void *context, int64_t us)
{
    ((struct fake_clock *)context)->slept_us += us;
    fake_advance(context, us);
}

static inline struct clock fake_clock_table(struct fake_clock *clock)
{
    return (struct clock){fake_wall_us, fake_mono_us, fake_sleep_us, fake_chance, clock};
}

/* ---- transport ------------------------------------------------------------------------------- */

/* One answer of the script. outcome ANSWERED is 0. */
struct fake_answer {
    const char *request; /* "GET http://..." that must come; NULL ends the script */
    enum transport_outcome outcome;
    int status;
    const char *body;
    bool name_not_resolved;
};

struct fake_transport {
    struct transport table; /* first: perform gets its address */
    const struct fake_answer *script;
    unsigned requests;
    bool proxied;           /* a request did not forbid a proxy */
    int64_t longest;        /* of the time-outs asked for, ms */
    int64_t server_ahead_s; /* of our clock, as the Date header says; 0: there is no such header */
    struct buf transcript;
};

static inline void fake_perform(struct transport *t, const struct transport_request *request,
                                struct transport_response *response)
{
    struct fake_transport *fake = (struct fake_transport *)t;
    const struct fake_answer *answer = &fake->script[fake->requests];
    char line[1024];
    (void)snprintf(line, sizeof line, "%s %s", request->method, request->url);
    if (!answer->request)
        fail_msg("a request too many: %s", line);
    assert_string_equal(line, answer->request);
    fake->requests++;
    fake->proxied = fake->proxied || !request->no_proxy;
    if (request->timeout_ms > fake->longest)
        fake->longest = request->timeout_ms;
    buf_printf(&fake->transcript, "%s\n", line);
    for (const char *const *header = request->headers; *header; header++)
        buf_printf(&fake->transcript, "%s\n", *header);
    buf_putc(&fake->transcript, '\n');
    buf_append_str(&fake->transcript, request->body);
    buf_putc(&fake->transcript, '\n');
    buf_reset(&response->body);
    response->outcome = answer->outcome;
    response->status = answer->status;
    response->name_not_resolved = answer->name_not_resolved;
    response->date_s = fake->server_ahead_s ? FAKE_NOW_US / 1000000 + fake->server_ahead_s : -1;
    (void)snprintf(response->error, sizeof response->error, "%s",
                   answer->outcome == TRANSPORT_ANSWERED ? "" : "connection refused");
    if (answer->body)
        buf_puts(&response->body, answer->body);
}

static inline void fake_transport_init(struct fake_transport *t, const struct fake_answer *script)
{
    *t = (struct fake_transport){.table = {.perform = fake_perform}, .script = script};
    buf_init(&t->transcript, 1 << 20);
}

/* ---- DynamoDB -------------------------------------------------------------------------------- */

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

/* Answers the calls of any number of clients, in their order, by a script. Beyond its end every
 * answer is good and empty. */
struct fake_dynamodb {
    struct fake_clock *time; /* passes while it answers */
    const struct step *steps;
    size_t step_count;
    struct seen_request seen[REQUESTS_MAX];
    size_t requests;
};

struct fake_exchange {
    struct http_exchange base;
    struct fake_dynamodb *dynamodb;
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

static inline void note_request(struct fake_dynamodb *d,
                                const struct http_exchange_request *request)
{
    struct str text = request->text;
    assert_true(d->requests < REQUESTS_MAX);
    struct seen_request *seen = &d->seen[d->requests++];
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

static inline void fake_exchange_perform(struct http_exchange *x,
                                         const struct http_exchange_request *request,
                                         struct transport_response *response)
{
    static const struct step good;
    struct fake_dynamodb *d = ((struct fake_exchange *)x)->dynamodb;
    const struct step *step = d->requests < d->step_count ? &d->steps[d->requests] : &good;
    note_request(d, request);
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
                           : (d->time->wall_us + step->took_us / 2) / 1000000 + step->date_ahead_s;
    (void)snprintf(response->error, sizeof response->error, "scripted");
    fake_advance(d->time, step->took_us);
    __atomic_add_fetch(&d->time->wall_us, step->wall_jump_us, __ATOMIC_SEQ_CST);
}

static inline void fake_exchange_free(struct http_exchange *x)
{
    free(x);
}

/* The exchange_new of struct dynamo_parts; context is the struct fake_dynamodb. */
static inline struct http_exchange *fake_exchange_new(void *context, struct err *e)
{
    struct fake_exchange *x = calloc(1, sizeof *x);
    (void)e;
    assert_non_null(x);
    *x = (struct fake_exchange){{fake_exchange_perform, fake_exchange_free}, context};
    return &x->base;
}

#endif
