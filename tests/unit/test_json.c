/*
 * json: what the scanner takes and refuses (and the place it names), and values read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* ---- the scanner ---- */

struct good_case {
    struct str text;
    enum json_kind type;
    const char *value; /* without the white space around */
};

static const struct good_case good_cases[] = {
    {TEXT("{}"), JSON_OBJECT, "{}"},
    {TEXT(" \t\r\n{ } \n"), JSON_OBJECT, "{ }"},
    {TEXT("[]"), JSON_ARRAY, "[]"},
    {TEXT("[1,[2,{\"a\":[]}]]"), JSON_ARRAY, "[1,[2,{\"a\":[]}]]"},
    {TEXT("true"), JSON_BOOL, "true"},
    {TEXT("false"), JSON_BOOL, "false"},
    {TEXT("null"), JSON_NULL, "null"},
    {TEXT("0"), JSON_NUMBER, "0"},
    {TEXT("-0"), JSON_NUMBER, "-0"},
    {TEXT("-12.50e+10"), JSON_NUMBER, "-12.50e+10"},
    {TEXT("1E400"), JSON_NUMBER, "1E400"},
    {TEXT("0.0e-0"), JSON_NUMBER, "0.0e-0"},
    {TEXT("12345678901234567890123"), JSON_NUMBER, "12345678901234567890123"},
    {TEXT("\"\""), JSON_STRING, "\"\""},
    {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\""), JSON_STRING,
     "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\""},
    {TEXT("\"\x7F\xC3\xA9\xF0\x9F\x98\x80\""), JSON_STRING, "\"\x7F\xC3\xA9\xF0\x9F\x98\x80\""},
    {TEXT("\"\\uD83D\\uDE00\\udbff\\udfff\""), JSON_STRING, "\"\\uD83D\\uDE00\\udbff\\udfff\""},
    {TEXT("\"\\uD7FF\\uE000\""), JSON_STRING, "\"\\uD7FF\\uE000\""},
    {TEXT("{\"a\":1,\"a\":2}"), JSON_OBJECT, "{\"a\":1,\"a\":2}"},
    {TEXT("{\"\":null}"), JSON_OBJECT, "{\"\":null}"},
};

static void test_scan_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_cases / sizeof *good_cases; i++) {
        const struct good_case *c = &good_cases[i];
        struct json_value value;
        struct err e;
        if (json_scan(c->text, &value, &e) != 0)
            fail_msg("%s: %s", c->text.p, e.detail);
        assert_int_equal(value.type, c->type);
        assert_true(str_is(value.text, c->value));
    }
}

struct bad_case {
    struct str text;
    const char *detail;
};

#define NOT_JSON "the body is not JSON: "

