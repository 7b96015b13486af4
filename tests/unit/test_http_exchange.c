/*
 * Exchanges on the connections of a process: which connection is used, which is closed and when,
 * what becomes of answers that are not HTTP, of large ones and of requests that are not read; over
 * plain TCP and over TLS, by one thread and by many.
 */
#include "tls_servers.h"

#include <pthread.h>

static void exchange_client_init(struct client *c, int which)
{
    const char *const settings[] = {bundle_setting, NULL};
    by_exchange = true;
    aws_server_answer_all(&servers[which]);
    client_init(c, settings);
}

/* What one request comes to. */
static void perform_once(struct client *c, int which)
{
    const struct transport_request request = request_to(servers[which].url);
    client_perform(c, &request);
}

/* ---- many threads ---------------------------------------------------------------------------- */

struct caller {
    pthread_t thread;
    struct http_exchange *exchange;
    const char *url;
    int calls;
    int answered;
};

static void *call_again_and_again(void *context)
{
    struct caller *caller = context;
    struct transport_request request = request_to(caller->url);
    struct transport_response response;
    request.timeout_ms = 30000;
    request.connect_timeout_ms = 30000;
    buf_init(&response.body, BODY_CAP);
    for (int i = 0; i < caller->calls; i++) {
        exchange_perform(caller->exchange, &request, &response);
        caller->answered += response.outcome == TRANSPORT_ANSWERED && response.status == 200;
    }
    buf_free(&response.body);
    return NULL;
}

#define CALLERS_MAX 32

static void call_from_threads(struct http_exchange *x, const char *url, int threads, int calls)
{
    struct caller callers[CALLERS_MAX];
    assert_true(threads <= CALLERS_MAX);
    for (int i = 0; i < threads; i++) {
        callers[i] = (struct caller){.exchange = x, .url = url, .calls = calls};
        assert_int_equal(
            pthread_create(&callers[i].thread, NULL, call_again_and_again, &callers[i]), 0);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].answered, calls);
    }
}

/* No handshake in steady state: no more connections than threads, however long they go on. */
static void test_as_many_connections_as_callers(void **state)
{
    (void)state;
    for (int which = PLAIN; which <= SECURE; which++) {
        struct client c;
        exchange_client_init(&c, which);
        perform_once(&c, which);
        call_from_threads(c.exchange, servers[which].url, CALLERS_MAX, 10);
        int connections = aws_server_count(&servers[which], "connections");
        assert_true(connections <= CALLERS_MAX);
        call_from_threads(c.exchange, servers[which].url, CALLERS_MAX, 60);
        assert_true(aws_server_count(&servers[which], "connections") <= CALLERS_MAX);
        /* One caller uses one of them. */
        aws_server_do(&servers[which], "{\"forget\":true}");
        connections = aws_server_count(&servers[which], "connections");
        call_from_threads(c.exchange, servers[which].url, 1, 50);
        assert_int_equal(aws_server_count(&servers[which], "connections"), connections);
        struct json_object *answer = aws_server_ask(&servers[which], "{}");
        struct json_object *seen = json_object_object_get(answer, "seen");
        assert_int_equal(json_object_array_length(seen), 50);
        int used = json_object_get_int(
            json_object_object_get(json_object_array_get_idx(seen, 0), "connection"));
        for (size_t i = 1; i < 50; i++)
            assert_int_equal(json_object_get_int(json_object_object_get(
                                 json_object_array_get_idx(seen, i), "connection")),
                             used);
        json_object_put(answer);
        client_free(&c);
    }
}

/* The server may hear of the last close a little later. */
static int open_connections(int which, int wanted)
{
    int open = aws_server_count(&servers[which], "open");
    for (int i = 0; i < 500 && open != wanted; i++) {
        usleep(10000);
        open = aws_server_count(&servers[which], "open");
    }
    return open;
}

static void test_idle_connections_have_a_bound(void **state)
{
    struct client c;
    struct err e;
    (void)state;
    exchange_client_init(&c, PLAIN);
    aws_server_do(&servers[PLAIN], "{\"rules\":[{\"times\":0,\"delay_ms\":20}]}");
    struct http_exchange *x = http_exchange_new(c.shared, servers[PLAIN].url, 2, &e);
    assert_non_null(x);
    call_from_threads(x, servers[PLAIN].url, 8, 3);
    assert_int_equal(open_connections(PLAIN, 2), 2);
    x->free(x);
    assert_int_equal(open_connections(PLAIN, 0), 0);
    client_free(&c);
}

