/*
 * One request against the scripted server, through libcurl's easy interface and by the exchange:
 * what became of it under every fault, what is sent, and which connections are used.
 */
#include "transport_server.h"

#include <signal.h>

struct exchange_case {
    const char *name;
    const char *command;
    int64_t timeout_ms; /* 0: long */
    enum transport_outcome outcome;
    int status;
    const char *body;  /* NULL: not looked at */
    const char *error; /* a part of it */
    bool timed_out;
};

#define RULE(text) "{\"rules\":[{" text "}]}"

static const struct exchange_case cases[] = {
    {.name = "an answer",
     .command = RULE("\"body\":{\"a\":1}"),
     .status = 200,
     .body = "{\"a\":1}"},
    {.name = "an empty 500",
     .command = RULE("\"status\":500,\"body\":\"\""),
     .status = 500,
     .body = ""},
    {.name = "HTML",
     .command = RULE("\"status\":503,\"body\":\"<html>\""),
     .status = 503,
     .body = "<html>"},
    {.name = "no content",
     .command = RULE("\"status\":204,\"body\":\"\""),
     .status = 204,
     .body = ""},
    {.name = "a redirect is not followed",
     .command = RULE("\"status\":307,\"headers\":{\"Location\":\"/elsewhere\"}"),
     .status = 307},
    {.name = "byte after byte",
     .command = RULE("\"fault\":\"trickle\",\"every_ms\":2,\"body\":\"slow but sure\""),
     .status = 200,
     .body = "slow but sure"},
    {.name = "a flipped bit is not this layer's business",
     .command = RULE("\"fault\":\"flip\",\"body\":\"abc\""),
     .status = 200,
     .body = "acc"},
    {.name = "late", .command = RULE("\"delay_ms\":100"), .status = 200, .body = "{}"},
    {.name = "reset at once",
     .command = RULE("\"fault\":\"reset-at-once\""),
     .outcome = TRANSPORT_MAYBE_SENT},
    {.name = "reset when the request was read",
     .command = RULE("\"fault\":\"reset-before\""),
     .outcome = TRANSPORT_MAYBE_SENT},
    {.name = "closed when the request was read",
     .command = RULE("\"fault\":\"close-before\""),
     .outcome = TRANSPORT_MAYBE_SENT},
    {.name = "half a body",
     .command = RULE("\"fault\":\"truncate\",\"body\":\"0123456789\""),
     .outcome = TRANSPORT_MAYBE_SENT},
    {.name = "half a body in chunks",
     .command = RULE("\"fault\":\"truncate-chunked\",\"body\":\"0123456789\""),
     .outcome = TRANSPORT_MAYBE_SENT},
    {.name = "not HTTP", .command = RULE("\"fault\":\"garbage\""), .outcome = TRANSPORT_MAYBE_SENT},
    {.name = "no answer",
     .command = RULE("\"fault\":\"stall\""),
     .timeout_ms = 150,
     .outcome = TRANSPORT_MAYBE_SENT,
     .timed_out = true},
    {.name = "an answer that does not end",
     .command = RULE("\"fault\":\"stall-body\",\"body\":\"0123456789\""),
     .timeout_ms = 150,
     .outcome = TRANSPORT_MAYBE_SENT,
     .timed_out = true},
    {.name = "an answer that is too slow",
     .command = RULE("\"fault\":\"trickle\",\"every_ms\":50,\"body\":\"0123456789\""),
     .timeout_ms = 150,
     .outcome = TRANSPORT_MAYBE_SENT,
     .timed_out = true},
    {.name = "an answer beyond the cap",
     .command = RULE("\"fault\":\"huge\",\"size\":65537"),
     .outcome = TRANSPORT_MAYBE_SENT,
     .error = "too large"},
    {.name = "an answer just within it",
     .command = RULE("\"fault\":\"huge\",\"size\":65536"),
     .status = 200},
    {.name = "nobody listens", .command = "{\"refuse\":true}", .outcome = TRANSPORT_NOT_SENT},
};

static void check(const struct exchange_case *row, const struct transport_response *r)
{
    if (r->outcome != row->outcome)
        fail_msg("%s: outcome %d: %s", row->name, (int)r->outcome, r->error);
    assert_int_equal(r->status, row->status);
    assert_int_equal(r->timed_out, row->timed_out);
    assert_false(r->name_not_resolved);
    if (row->body)
        assert_true(str_is(buf_str(&r->body), row->body));
    if (row->error)
        assert_non_null(strstr(r->error, row->error));
    assert_int_equal(r->outcome == TRANSPORT_ANSWERED, r->error[0] == '\0');
    if (r->outcome != TRANSPORT_ANSWERED) {
        assert_int_equal(r->body.len, 0);
        assert_int_equal(r->date_s, -1);
    }
}

