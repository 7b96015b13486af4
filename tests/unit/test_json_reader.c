/*
 * json_reader: what is JSON is walked to its end, by reading and by stepping over; what is none is
 * found out, wherever it breaks; strings are unescaped where they lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/json_reader.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OBJECT(value) "{\"a\":" value "}"

/* Memory of exactly its size: a sanitizer sees a byte too many. */
static char *copy_of(struct str text)
{
    char *copy = malloc(text.n + !text.n);
    assert_non_null(copy);
    if (text.n > 0)
        memcpy(copy, text.p, text.n);
    return copy;
}

/* Reads whatever comes, into everything. */
static void read_all(struct json_reader *r)
{
    struct str name;
    switch (json_peek(r)) {
    case '{':
        json_enter_object(r);
        while (json_next_member(r, &name))
            read_all(r);
        break;
    case '[':
        json_enter_array(r);
        while (json_next_element(r))
            read_all(r);
        break;
    default:
        (void)json_read_string(r);
    }
}

static bool reads(struct str text)
{
    struct json_reader r;
    char *copy = copy_of(text);
    json_reader_init(&r, copy, text.n);
    read_all(&r);
    bool good = json_reader_end(&r);
    free(copy);
    return good;
}

static const struct str good[] = {
    STR_INIT("{}"),
    STR_INIT(" { } \n"),
    STR_INIT(OBJECT("[]")),
    STR_INIT(OBJECT("[ 1 , -0.5e+10 ,\"x\", true , false,null,{ \"b\" : [ {} ] } ]")),
    STR_INIT(OBJECT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"")),
    STR_INIT(OBJECT("\"0123456789abcdef0123456789abcdef\"")),
    STR_INIT(OBJECT("\"\\ud800\"")), /* a lone surrogate, which json-c takes too */
    STR_INIT("{\"a\":1,\"a\":2}"),
    STR_INIT("{\"\":0}"),
};

static const struct str bad[] = {
    STR_INIT(""),
    STR_INIT("{"),
    STR_INIT("{]"),
    STR_INIT("{,}"),
    STR_INIT("{\"a\"}"),
    STR_INIT("{\"a\":}"),
    STR_INIT("{\"a\":1,}"),
    STR_INIT("{\"a\":1 \"b\":2}"),
    STR_INIT("{\"a\":1}}"),
    STR_INIT("{}{}"),
    STR_INIT("{a:1}"),
    STR_INIT("{\"a\":1"),
    STR_INIT(OBJECT("[")),
    STR_INIT(OBJECT("[,1]")),
    STR_INIT(OBJECT("[1,]")),
    STR_INIT(OBJECT("[1 2]")),
    STR_INIT(OBJECT("[1}")),
    STR_INIT(OBJECT("01")),
    STR_INIT(OBJECT("+1")),
    STR_INIT(OBJECT("1.")),
    STR_INIT(OBJECT(".5")),
    STR_INIT(OBJECT("1e")),
    STR_INIT(OBJECT("-")),
    STR_INIT(OBJECT("NaN")),
    STR_INIT(OBJECT("nul")),
    STR_INIT(OBJECT("truefalse")),
    STR_INIT(OBJECT("\"\n\"")),
    STR_INIT(OBJECT("\"0123456789abcdef\x01\"")),
    STR_INIT(OBJECT("\"\\x\"")),
    STR_INIT(OBJECT("\"\\u12g4\"")),
    STR_INIT(OBJECT("\"\\u12\"")),
    STR_INIT("{\"a\":\"\\"),
    STR_INIT("{\"a\":\"\\u00e9"),
    STR_INIT("{\"a\":\"open"),
    STR_INIT("{\"a\":\"0123456789abcdef0123456789abcdef"),
    STR_INIT("<html>"),
};

static void test_what_is_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!reads(good[i]) || !json_is_object_text(good[i]))
            fail_msg("%s", good[i].p);
        /* Cut off anywhere it is none. Blanks at the end do not count. */
        size_t end = good[i].n;
        while (good[i].p[end - 1] != '}')
            end--;
        for (size_t n = 0; n < end; n++) {
            struct str cut = {good[i].p, n};
            if (reads(cut) || json_is_object_text(cut))
                fail_msg("%.*s", (int)n, good[i].p);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (reads(bad[i]) || json_is_object_text(bad[i]))
            fail_msg("%s", bad[i].p);
    }
}

