/*
 * arena: pieces are zeroed, aligned, apart from each other, and memory is used again after a reset.
 */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

/* Sizes around the borders: of alignment, of a large piece, of a block. */
static const size_t sizes[] = {0,    1,     7,     16,    17,    1000,    8191,   8192,
                               8193, 20000, 32767, 32768, 32769, 1000000, 100000, 3};
#define SIZES (sizeof sizes / sizeof *sizes)

static bool all_bytes(const unsigned char *p, size_t n, unsigned char value)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != value)
            return false;
    }
    return true;
}

static void fill_and_check(struct arena *a)
{
    unsigned char *pieces[SIZES * 8];
    for (size_t i = 0; i < SIZES * 8; i++) {
        pieces[i] = arena_alloc(a, sizes[i % SIZES]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        assert_true(all_bytes(pieces[i], sizes[i % SIZES], 0));
        memset(pieces[i], (int)(i + 1), sizes[i % SIZES]);
    }
    for (size_t i = 0; i < SIZES * 8; i++)
        assert_true(all_bytes(pieces[i], sizes[i % SIZES], (unsigned char)(i + 1)));
}

static void test_pieces(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        fill_and_check(&a);
        arena_reset(&a);
    }
    arena_free(&a);
    arena_free(&a);
    arena_reset(&a);
}

static void test_reset_uses_the_block_again(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    void *first = arena_alloc(&a, 100);
    arena_alloc(&a, 1000000);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 100), first);
    arena_free(&a);
}

static void test_strings(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct str copy = arena_str(&a, STR("a\0b"));
    assert_true(str_equals(copy, STR("a\0b")));
    assert_int_equal(copy.p[3], '\0');
    assert_false(str_is_present(arena_str(&a, STR_NONE)));
    struct str empty = arena_str(&a, STR(""));
    assert_true(str_is_present(empty));
    assert_int_equal(empty.n, 0);
    struct str text = arena_printf(&a, "%s-%05d", "x", 42);
    assert_string_equal(text.p, "x-00042");
    assert_int_equal(text.n, 7);
    assert_non_null(arena_array(&a, 0, 8));
    int *numbers = arena_array(&a, 10, sizeof *numbers);
    assert_int_equal(numbers[9], 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_reset_uses_the_block_again),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
