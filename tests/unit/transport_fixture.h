/*
 * What the tests of the transport share: a configuration of a few settings, one handle, and one
 * exchange. For tests/unit/test_transport*.c alone.
 */
#ifndef TESTS_UNIT_TRANSPORT_FIXTURE_H
#define TESTS_UNIT_TRANSPORT_FIXTURE_H

#include "aws_server.h"

#include "aws/transport.h"
#include "base/clock.h"
#include "environment.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BODY_CAP ((size_t)64 * 1024)

/* A handle and what it needs. */
struct client {
    struct config config;
    struct transport_shared *shared;
    struct transport *transport;
    struct transport_response response;
};

/* settings: "KEY=value", ended by NULL; or NULL. They are not in the environment afterwards. */
static inline void client_config(struct config *config, const char *const *settings)
{
    struct err e = {0};
    clear_environment();
    for (; settings && *settings; settings++) {
        char key[64];
        const char *equals = strchr(*settings, '=');
        (void)snprintf(key, sizeof key, "%.*s", (int)(equals - *settings), *settings);
        setenv(key, equals + 1, 1);
    }
    if (config_load(config, NULL, false, &e) != 0)
        fail_msg("config_load: %s", e.detail);
    clear_environment();
}

static inline void client_init(struct client *c, const char *const *settings)
{
    struct err e = {0};
    *c = (struct client){0};
    client_config(&c->config, settings);
    buf_init(&c->response.body, BODY_CAP);
    c->shared = transport_shared_new(&c->config, &e);
    if (!c->shared)
        fail_msg("%s", e.detail);
    c->transport = transport_curl_new(c->shared, &e);
    assert_non_null(c->transport);
}

static inline void client_free(struct client *c)
{
    c->transport->free(c->transport);
    transport_shared_free(c->shared);
    buf_free(&c->response.body);
    config_free(&c->config);
}

static inline struct transport_request request_to(const char *url)
{
    static const char *const headers[] = {"Content-Type: application/x-amz-json-1.0",
                                          "X-Amz-Target: DynamoDB_20120810.GetItem", NULL};
    return (struct transport_request){.method = "POST",
                                      .url = url,
                                      .headers = headers,
                                      .body = STR("{}"),
                                      .connect_timeout_ms = 5000,
                                      .timeout_ms = 5000};
}

static inline void client_perform(struct client *c, const struct transport_request *request)
{
    c->transport->perform(c->transport, request, &c->response);
}

/* An ordinary request to the server, which must be answered. */
static inline void client_expect_answer(struct client *c, const char *url)
{
    const struct transport_request request = request_to(url);
    client_perform(c, &request);
    if (c->response.outcome != TRANSPORT_ANSWERED || c->response.status != 200)
        fail_msg("no answer: status %d, %s", c->response.status, c->response.error);
}

#endif