/* All of them are found dead before anything is sent, and none costs an attempt. */
static void test_many_that_the_server_has_closed(void **state)
{
    (void)state;
    for (int which = PLAIN; which <= SECURE; which++) {
        struct client c;
        exchange_client_init(&c, which);
        perform_once(&c, which);
        call_from_threads(c.exchange, servers[which].url, 16, 10);
        aws_server_do(&servers[which], "{\"close_idle\":true}");
        aws_server_do(&servers[which], "{\"forget\":true}");
        client_expect_answer(&c, servers[which].url);
        assert_int_equal(aws_server_count(&servers[which], "seen"), 1);
        assert_int_equal(aws_server_count(&servers[which], "open"), 1);
        client_free(&c);
    }
}

/* ---- what closes a connection ---------------------------------------------------------------- */

#define RULE(text) "{\"rules\":[{" text "},{\"times\":0}]}"
#define TIMEOUT_408 "HTTP/1.1 408 Request Timeout\\r\\nContent-Length: 0\\r\\n\\r\\n"

static const struct {
    const char *name;
    const char *command;
    int connections; /* for this request and the next */
} connection_cases[] = {
    {"an ordinary answer", RULE(""), 1},
    {"an error", RULE("\"status\":500"), 1},
    {"an empty body", RULE("\"body\":\"\""), 1},
    {"Connection: close", RULE("\"headers\":{\"Connection\":\"close\"}"), 2},
    {"a surplus byte with the answer",
     RULE("\"fault\":\"raw\",\"raw\":\"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}x\""),
     2},
    {"another answer with the answer",
     RULE("\"fault\":\"raw\",\"raw\":\"HTTP/1.1 200 OK\\r\\nContent-Length: "
          "2\\r\\n\\r\\n{}" TIMEOUT_408 "\""),
     2},
    {"an answer that nobody has asked for",
     RULE("\"fault\":\"late-surplus\",\"raw\":\"" TIMEOUT_408 "\""), 2},
    {"until the end of the connection",
     RULE("\"fault\":\"raw-close\",\"raw\":\"HTTP/1.1 200 OK\\r\\n\\r\\n{}\""), 2},
    {"chunks",
     RULE("\"fault\":\"raw\",\"raw\":\"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
          "2;a\\r\\n{}\\r\\n0\\r\\nX: y\\r\\n\\r\\n\""),
     1},
    {"a 100 before the answer",
     RULE("\"fault\":\"raw\",\"raw\":\"HTTP/1.1 100 Continue\\r\\n\\r\\n"
          "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}\""),
     1},
};

static void test_which_connections_are_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4 * COUNT(connection_cases); i++) {
        int which = (int)(i % 2);
        bool kept = i / 2 % 2;
        struct client c;
        const char *command = connection_cases[i / 4].command;
        print_message("  %s%s%s\n", connection_cases[i / 4].name, which ? ", TLS" : "",
                      kept ? ", kept alive" : "");
        exchange_client_init(&c, which);
        if (kept)
            client_expect_answer(&c, servers[which].url);
        aws_server_do(&servers[which], command);
        perform_once(&c, which);
        if (c.response.outcome != TRANSPORT_ANSWERED)
            fail_msg("no answer: %s", c.response.error);
        /* What comes late must have come. */
        if (strstr(command, "late-surplus"))
            aws_server_do(&servers[which], "{\"wait_late\":1}");
        client_expect_answer(&c, servers[which].url);
        assert_int_equal(aws_server_count(&servers[which], "connections"),
                         connection_cases[i / 4].connections);
        client_free(&c);
    }
}

/* ---- answers that are none ------------------------------------------------------------------- */

#define HEAD "HTTP/1.1 200 OK\\r\\n"
#define RAW(text) RULE("\"fault\":\"raw-close\",\"raw\":\"" text "\"")

