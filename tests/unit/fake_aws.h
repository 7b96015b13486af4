/*
 * What the tests of the credential providers share: a clock that stands still, a transport that
 * answers by a script and keeps a transcript, a home directory of their own, and one kind of row
 * that describes a machine and what a provider must find there.
 */
#ifndef TESTS_FAKE_AWS_H
#define TESTS_FAKE_AWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "aws/credentials.h"
#include "environment.h"
#include "aws/credentials_provider.h"

#define FAKE_NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define FAKE_HOUR "2026-01-01T01:00:00Z"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- clock -------------------------------------------------------------------------------------
 */

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

static inline void fake_sleep_us(void *context, int64_t us)
{
    ((struct fake_clock *)context)->slept_us += us;
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

static inline struct clock fake_clock_table(struct fake_clock *clock)
{
    return (struct clock){fake_wall_us, fake_mono_us, fake_sleep_us, fake_chance, clock};
}

/* ---- transport ---------------------------------------------------------------------------------
 */

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

/* ---- the machine -------------------------------------------------------------------------------
 */

/* A directory below /tmp that is HOME; made by fake_home_make. */
static char fake_home[64];

static inline int fake_home_make(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(fake_home, sizeof fake_home, "/tmp/test-credentials-XXXXXX");
    if (!mkdtemp(fake_home))
        return -1;
    (void)snprintf(path, sizeof path, "%s/.aws", fake_home);
    return mkdir(path, 0700);
}

static inline void fake_file_remove(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", fake_home, name);
    unlink(path);
}

static inline void fake_file_write(const char *name, const char *text)
{
    char path[256];
    fake_file_remove(name);
    if (!text)
        return;
    (void)snprintf(path, sizeof path, "%s/%s", fake_home, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static inline int fake_home_remove(void **state)
{
    (void)state;
    char path[128];
    fake_file_remove(".aws/credentials");
    fake_file_remove(".aws/config");
    fake_file_remove("token");
    fake_file_remove("log");
    (void)snprintf(path, sizeof path, "%s/.aws", fake_home);
    rmdir(path);
    return rmdir(fake_home);
}

/* "@" at the start of a text stands for the home directory. */
static inline void fake_expand(const char *text, char *out, size_t size)
{
    bool at = text[0] == '@';
    (void)snprintf(out, size, "%s%s", at ? fake_home : "", text + (at ? 1 : 0));
}

/* An environment with HOME and these "KEY=value" alone, ended by NULL, and the configuration in it.
 */
static inline void fake_config(struct config *config, const char *const *settings)
{
    struct err e = {0};
    char value[512];
    clear_environment();
    setenv("HOME", fake_home, 1);
    setenv("PATH", "/usr/bin:/bin", 1);
    for (size_t i = 0; settings[i]; i++) {
        const char *equals = strchr(settings[i], '=');
        char key[64];
        (void)snprintf(key, sizeof key, "%.*s", (int)(equals - settings[i]), settings[i]);
        fake_expand(equals + 1, value, sizeof value);
        setenv(key, value, 1);
    }
    if (config_load(config, NULL, false, &e) != 0)
        fail_msg("config_load: %s", e.detail);
}

/* ---- one row -----------------------------------------------------------------------------------
 */

/*
 * A machine and what must be found on it. Every secret in a row has the letters HUSH in it, and
 * no error may have them.
 */
struct credentials_case {
    const char *name;
    const char *settings[8];
    const char *credentials_file;
    const char *config_file;
    const char *token_file; /* "@/token" */
    struct fake_answer script[8];
    enum credentials_result result;
    const char *found;   /* "key id/secret/token/source" */
    const char *words;   /* that the error must have */
    const char *seen[6]; /* texts that the transcript must have */
    bool may_use_proxy;
    int64_t longest_ms;     /* 0: not looked at */
    int64_t server_ahead_s; /* see struct fake_transport */
    int64_t expires_us;     /* of what was found; 0: not looked at */
};

static inline void check_found(const struct credentials_case *row, const struct credentials *c)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "%s/%s/%s/%s", c->access_key_id, c->secret_access_key,
                   c->session_token ? c->session_token : "", c->source);
    assert_string_equal(text, row->found);
    if (row->expires_us)
        assert_int_equal(c->expires_us, row->expires_us);
}

static inline void check_transcript(const struct credentials_case *row,
                                    const struct fake_transport *transport)
{
    unsigned expected = 0;
    while (row->script[expected].request)
        expected++;
    assert_int_equal(transport->requests, expected);
    if (!row->may_use_proxy)
        assert_false(transport->proxied);
    if (row->longest_ms)
        assert_int_equal(transport->longest, row->longest_ms);
    for (size_t i = 0; i < COUNT(row->seen) && row->seen[i]; i++) {
        if (!transport->transcript.data || !strstr(transport->transcript.data, row->seen[i]))
            fail_msg("%s: no \"%s\" in the requests:\n%s", row->name, row->seen[i],
                     transport->transcript.data ? transport->transcript.data : "(none)");
    }
}

static inline void run_case(const struct credentials_case *row,
                            enum credentials_result (*fetch)(const struct credentials_context *,
                                                             struct credentials *, struct err *))
{
    struct config config;
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock clock_table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct credentials found = {0};
    struct err e = {0};
    print_message("  %s\n", row->name);
    fake_file_write(".aws/credentials", row->credentials_file);
    fake_file_write(".aws/config", row->config_file);
    fake_file_write("token", row->token_file);
    fake_config(&config, row->settings);
    fake_transport_init(&transport, row->script);
    transport.server_ahead_s = row->server_ahead_s;
    const struct credentials_context context = {.config = &config,
                                                .clock = &clock_table,
                                                .transport = &transport.table,
                                                .region = "eu-central-1"};
    enum credentials_result result = fetch(&context, &found, &e);
    if (result != row->result)
        fail_msg("%s: result %d, not %d: %s", row->name, (int)result, (int)row->result, e.detail);
    if (result == CREDENTIALS_FOUND)
        check_found(row, &found);
    if (result == CREDENTIALS_FAILED && (!row->words || !strstr(e.detail, row->words)))
        fail_msg("%s: the error says: %s", row->name, e.detail);
    assert_null(strstr(e.detail, "HUSH"));
    check_transcript(row, &transport);
    credentials_clear(&found);
    buf_free(&transport.transcript);
    config_free(&config);
}

#endif
