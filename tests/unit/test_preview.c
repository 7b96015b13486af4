/*
 * The preview of a message: how much of it, and that no character is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/preview.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A content of `count` times `unit` and then `last`, and how many bytes of it are the preview. */
static void test_how_much(void **state)
{
    static const struct {
        const char *unit;
        size_t count;
        const char *last;
        size_t bytes;
    } cases[] = {
        {"", 0, "", 0},
        {"a", 1, "", 1},
        {"a", 199, "", 199},
        {"a", 200, "", 200},
        {"a", 201, "", 200},
        {"\xc3\xa9", 200, "", 400},
        {"\xc3\xa9", 300, "", 400},
        {"\xe2\x82\xac", 201, "", 600},
        {"\xf0\x9f\x98\x80", 201, "", 800},
        {"a", 199, "\xf0\x9f\x98\x80", 203},
        {"a", 199, "\xf0\x9f\x98\x80z", 203},
        {"a", 200, "\xf0\x9f\x98\x80", 200},
        /* A base and its combining accent are two code points. */
        {"e\xcc\x81", 150, "", 300},
        {"\n", 201, "", 200},
        /* No UTF-8: bounded all the same. */
        {"\x80", 5000, "", PREVIEW_MAX_BYTES},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].unit) * cases[i].count;
        char *text = malloc(n + strlen(cases[i].last) + 1);
        assert_non_null(text);
        for (size_t k = 0; k < cases[i].count; k++)
            memcpy(text + k * strlen(cases[i].unit), cases[i].unit, strlen(cases[i].unit));
        memcpy(text + n, cases[i].last, strlen(cases[i].last) + 1);
        const struct message m = {.content = {text, n + strlen(cases[i].last)}};
        struct str preview = preview_of(&a, &m);
        if (preview.n != cases[i].bytes || memcmp(preview.p, text, preview.n) != 0)
            fail_msg("case %zu: %zu bytes, not %zu", i, preview.n, cases[i].bytes);
        free(text);
    }
    arena_free(&a);
}

static void test_zero_bytes_count_as_characters(void **state)
{
    static const struct message m = {.content = STR_INIT("a\0b")};
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_int_equal(preview_of(&a, &m).n, 3);
    arena_free(&a);
}

/* A preview is stored: it is there even if the content is not. */
static void test_never_absent(void **state)
{
    static const struct message m = {.content = {NULL, 0}};
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_true(str_is_present(preview_of(&a, &m)));
    arena_free(&a);
}

#define A199                                                                                       \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaa"                                                                                      \
    "a"                                                                                            \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaa"
#define PART(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static void test_parts(void **state)
{
    static const struct {
        const char *parts;
        const char *preview;
    } cases[] = {
        {"[" PART("one") "]", "one"},
        {"[" PART("one") ",{\"type\":\"image\"}, " PART("t\\u0077o") "]", "one two"},
        {"[{\"type\":\"image\"}]", ""},
        {"[" PART("") "," PART("a") "," PART("") "," PART("b") "]", "a b"},
        {"[{\"text\":{\"value\":\"x\"},\"type\":\"t\"},{\"te\\u0078t\":\"y\",\"type\":\"t\"}]",
         "y"},
        {"[{\"type\":\"text\",\"text\":\"first\",\"text\":\"second\"}]", "first"},
        {"[{\"type\":\"x\",\"inner\":[" PART("deep") "]}]", ""},
        {"[" PART(A199) "," PART("bc") "]", A199 " "},
        {"[" PART(A199) "," PART("") "]", A199},
        {"[" PART("a") "," PART("\xf0\x9f\x98\x80" A199) "]", "a \xf0\x9f\x98\x80"},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct message m = {.content = str_from(cases[i].parts),
                                  .content_type = CONTENT_IS_PARTS};
        struct str preview = preview_of(&a, &m);
        size_t n = strlen(cases[i].preview);
        /* The last one goes on with so many of its letters as there is room for. */
        if (preview.n < n || memcmp(preview.p, cases[i].preview, n) != 0 ||
            str_utf8_length(preview) > PREVIEW_MAX_CHARACTERS ||
            (preview.n > n && str_utf8_length(preview) < PREVIEW_MAX_CHARACTERS))
            fail_msg("%s: \"%.*s\"", cases[i].parts, (int)preview.n, preview.p);
    }
    arena_free(&a);
}

static void test_null_says_nothing(void **state)
{
    const struct message m = {.content = STR(""), .content_type = CONTENT_IS_NULL};
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_true(str_is(preview_of(&a, &m), ""));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_much),
        cmocka_unit_test(test_zero_bytes_count_as_characters),
        cmocka_unit_test(test_never_absent),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_null_says_nothing),
    };
    return cmocka_run_group_tests_name("preview", tests, NULL, NULL);
}
