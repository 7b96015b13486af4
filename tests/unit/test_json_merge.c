/*
 * JSON Merge Patch: the examples of RFC 7396, appendix A, and what the texts look like afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json_merge.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct merge_case {
    const char *target;
    const char *patch;
    const char *result;
};

static struct json_value scan(const char *text)
{
    struct json_value value;
    struct err e = {0};
    if (json_scan(str_from(text), &value, &e) < 0)
        fail_msg("%s: %s", text, e.detail);
    return value;
}

static void run(const struct merge_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena a;
        arena_init(&a);
        struct str result =
            json_merge_patch(scan(cases[i].target), scan(cases[i].patch), 65536, &a);
        if (!str_is(result, cases[i].result))
            fail_msg("%s with %s is %.*s, not %s", cases[i].target, cases[i].patch, (int)result.n,
                     result.p ? result.p : "", cases[i].result);
        arena_free(&a);
    }
}

static void test_examples_of_the_rfc(void **state)
{
    static const struct merge_case cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    (void)state;
    run(cases, COUNT(cases));
}

static void test_texts(void **state)
{
    static const struct merge_case cases[] = {
        /* Numbers, order and what is within untouched members stay as they were sent. */
        {"{\"n\":12345678901234567890123,\"x\":1.0,\"e\":1e400}", "{\"x\":2.50}",
         "{\"n\":12345678901234567890123,\"x\":2.50,\"e\":1e400}"},
        {"{\"a\":{\"k\" : [ 1.0, null ], \"n\":null},\"b\":1}", "{\"b\":2}",
         "{\"a\":{\"k\" : [ 1.0, null ], \"n\":null},\"b\":2}"},
        {"{ \"a\" : 1 , \"b\" : 2 }", "{ }", "{\"a\":1,\"b\":2}"},
        /* New members come in the patch's order. */
        {"{\"m\":0}", "{\"z\":1,\"a\":2,\"m\":3,\"k\":4}", "{\"m\":3,\"z\":1,\"a\":2,\"k\":4}"},
        /* A null in an array is a value. */
        {"{}", "{\"a\":[null,{\"b\":null}]}", "{\"a\":[null,{\"b\":null}]}"},
        /* Equal names. */
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"c\":4}", "{\"a\":1,\"b\":2,\"a\":3,\"c\":4}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":4}", "{\"a\":4,\"b\":2}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":null}", "{\"b\":2}"},
        {"{}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":3}"},
        {"{\"a\":0}", "{\"a\":1,\"a\":null}", "{}"},
        /* A name is what it says, not how it is spelt. */
        {"{\"\\u0061\":1}", "{\"a\":2}", "{\"a\":2}"},
        {"{\"\":1,\"a\\u0000\":2}", "{\"\":null,\"a\":3}", "{\"a\\u0000\":2,\"a\":3}"},
        /* An object in place of something else, and the other way round. */
        {"{\"a\":7}", "{\"a\":{\"b\":1,\"c\":null}}", "{\"a\":{\"b\":1}}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":{\"b\":{\"c\":{\"d\":2}}}}",
         "{\"a\":{\"b\":{\"c\":{\"d\":2}}}}"},
    };
    (void)state;
    run(cases, COUNT(cases));
}

/* {"a":{"a":…}} */
static char *nested(size_t depth, const char *innermost)
{
    char *text = malloc(depth * 6 + strlen(innermost) + 1);
    assert_non_null(text);
    char *to = text;
    for (size_t i = 0; i < depth; i++, to += 5)
        memcpy(to, "{\"a\":", 5);
    memcpy(to, innermost, strlen(innermost));
    to += strlen(innermost);
    memset(to, '}', depth);
    to[depth] = '\0';
    return text;
}

static void test_depth(void **state)
{
    char *target = nested(JSON_MAX_DEPTH - 1, "{\"x\":1}");
    char *patch = nested(JSON_MAX_DEPTH - 1, "{\"y\":2}");
    char *result = nested(JSON_MAX_DEPTH - 1, "{\"x\":1,\"y\":2}");
    const struct merge_case row = {target, patch, result};
    (void)state;
    run(&row, 1);
    free(target);
    free(patch);
    free(result);
}

static void test_cap(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_false(str_is_present(json_merge_patch(scan("{\"a\":1}"), scan("{\"b\":2}"),
                                                 strlen("{\"a\":1,\"b\":2}") - 1, &a)));
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfc),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_cap),
    };
    return cmocka_run_group_tests_name("json_merge", tests, NULL, NULL);
}
