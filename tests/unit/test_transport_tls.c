/*
 * TLS and proxies: whom the transport trusts, which versions it speaks, that all handles of a
 * process share one store of certificates, and which requests go through a proxy.
 */
#include "tls_servers.h"

#include <pthread.h>
#include <signal.h>

static char other_cert[64];
static char other_key[64];
static struct aws_server *const secure = &servers[SECURE];
static struct aws_server *const proxy = &servers[PLAIN];

static void perform_at(struct client *c, const char *url)
{
    const struct transport_request request = request_to(url);
    client_perform(c, &request);
}

static void test_trust(void **state)
{
    char localhost[64];
    char wrong_bundle[96];
    (void)state;
    (void)snprintf(localhost, sizeof localhost, "https://localhost:%d", secure->port);
    (void)snprintf(wrong_bundle, sizeof wrong_bundle, "AWS_CA_BUNDLE=%s", other_cert);
    const struct {
        const char *name;
        const char *setting;
        const char *url;
        enum transport_outcome outcome;
    } rows[] = {
        {"a certificate of the bundle", bundle_setting, secure->url, TRANSPORT_ANSWERED},
        {"one that the system does not know", "LOG_LEVEL=error", secure->url, TRANSPORT_NOT_SENT},
        {"another bundle", wrong_bundle, secure->url, TRANSPORT_NOT_SENT},
        {"another name", bundle_setting, localhost, TRANSPORT_NOT_SENT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const settings[] = {rows[i].setting, NULL};
        struct client c;
        print_message("  %s\n", rows[i].name);
        aws_server_answer_all(secure);
        client_init(&c, settings);
        perform_at(&c, rows[i].url);
        if (c.response.outcome != rows[i].outcome)
            fail_msg("outcome %d: %s", (int)c.response.outcome, c.response.error);
        assert_int_equal(aws_server_count(secure, "seen"),
                         rows[i].outcome == TRANSPORT_ANSWERED ? 1 : 0);
        client_free(&c);
    }
}

static void test_versions(void **state)
{
    static const struct {
        const char *version;
        enum transport_outcome outcome;
    } rows[] = {{"TLSv1.1", TRANSPORT_NOT_SENT},
                {"TLSv1.2", TRANSPORT_ANSWERED},
                {"TLSv1.3", TRANSPORT_ANSWERED}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *const options[] = {"--cert",        cert, "--key", key, "--tls-version",
                                       rows[i].version, NULL};
        const char *const settings[] = {bundle_setting, NULL};
        struct aws_server server;
        struct client c;
        client_init(&c, settings);
        aws_server_start(&server, options);
        aws_server_do(&server, "{\"rules\":[{\"times\":0}]}");
        perform_at(&c, server.url);
        if (c.response.outcome != rows[i].outcome)
            fail_msg("%s: outcome %d: %s", rows[i].version, (int)c.response.outcome,
                     c.response.error);
        client_free(&c);
        aws_server_stop(&server);
    }
}

static void test_a_bundle_that_cannot_be_read(void **state)
{
    char missing[96];
    char no_certificate[96];
    (void)state;
    (void)snprintf(missing, sizeof missing, "AWS_CA_BUNDLE=%s/missing", tls_directory);
    (void)snprintf(no_certificate, sizeof no_certificate, "AWS_CA_BUNDLE=%s", key);
    const char *const bad[] = {missing, no_certificate};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *const settings[] = {bad[i], NULL};
        struct config config;
        struct err e = {0};
        client_config(&config, settings);
        assert_null(transport_shared_new(&config, &e));
        assert_int_equal(e.code, ERR_CONFIGURATION);
        assert_non_null(strstr(e.detail, "AWS_CA_BUNDLE"));
        config_free(&config);
    }
}

/* Read once for the process: a handle that is made when the file has gone trusts it all the same,
 * so none reads it, or the system's bundle, for itself. */
