/*
 * Request targets: splitting, decoding, encoding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/uri.h"

static void joins_segments(const char *path, const char *expected)
{
    struct arena a;
    struct str *segments;
    size_t count;
    struct buf joined;

    arena_init(&a);
    buf_init(&joined, 1024);
    assert_int_equal(uri_segments(str_from(path), &a, &segments, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        buf_putc(&joined, '[');
        buf_append_str(&joined, segments[i]);
        buf_putc(&joined, ']');
    }
    assert_string_equal(joined.data, expected);
    buf_free(&joined);
    arena_free(&a);
}

static void test_segments_are_split_before_they_are_decoded(void **state)
{
    (void)state;
    joins_segments("/", "[]");
    joins_segments("/a", "[a]");
    joins_segments("/a/b", "[a][b]");
    joins_segments("/a//b/", "[a][][b][]");
    joins_segments("/a%2Fb/c", "[a/b][c]");
    joins_segments("/a+b/%20", "[a+b][ ]");
    joins_segments("/%C3%A9%e2%82%ac", "[é€]");
}

static void test_bad_paths_are_refused(void **state)
{
    static const char *const bad[] = {"/%",    "/%z1",       "/%1",          "/%1z", "/a/%zz",
                                      "/%00",  "/a%00b",     "/%ff",         "/%c3", "/%c0%af",
                                      "/\xff", "/%ed%a0%80", "/%f4%90%80%80"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena a;
        struct str *segments;
        size_t count;
        struct err e = {0};
        arena_init(&a);
        if (uri_segments(str_from(bad[i]), &a, &segments, &count, &e) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(e.code, ERR_INVALID_ENCODING);
        arena_free(&a);
    }
}

static void joins_parameters(const char *query, const char *expected)
{
    struct arena a;
    struct uri_parameter *p;
    size_t count;
    struct buf joined;

    arena_init(&a);
    buf_init(&joined, 1024);
    assert_int_equal(uri_parameters(str_from(query), &a, &p, &count, NULL), 0);
    buf_puts(&joined, "");
    for (size_t i = 0; i < count; i++) {
        buf_putc(&joined, '[');
        buf_append_str(&joined, p[i].name);
        buf_putc(&joined, ':');
        buf_append_str(&joined, p[i].value);
        buf_putc(&joined, ']');
    }
    assert_true(str_is(buf_str(&joined), expected));
    buf_free(&joined);
    arena_free(&a);
}

static void test_parameters(void **state)
{
    (void)state;
    joins_parameters("", "");
    joins_parameters("a=1", "[a:1]");
    joins_parameters("a=1&b=2&a=3", "[a:1][b:2][a:3]");
    joins_parameters("a", "[a:]");
    joins_parameters("a=", "[a:]");
    joins_parameters("a=b=c", "[a:b=c]");
    joins_parameters("&&a=1&", "[a:1]");
    joins_parameters("a=x+y%2B", "[a:x y+]");
    joins_parameters("%61=%26", "[a:&]");
}

static void test_encode(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    uri_encode(&b, STR("aZ9-._~ /é"));
    assert_string_equal(b.data, "aZ9-._~%20%2F%C3%A9");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments_are_split_before_they_are_decoded),
        cmocka_unit_test(test_bad_paths_are_refused),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_encode),
    };
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