/* Opens so many arrays and closes them, in an object. */
static bool nests(unsigned arrays)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_puts(&b, "{\"a\":");
    for (unsigned i = 0; i < arrays; i++)
        buf_putc(&b, '[');
    for (unsigned i = 0; i < arrays; i++)
        buf_putc(&b, ']');
    buf_putc(&b, '}');
    bool good_depth = json_is_object_text(buf_str(&b));
    buf_free(&b);
    return good_depth;
}

static void test_depth(void **state)
{
    (void)state;
    assert_true(nests(JSON_READER_DEPTH - 1));
    assert_false(nests(JSON_READER_DEPTH));
    assert_false(nests(1500));
}

static void test_strings_are_unescaped_in_place(void **state)
{
    static const struct {
        struct str json;
        struct str text;
    } strings[] = {
        {STR_INIT("\"plain\""), STR_INIT("plain")},
        {STR_INIT("\"\""), STR_INIT("")},
        {STR_INIT("\"a\\\"b\\\\c\\/d\""), STR_INIT("a\"b\\c/d")},
        {STR_INIT("\"\\b\\f\\n\\r\\t\""), STR_INIT("\b\f\n\r\t")},
        {STR_INIT("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\""),
         STR_INIT("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")},
        {STR_INIT("\"x\\u0000y\""), STR_INIT("x\0y")},
        {STR_INIT("\"\\ud83d!\\ude00\\ud83d\\ud83d\\ude00\""),
         STR_INIT("\xef\xbf\xbd!\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80")},
        {STR_INIT("\"0123456789abcdef\\n0123456789abcdef\\n\""),
         STR_INIT("0123456789abcdef\n0123456789abcdef\n")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct json_reader r;
        char *copy = copy_of(strings[i].json);
        json_reader_init(&r, copy, strings[i].json.n);
        struct str text = json_read_string(&r);
        if (!json_reader_end(&r) || !str_equals(text, strings[i].text))
            fail_msg("%s", strings[i].json.p);
        assert_true(text.p >= copy && text.p + text.n <= copy + strings[i].json.n);
        free(copy);
    }
}

/* A value of another type is stepped over, whole. */
static void test_other_types(void **state)
{
    static const struct str text =
        STR_INIT("[{\"a\":[1]},[{}],\"s\\n\",7,-1.5e3,true,null, {\"S\":\"x\"} , {\"S\" :\"y\"}]");
    struct json_reader r;
    struct str name;
    char *copy = copy_of(text);
    (void)state;
    json_reader_init(&r, copy, text.n);
    assert_true(json_enter_array(&r));
    assert_true(json_next_element(&r));
    assert_false(str_is_present(json_read_string(&r)));
    assert_true(json_next_element(&r));
    assert_false(json_enter_object(&r));
    assert_true(json_next_element(&r));
    assert_true(str_is(json_read_raw(&r), "\"s\\n\""));
    assert_true(json_next_element(&r));
    assert_false(json_enter_array(&r));
    assert_true(json_next_element(&r));
    assert_true(str_is(json_read_number(&r), "-1.5e3"));
    assert_true(json_next_element(&r));
    assert_false(str_is_present(json_read_number(&r)));
    assert_true(json_next_element(&r));
    assert_false(str_is_present(json_read_raw(&r)));
    assert_true(json_next_element(&r));
    assert_false(json_enter_object_at(&r, 'N'));
    (void)json_peek(&r);
    assert_false(json_enter_object_at(&r, 'N'));
    assert_true(json_enter_object_at(&r, 'S'));
    assert_true(str_is(json_read_string(&r), "x"));
    assert_false(json_next_member(&r, &name));
    assert_true(json_next_element(&r));
    (void)json_peek(&r);
    assert_false(json_enter_object_at(&r, 'S'));
    json_skip(&r);
    assert_false(json_next_element(&r));
    assert_false(json_next_element(&r)); /* outside of it there is nothing */
    assert_true(json_reader_end(&r));
    free(copy);
}

static void test_empty_objects(void **state)
{
    (void)state;
    assert_true(json_is_empty_object(STR("{}")));
    assert_true(json_is_empty_object(STR("{ \n}")));
    assert_false(json_is_empty_object(STR("{\"a\":1}")));
    assert_false(json_is_empty_object(STR("[]")));
    assert_false(json_is_empty_object(STR("0")));
    assert_false(json_is_empty_object(STR_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_json),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_strings_are_unescaped_in_place),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_empty_objects),
    };
    return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
