/*
 * Answers: envelopes, problem documents, statuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes.h"
#include <json-c/json.h>

#include "http/response.h"

static void test_success(void **state)
{
    static const char *const none[] = {NULL};
    struct fake_gateway fake;
    struct response r;
    struct json_writer w;

    (void)state;
    fake_gateway_init(&fake, none, "");
    response_init(&r, 1024);
    response_begin(&r, 201, &w);
    json_put_string(&w, "a", STR("x/y"));
    response_end(&w, 1763886602342117);
    response_header(&r, "Location", STR("/x"));
    response_header(&r, "X-Evil", STR("a\r\nSet-Cookie: b"));
    assert_int_equal(response_send(&r, &fake.gateway, false), 0);
    assert_string_equal(fake.written.data,
                        "Status: 201 Created\r\nContent-Type: application/json\r\n"
                        "Content-Length: 72\r\nCache-Control: no-store\r\nLocation: /x\r\n\r\n"
                        "{\"status\":\"success\",\"a\":\"x/y\","
                        "\"timestamp\":\"2025-11-23T08:30:02.342117Z\"}");
    response_free(&r);
    buf_free(&fake.written);
}

static void test_head_has_headers_alone(void **state)
{
    static const char *const none[] = {NULL};
    struct fake_gateway fake;
    struct response r;
    struct json_writer w;

    (void)state;
    fake_gateway_init(&fake, none, "");
    response_init(&r, 1024);
    response_begin(&r, 200, &w);
    response_end(&w, 0);
    response_send(&r, &fake.gateway, true);
    assert_non_null(strstr(fake.written.data, "Content-Length: 62\r\n"));
    assert_null(strstr(fake.written.data, "success"));
    response_free(&r);
    buf_free(&fake.written);
}

/* The first part brings the headers, without a length; what is left goes with response_send. */
static void test_an_answer_in_parts(void **state)
{
    static const char *const none[] = {NULL};
    struct fake_gateway fake;
    struct response r;

    (void)state;
    fake_gateway_init(&fake, none, "");
    response_init(&r, 1024);
    r.status = 200;
    r.content_type = "application/x-ndjson";
    response_header(&r, "X-A", STR("b"));
    buf_puts(&r.body, "1\n");
    assert_int_equal(response_flush(&r, &fake.gateway), 0);
    assert_true(r.begun);
    assert_int_equal(r.body.len, 0);
    buf_puts(&r.body, "2\n");
    assert_int_equal(response_flush(&r, &fake.gateway), 0);
    buf_puts(&r.body, "3\n");
    assert_int_equal(response_send(&r, &fake.gateway, false), 0);
    assert_int_equal(response_send(&r, &fake.gateway, false), 0);
    assert_string_equal(fake.written.data,
                        "Status: 200 OK\r\nContent-Type: application/x-ndjson\r\n"
                        "Cache-Control: no-store\r\nX-A: b\r\n\r\n1\n2\n3\n");
    response_reset(&r);
    assert_false(r.begun);
    response_free(&r);
    buf_free(&fake.written);
}

static int write_to_nobody(struct gateway *g, const void *data, size_t n)
{
    (void)g;
    (void)data;
    (void)n;
    return -1;
}

static void test_a_client_that_has_gone_is_told(void **state)
{
    struct gateway gateway = {.write = write_to_nobody};
    struct response r;

    (void)state;
    response_init(&r, 16);
    buf_puts(&r.body, "1\n");
    assert_int_equal(response_flush(&r, &gateway), -1);
    assert_true(r.begun && r.client_gone);
    response_reset(&r);
    buf_puts(&r.body, "more than the body may have");
    assert_int_equal(response_flush(&r, &gateway), -1);
    assert_false(r.begun || r.client_gone); /* an error can still be told */
    response_free(&r);
}

/* Front ends look for these first words; below, and in logs, the sentence begins without them. */
static const char *detail_of(enum err_code code)
{
    return code == ERR_CREDENTIALS_NOT_CONFIGURED ? "DynamoDB not available: what to do"
                                                  : "what to do";
}

static void test_every_error_is_a_problem_document(void **state)
{
    struct response r;

    (void)state;
    response_init(&r, 4096);
    for (int code = ERR_NONE + 1; code < ERR_CODES; code++) {
        struct err e = {.code = (enum err_code)code, .detail = "what to do"};
        response_reset(&r);
        response_error(&r, &e, "id");
        struct json_object *tree = json_tree(buf_str(&r.body), NULL);
        assert_non_null(tree);
        assert_true(r.status >= 400 && r.status <= 504);
        assert_true(str_is(json_get_str(tree, "type"), "about:blank"));
        assert_true(str_is(json_get_str(tree, "detail"), detail_of(e.code)));
        assert_true(str_is(json_get_str(tree, "request_id"), "id"));
        assert_true(str_is(json_get_str(tree, "code"), err_code_name(e.code)));
        assert_false(str_is(json_get_str(tree, "title"), "Unknown"));
        assert_true((r.status == 503) ==
                    (r.headers.len && strstr(r.headers.data, "Retry-After: ") != NULL));
        assert_true((r.status == 401) ==
                    (r.headers.len && strstr(r.headers.data, "WWW-Authenticate: Bearer") != NULL));
        json_object_put(tree);
    }
    response_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_head_has_headers_alone),
        cmocka_unit_test(test_an_answer_in_parts),
        cmocka_unit_test(test_a_client_that_has_gone_is_told),
        cmocka_unit_test(test_every_error_is_a_problem_document),
    };
    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
