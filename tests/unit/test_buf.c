/*
 * buf: the cap holds, a failure sticks, and the bytes are what was appended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_append(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_true(buf_ok(&b));
    assert_non_null(buf_str(&b).p);
    assert_int_equal(buf_str(&b).n, 0);
    buf_puts(&b, "one ");
    buf_append(&b, "two\0", 4);
    buf_putc(&b, '!');
    buf_append_str(&b, STR_NONE);
    buf_printf(&b, "%s=%d", "n", 42);
    assert_true(buf_ok(&b));
    assert_true(str_equals(buf_str(&b), STR("one two\0!n=42")));
    assert_int_equal(b.data[b.len], '\0');
    buf_free(&b);
    assert_int_equal(b.cap, 100);
}

struct cap_case {
    size_t cap;
    size_t first;
    size_t second;
    bool ok;
};

static const struct cap_case cap_cases[] = {
    {0, 0, 0, true},       {0, 1, 0, false},         {1, 1, 0, true},
    {10, 10, 0, true},     {10, 11, 0, false},       {10, 5, 5, true},
    {10, 5, 6, false},     {5000, 4000, 1000, true}, {5000, 4000, 1001, false},
    {255, 255, 0, true},   {256, 255, 1, true},      {257, 256, 1, true},
    {300, 200, 100, true}, {300, 200, 101, false},
};

static void test_cap(void **state)
{
    (void)state;
    char bytes[8192];
    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 0; i < sizeof cap_cases / sizeof *cap_cases; i++) {
        const struct cap_case *c = &cap_cases[i];
        struct buf b;
        buf_init(&b, c->cap);
        buf_append(&b, bytes, c->first);
        buf_append(&b, bytes, c->second);
        assert_int_equal(buf_ok(&b), c->ok);
        assert_int_equal(buf_str(&b).n, c->ok ? c->first + c->second : 0);
        assert_true(b.size <= c->cap + 1);
        buf_free(&b);
    }
}

static void test_failure_sticks(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_puts(&b, "12345");
    assert_false(buf_ok(&b));
    assert_null(b.data);
    buf_puts(&b, "1");
    buf_printf(&b, "%d", 1);
    assert_null(buf_reserve(&b, 1));
    assert_false(buf_ok(&b));
    assert_non_null(buf_str(&b).p);
    assert_int_equal(buf_str(&b).n, 0);
    buf_reset(&b);
    buf_puts(&b, "1234");
    assert_true(buf_ok(&b));
    assert_true(str_is(buf_str(&b), "1234"));
    buf_printf(&b, "%d", 5);
    assert_false(buf_ok(&b));
    buf_free(&b);
    assert_true(buf_ok(&b));
}

static void test_huge_lengths(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_puts(&b, "x");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_false(buf_ok(&b));
    buf_reset(&b);
    assert_null(buf_reserve(&b, SIZE_MAX - 1));
    buf_free(&b);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_puts(&b, "head ");
    char *room = buf_reserve(&b, 600);
    assert_non_null(room);
    memset(room, 'y', 600);
    buf_added(&b, 3);
    assert_true(str_is(buf_str(&b), "head yyy"));
    assert_int_equal(b.data[b.len], '\0');
    buf_free(&b);
}

static void test_reset_keeps_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_puts(&b, "something");
    const char *data = b.data;
    buf_reset(&b);
    assert_int_equal(buf_str(&b).n, 0);
    assert_string_equal(b.data, "");
    buf_puts(&b, "else");
    assert_ptr_equal(b.data, data);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),         cmocka_unit_test(test_cap),
        cmocka_unit_test(test_failure_sticks), cmocka_unit_test(test_huge_lengths),
        cmocka_unit_test(test_reserve),        cmocka_unit_test(test_reset_keeps_memory),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