static const struct bad_case bad_cases[] = {
    {TEXT(""), NOT_JSON "it ends at byte 0, expected a value"},
    {TEXT("  "), NOT_JSON "it ends at byte 2, expected a value"},
    {TEXT("{\"title\":\"a b\" \"x\"}"), NOT_JSON "expected ',' or '}' at byte 15"},
    {TEXT("{\"a\":1"), NOT_JSON "it ends at byte 6, expected ',' or '}'"},
    {TEXT("{"), NOT_JSON "it ends at byte 1, expected '\"' to begin a name, or '}'"},
    {TEXT("{a:1}"), NOT_JSON "expected '\"' to begin a name, or '}' at byte 1"},
    {TEXT("{'a':1}"), NOT_JSON "expected '\"' to begin a name, or '}' at byte 1"},
    {TEXT("{\"a\":1,}"), NOT_JSON "expected '\"' to begin a name at byte 7"},
    {TEXT("{,}"), NOT_JSON "expected '\"' to begin a name, or '}' at byte 1"},
    {TEXT("{\"a\" 1}"), NOT_JSON "expected ':' at byte 5"},
    {TEXT("{\"a\":}"), NOT_JSON "expected a value at byte 5"},
    {TEXT("{\"a\""), NOT_JSON "it ends at byte 4, expected ':'"},
    {TEXT("["), NOT_JSON "it ends at byte 1, expected a value or ']'"},
    {TEXT("[1,]"), NOT_JSON "expected a value at byte 3"},
    {TEXT("[,1]"), NOT_JSON "expected a value at byte 1"},
    {TEXT("[1 2]"), NOT_JSON "expected ',' or ']' at byte 3"},
    {TEXT("[1}"), NOT_JSON "expected ',' or ']' at byte 2"},
    {TEXT("{} {}"), NOT_JSON "expected the end after the value at byte 3"},
    {TEXT("{}\0"), NOT_JSON "expected the end after the value at byte 2"},
    {TEXT("\0"), NOT_JSON "expected a value at byte 0"},
    {TEXT("nul"), NOT_JSON "expected a value at byte 0"},
    {TEXT("True"), NOT_JSON "expected a value at byte 0"},
    {TEXT("truex"), NOT_JSON "expected the end after the value at byte 4"},
    {TEXT("NaN"), NOT_JSON "expected a value at byte 0"},
    {TEXT("-Infinity"), NOT_JSON "expected a digit at byte 1"},
    {TEXT("01"), NOT_JSON "expected no digit after a leading zero at byte 1"},
    {TEXT("+1"), NOT_JSON "expected a value at byte 0"},
    {TEXT(".5"), NOT_JSON "expected a value at byte 0"},
    {TEXT("1."), NOT_JSON "it ends at byte 2, expected a digit"},
    {TEXT("1.e3"), NOT_JSON "expected a digit at byte 2"},
    {TEXT("1e"), NOT_JSON "it ends at byte 2, expected a digit"},
    {TEXT("1e+-1"), NOT_JSON "expected a digit at byte 3"},
    {TEXT("-"), NOT_JSON "it ends at byte 1, expected a digit"},
    {TEXT("0x10"), NOT_JSON "expected the end after the value at byte 1"},
    {TEXT("{} // c"), NOT_JSON "expected the end after the value at byte 3"},
    {TEXT("\"abc"), NOT_JSON "it ends at byte 4, expected '\"' to close the string"},
    {TEXT("\"a\nb\""), NOT_JSON "expected an escape instead of a control character at byte 2"},
    {TEXT("\"a\0b\""), NOT_JSON "expected an escape instead of a control character at byte 2"},
    {TEXT("\"12345678\x1F\""),
     NOT_JSON "expected an escape instead of a control character at byte 9"},
    {TEXT("\"123\x1F"
          "45678\""),
     NOT_JSON "expected an escape instead of a control character at byte 4"},
    {TEXT("\"\\x41\""), NOT_JSON "expected an escape: one of \" \\ / b f n r t u at byte 2"},
    {TEXT("\"\\\0\""), NOT_JSON "expected an escape: one of \" \\ / b f n r t u at byte 2"},
    {TEXT("\"\\"), NOT_JSON "it ends at byte 2, expected an escape: one of \" \\ / b f n r t u"},
    {TEXT("\"\\u12G4\""), NOT_JSON "expected four hexadecimal digits at byte 3"},
    {TEXT("\"\\u12\""), NOT_JSON "expected four hexadecimal digits at byte 3"},
    {TEXT("\"\\uD83D\""), NOT_JSON "lone surrogate \\uD83D at byte 1, expected a pair"},
    {TEXT("\"\\uD83Dxxxxxx\""), NOT_JSON "lone surrogate \\uD83D at byte 1, expected a pair"},
    {TEXT("\"\\uD83D\\u0041\""), NOT_JSON "lone surrogate \\uD83D at byte 1, expected a pair"},
    {TEXT("\"\\ud83d\\ud83d\""), NOT_JSON "lone surrogate \\ud83d at byte 1, expected a pair"},
    {TEXT("\"ab\\uDE00\""), NOT_JSON "lone surrogate \\uDE00 at byte 3, expected a pair"},
    {TEXT("{\"\\uDE00\":1}"), NOT_JSON "lone surrogate \\uDE00 at byte 2, expected a pair"},
    {TEXT("\xEF\xBB\xBF{}"), "the body begins with a byte order mark: send UTF-8 without one"},
};

static void test_scan_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        struct json_value value;
        struct err e = {0};
        assert_int_equal(json_scan(bad_cases[i].text, &value, &e), -1);
        assert_int_equal(e.code, ERR_INVALID_JSON);
        assert_string_equal(e.detail, bad_cases[i].detail);
    }
    struct json_value value;
    assert_int_equal(json_scan(STR_NONE, &value, NULL), -1);
}

static const struct bad_case encoding_cases[] = {
    {TEXT("{\"a\":\"\xFF\"}"), "the body is not UTF-8: bad sequence at byte 6"},
    {TEXT("\"\xC3\""), "the body is not UTF-8: bad sequence at byte 1"},
    {TEXT("\"\xED\xA0\x80\""), "the body is not UTF-8: bad sequence at byte 1"},
    {TEXT("\"\xC0\xAF\""), "the body is not UTF-8: bad sequence at byte 1"},
    {TEXT("\xFF\xFE{\0}\0"), "the body is not UTF-8: bad sequence at byte 0"},
};

