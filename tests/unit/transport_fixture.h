/*
 * What the tests of the transport share: a configuration of a few settings, and one request that
 * goes either way: through libcurl's easy interface, or by the exchange that calls to DynamoDB
 * take. For tests/unit/test_transport*.c, test_http_exchange.c and test_dynamo_faults.c alone.
 */
#ifndef TESTS_UNIT_TRANSPORT_FIXTURE_H
#define TESTS_UNIT_TRANSPORT_FIXTURE_H

#include "aws_server.h"

#include "aws/http_exchange.h"
#include "aws/transport.h"
#include "base/clock.h"
#include "environment.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BODY_CAP ((size_t)64 * 1024)

/* Which way the requests of a test go; BOTH_WAYS(test) is the test twice. */
static bool by_exchange;

static inline int go_by_exchange(void **state)
{
    (void)state;
    by_exchange = true;
    return 0;
}

static inline int go_by_transport(void **state)
{
    (void)state;
    by_exchange = false;
    return 0;
}

#define BY_TRANSPORT(test) cmocka_unit_test_setup(test, go_by_transport)
#define BY_EXCHANGE(test) cmocka_unit_test_setup(test, go_by_exchange)
#define BOTH_WAYS(test) BY_TRANSPORT(test), BY_EXCHANGE(test)

/* A handle and what it needs; and an exchange with the server of the last request. */
struct client {
    struct config config;
    struct transport_shared *shared;
    struct transport *transport;
    struct http_exchange *exchange;
    char exchange_url[128];
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
    if (c->exchange)
        c->exchange->free(c->exchange);
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

/* The text of the request as DynamoDB's calls have it; the body goes apart from it. */
static inline void write_request(struct buf *text, const struct transport_request *request)
{
    const char *host = strstr(request->url, "//") + 2;
    buf_init(text, 65536);
    buf_printf(text, "%s / HTTP/1.1\r\nHost: %.*s\r\nContent-Length: %zu\r\n", request->method,
               (int)strcspn(host, "/"), host, request->body.n);
    for (const char *const *line = request->headers; *line; line++)
        buf_printf(text, "%s\r\n", *line);
    buf_puts(text, "\r\n");
}

/* Any thread of the client's may do this, once there is an exchange. */
static inline void exchange_perform(struct http_exchange *x,
                                    const struct transport_request *request,
                                    struct transport_response *response)
{
    struct buf text;
    write_request(&text, request);
    struct http_exchange_request r = {.text = buf_str(&text),
                                      .rest = request->body,
                                      .connect_timeout_ms = request->connect_timeout_ms,
                                      .timeout_ms = request->timeout_ms};
    x->perform(x, &r, response);
    buf_free(&text);
}

#define CONNECTIONS_KEPT 64

static inline void client_perform(struct client *c, const struct transport_request *request)
{
    struct err e;
    if (!by_exchange) {
        c->transport->perform(c->transport, request, &c->response);
        return;
    }
    if (!c->exchange || strcmp(c->exchange_url, request->url) != 0) {
        if (c->exchange)
            c->exchange->free(c->exchange);
        (void)snprintf(c->exchange_url, sizeof c->exchange_url, "%s", request->url);
        c->exchange = http_exchange_new(c->shared, request->url, CONNECTIONS_KEPT, &e);
        assert_non_null(c->exchange);
    }
    exchange_perform(c->exchange, request, &c->response);
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
