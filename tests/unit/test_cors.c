/*
 * Origins: who is told that a page may call, what a preflight allows, and which changes are
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes.h"

#include "http/cors.h"

static struct arena arena;
static struct fake_gateway fake;
static struct response response;

static const struct cors_policy one = {.origins = "http://localhost:3000"};
static const struct cors_policy signed_in = {.origins = "https://a.example, https://b.example",
                                             .credentials = true};
static const struct cors_policy anybody = {.origins = "*"};
static const struct cors_policy anybody_signed_in = {.origins = "*", .credentials = true};

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    response_init(&response, 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    response_free(&response);
    return 0;
}

static void init(struct request *r, const char *const *variables)
{
    fake_gateway_init(&fake, variables, "");
    assert_int_equal(request_init(r, &fake.gateway, &arena, NULL), 0);
    response_reset(&response);
}

static bool has(const char *line)
{
    return response.headers.len && strstr(response.headers.data, line) != NULL;
}

static void changes_of_other_pages_are_refused(void **state)
{
    static const struct {
        const struct cors_policy *policy;
        const char *method, *origin, *host;
        bool good;
    } cases[] = {
        {&one, "POST", NULL, "chat.example", true},
        {&one, "POST", "http://localhost:3000", "127.0.0.1:8080", true},
        {&one, "POST", "http://evil.example", "127.0.0.1:8080", false},
        {&one, "PUT", "http://evil.example", "127.0.0.1:8080", false},
        {&one, "PATCH", "http://evil.example", "127.0.0.1:8080", false},
        {&one, "DELETE", "http://evil.example", "127.0.0.1:8080", false},
        {&one, "GET", "http://evil.example", "127.0.0.1:8080", true},
        {&one, "HEAD", "http://evil.example", "127.0.0.1:8080", true},
        {&one, "POST", "null", "127.0.0.1:8080", false},
        {&one, "POST", "", "127.0.0.1:8080", false},
        {&one, "POST", "http://localhost:3000.evil.example", "127.0.0.1:8080", false},
        {&one, "POST", "http://localhost:3001", "127.0.0.1:8080", false},
        {&anybody, "POST", "http://evil.example", "127.0.0.1:8080", true},
        {&anybody, "POST", "null", "127.0.0.1:8080", true},
        /* the host's own pages */
        {&one, "POST", "http://127.0.0.1:8080", "127.0.0.1:8080", true},
        {&one, "POST", "http://[::1]:8080", "[::1]:8080", true},
        {&one, "POST", "https://chat.example", "chat.example", true},
        {&one, "POST", "https://chat.example", "Chat.Example", true},
        {&one, "POST", "https://chat.example", "chat.example:443", true},
        {&one, "POST", "https://chat.example:443", "chat.example", true},
        {&one, "POST", "http://chat.example", "chat.example:80", true},
        {&one, "POST", "http://127.0.0.1:3000", "127.0.0.1:8080", false},
        {&one, "POST", "http://127.0.0.1", "127.0.0.1:8080", false},
        {&one, "POST", "http://127.0.0.1:8080", "127.0.0.1", false},
        {&one, "POST", "http://chat.example", "chat.example.evil", false},
        {&one, "POST", "http://chat.example.evil", "chat.example", false},
        {&one, "POST", "ftp://chat.example", "chat.example", false},
        {&one, "POST", "http://", "", false},
        {&one, "POST", "http://chat.example", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[4] = {arena_printf(&arena, "REQUEST_METHOD=%s", cases[i].method).p};
        size_t n = 1;
        if (cases[i].origin)
            variables[n++] = arena_printf(&arena, "HTTP_ORIGIN=%s", cases[i].origin).p;
        if (cases[i].host)
            variables[n++] = arena_printf(&arena, "HTTP_HOST=%s", cases[i].host).p;
        struct request r;
        struct err e = {0};
        init(&r, variables);
        int result = cors_check_change(cases[i].policy, &r, &e);
        if ((result == 0) != cases[i].good)
            fail_msg("%s from %s to %s: %d", cases[i].method, cases[i].origin, cases[i].host,
                     result);
        if (result < 0)
            assert_int_equal(e.code, ERR_ORIGIN_NOT_ALLOWED);
    }
}

static void credentials_are_for_origins_by_name(void **state)
{
    static const struct {
        const struct cors_policy *policy;
        const char *origin;
        const char *allowed; /* NULL: nothing */
        bool credentials;
    } cases[] = {
        {&one, "http://localhost:3000", "http://localhost:3000", false},
        {&one, "https://a.example", NULL, false},
        {&signed_in, "https://b.example", "https://b.example", true},
        {&signed_in, "https://c.example", NULL, false},
        {&anybody, "https://c.example", "*", false},
        {&anybody_signed_in, "https://c.example", "*", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {arena_printf(&arena, "HTTP_ORIGIN=%s", cases[i].origin).p, NULL};
        struct request r;
        init(&r, variables);
        cors_apply(cases[i].policy, &r, &response);
        assert_int_equal(has("Access-Control-Allow-Origin"), cases[i].allowed != NULL);
        if (cases[i].allowed)
            assert_true(has(
                arena_printf(&arena, "Access-Control-Allow-Origin: %s\r\n", cases[i].allowed).p));
        assert_int_equal(has("Access-Control-Allow-Credentials: true\r\n"), cases[i].credentials);
    }
}

#define USUAL                                                                                      \
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, "        \
    "traceparent, tracestate"

static void a_preflight_allows_what_is_asked_for(void **state)
{
    static char long_list[1100];
    static const struct {
        const char *origin, *asked, *allowed;
    } cases[] = {
        {"http://localhost:3000", "baggage,sentry-trace,traceparent,x-requested-with",
         "baggage,sentry-trace,traceparent,x-requested-with"},
        {"http://localhost:3000", "content-type", "content-type"},
        {"http://localhost:3000", NULL, USUAL},
        {"http://localhost:3000", "", USUAL},
        {"http://localhost:3000", "a\r\nSet-Cookie: b", USUAL},
        {"http://localhost:3000", "a: b", USUAL},
        {"http://localhost:3000", "\xc3\xa9", USUAL},
        {"http://localhost:3000", long_list, USUAL},
        {"http://evil.example", "baggage", USUAL},
    };
    (void)state;
    memset(long_list, 'a', sizeof(long_list) - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[4] = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD=PUT",
                                    arena_printf(&arena, "HTTP_ORIGIN=%s", cases[i].origin).p};
        if (cases[i].asked)
            variables[2] =
                arena_printf(&arena, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS=%s", cases[i].asked).p;
        struct request r;
        init(&r, variables);
        cors_preflight(&one, &r, &response, "GET, PUT");
        if (!has(arena_printf(&arena, "Access-Control-Allow-Headers: %s\r\n", cases[i].allowed).p))
            fail_msg("%zu: %s", i, response.headers.data);
        assert_true(has("Access-Control-Allow-Methods: GET, PUT\r\n"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_of_other_pages_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(credentials_are_for_origins_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_preflight_allows_what_is_asked_for, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
