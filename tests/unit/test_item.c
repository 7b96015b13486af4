/*
 * Items of DynamoDB: what is written is read again, and what earlier backends wrote is understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "store/item.h"

static void is(struct str actual, const char *expected)
{
    if (!expected ? actual.p != NULL : !actual.p || !str_is(actual, expected))
        fail_msg("\"%.*s\" is not \"%s\"", (int)actual.n, actual.p ? actual.p : "(none)",
                 expected ? expected : "(none)");
}

static void test_session_round_trip(void **state)
{
    struct session in = {
        .session_id = STR("s"),
        .user_id = STR("u\"/\xc3\xa9"),
        .title = STR("t"),
        .created_at = STR("2026-11-23T08:30:02.342117Z"),
        .updated_at = STR("2026-11-23T08:30:03.342117Z"),
        .metadata = STR("{\"n\":12345678901234567890123,\"x\":1.0}"),
        .message_count = 3,
        .last_timestamp = 1700000000000,
        .version = 9,
    };
    struct session out;
    struct json_writer w;
    struct arena a;
    struct buf b;

    (void)state;
    arena_init(&a);
    buf_init(&b, 4096);
    json_writer_init(&w, &b);
    item_write_session(&w, &in);
    struct json_object *tree = json_tree(buf_str(&b), NULL);
    item_read_session(tree, &a, &out);
    is(out.session_id, "s");
    is(out.user_id, "u\"/\xc3\xa9");
    is(out.metadata, "{\"n\":12345678901234567890123,\"x\":1.0}");
    is(out.updated_at, "2026-11-23T08:30:03.342117Z");
    assert_int_equal(out.message_count, 3);
    assert_int_equal(out.last_timestamp, 1700000000000);
    assert_int_equal(out.version, 9);
    assert_false(out.deleted);
    json_object_put(tree);
    buf_free(&b);
    arena_free(&a);
}

static void test_sessions_of_earlier_backends(void **state)
{
    static const struct {
        const char *item;
        const char *created_at;
        const char *metadata;
        int64_t count;
        int64_t last;
    } cases[] = {
        {"{\"created_at\":{\"S\":\"2025-01-02T03:04:05.678901\"}}", "2025-01-02T03:04:05.678901Z",
         NULL, 0, -1},
        {"{\"created_at\":{\"S\":\"2025-01-02T03:04:05\"},\"message_count\":{\"N\":\"4\"}}",
         "2025-01-02T03:04:05.000000Z", NULL, 4, -1},
        {"{\"created_at\":{\"S\":\"2025-01-02T03:04:05+02:00\"},\"metadata\":{\"S\":\"{}\"}}",
         "2025-01-02T01:04:05.000000Z", "{}", 0, -1},
        {"{\"created_at\":{\"S\":\"yesterday\"},\"metadata\":{\"S\":\"not json\"}}", "yesterday",
         "{}", 0, -1},
        {"{\"metadata\":{\"S\":\"[1]\"},\"last_timestamp\":{\"N\":\"17\"}}", "", "{}", 0, 17},
        {"{\"metadata\":{\"S\":\"null\"}}", "", NULL, 0, -1},
        {"{\"metadata\":{\"M\":{}},\"message_count\":{\"S\":\"x\"}}", "", "{}", 0, -1},
        {"{\"metadata\":{\"S\":\"{\\\"a\\\": NaN}\"}}", "", "{}", 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct session out;
        struct arena a;
        arena_init(&a);
        struct json_object *tree = json_tree(str_from(cases[i].item), NULL);
        assert_non_null(tree);
        item_read_session(tree, &a, &out);
        is(out.created_at, cases[i].created_at);
        is(out.updated_at, cases[i].created_at);
        is(out.metadata, cases[i].metadata);
        assert_int_equal(out.message_count, cases[i].count);
        assert_int_equal(out.last_timestamp, cases[i].last);
        json_object_put(tree);
        arena_free(&a);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        const char *item;
        int64_t expected;
    } cases[] = {
        {"{\"n\":{\"N\":\"0\"}}", 0},
        {"{\"n\":{\"N\":\"-5\"}}", -5},
        {"{\"n\":{\"N\":\"1700000000000\"}}", 1700000000000},
        {"{\"n\":{\"N\":\"1.7E+12\"}}", 1700000000000},
        {"{\"n\":{\"N\":\"1700000000000.9\"}}", 1700000000000},
        {"{\"n\":{\"N\":\"-1329227995784915872903807060280344575\"}}", 77},
        {"{\"n\":{\"S\":\"5\"}}", 77},
        {"{}", 77},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *tree = json_tree(str_from(cases[i].item), NULL);
        assert_int_equal(item_number(tree, "n", 77), cases[i].expected);
        json_object_put(tree);
    }
}

static void test_sizes_count_names_and_values(void **state)
{
    struct message m = {.session_id = STR("s"),
                        .message_id = STR("m"),
                        .role = STR("user"),
                        .content = STR("0123")};
    size_t small = item_message_size(&m);

    (void)state;
    m.content = STR("0123456789");
    assert_int_equal(item_message_size(&m), small + 6);
    m.metadata = STR("{}");
    assert_int_equal(item_message_size(&m), small + 6 + strlen("metadata") + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_round_trip),
        cmocka_unit_test(test_sessions_of_earlier_backends),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes_count_names_and_values),
    };
    return cmocka_run_group_tests_name("item", tests, NULL, NULL);
}