static const struct {
    const char *name;
    const char *command;
    const char *error;
} broken_cases[] = {
    {"a bad status line", RAW("HTTP/1.1 2x0 OK\\r\\n\\r\\n"), "status line"},
    {"HTTP/2", RAW("HTTP/2 200\\r\\n\\r\\n"), "not HTTP/1.1"},
    {"a header without a colon", RAW(HEAD "Content-Length 2\\r\\n\\r\\n{}"), "header line"},
    {"a folded header", RAW(HEAD "X: a\\r\\n b\\r\\n\\r\\n"), "header line"},
    {"a blank before the colon", RAW(HEAD "Content-Length : 2\\r\\n\\r\\n{}"), "header line"},
    {"a bare LF", RAW(HEAD "X: a\\nContent-Length: 2\\r\\n\\r\\n{}"), "CR LF"},
    {"two lengths", RAW(HEAD "Content-Length: 2\\r\\nContent-Length: 2\\r\\n\\r\\n{}"),
     "Content-Length"},
    {"both lengths",
     RAW(HEAD "Content-Length: 2\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n2\\r\\n{}\\r\\n0\\r\\n"
              "\\r\\n"),
     "Transfer-Encoding"},
    {"a bad chunk", RAW(HEAD "Transfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n{}\\r\\n0\\r\\n\\r\\n"),
     "chunk"},
    {"no last chunk", RAW(HEAD "Transfer-Encoding: chunked\\r\\n\\r\\n2\\r\\n{}\\r\\n"),
     "before the answer was complete"},
    {"an end in the head", RAW(HEAD "Content-Le"), "before the answer was complete"},
    {"an end in the body", RAW(HEAD "Content-Length: 3\\r\\n\\r\\n{}"),
     "before the answer was complete"},
    {"101", RAW("HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n"), "protocol"},
};

static void expect_maybe_sent(const struct client *c, const char *words)
{
    assert_int_equal(c->response.outcome, TRANSPORT_MAYBE_SENT);
    if (!strstr(c->response.error, words))
        fail_msg("%s", c->response.error);
    assert_int_equal(c->response.status, 0);
    assert_int_equal(c->response.body.len, 0);
    assert_int_equal(c->response.date_s, -1);
}

static void test_answers_that_are_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(broken_cases); i++) {
        int which = (int)(i % 2);
        struct client c;
        print_message("  %s%s\n", broken_cases[i / 2].name, which ? ", TLS" : "");
        exchange_client_init(&c, which);
        aws_server_do(&servers[which], broken_cases[i / 2].command);
        perform_once(&c, which);
        expect_maybe_sent(&c, broken_cases[i / 2].error);
        client_expect_answer(&c, servers[which].url);
        assert_int_equal(aws_server_count(&servers[which], "connections"), 2);
        client_free(&c);
    }
}

/* ---- large ones ------------------------------------------------------------------------------ */

static void test_large_answers(void **state)
{
    static const char *const forms[] = {"", ",\"headers\":{\"Transfer-Encoding\":\"chunked\"}"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        int which = (int)(i % 2);
        struct client c;
        char command[200];
        exchange_client_init(&c, which);
        buf_free(&c.response.body);
        buf_init(&c.response.body, 6000000);
        (void)snprintf(command, sizeof(command),
                       "{\"rules\":[{\"fault\":\"huge\",\"size\":5000000%s},{}]}", forms[i / 2]);
        aws_server_do(&servers[which], command);
        perform_once(&c, which);
        if (c.response.outcome != TRANSPORT_ANSWERED)
            fail_msg("%s", c.response.error);
        assert_int_equal(c.response.body.len, 5000000);
        for (size_t k = 0; k < c.response.body.len; k++) {
            if (c.response.body.data[k] != 'x')
                fail_msg("byte %zu", k);
        }
        client_expect_answer(&c, servers[which].url);
        assert_int_equal(aws_server_count(&servers[which], "connections"), 1);
        client_free(&c);
    }
}

#define LARGE ((size_t)8 * 1024 * 1024)
#define TOO_LARGE (4 * LARGE) /* for all buffers between here and a server that does not read */

