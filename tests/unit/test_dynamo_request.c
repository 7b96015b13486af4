/*
 * Endpoints taken apart, and the text of a call: what is sent is what is signed.
 */
#include "dynamo_fixture.h"

#include "aws/dynamo_request.h"

static const struct {
    const char *given;
    const char *url; /* NULL: refused */
    const char *host;
} endpoints[] = {
    {"https://dynamodb.us-east-1.amazonaws.com", "https://dynamodb.us-east-1.amazonaws.com/",
     "dynamodb.us-east-1.amazonaws.com"},
    {"https://dynamodb.cn-north-1.amazonaws.com.cn/",
     "https://dynamodb.cn-north-1.amazonaws.com.cn/", "dynamodb.cn-north-1.amazonaws.com.cn"},
    {"http://127.0.0.1:8001", "http://127.0.0.1:8001/", "127.0.0.1:8001"},
    {"http://[::1]:8001/", "http://[::1]:8001/", "[::1]:8001"},
    {"HTTP://localhost:8001", "HTTP://localhost:8001/", "localhost:8001"},
    {"https://host:443", "https://host:443/", "host:443"},
    {"http://host/path", NULL, NULL},
    {"http://host//", NULL, NULL},
    {"http://host?x", NULL, NULL},
    {"http://host#x", NULL, NULL},
    {"http://user:word@host", NULL, NULL},
    {"http://", NULL, NULL},
    {"http:///", NULL, NULL},
    {"ftp://host", NULL, NULL},
    {"host:8001", NULL, NULL},
    {"http://host\r\nX: y", NULL, NULL},
    {"http://host name", NULL, NULL},
    {"", NULL, NULL},
};

static void test_endpoints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        struct dynamo_endpoint endpoint;
        struct err e = {0};
        int result = dynamo_endpoint_set(&endpoint, endpoints[i].given, &e);
        print_message("  %s\n", endpoints[i].given);
        assert_int_equal(result, endpoints[i].url ? 0 : -1);
        if (result != 0) {
            assert_int_equal(e.code, ERR_CONFIGURATION);
            continue;
        }
        assert_string_equal(endpoint.url, endpoints[i].url);
        assert_true(str_is(endpoint.host, endpoints[i].host));
    }
}

static void test_a_long_endpoint(void **state)
{
    struct dynamo_endpoint endpoint;
    char url[REGION_ENDPOINT_SIZE + 100] = "http://";
    struct err e;
    (void)state;
    memset(url + 7, 'h', sizeof url - 8);
    url[sizeof url - 1] = '\0';
    assert_int_equal(dynamo_endpoint_set(&endpoint, url, &e), -1);
    url[REGION_ENDPOINT_SIZE - 1] = '\0'; /* the longest that a setting can be */
    assert_int_equal(dynamo_endpoint_set(&endpoint, url, &e), 0);
    assert_int_equal(strlen(endpoint.url), REGION_ENDPOINT_SIZE);
}

static const struct {
    const char *setting;
    const char *endpoint;
    const char *region;
} processes[] = {
    {"AWS_REGION=eu-west-3", "https://dynamodb.eu-west-3.amazonaws.com/", "eu-west-3"},
    {"AWS_REGION=cn-north-1", "https://dynamodb.cn-north-1.amazonaws.com.cn/", "cn-north-1"},
    {"AWS_ENDPOINT_URL=http://127.0.0.1:9", "http://127.0.0.1:9/", "us-east-1"},
    {"AWS_ENDPOINT_URL_DYNAMODB=http://[::1]:9", "http://[::1]:9/", "us-east-1"},
};

static void test_where_a_process_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(processes); i++) {
        struct machine m;
        machine_init(&m, processes[i].setting, NULL, 0);
        assert_string_equal(dynamo_endpoint(m.shared), processes[i].endpoint);
        assert_string_equal(dynamo_region(m.shared), processes[i].region);
        machine_free(&m);
    }
}

static void test_a_bad_endpoint_is_a_configuration_error(void **state)
{
    const char *const settings[] = {"AWS_ENDPOINT_URL=http://host/path", NULL};
    const struct dynamo_parts parts = {fake_chain, no_transport_new, fake_exchange_new, NULL};
    struct config config;
    struct err e;
    (void)state;
    load_settings(&config, settings);
    assert_null(dynamo_shared_new_with(&config, &clock_system, &parts, &e));
    assert_int_equal(e.code, ERR_CONFIGURATION);
    config_free(&config);
}

/* ---- the text -------------------------------------------------------------------------------- */

#define HOST "dynamodb.us-east-1.amazonaws.com"
#define BODY "{\"TableName\":\"t\",\"Key\":{\"pk\":{\"S\":\"a\"}}}"
#define BODY_LENGTH "40"
#define START_S (START_WALL_US / 1000000)

static char key_id[] = "AKIDEXAMPLE";
static char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static char token[] = "TOKEN/with+chars==";
static const struct credentials plain = {.access_key_id = key_id, .secret_access_key = secret};
static const struct credentials with_token = {
    .access_key_id = key_id, .secret_access_key = secret, .session_token = token};