static void test_scan_encoding(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encoding_cases / sizeof *encoding_cases; i++) {
        struct json_value value;
        struct err e = {0};
        assert_int_equal(json_scan(encoding_cases[i].text, &value, &e), -1);
        assert_int_equal(e.code, ERR_INVALID_ENCODING);
        assert_string_equal(e.detail, encoding_cases[i].detail);
    }
}

/* n times open, a middle, n times close. */
static int scan_nested(size_t n, const char *open, const char *middle, const char *close,
                       struct err *e)
{
    struct buf b;
    struct json_value value;
    buf_init(&b, (size_t)16 * 1024 * 1024);
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, open);
    buf_puts(&b, middle);
    for (size_t i = 0; i < n; i++)
        buf_puts(&b, close);
    assert_true(buf_ok(&b));
    int result = json_scan(buf_str(&b), &value, e);
    buf_free(&b);
    return result;
}

static void test_scan_depth(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(scan_nested(JSON_MAX_DEPTH, "[", "", "]", &e), 0);
    assert_int_equal(scan_nested(JSON_MAX_DEPTH, "{\"a\":", "1", "}", &e), 0);
    assert_int_equal(scan_nested(JSON_MAX_DEPTH + 1, "[", "", "]", &e), -1);
    assert_string_equal(e.detail, "the body is nested too deep: more than 100 levels at byte 100");
    assert_int_equal(scan_nested(JSON_MAX_DEPTH + 1, "{\"a\":", "1", "}", &e), -1);
    assert_int_equal(e.code, ERR_INVALID_JSON);
    assert_int_equal(scan_nested(2000000, "[", "", "", &e), -1);
    /* Depth is what is open at once, not how many there are. */
    assert_int_equal(scan_nested(1, "[", "[],[],{},[]", "]", &e), 0);
    assert_int_equal(scan_nested(1, "[", "[[[]]],[[[]]]", "]", &e), 0);
}

/* Each beginning of a document is refused, and nothing behind its end is read (ASan sees it). */
static void test_scan_truncated(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,-2.5e+3,true,false,null,\"x\\n\\uD83D\\uDE00\xC3\xA9\"],\"b\":{\"c\":{}}}";
    struct json_value value;
    assert_int_equal(json_scan(STR(text), &value, NULL), 0);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        assert_int_equal(json_scan((struct str){copy, n}, &value, NULL), -1);
        free(copy);
    }
}

/* ---- values ---- */

static struct json_value scan(struct str text)
{
    struct json_value value;
    struct err e;
    if (json_scan(text, &value, &e) != 0)
        fail_msg("%s: %s", text.p, e.detail);
    return value;
}

static void test_members(void **state)
{
    (void)state;
    struct arena a;
    struct json_member *members;
    arena_init(&a);
    struct json_value object =
        scan(STR(" { \"a\" : 1 ,\"b\\u0062\":[1,{\"x\":\"]}\\\"\"}],\"a\":\"s\", "
                 "\"\":{\"n\":null},\"t\" :true,\"u\":null } "));
    assert_int_equal(json_members(object, &a, &members), 6);
    const struct {
        const char *name;
        enum json_kind type;
        const char *text;
    } expected[] = {
        {"a", JSON_NUMBER, "1"},     {"bb", JSON_ARRAY, "[1,{\"x\":\"]}\\\"\"}]"},
        {"a", JSON_STRING, "\"s\""}, {"", JSON_OBJECT, "{\"n\":null}"},
        {"t", JSON_BOOL, "true"},    {"u", JSON_NULL, "null"},
    };
    for (size_t i = 0; i < 6; i++) {
        assert_true(str_is(members[i].name, expected[i].name));
        assert_int_equal(members[i].value.type, expected[i].type);
        assert_true(str_is(members[i].value.text, expected[i].text));
    }
    assert_int_equal(json_members_at_most(object, 6, &a, &members), 6);
    assert_int_equal(json_members_at_most(object, 5, &a, &members), 6);
    assert_null(members);
    assert_int_equal(json_members_at_most(object, 2, &a, &members), 3);
    assert_int_equal(json_members(scan(STR("{}")), &a, &members), 0);
    assert_int_equal(json_members(scan(STR("{ }")), &a, &members), 0);
    assert_int_equal(json_members(scan(STR("[1]")), &a, &members), 0);
    arena_free(&a);
}