/* Each on a fresh connection and on one that is kept alive, where libcurl would send again. */
static void test_outcomes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        const struct exchange_case *row = &cases[i / 2];
        bool kept = i % 2;
        struct client c;
        print_message("  %s%s\n", row->name, kept ? ", kept alive" : "");
        client_init(&c, NULL);
        aws_server_do(&server, "{\"reset\":true,\"rules\":[{}]}");
        if (kept)
            client_expect_answer(&c, server.url);
        aws_server_do(&server, row->command);
        struct transport_request request = request_to(server.url);
        if (row->timeout_ms)
            request.timeout_ms = row->timeout_ms;
        client_perform(&c, &request);
        check(row, &c.response);
        /* However it ended, it was sent once. */
        assert_int_equal(aws_server_count(&server, "seen"),
                         kept + (row->outcome != TRANSPORT_NOT_SENT));
        client_free(&c);
    }
}

/* A kept connection that the server has closed in the meantime costs nothing. */
static void test_closed_while_idle(void **state)
{
    struct client c;
    (void)state;
    client_init(&c, NULL);
    server_answer_all();
    for (int i = 0; i < 20; i++) {
        client_expect_answer(&c, server.url);
        aws_server_do(&server, "{\"close_idle\":true}");
    }
    assert_int_equal(aws_server_count(&server, "seen"), 20);
    assert_int_equal(aws_server_count(&server, "connections"), 20);
    aws_server_do(&server, "{\"rules\":[{\"fault\":\"close-after\"},{}]}");
    client_expect_answer(&c, server.url);
    aws_server_do(&server, "{\"wait_open\":0}");
    client_expect_answer(&c, server.url);
    client_free(&c);
}

static void test_a_thousand_requests_on_one_connection(void **state)
{
    struct client c;
    (void)state;
    client_init(&c, NULL);
    server_answer_all();
    for (int i = 0; i < 1000; i++)
        client_expect_answer(&c, server.url);
    assert_int_equal(aws_server_count(&server, "seen"), 1000);
    assert_int_equal(aws_server_count(&server, "connections"), 1);
    client_free(&c);
}

/* ---- what is read ---------------------------------------------------------------------------- */

static const struct {
    const char *command;
    int64_t date_s;
    int64_t crc32;
    int64_t retry_after_ms;
    const char *content_type;
    const char *request_id;
} header_cases[] = {
    {RULE("\"headers\":{\"Date\":\"Sun, 30 Aug 2015 12:36:00 GMT\",\"x-amz-crc32\":\"2745614147\","
          "\"x-amz-retry-after\":\"1500\",\"Content-Type\":\"application/x-amz-json-1.0\","
          "\"x-amzn-RequestId\":\"B2KUS5LIF8OO8J3H\"}"),
     1440938160, 2745614147, 1500, "application/x-amz-json-1.0", "B2KUS5LIF8OO8J3H"},
    {RULE("\"headers\":{\"DATE\":\"Sun, 30 Aug 2015 12:36:00 GMT\",\"X-AMZ-CRC32\":\"0\","
          "\"X-Amz-Retry-After\":\"0\",\"CONTENT-TYPE\":\"text/html\"}"),
     1440938160, 0, 0, "text/html", ""},
    {RULE("\"date\":false,\"crc\":false,\"headers\":{\"Content-Type\":\"\"}"), -1, -1, -1, "", ""},
    {RULE("\"headers\":{\"Date\":\"yesterday\",\"x-amz-crc32\":\"-1\","
          "\"x-amz-retry-after\":\"1e3\",\"Content-Type\":\"\"}"),
     -1, -1, -1, "", ""},
    {RULE("\"date\":false,\"headers\":{\"x-amz-crc32\":\"99999999999999999999\","
          "\"x-amz-retry-after\":\" 7 \",\"Content-Type\":\"\"}"),
     -1, -1, 7, "", ""},
};

