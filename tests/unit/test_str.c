/*
 * str: which bytes are UTF-8, and where they stop being it. And err, whose sentences are cut at a
 * character.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

struct utf8_case {
    const char *text;
    size_t n;
    size_t good; /* bytes that are well-formed */
};

#define CASE(literal, good_bytes)                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1, good_bytes                                                   \
    }

static const struct utf8_case utf8_cases[] = {
    CASE("", 0),
    CASE("plain", 5),
    CASE("a longer run of plain ASCII", 27),
    CASE("a NUL\0inside", 12),
    CASE("\xC3\xA9", 2),
    CASE("\xE2\x82\xAC", 3),
    CASE("\xF0\x9F\x98\x80", 4),
    CASE("\xF4\x8F\xBF\xBF", 4), /* U+10FFFF */
    CASE("12345678\xE2\x82\xAC"
         "12345678",
         19),
    CASE("1234567\xE2\x82\xAC", 10), /* across the eight bytes of a word */
    CASE("\x80", 0),                 /* a continuation alone */
    CASE("\xC0\x80", 0),             /* overlong NUL */
    CASE("\xC1\xBF", 0),             /* overlong */
    CASE("\xE0\x9F\xBF", 0),         /* overlong */
    CASE("\xF0\x8F\xBF\xBF", 0),     /* overlong */
    CASE("\xED\xA0\x80", 0),         /* U+D800 */
    CASE("\xED\x9F\xBF", 3),         /* U+D7FF */
    CASE("\xEE\x80\x80", 3),         /* U+E000 */
    CASE("\xF4\x90\x80\x80", 0),     /* U+110000 */
    CASE("\xF5\x80\x80\x80", 0),
    CASE("\xFF", 0),
    CASE("ok\xC3", 2), /* cut off */
    CASE("ok\xE2\x82", 2),
    CASE("ok\xF0\x9F\x98", 2),
    CASE("ok\xC3(", 2),
    CASE("12345678\xFF"
         "12345678",
         8),
};

static void test_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof utf8_cases / sizeof *utf8_cases; i++) {
        const struct utf8_case *c = &utf8_cases[i];
        struct str s = {c->text, c->n};
        assert_int_equal(str_utf8_prefix(s), c->good);
        assert_int_equal(str_is_utf8(s), c->good == c->n);
    }
}

/* Every code point, written by hand, against the check: surrogates are bad, all others good. */
static void test_every_code_point(void **state)
{
    (void)state;
    for (unsigned code = 0x800; code <= 0x110FFF; code++) {
        unsigned char b[4];
        size_t n = 0;
        if (code >= 0x10000)
            b[n++] = (unsigned char)(0xF0 | code >> 18);
        b[n] = (unsigned char)(n ? 0x80 | (code >> 12 & 0x3F) : 0xE0 | code >> 12);
        n++;
        b[n++] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        b[n++] = (unsigned char)(0x80 | (code & 0x3F));
        bool good = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
        if (str_is_utf8((struct str){(const char *)b, n}) != good)
            fail_msg("U+%04X is taken for %s", code, good ? "bad" : "good");
    }
}

static void test_length(void **state)
{
    (void)state;
    assert_int_equal(str_utf8_length(STR("")), 0);
    assert_int_equal(str_utf8_length(STR("abc")), 3);
    assert_int_equal(str_utf8_length(STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")), 3);
    assert_int_equal(str_utf8_length(STR_NONE), 0);
}

static void test_comparisons(void **state)
{
    (void)state;
    assert_true(str_is(STR("abc"), "abc"));
    assert_false(str_is(STR("abc\0"), "abc"));
    assert_true(str_equals(STR_NONE, STR("")));
    assert_false(str_is_present(STR_NONE));
    assert_true(str_is_present(STR("")));
    assert_true(str_starts_with(STR("abc"), "ab"));
    assert_false(str_starts_with(STR("a"), "ab"));
    assert_true(str_starts_with(STR_NONE, ""));
}

/* Found by fuzz_sts: words of a server in a sentence for the client. */
static void test_err_replaces_bad_bytes(void **state)
{
    static const char *const rows[][2] = {
        {"\xc3\xa9\xf0\x9f\x98\x80", "it says \xc3\xa9\xf0\x9f\x98\x80"},
        {"20150830T123\xff\xff\xff", "it says 20150830T123???"},
        {"\xed\xa0\x80", "it says ???"},
        {"a\xc3", "it says a?"},
        {"\xff\xc3\xa9", "it says ?\xc3\xa9"},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        err_set(&e, ERR_DYNAMODB_DENIED, "it says %s", rows[i][0]);
        assert_string_equal(e.detail, rows[i][1]);
    }
}

static void test_err_set(void **state)
{
    (void)state;
    struct err e = {.retry_after_s = 9};
    assert_int_equal(err_set(NULL, ERR_INTERNAL, "nobody %s", "listens"), -1);
    assert_int_equal(err_set(&e, ERR_NOT_FOUND, "no %d", 7), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_string_equal(e.detail, "no 7");
    assert_int_equal(e.retry_after_s, 0);
    err_set(&e, ERR_INTERNAL, "again: %s", e.detail);
    assert_string_equal(e.detail, "again: no 7");
}

static void test_err_is_cut_at_a_character(void **state)
{
    (void)state;
    const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        for (int shift = 0; shift < 4; shift++) {
            char text[1024];
            struct err e;
            size_t n = 0;
            memset(text, 'a', (size_t)shift);
            n += (size_t)shift;
            while (n + 5 < sizeof text) {
                memcpy(text + n, characters[i], strlen(characters[i]));
                n += strlen(characters[i]);
            }
            text[n] = '\0';
            err_set(&e, ERR_INTERNAL, "%s", text);
            size_t kept = strlen(e.detail);
            assert_true(str_is_utf8(str_from(e.detail)));
            assert_true(kept < sizeof e.detail && kept + 4 >= sizeof e.detail);
            assert_memory_equal(e.detail, text, kept);
        }
    }
}

static void test_err_names(void **state)
{
    (void)state;
    assert_string_equal(err_code_name(ERR_NONE), "none");
    assert_string_equal(err_code_name(ERR_INVALID_JSON), "invalid_json");
    assert_string_equal(err_code_name(ERR_SESSION_NOT_FOUND), "session_not_found");
    assert_string_equal(err_code_name(ERR_DYNAMODB_THROTTLED), "dynamodb_throttled");
    assert_string_equal(err_code_name(ERR_CREDENTIALS_NOT_CONFIGURED),
                        "credentials_not_configured");
    assert_string_equal(err_code_name(ERR_CODES), "internal");
    for (int a = 0; a < ERR_CODES; a++) {
        for (int b = 0; b < a; b++)
            assert_string_not_equal(err_code_name((enum err_code)a),
                                    err_code_name((enum err_code)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_err_replaces_bad_bytes),
        cmocka_unit_test(test_err_set),
        cmocka_unit_test(test_err_is_cut_at_a_character),
        cmocka_unit_test(test_err_names),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