static void endpoint_init(struct dynamo_endpoint *endpoint)
{
    struct err e;
    *endpoint = (struct dynamo_endpoint){.region = "us-east-1"};
    assert_int_equal(dynamo_endpoint_set(endpoint, "https://" HOST, &e), 0);
}

/* What one call sends: the text and the rest in one, NUL-terminated. */
static const char *text_of(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                           const struct dynamo_call *call, const struct credentials *credentials,
                           int64_t wall_s)
{
    static char text[100000];
    assert_int_equal(dynamo_request_begin(r, call), 0);
    assert_int_equal(dynamo_request_sign(r, endpoint, credentials, wall_s), 0);
    (void)snprintf(text, sizeof(text), "%s%.*s", r->text.data, (int)r->rest.n,
                   r->rest.n ? r->rest.p : "");
    return text;
}

#define TEXT(token_line, names, signature)                                                         \
    "POST / HTTP/1.1\r\nHost: " HOST "\r\nUser-Agent: " TRANSPORT_USER_AGENT "\r\n"                \
    "Accept-Encoding: identity\r\nContent-Type: application/x-amz-json-1.0\r\n" token_line         \
    "X-Amz-Date: 20150830T123600Z\r\n"                                                             \
    "Authorization: AWS4-HMAC-SHA256 "                                                             \
    "Credential=AKIDEXAMPLE/20150830/us-east-1/dynamodb/aws4_request, SignedHeaders=" names        \
    ", Signature=" signature "\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n"                     \
    "Content-Length: " BODY_LENGTH "\r\n\r\n" BODY

/* The same request with and without a token, as the golden values have it. */
static void test_the_golden_requests(void **state)
{
    const struct dynamo_call call = {DYNAMO_GET_ITEM, STR(BODY), true};
    struct dynamo_endpoint endpoint;
    struct dynamo_request r = {0};
    (void)state;
    endpoint_init(&endpoint);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(dynamo_request_prepare(&r, &endpoint, &with_token), 0);
        for (int i = 0; i < 2; i++)
            assert_string_equal(
                text_of(&r, &endpoint, &call, &with_token, START_S),
                TEXT("X-Amz-Security-Token: TOKEN/with+chars==\r\n",
                     "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
                     "210ac3d3210a33b1b75993ac3f227d1dc63c329b2d44f21f9eb74dd74e692444"));
        assert_int_equal(dynamo_request_prepare(&r, &endpoint, &plain), 0);
        for (int i = 0; i < 2; i++)
            assert_string_equal(
                text_of(&r, &endpoint, &call, &plain, START_S),
                TEXT("", "content-type;host;x-amz-date;x-amz-target",
                     "45ee44bea424e226d0017dad9a154dfbd437f63bc9584bd80a68e5d1771a0269"));
    }
    dynamo_request_free(&r);
}

/* The Authorization that the general signer makes for the same. */
static void expect_signature(const char *text, const struct dynamo_endpoint *endpoint,
                             const struct dynamo_call *call, const struct credentials *credentials,
                             int64_t wall_s)
{
    char target[64];
    char date[SIGV4_DATE_SIZE];
    struct buf authorization;
    (void)snprintf(target, sizeof(target), "DynamoDB_20120810.%s",
                   dynamo_operation_names[call->operation]);
    const struct sigv4_header headers[] = {{"content-type", STR("application/x-amz-json-1.0")},
                                           {"x-amz-target", str_from(target)}};
    const struct sigv4_request request = {
        .host = endpoint->host,
        .headers = headers,
        .header_count = COUNT(headers),
        .body = call->body,
        .wall_s = wall_s,
        .region = endpoint->region,
        .service = "dynamodb",
        .access_key_id = str_from(credentials->access_key_id),
        .secret_access_key = str_from(credentials->secret_access_key),
        .session_token = str_from(credentials->session_token),
    };
    buf_init(&authorization, 4096);
    buf_puts(&authorization, "\r\nAuthorization: ");
    assert_int_equal(sigv4_sign(&request, date, &authorization, NULL, NULL), 0);
    buf_puts(&authorization, "\r\n");
    assert_non_null(strstr(text, authorization.data));
    buf_reset(&authorization);
    buf_printf(&authorization, "\r\nX-Amz-Date: %s\r\n", date);
    assert_non_null(strstr(text, authorization.data));
    buf_reset(&authorization);
    buf_printf(&authorization, "\r\nX-Amz-Target: %s\r\nContent-Length: %zu\r\n\r\n", target,
               call->body.n);
    assert_non_null(strstr(text, authorization.data));
    buf_free(&authorization);
}

/*
 * Whatever follows on whatever: other operations, seconds, days, bodies and credentials, forth and
 * back. Nothing that is kept from one request may stay in another.
 */
