/*
 * Endpoints taken apart, and the header lines of a call: what is sent is what is signed.
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
        assert_string_equal(endpoint.host_line + 6, endpoints[i].host);
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
    const struct dynamo_parts parts = {fake_chain, script_new, NULL};
    struct config config;
    struct err e;
    (void)state;
    load_settings(&config, settings);
    assert_null(dynamo_shared_new_with(&config, &clock_system, &parts, &e));
    assert_int_equal(e.code, ERR_CONFIGURATION);
    config_free(&config);
}

static bool has_line(const struct dynamo_headers *h, const char *line)
{
    for (const char *const *l = h->lines; *l; l++) {
        if (strcmp(*l, line) == 0)
            return true;
    }
    return false;
}

#define SIGNED_BY(names, signature)                                                                \
    "Authorization: AWS4-HMAC-SHA256 "                                                             \
    "Credential=AKIDEXAMPLE/20150830/us-east-1/dynamodb/aws4_request, SignedHeaders=" names        \
    ", Signature=" signature

/* The same request with and without a token, as the golden values have it. */
static void test_header_lines(void **state)
{
    static char key_id[] = "AKIDEXAMPLE";
    static char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const struct credentials credentials = {.access_key_id = key_id, .secret_access_key = secret};
    struct credentials with_token = credentials;
    const struct dynamo_call call = {
        DYNAMO_GET_ITEM, STR("{\"TableName\":\"t\",\"Key\":{\"pk\":{\"S\":\"a\"}}}"), true};
    struct dynamo_endpoint endpoint = {.region = "us-east-1"};
    struct dynamo_headers h;
    static char token[] = "TOKEN/with+chars==";
    struct err e;
    (void)state;
    with_token.session_token = token;
    assert_int_equal(dynamo_endpoint_set(&endpoint, "https://dynamodb.us-east-1.amazonaws.com", &e),
                     0);
    dynamo_headers_init(&h);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(dynamo_headers_set_token(&h, token), 0);
        assert_int_equal(
            dynamo_headers_sign(&h, &endpoint, &call, &with_token, START_WALL_US / 1000000), 0);
        assert_true(has_line(&h, "Host: dynamodb.us-east-1.amazonaws.com"));
        assert_true(has_line(&h, "Content-Type: application/x-amz-json-1.0"));
        assert_true(has_line(&h, "X-Amz-Target: DynamoDB_20120810.GetItem"));
        assert_true(has_line(&h, "X-Amz-Date: 20150830T123600Z"));
        assert_true(has_line(&h, "X-Amz-Security-Token: TOKEN/with+chars=="));
        assert_true(has_line(
            &h, SIGNED_BY("content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
                          "210ac3d3210a33b1b75993ac3f227d1dc63c329b2d44f21f9eb74dd74e692444")));

        assert_int_equal(dynamo_headers_set_token(&h, NULL), 0);
        assert_int_equal(
            dynamo_headers_sign(&h, &endpoint, &call, &credentials, START_WALL_US / 1000000), 0);
        assert_true(has_line(
            &h, SIGNED_BY("content-type;host;x-amz-date;x-amz-target",
                          "45ee44bea424e226d0017dad9a154dfbd437f63bc9584bd80a68e5d1771a0269")));
        assert_false(has_line(&h, "X-Amz-Security-Token: TOKEN/with+chars=="));
    }
    dynamo_headers_free(&h);
}

static void test_every_operation_has_its_target(void **state)
{
    static char key_id[] = "K";
    static char secret[] = "S";
    const struct credentials credentials = {.access_key_id = key_id, .secret_access_key = secret};
    struct dynamo_endpoint endpoint = {.region = "us-east-1"};
    struct dynamo_headers h;
    struct err e;
    (void)state;
    assert_int_equal(dynamo_endpoint_set(&endpoint, "http://h", &e), 0);
    dynamo_headers_init(&h);
    for (int i = 0; i < DYNAMO_OPERATIONS; i++) {
        const struct dynamo_call call = {(enum dynamo_operation)i, STR("{}"), true};
        char line[100];
        assert_int_equal(dynamo_headers_sign(&h, &endpoint, &call, &credentials, 0), 0);
        (void)snprintf(line, sizeof line, "X-Amz-Target: DynamoDB_20120810.%s",
                       dynamo_operation_names[i]);
        assert_true(has_line(&h, line));
    }
    for (int i = 0; i < DYNAMO_OUTCOMES; i++)
        assert_non_null(dynamo_outcome_names[i]);
    dynamo_headers_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_a_long_endpoint),
        cmocka_unit_test(test_where_a_process_calls),
        cmocka_unit_test(test_a_bad_endpoint_is_a_configuration_error),
        cmocka_unit_test(test_header_lines),
        cmocka_unit_test(test_every_operation_has_its_target),
    };
    return cmocka_run_group_tests_name("dynamo_request", tests, NULL, NULL);
}
