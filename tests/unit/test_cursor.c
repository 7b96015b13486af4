/*
 * Cursors: what is encoded comes back for the same list, and nothing else is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "http/cursor.h"

static struct cursor_key key;

static int make_key(void **state)
{
    (void)state;
    cursor_key_init(&key, "sessions", "messages");
    return 0;
}

static struct str encode(struct arena *a, struct str position)
{
    return cursor_encode(&key, a, STR("list"), position);
}

static int decode_as(const char *scope, struct arena *a, struct str text, struct str *back,
                     struct err *e)
{
    const struct cursor_text cursor = {.scope = str_from(scope), .text = text};
    return cursor_decode(&key, a, &cursor, back, e);
}

static void test_round_trip(void **state)
{
    static const char *const positions[] = {"", "1", "12", "123", "1700000000000", "a b/c\xc3\xa9"};
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        struct str text = encode(&a, str_from(positions[i]));
        assert_int_equal(decode_as("list", &a, text, &back, NULL), 0);
        assert_true(str_is(back, positions[i]));
        assert_int_equal(decode_as("other", &a, text, &back, NULL), -1);
    }
    arena_free(&a);
}

static void test_changed_cursors_are_refused(void **state)
{
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    struct str text = encode(&a, STR("1700000000000"));
    for (size_t i = 0; i < text.n; i++) {
        struct str changed = arena_str(&a, text);
        ((char *)(uintptr_t)changed.p)[i] ^= 1;
        struct err e = {0};
        /* The last character holds bits that mean nothing. */
        if (decode_as("list", &a, changed, &back, &e) < 0)
            assert_int_equal(e.code, ERR_INVALID_CURSOR);
        else
            assert_int_equal(i, text.n - 1);
        struct str cut = {text.p, i};
        assert_int_equal(decode_as("list", &a, cut, &back, NULL), -1);
    }
    arena_free(&a);
}

/* What the version before took for its own: a check sum that anybody can make, and the position. */
static void test_forged_cursors_are_refused(void **state)
{
    static const char *const positions[] = {" ", "\"", "\x01", "\t", "1700000000000", ""};
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        struct str position = str_from(positions[i]);
        unsigned char raw[64] = {0};
        unsigned char text[128];
        uint64_t sum = str_hash(STR("list")) * 31 + str_hash(position);
        for (int j = 0; j < 8; j++)
            raw[j] = (unsigned char)(sum >> (8 * j));
        memcpy(raw + 8, position.p, position.n);
        int n = EVP_EncodeBlock(text, raw, (int)(8 + position.n));
        for (int j = 0; j < n; j++)
            text[j] = text[j] == '+' ? '-' : text[j] == '/' ? '_' : text[j];
        while (n > 0 && text[n - 1] == '=')
            n--;
        struct err e = {0};
        assert_int_equal(decode_as("list", &a, (struct str){(char *)text, (size_t)n}, &back, &e),
                         -1);
        assert_int_equal(e.code, ERR_INVALID_CURSOR);
    }
    arena_free(&a);
}

static void test_other_tables_have_other_cursors(void **state)
{
    static const char *const others[][2] = {{"sessions2", "messages"},
                                            {"sessions", "messages2"},
                                            {"sessionsmess", "ages"},
                                            {"messages", "sessions"},
                                            {"", ""}};
    struct arena a;
    struct str back;

    (void)state;
    arena_init(&a);
    struct str text = encode(&a, STR("1"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const struct cursor_text cursor = {.scope = STR("list"), .text = text};
        struct cursor_key other;
        cursor_key_init(&other, others[i][0], others[i][1]);
        assert_int_equal(cursor_decode(&other, &a, &cursor, &back, NULL), -1);
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
        assert_int_equal(decode_as("list", &a, str_from(garbage[i]), &back, NULL), -1);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_changed_cursors_are_refused),
        cmocka_unit_test(test_forged_cursors_are_refused),
        cmocka_unit_test(test_other_tables_have_other_cursors),
        cmocka_unit_test(test_garbage_is_refused),
    };
    return cmocka_run_group_tests_name("cursor", tests, make_key, NULL);
}