static void test_what_is_kept_is_right(void **state)
{
    static const int64_t moments[] = {
        START_S, START_S, START_S + 1, START_S + 86400, START_S - 86400, START_S + 1, 0};
    static char other_secret[] = "another";
    static char body[20000];
    const struct credentials third = {
        .access_key_id = key_id, .secret_access_key = other_secret, .session_token = token};
    const struct credentials *const sets[] = {&plain, &with_token, &third, &plain};
    struct dynamo_endpoint endpoint;
    struct dynamo_request r = {0};
    (void)state;
    memset(body, 'b', sizeof(body));
    endpoint_init(&endpoint);
    for (size_t i = 0; i < 4 * COUNT(sets); i++) {
        const struct credentials *c = sets[i % COUNT(sets)];
        assert_int_equal(dynamo_request_prepare(&r, &endpoint, c), 0);
        for (size_t k = 0; k < 3 * COUNT(moments) * DYNAMO_OPERATIONS; k++) {
            const struct dynamo_call call = {(enum dynamo_operation)(k * 7 % DYNAMO_OPERATIONS),
                                             {body, k * 997 % sizeof(body)},
                                             true};
            int64_t at = moments[k / 3 % COUNT(moments)];
            expect_signature(text_of(&r, &endpoint, &call, c, at), &endpoint, &call, c, at);
        }
    }
    dynamo_request_free(&r);
}

/* Header lines and a body of up to 8 KB go out in one piece; of a larger one nothing is copied
 * twice. */
static void test_where_the_body_is(void **state)
{
    static const size_t sizes[] = {0, 1, 8191, 8192, 8193, 100000};
    static char body[100000];
    struct dynamo_endpoint endpoint;
    struct dynamo_request r = {0};
    (void)state;
    memset(body, 'b', sizeof(body));
    endpoint_init(&endpoint);
    assert_int_equal(dynamo_request_prepare(&r, &endpoint, &plain), 0);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const struct dynamo_call call = {DYNAMO_QUERY, {body, sizes[i]}, true};
        assert_int_equal(dynamo_request_begin(&r, &call), 0);
        assert_int_equal(dynamo_request_sign(&r, &endpoint, &plain, START_S), 0);
        const char *in_text = strstr(r.text.data, "\r\n\r\n") + 4;
        assert_int_equal(strlen(in_text) + r.rest.n, sizes[i]);
        assert_int_equal(strlen(in_text), sizes[i] < 8192 ? sizes[i] : 8192);
        if (r.rest.n)
            assert_ptr_equal(r.rest.p, body + 8192);
    }
    dynamo_request_free(&r);
}

/* A credential that would end its header line is refused; blanks around one are none of it. */
static void test_credentials_in_a_header(void **state)
{
    static const struct {
        const char *key_id;
        const char *token;
        int result;
    } rows[] = {{"K", "T", 0},          {" K\n", "\tT\r\n", 0}, {"K\r\nX: y", NULL, -1},
                {"K", "T\r\nX: y", -1}, {"K", "T T", -1},       {"K", "", 0},
                {"K", "T\x7f", -1},     {"K", "T\x01", -1}};
    struct dynamo_endpoint endpoint;
    struct dynamo_request r = {0};
    (void)state;
    endpoint_init(&endpoint);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credentials c = {.access_key_id = (char *)rows[i].key_id,
                                .secret_access_key = secret,
                                .session_token = (char *)rows[i].token};
        assert_int_equal(dynamo_request_prepare(&r, &endpoint, &c), rows[i].result);
        if (rows[i].result == 0) {
            assert_null(strstr(r.text.data, "T\t"));
            assert_null(strstr(r.text.data, "\n\n"));
        }
    }
    dynamo_request_free(&r);
}

static void test_what_cannot_be_signed(void **state)
{
    const struct dynamo_call call = {DYNAMO_GET_ITEM, STR(BODY), true};
    struct credentials c = plain;
    char long_secret[512];
    struct dynamo_endpoint endpoint;
    struct dynamo_request r = {0};
    (void)state;
    memset(long_secret, 's', sizeof(long_secret));
    long_secret[sizeof(long_secret) - 1] = '\0';
    endpoint_init(&endpoint);
    c.secret_access_key = long_secret;
    assert_int_equal(dynamo_request_prepare(&r, &endpoint, &c), 0);
    assert_int_equal(dynamo_request_begin(&r, &call), 0);
    assert_int_equal(dynamo_request_sign(&r, &endpoint, &c, START_S), -1);
    assert_int_equal(dynamo_request_sign(&r, &endpoint, &c, INT64_C(400000000000)), -1);
    dynamo_request_free(&r);
}

static void test_outcomes_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < DYNAMO_OUTCOMES; i++)
        assert_non_null(dynamo_outcome_names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_a_long_endpoint),
        cmocka_unit_test(test_where_a_process_calls),
        cmocka_unit_test(test_a_bad_endpoint_is_a_configuration_error),
        cmocka_unit_test(test_the_golden_requests),
        cmocka_unit_test(test_what_is_kept_is_right),
        cmocka_unit_test(test_where_the_body_is),
        cmocka_unit_test(test_credentials_in_a_header),
        cmocka_unit_test(test_what_cannot_be_signed),
        cmocka_unit_test(test_outcomes_have_names),
    };
    return cmocka_run_group_tests_name("dynamo_request", tests, NULL, NULL);
}
