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
        assert_true(str_is(json_get_str(tree, "detail"), "what to do"));
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
        cmocka_unit_test(test_every_error_is_a_problem_document),
    };
    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