static void test_headers_that_are_read(void **state)
{
    struct client c;
    (void)state;
    client_init(&c, NULL);
    for (size_t i = 0; i < COUNT(header_cases); i++) {
        aws_server_do(&server, header_cases[i].command);
        client_expect_answer(&c, server.url);
        assert_int_equal(c.response.date_s, header_cases[i].date_s);
        assert_int_equal(c.response.crc32, header_cases[i].crc32);
        assert_int_equal(c.response.retry_after_ms, header_cases[i].retry_after_ms);
        assert_string_equal(c.response.content_type, header_cases[i].content_type);
        assert_string_equal(c.response.request_id, header_cases[i].request_id);
    }
    client_free(&c);
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static const char *member(struct json_object *tree, const char *name)
{
    return json_object_get_string(json_object_object_get(tree, name));
}

/* The one request that the server has seen; the answer is the caller's to put. */
static struct json_object *only_seen(struct json_object *answer)
{
    struct json_object *seen = json_object_object_get(answer, "seen");
    assert_int_equal(json_object_array_length(seen), 1);
    return json_object_array_get_idx(seen, 0);
}

static const struct {
    const char *method;
    const char *headers[3];
    const char *body; /* NULL: 3 MiB of 'x' */
    const char *content_type;
    const char *content_length; /* NULL: none */
} request_cases[] = {
    {"GET", {"X-Aws-Ec2-Metadata-Token: t"}, "", NULL, NULL},
    {"PUT", {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600"}, "", NULL, "0"},
    {"POST", {"content-type: application/x-amz-json-1.0"}, "{}", "application/x-amz-json-1.0", "2"},
    {"POST", {NULL}, "a=b", NULL, "3"},
    {"POST", {NULL}, "", NULL, "0"},
    {"POST", {"Content-Type: text/plain"}, NULL, "text/plain", "3145728"},
};

/* One handle for all: nothing of one request may stay for the next. */
static void test_requests(void **state)
{
    struct client c;
    size_t large = (size_t)3 * 1024 * 1024;
    char *text = malloc(large);
    assert_non_null(text);
    memset(text, 'x', large);
    (void)state;
    client_init(&c, NULL);
    for (size_t i = 0; i < 2 * COUNT(request_cases); i++) {
        size_t n = i % COUNT(request_cases);
        const char *body = request_cases[n].body;
        struct transport_request request = request_to(server.url);
        request.method = request_cases[n].method;
        request.headers = request_cases[n].headers;
        request.body = body ? str_from(body) : (struct str){text, large};
        aws_server_do(&server, "{\"forget\":true,\"rules\":[{}]}");
        client_perform(&c, &request);
        assert_int_equal(c.response.outcome, TRANSPORT_ANSWERED);
        struct json_object *answer = aws_server_ask(&server, "{}");
        struct json_object *seen = only_seen(answer);
        struct json_object *headers = json_object_object_get(seen, "headers");
        print_message("  %s\n", request_cases[n].method);
        assert_string_equal(member(seen, "method"), request_cases[n].method);
        assert_int_equal(strlen(member(seen, "body")), request.body.n);
        assert_null(member(headers, "expect"));
        assert_true(str_starts_with(str_from(member(headers, "user-agent")), "chat-sessions/"));
        if (request_cases[n].content_type)
            assert_string_equal(member(headers, "content-type"), request_cases[n].content_type);
        else
            assert_null(member(headers, "content-type"));
        if (request_cases[n].content_length)
            assert_string_equal(member(headers, "content-length"), request_cases[n].content_length);
        else
            assert_null(member(headers, "content-length"));
        json_object_put(answer);
    }
    client_free(&c);
    free(text);
}

/* The host that is signed is the one that is sent. */
static void test_the_callers_host(void **state)
{
    static const char *const headers[] = {"Host: dynamodb.example:443", NULL};
    struct client c;
    struct transport_request request = request_to(server.url);
    (void)state;
    request.headers = headers;
    client_init(&c, NULL);
    aws_server_do(&server, "{\"reset\":true,\"rules\":[{}]}");
    client_perform(&c, &request);
    struct json_object *answer = aws_server_ask(&server, "{}");
    struct json_object *seen_headers = json_object_object_get(only_seen(answer), "headers");
    assert_string_equal(member(seen_headers, "host"), "dynamodb.example:443");
    json_object_put(answer);
    client_free(&c);
}

/* A request that is still being written when the connection goes must not end the process. */
static void test_no_signal(void **state)
{
    struct client c;
    size_t large = (size_t)16 * 1024 * 1024;
    char *text = calloc(1, large);
    struct transport_request request = request_to(server.url);
    (void)state;
    assert_non_null(text);
    void (*before)(int) = signal(SIGPIPE, SIG_DFL);
    request.body = (struct str){text, large};
    client_init(&c, NULL);
    aws_server_do(&server, "{\"reset\":true,\"rules\":[{\"fault\":\"reset-at-once\"}]}");
    client_perform(&c, &request);
    assert_int_equal(c.response.outcome, TRANSPORT_MAYBE_SENT);
    signal(SIGPIPE, before);
    client_free(&c);
    free(text);
}

static void test_too_many_headers(void **state)
{
    const char *headers[40] = {NULL};
    struct client c;
    struct transport_request request = request_to(server.url);
    (void)state;
    for (size_t i = 0; i + 1 < COUNT(headers); i++)
        headers[i] = "A: b";
    request.headers = headers;
    client_init(&c, NULL);
    client_perform(&c, &request);
    assert_int_equal(c.response.outcome, TRANSPORT_NOT_SENT);
    client_free(&c);
}

static void test_ipv6(void **state)
{
    static const char *const options[] = {"--host", "::1", NULL};
    struct aws_server six;
    struct client c;
    (void)state;
    client_init(&c, NULL);
    aws_server_start(&six, options);
    aws_server_do(&six, "{\"rules\":[{}]}");
    client_expect_answer(&c, six.url);
    aws_server_stop(&six);
    client_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_outcomes),
        BOTH_WAYS(test_closed_while_idle),
        BOTH_WAYS(test_a_thousand_requests_on_one_connection),
        BOTH_WAYS(test_headers_that_are_read),
        BY_TRANSPORT(test_requests),
        BY_TRANSPORT(test_the_callers_host),
        BOTH_WAYS(test_no_signal),
        BY_TRANSPORT(test_too_many_headers),
        BOTH_WAYS(test_ipv6),
    };
    return cmocka_run_group_tests_name("transport", tests, server_start, server_stop);
}