/* Step by step it is the same, and of an element that is no container there is nothing. */
static void test_walk(void **state)
{
    static const char *const elements[] = {"1.0", "\",]\"", "[ 2 ]", "{}", "false"};
    static const char *const names[] = {"a", "b\"c", "a"};
    static const char *const values[] = {"1", "{ \"x\" : [ ] }", "null"};
    struct json_value element;
    struct json_member member;
    struct arena a;
    size_t count = 0;

    (void)state;
    arena_init(&a);
    struct json_walk walk = json_walk_begin(scan(STR("[ 1.0 , \",]\", [ 2 ] ,{},false ]")));
    for (; json_walk_element(&walk, &element); count++)
        assert_true(str_is(element.text, elements[count]));
    assert_int_equal(count, 5);
    count = 0;
    walk = json_walk_begin(scan(STR("{\"a\" : 1, \"b\\u0022c\":{ \"x\" : [ ] } ,\"a\":null}")));
    for (; json_walk_member(&walk, &a, &member); count++) {
        assert_true(str_is(member.name, names[count]));
        assert_true(str_is(member.value.text, values[count]));
    }
    assert_int_equal(count, 3);
    walk = json_walk_begin(scan(STR("[]")));
    assert_false(json_walk_element(&walk, &element));
    walk = json_walk_begin(scan(STR("7")));
    assert_false(json_walk_element(&walk, &element));
    arena_free(&a);
}

static void test_elements(void **state)
{
    (void)state;
    struct arena a;
    struct json_value *elements;
    arena_init(&a);
    assert_int_equal(json_elements(scan(STR("[ 1.0 , \",]\", [ 2 ] ,{},false ]")), &a, &elements),
                     5);
    const char *const expected[] = {"1.0", "\",]\"", "[ 2 ]", "{}", "false"};
    for (size_t i = 0; i < 5; i++)
        assert_true(str_is(elements[i].text, expected[i]));
    struct json_value four = scan(STR("[1,2,3,4]"));
    assert_int_equal(json_elements_at_most(four, 4, &a, &elements), 4);
    assert_non_null(elements);
    assert_int_equal(json_elements_at_most(four, 3, &a, &elements), 4);
    assert_null(elements);
    assert_int_equal(json_elements_at_most(four, 1, &a, &elements), 2);
    assert_int_equal(json_elements(scan(STR("[ ]")), &a, &elements), 0);
    assert_int_equal(json_elements(scan(STR("{}")), &a, &elements), 0);
    arena_free(&a);
}

static const struct {
    struct str text;
    struct str decoded;
} string_cases[] = {
    {TEXT("\"\""), TEXT("")},
    {TEXT("\"plain\""), TEXT("plain")},
    {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t")},
    {TEXT("\"a\\u0000b\""), TEXT("a\0b")},
    {TEXT("\"\\u0041\\u00e9\\u20AC\\uFFFF\""), TEXT("A\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF")},
    {TEXT("\"\\uD83D\\uDE00!\""), TEXT("\xF0\x9F\x98\x80!")},
    {TEXT("\"\\uDBFF\\uDFFF\\uD800\\uDC00\""), TEXT("\xF4\x8F\xBF\xBF\xF0\x90\x80\x80")},
    {TEXT("\"x\\\\u0041\""), TEXT("x\\u0041")},
    {TEXT("\"end\\\\\""), TEXT("end\\")},
};

static void test_decode(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof string_cases / sizeof *string_cases; i++) {
        struct str decoded = json_decode_string(scan(string_cases[i].text), &a);
        assert_true(str_is_present(decoded));
        assert_true(str_equals(decoded, string_cases[i].decoded));
    }
    assert_false(str_is_present(json_decode_string(scan(STR("1")), &a)));
    arena_free(&a);
}

static const struct {
    struct str text;
    bool ok;
    int64_t value;
} integer_cases[] = {
    {TEXT("0"), true, 0},
    {TEXT("-0"), true, 0},
    {TEXT("1"), true, 1},
    {TEXT("-3"), true, -3},
    {TEXT("9223372036854775807"), true, INT64_MAX},
    {TEXT("-9223372036854775808"), true, INT64_MIN},
    {TEXT("9223372036854775808"), false, 0},
    {TEXT("-9223372036854775809"), false, 0},
    {TEXT("12345678901234567890123"), false, 0},
    {TEXT("1.0"), false, 0},
    {TEXT("1e3"), false, 0},
    {TEXT("\"1\""), false, 0},
    {TEXT("null"), false, 0},
};

static void test_integer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof integer_cases / sizeof *integer_cases; i++) {
        int64_t value = 0;
        assert_int_equal(json_integer(scan(integer_cases[i].text), &value), integer_cases[i].ok);
        assert_true(value == integer_cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_good),      cmocka_unit_test(test_scan_bad),
        cmocka_unit_test(test_scan_encoding),  cmocka_unit_test(test_scan_depth),
        cmocka_unit_test(test_scan_truncated), cmocka_unit_test(test_members),
        cmocka_unit_test(test_elements),       cmocka_unit_test(test_decode),
        cmocka_unit_test(test_integer),        cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