static void test_one_store_for_all_handles(void **state)
{
    const char *const settings[] = {bundle_setting, NULL};
    char moved[96];
    struct client c;
    struct err e;
    (void)state;
    (void)snprintf(moved, sizeof moved, "%s/moved", tls_directory);
    aws_server_answer_all(secure);
    client_init(&c, settings);
    assert_int_equal(rename(cert, moved), 0);
    for (int i = 0; i < 3; i++) {
        c.transport->free(c.transport);
        c.transport = transport_curl_new(c.shared, &e);
        client_expect_answer(&c, secure->url);
    }
    assert_int_equal(rename(moved, cert), 0);
    client_free(&c);
}

#define THREADS 4

static void *run_thread(void *context)
{
    const struct client *c = context;
    struct client own = *c;
    struct err e;
    buf_init(&own.response.body, BODY_CAP);
    own.transport = transport_curl_new(own.shared, &e);
    for (int i = 0; own.transport && i < 10; i++)
        perform_at(&own, secure->url);
    bool ok = own.transport && own.response.outcome == TRANSPORT_ANSWERED;
    if (own.transport)
        own.transport->free(own.transport);
    buf_free(&own.response.body);
    return ok ? context : NULL;
}

static void test_threads(void **state)
{
    const char *const settings[] = {bundle_setting, NULL};
    pthread_t threads[THREADS];
    struct client c;
    (void)state;
    aws_server_answer_all(secure);
    client_init(&c, settings);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &c), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
    assert_int_equal(aws_server_count(secure, "connections"), THREADS);
    client_free(&c);
}

/* The library of TLS writes too. */
static void test_no_signal(void **state)
{
    const char *const settings[] = {bundle_setting, NULL};
    struct transport_request request = request_to(secure->url);
    size_t large = (size_t)8 * 1024 * 1024;
    char *text = calloc(1, large);
    struct client c;
    (void)state;
    assert_non_null(text);
    void (*before)(int) = signal(SIGPIPE, SIG_DFL);
    request.body = (struct str){text, large};
    client_init(&c, settings);
    aws_server_do(secure, "{\"reset\":true,\"rules\":[{\"fault\":\"reset-at-once\"}]}");
    client_perform(&c, &request);
    assert_int_equal(c.response.outcome, TRANSPORT_MAYBE_SENT);
    signal(SIGPIPE, before);
    client_free(&c);
    free(text);
}

/* ---- proxies --------------------------------------------------------------------------------- */

static void test_which_requests_take_the_proxy(void **state)
{
    char setting[96];
    char plain[80];
    (void)state;
    (void)snprintf(setting, sizeof setting, "HTTPS_PROXY=%s", proxy->url);
    (void)snprintf(plain, sizeof plain, "%s/", proxy->url);
    const struct {
        const char *name;
        const char *settings[4];
        const char *url;
        bool no_proxy;
        int connects;
    } rows[] = {
        {"https", {setting, bundle_setting}, secure->url, false, 1},
        {"a request that must not", {setting, bundle_setting}, secure->url, true, 0},
        {"a host of NO_PROXY",
         {setting, "NO_PROXY=example.com,127.0.0.1", bundle_setting},
         secure->url,
         false,
         0},
        {"all hosts", {setting, "NO_PROXY=*", bundle_setting}, secure->url, false, 0},
        {"another host of NO_PROXY",
         {setting, "NO_PROXY=127.0.0.2", bundle_setting},
         secure->url,
         false,
         1},
        {"http", {setting, NULL}, plain, false, 0},
        {"none", {bundle_setting, NULL}, secure->url, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct client c;
        struct transport_request request = request_to(rows[i].url);
        if (by_exchange && rows[i].no_proxy)
            continue; /* that is for other endpoints than DynamoDB's */
        print_message("  %s\n", rows[i].name);
        request.no_proxy = rows[i].no_proxy;
        aws_server_answer_all(secure);
        aws_server_answer_all(proxy);
        client_init(&c, rows[i].settings);
        client_perform(&c, &request);
        if (c.response.outcome != TRANSPORT_ANSWERED)
            fail_msg("no answer: %s", c.response.error);
        assert_int_equal(aws_server_count(proxy, "connects"), rows[i].connects);
        /* Not the Date of the proxy's own answer. */
        assert_true(c.response.date_s > 1000000000);
        client_free(&c);
    }
}

/* libcurl would look there by itself. */
static void test_the_environment_names_no_proxy(void **state)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
                                        "ALL_PROXY"};
    const char *const settings[] = {bundle_setting, NULL};
    struct client c;
    (void)state;
    aws_server_answer_all(secure);
    aws_server_answer_all(proxy);
    client_init(&c, settings);
    for (size_t i = 0; i < COUNT(names); i++)
        setenv(names[i], "http://127.0.0.1:1", 1);
    client_expect_answer(&c, proxy->url); /* http first: nothing has set a proxy yet */
    client_expect_answer(&c, secure->url);
    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
    client_free(&c);
}