/* Every byte of a request arrives that the socket does not take at once. */
static void test_a_large_request(void **state)
{
    char *text = malloc(LARGE);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = (char)('a' + i * 7 % 26);
    for (int which = PLAIN; which <= SECURE; which++) {
        struct client c;
        struct transport_request request = request_to(servers[which].url);
        exchange_client_init(&c, which);
        request.body = (struct str){text, LARGE};
        client_perform(&c, &request);
        if (c.response.outcome != TRANSPORT_ANSWERED)
            fail_msg("%s", c.response.error);
        struct json_object *answer = aws_server_ask(&servers[which], "{\"forget\":true}");
        struct json_object *seen =
            json_object_array_get_idx(json_object_object_get(answer, "seen"), 0);
        const char *body = json_object_get_string(json_object_object_get(seen, "body"));
        assert_int_equal(strlen(body), LARGE);
        assert_memory_equal(body, text, LARGE);
        json_object_put(answer);
        client_expect_answer(&c, servers[which].url);
        assert_int_equal(aws_server_count(&servers[which], "connections"), 1);
        client_free(&c);
    }
    free(text);
}

/* A server that refuses a request before it has read it is heard, and left. */
static void test_an_answer_before_the_request_is_sent(void **state)
{
    char *text = calloc(1, TOO_LARGE);
    (void)state;
    assert_non_null(text);
    for (int which = PLAIN; which <= SECURE; which++) {
        struct client c;
        struct transport_request request = request_to(servers[which].url);
        exchange_client_init(&c, which);
        aws_server_do(&servers[which],
                      RULE("\"fault\":\"early\",\"raw\":\"HTTP/1.1 413 Too Large\\r\\n"
                           "Content-Length: 0\\r\\n\\r\\n\""));
        request.body = (struct str){text, TOO_LARGE};
        client_perform(&c, &request);
        if (c.response.outcome != TRANSPORT_ANSWERED)
            fail_msg("%s", c.response.error);
        assert_int_equal(c.response.status, 413);
        client_expect_answer(&c, servers[which].url);
        assert_int_equal(aws_server_count(&servers[which], "connections"), 2);
        client_free(&c);
    }
    free(text);
}

/* A server that reads nothing holds nobody beyond the time. */
static void test_a_request_that_is_not_read(void **state)
{
    char *text = calloc(1, TOO_LARGE);
    (void)state;
    assert_non_null(text);
    for (int which = PLAIN; which <= SECURE; which++) {
        struct client c;
        struct transport_request request = request_to(servers[which].url);
        exchange_client_init(&c, which);
        client_expect_answer(&c, servers[which].url);
        aws_server_do(&servers[which], "{\"rules\":[{\"fault\":\"stall-unread\"},{\"times\":0}]}");
        request.body = (struct str){text, TOO_LARGE};
        request.timeout_ms = 300;
        client_perform(&c, &request);
        expect_maybe_sent(&c, "timed out after 300 ms");
        assert_true(c.response.timed_out);
        client_free(&c);
    }
    free(text);
}

/* ---- nothing was sent ------------------------------------------------------------------------ */

static void test_nobody_listens(void **state)
{
    struct client c;
    (void)state;
    exchange_client_init(&c, PLAIN);
    client_expect_answer(&c, servers[PLAIN].url);
    aws_server_do(&servers[PLAIN], "{\"refuse\":true}");
    for (int i = 0; i < 3; i++) {
        perform_once(&c, PLAIN);
        assert_int_equal(c.response.outcome, TRANSPORT_NOT_SENT);
        assert_non_null(strstr(c.response.error, "onnect"));
    }
    aws_server_do(&servers[PLAIN], "{\"refuse\":false}");
    client_expect_answer(&c, servers[PLAIN].url);
    client_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_connections_as_callers),
        cmocka_unit_test(test_idle_connections_have_a_bound),
        cmocka_unit_test(test_many_that_the_server_has_closed),
        cmocka_unit_test(test_which_connections_are_kept),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_large_answers),
        cmocka_unit_test(test_a_large_request),
        cmocka_unit_test(test_an_answer_before_the_request_is_sent),
        cmocka_unit_test(test_a_request_that_is_not_read),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests_name("http_exchange", tests, tls_servers_start, tls_servers_stop);
}
