/*
 * json: commas, escaping, and the way back through the scanner; and trees read with json-c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/json.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* ---- the writer ---- */

static void test_writer(void **state)
{
    (void)state;
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1000);
    json_writer_init(&w, &b);
    json_begin_object(&w);
    json_put_string(&w, "s", STR("x"));
    json_put_int(&w, "min", INT64_MIN);
    json_put_bool(&w, "b", false);
    json_put_raw(&w, "raw", STR("1.0"));
    json_key(&w, "none");
    json_null(&w);
    json_key(&w, "list");
    json_begin_array(&w);
    json_int(&w, 1);
    json_boolean(&w, true);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_string(&w, STR(""));
    json_string(&w, STR_NONE);
    json_end_array(&w);
    json_put_int(&w, "last", 0);
    json_end_object(&w);
    assert_true(buf_ok(&b));
    assert_string_equal(b.data, "{\"s\":\"x\",\"min\":-9223372036854775808,\"b\":false,"
                                "\"raw\":1.0,\"none\":null,\"list\":[1,true,{},[],\"\",\"\"],"
                                "\"last\":0}");
    buf_free(&b);
}

static const struct {
    struct str text;
    const char *json;
} escape_cases[] = {
    {TEXT("a/b"), "\"a/b\""},
    {TEXT("\"\\"), "\"\\\"\\\\\""},
    {TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {TEXT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\""},
    {TEXT("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\""},
    {TEXT("12345678\n12345678\""), "\"12345678\\n12345678\\\"\""},
    {TEXT("<script>"), "\"<script>\""},
};

static void test_escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof escape_cases / sizeof *escape_cases; i++) {
        struct buf b;
        struct json_writer w;
        buf_init(&b, 1000);
        json_writer_init(&w, &b);
        json_string(&w, escape_cases[i].text);
        assert_true(buf_ok(&b));
        assert_string_equal(b.data, escape_cases[i].json);
        buf_free(&b);
    }
}

static struct json_value scanned(struct str text)
{
    struct json_value value;
    assert_int_equal(json_scan(text, &value, NULL), 0);
    return value;
}

/* Every byte that may stand in a string comes back through the scanner, at every place of a word.
 */
static void test_round_trip(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int c = 0; c < 0x80; c++) {
        for (size_t at = 0; at < 20; at++) {
            char text[20];
            struct buf b;
            struct json_writer w;
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            buf_init(&b, 1000);
            json_writer_init(&w, &b);
            json_string(&w, (struct str){text, sizeof text});
            struct str back = json_decode_string(scanned(buf_str(&b)), &a);
            assert_true(str_equals(back, (struct str){text, sizeof text}));
            buf_free(&b);
        }
    }
    arena_free(&a);
}

static void test_writer_failure(void **state)
{
    (void)state;
    struct buf b;
    struct json_writer w;
    buf_init(&b, 10);
    json_writer_init(&w, &b);
    json_begin_array(&w);
    json_string(&w, STR("longer than ten"));
    json_end_array(&w);
    assert_false(buf_ok(&b));
    buf_free(&b);
}

/* ---- trees ---- */

static void test_tree(void **state)
{
    (void)state;
    struct err e;
    struct json_object *tree =
        json_tree(STR(" {\"Item\":{\"a\":{\"S\":\"x\\u0000y\"}},\"n\":1,\"z\":null} \n"), &e);
    assert_non_null(tree);
    struct json_object *a = json_get(json_get(tree, "Item"), "a");
    assert_non_null(a);
    assert_true(str_equals(json_get_str(a, "S"), STR("x\0y")));
    assert_false(str_is_present(json_get_str(a, "N")));
    assert_false(str_is_present(json_get_str(tree, "n")));
    assert_null(json_get(tree, "z"));
    assert_null(json_get(NULL, "z"));
    assert_null(json_get(json_get(tree, "n"), "z"));
    json_object_put(tree);
}

static const struct str bad_trees[] = {
    TEXT(""),           TEXT("{"),    TEXT("{\"a\":"),
    TEXT("{} x"),       TEXT("{}{}"), TEXT("<html>"),
    TEXT("{\"a\":1,}"), TEXT("null"), TEXT("{\"a\":1 /*c*/}"),
};

static void test_tree_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_trees / sizeof *bad_trees; i++) {
        struct err e = {0};
        struct json_object *tree = json_tree(bad_trees[i], &e);
        if (tree)
            fail_msg("%s is taken for a tree", bad_trees[i].p);
        assert_int_equal(e.code, ERR_INVALID_JSON);
    }
}

static void test_tree_depth(void **state)
{
    (void)state;
    /* 32 levels of a value are 65 in DynamoDB's notation; all of json-c's default of 32 and more.
     */
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 100; i++)
        buf_puts(&b, "{\"M\":{\"a\":");
    buf_puts(&b, "{\"S\":\"deep\"}");
    for (int i = 0; i < 100; i++)
        buf_puts(&b, "}}");
    struct json_object *tree = json_tree(buf_str(&b), NULL);
    assert_non_null(tree);
    json_object_put(tree);
    struct json_object *number = json_tree(STR("12"), NULL);
    assert_int_equal(json_object_get_int(number), 12);
    json_object_put(number);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer),     cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_writer_failure),
        cmocka_unit_test(test_tree),       cmocka_unit_test(test_tree_bad),
        cmocka_unit_test(test_tree_depth),
    };
    return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