/* And no_proxy of the environment does not undo a proxy that is configured. */
static void test_the_environment_undoes_no_proxy(void **state)
{
    char setting[96];
    struct client c;
    (void)state;
    (void)snprintf(setting, sizeof setting, "HTTPS_PROXY=%s", proxy->url);
    const char *const settings[] = {setting, bundle_setting, NULL};
    aws_server_answer_all(secure);
    aws_server_do(proxy, "{\"reset\":true}");
    client_init(&c, settings);
    setenv("no_proxy", "*", 1);
    client_expect_answer(&c, secure->url);
    unsetenv("no_proxy");
    assert_int_equal(aws_server_count(proxy, "connects"), 1);
    client_free(&c);
}

static void test_a_proxy_that_fails(void **state)
{
    char setting[96];
    struct client c;
    (void)state;
    (void)snprintf(setting, sizeof setting, "HTTPS_PROXY=%s", proxy->url);
    const char *const settings[] = {setting, bundle_setting, NULL};
    aws_server_answer_all(secure);
    client_init(&c, settings);
    aws_server_do(proxy, "{\"refuse\":true}");
    perform_at(&c, secure->url);
    assert_int_equal(c.response.outcome, TRANSPORT_NOT_SENT);
    aws_server_do(proxy, "{\"refuse\":false}");
    client_expect_answer(&c, secure->url);
    client_free(&c);
}

static void test_a_bad_proxy(void **state)
{
    const char *const settings[] = {"HTTPS_PROXY=http://user:HUSH@:x/", NULL};
    struct config config;
    struct err e = {0};
    (void)state;
    client_config(&config, settings);
    assert_null(transport_shared_new(&config, &e));
    assert_int_equal(e.code, ERR_CONFIGURATION);
    assert_null(strstr(e.detail, "HUSH"));
    config_free(&config);
}

static int start(void **state)
{
    if (tls_servers_start(state) != 0)
        return -1;
    (void)snprintf(other_cert, sizeof other_cert, "%s/other", tls_directory);
    (void)snprintf(other_key, sizeof other_key, "%s/other-key", tls_directory);
    write_certificate(other_cert, other_key, "IP:127.0.0.1");
    return 0;
}

static int stop(void **state)
{
    unlink(other_cert);
    unlink(other_key);
    return tls_servers_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_trust),
        BOTH_WAYS(test_versions),
        cmocka_unit_test(test_a_bundle_that_cannot_be_read),
        BY_TRANSPORT(test_one_store_for_all_handles),
        BY_TRANSPORT(test_threads),
        BOTH_WAYS(test_no_signal),
        BOTH_WAYS(test_which_requests_take_the_proxy),
        BOTH_WAYS(test_the_environment_names_no_proxy),
        BOTH_WAYS(test_the_environment_undoes_no_proxy),
        BOTH_WAYS(test_a_proxy_that_fails),
        cmocka_unit_test(test_a_bad_proxy),
    };
    return cmocka_run_group_tests_name("transport_tls", tests, start, stop);
}
