/*
 * What the tests of the credential providers share: a home directory of their own, and one kind of
 * row that describes a machine and what a provider must find there.
 */
#ifndef TESTS_FAKE_AWS_H
#define TESTS_FAKE_AWS_H

#include "fakes.h"

#include <sys/stat.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "environment.h"
#include "aws/credentials_provider.h"

#define FAKE_HOUR "2026-01-01T01:00:00Z"

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
