/*
 * Cursors: what is encoded comes back for the same list, and nothing else is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/cursor.h"

static void test_round_trip(void **state)
{
    static const char *const positions[] = {"", "1", "12", "123", "1700000000000", "a b/c\xc3\xa9"};
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        struct str text = cursor_encode(&a, STR("list"), str_from(positions[i]));
        assert_int_equal(cursor_decode(&a, STR("list"), text, &back, NULL), 0);
        assert_true(str_is(back, positions[i]));
        assert_int_equal(cursor_decode(&a, STR("other"), text, &back, NULL), -1);
    }
    arena_free(&a);
}

static void test_changed_cursors_are_refused(void **state)
{
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    struct str text = cursor_encode(&a, STR("list"), STR("1700000000000"));
    for (size_t i = 0; i < text.n; i++) {
        struct str changed = arena_str(&a, text);
        ((char *)(uintptr_t)changed.p)[i] ^= 1;
        struct err e = {0};
        /* The last character holds bits that mean nothing. */
        if (cursor_decode(&a, STR("list"), changed, &back, &e) < 0)
            assert_int_equal(e.code, ERR_INVALID_CURSOR);
        else
            assert_int_equal(i, text.n - 1);
        struct str cut = {text.p, i};
        assert_int_equal(cursor_decode(&a, STR("list"), cut, &back, NULL), -1);
    }
    arena_free(&a);
}

static void test_garbage_is_refused(void **state)
{
    static const char *const garbage[] = {
        "", "x", "null", "====", "a+b/", "AAAAAAAAAAA", "\xff\xff"};
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
        assert_int_equal(cursor_decode(&a, STR("list"), str_from(garbage[i]), &back, NULL), -1);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_changed_cursors_are_refused),
        cmocka_unit_test(test_garbage_is_refused),
    };
    return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
