/*
 * Items of DynamoDB: what is written is read again, and what earlier backends wrote is understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/item_table.h"

static void is(struct str actual, const char *expected)
{
    if (!expected ? actual.p != NULL : !actual.p || !str_is(actual, expected))
        fail_msg("\"%.*s\" is not \"%s\"", (int)actual.n, actual.p ? actual.p : "(none)",
                 expected ? expected : "(none)");
}

/* A text that can be written to, and what it says of an item. */
static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    return copy;
}

static void read_item(char *text, const struct item_kind *kind, struct arena *a, void *out)
{
    struct json_reader r;
    json_reader_init(&r, text, strlen(text));
    assert_true(item_read(&r, kind, a, out));
    assert_true(json_reader_end(&r));
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
        .tags = STR("[\"a\",\"b\\\"\\n\xc3\xa9\"]"),
        .last_shown = 1700000000000,
        .last_role = STR("user"),
        .last_preview = STR("p"),
        .archived = true,
        .pinned = true,
        .message_count = 3,
        .last_timestamp = 1700000000000,
        .version = 9,
    };
    struct session out;
    struct arena a;
    struct buf b;

    (void)state;
    arena_init(&a);
    buf_init(&b, 4096);
    item_write(&b, &item_session, &in);
    read_item(b.data, &item_session, &a, &out);
    is(out.session_id, "s");
    is(out.user_id, "u\"/\xc3\xa9");
    is(out.metadata, "{\"n\":12345678901234567890123,\"x\":1.0}");
    is(out.updated_at, "2026-11-23T08:30:03.342117Z");
    assert_int_equal(out.message_count, 3);
    assert_int_equal(out.last_timestamp, 1700000000000);
    assert_int_equal(out.version, 9);
    is(out.tags, "[\"a\",\"b\\\"\\n\xc3\xa9\"]");
    assert_int_equal(out.last_shown, 1700000000000);
    is(out.last_role, "user");
    is(out.last_preview, "p");
    assert_true(out.archived);
    assert_true(out.pinned);
    assert_false(out.deleted);
    buf_free(&b);
    arena_free(&a);
}

/* Put leaves out what says nothing, so that items look as those of earlier versions. */
static void test_what_is_not_set_is_not_stored(void **state)
{
    static const struct session nothing = {.session_id = STR_INIT("s"), .tags = STR_INIT("[]")};
    static const struct session set = {
        .session_id = STR_INIT("s"), .tags = STR_INIT("[\"a\"]"), .last_shown = 5, .pinned = true};
    static const struct owner_item building = {.session_id = STR_INIT("s"),
                                               .user_id = STR_INIT("u"),
                                               .building_at = STR_INIT("2026-11-23T08:30:02Z")};
    static const struct owner_item built = {.session_id = STR_INIT("s"), .user_id = STR_INIT("u")};
    static const struct {
        const struct item_kind *kind;
        const void *item;
        const char *text;
    } cases[] = {
        {&item_session, &nothing,
         "{\"session_id\":{\"S\":\"s\"},\"message_count\":{\"N\":\"0\"},\"last_timestamp\":{\"N\":"
         "\"0\"},\"version\":{\"N\":\"0\"}}"},
        {&item_session, &set,
         "{\"session_id\":{\"S\":\"s\"},\"message_count\":{\"N\":\"0\"},\"last_timestamp\":{\"N\":"
         "\"0\"},\"version\":{\"N\":\"0\"},\"pinned\":{\"BOOL\":true},\"tags\":{\"L\":[{\"S\":"
         "\"a\"}]},"
         "\"last_shown\":{\"N\":\"5\"}}"},
        {&item_owner, &building,
         "{\"session_id\":{\"S\":\"s\"},\"timestamp\":{\"N\":\"0\"},\"user_id\":{\"S\":\"u\"},"
         "\"building_at\":{\"S\":\"2026-11-23T08:30:02Z\"}}"},
        {&item_owner, &built,
         "{\"session_id\":{\"S\":\"s\"},\"timestamp\":{\"N\":\"0\"},\"user_id\":{\"S\":\"u\"}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        buf_init(&b, 4096);
        item_write(&b, cases[i].kind, cases[i].item);
        assert_true(buf_ok(&b));
        assert_string_equal(b.data, cases[i].text);
        buf_free(&b);
    }
}

/* Whatever other programs wrote under these names, clients see well-formed members. */
static void test_odd_members(void **state)
{
    static const struct {
        const char *item;
        const char *tags;
        bool archived;
        int64_t last_shown;
        const char *preview;
    } cases[] = {
        {"{}", "[]", false, 0, ""},
        {"{\"tags\":{\"L\":[]},\"archived\":{\"BOOL\":false}}", "[]", false, 0, ""},
        {"{\"tags\":{\"L\":[{\"S\":\"a\"},{\"N\":\"1\"},null,7,{\"S\":\"\\/"
         "\\u00e9\"},{\"L\":[{\"S\":"
         "\"x\"}]}]}}",
         "[\"a\",\"/\xc3\xa9\"]", false, 0, ""},
        {"{\"tags\":{\"SS\":[\"a\"]},\"archived\":{\"S\":\"true\"}}", "[]", false, 0, ""},
        {"{\"tags\":[{\"S\":\"a\"}],\"archived\":true}", "[]", false, 0, ""},
        {"{\"tags\":{\"L\":{\"S\":\"a\"}},\"archived\":{\"BOOL\":\"true\"}}", "[]", false, 0, ""},
        {"{\"archived\":{\"NULL\":true}}", "[]", false, 0, ""},
        {"{\"tags\":null,\"archived\":null,\"last_shown\":null}", "[]", false, 0, ""},
        {"{\"archived\":{\"BOOL\":true},\"last_shown\":{\"N\":\"5\"},\"last_preview\":{\"N\":"
         "\"5\"}}",
         "[]", true, 5, ""},
        {"{\"last_shown\":{\"S\":\"5\"},\"last_preview\":{\"S\":\"p\"}}", "[]", false, 0, "p"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct session out;
        struct arena a;
        arena_init(&a);
        char *text = copy_of(cases[i].item);
        read_item(text, &item_session, &a, &out);
        is(out.tags, cases[i].tags);
        is(out.last_preview, cases[i].preview);
        assert_int_equal(out.archived, cases[i].archived);
        assert_int_equal(out.last_shown, cases[i].last_shown);
        free(text);
        arena_free(&a);
    }
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
        char *text = copy_of(cases[i].item);
        read_item(text, &item_session, &a, &out);
        is(out.created_at, cases[i].created_at);
        is(out.updated_at, cases[i].created_at);
        is(out.metadata, cases[i].metadata);
        assert_int_equal(out.message_count, cases[i].count);
        assert_int_equal(out.last_timestamp, cases[i].last);
        free(text);
        arena_free(&a);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        const char *item;
        int64_t expected;
    } cases[] = {
        {"{\"last_timestamp\":{\"N\":\"0\"}}", 0},
        {"{\"last_timestamp\":{\"N\":\"-5\"}}", -5},
        {"{\"last_timestamp\":{\"N\":\"1700000000000\"}}", 1700000000000},
        {"{\"last_timestamp\":{\"N\":\"1.7E+12\"}}", 1700000000000},
        {"{\"last_timestamp\":{\"N\":\"1700000000000.9\"}}", 1700000000000},
        {"{\"last_timestamp\":{\"N\":\"-1329227995784915872903807060280344575\"}}", -1},
        {"{\"last_timestamp\":{\"S\":\"5\"}}", -1},
        {"{}", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct session out;
        struct arena a;
        arena_init(&a);
        char *text = copy_of(cases[i].item);
        read_item(text, &item_session, &a, &out);
        assert_int_equal(out.last_timestamp, cases[i].expected);
        free(text);
        arena_free(&a);
    }
}

#define CONTENT(content, type)                                                                     \
    "{\"timestamp\":{\"N\":\"1\"},\"content_type\":{\"S\":\"" type                                 \
    "\"},\"content\":{\"S\":\"" content "\"}}"
#define SHOWN(content)                                                                             \
    "{\"message_id\":\"\",\"session_id\":\"\",\"timestamp\":1,\"role\":\"\",\"content\":" content  \
    ",\"created_at\":\"\",\"metadata\":null}"

/* What clients see, from what stands in the tables; and that absent members are absent. */
static void test_what_clients_see(void **state)
{
    static const struct {
        const struct item_kind *kind;
        const char *item;
        const char *json;
    } cases[] = {
        {&item_session,
         "{\"title\":{\"S\":\"a\\\"\\u00e9\"},\"session_id\":{\"S\":\"s\"},\"user_id\":{\"S\":"
         "\"u\"},"
         "\"message_count\":{\"N\":\"3\"},\"created_at\":{\"S\":\"2026-11-23T08:30:02.342117Z\"},"
         "\"version\":{\"N\":\"9\"},\"metadata\":{\"S\":\" {\\\"a\\\":1.0} \"}}",
         "{\"session_id\":\"s\",\"user_id\":\"u\",\"title\":\"a\\\"\xc3\xa9\",\"created_at\":"
         "\"2026-11-23T08:30:02.342117Z\",\"updated_at\":\"2026-11-23T08:30:02.342117Z\","
         "\"message_count\":3,\"archived\":false,\"pinned\":false,\"tags\":[],\"last_message\":"
         "null,"
         "\"metadata\":{\"a\":1.0}}"},
        {&item_session, "{}",
         "{\"session_id\":\"\",\"user_id\":\"\",\"title\":\"\",\"created_at\":\"\",\"updated_at\":"
         "\"\",\"message_count\":0,\"archived\":false,\"pinned\":false,\"tags\":[],\"last_"
         "message\":"
         "null}"},
        {&item_session,
         "{\"archived\":{\"BOOL\":true},\"tags\":{\"L\":[{\"S\":\"a\"},{\"S\":\"b\"}]},\"last_"
         "shown\":{"
         "\"N\":\"7\"},\"last_role\":{\"S\":\"user\"},\"last_preview\":{\"S\":\"\\u00e9\"}}",
         "{\"session_id\":\"\",\"user_id\":\"\",\"title\":\"\",\"created_at\":\"\",\"updated_at\":"
         "\"\",\"message_count\":0,\"archived\":true,\"pinned\":false,\"tags\":[\"a\",\"b\"],"
         "\"last_message\":{\"role\":\"user\",\"preview\":\"\xc3\xa9\",\"timestamp\":7}}"},
        {&item_message,
         "{\"role\":{\"S\":\"user\"},\"timestamp\":{\"N\":\"1.7E12\"},\"content\":{\"S\":\"c\"}}",
         "{\"message_id\":\"\",\"session_id\":\"\",\"timestamp\":1700000000000,\"role\":\"user\","
         "\"content\":\"c\",\"created_at\":\"\",\"metadata\":null}"},
        {&item_message,
         "{\"timestamp\":{\"N\":\"1\"},\"updated_at\":{\"S\":\"2026-11-23T08:30:02\"},\"metadata\":"
         "{\"S\":\"oops\"},\"unknown\":{\"M\":{\"role\":{\"S\":\"x\"}}}}",
         "{\"message_id\":\"\",\"session_id\":\"\",\"timestamp\":1,\"role\":\"\",\"content\":\"\","
         "\"created_at\":\"\",\"updated_at\":\"2026-11-23T08:30:02.000000Z\",\"metadata\":{}}"},
        /* Content that another backend has changed without its type is what stands there. */
        {&item_message, CONTENT("[{\\\"type\\\":1.0}] ", "parts"), SHOWN("[{\"type\":1.0}]")},
        {&item_message, CONTENT("", "null"), SHOWN("null")},
        {&item_message, CONTENT("[1]", "parts"), SHOWN("\"[1]\"")},
        {&item_message, CONTENT("[{]", "parts"), SHOWN("\"[{]\"")},
        {&item_message, CONTENT("{}", "parts"), SHOWN("\"{}\"")},
        {&item_message, CONTENT("", "parts"), SHOWN("\"\"")},
        {&item_message, CONTENT("c", "null"), SHOWN("\"c\"")},
        {&item_message, CONTENT("[{}]", "other"), SHOWN("\"[{}]\"")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        union {
            struct session session;
            struct message message;
        } out;
        struct json_writer w;
        struct arena a;
        struct buf b;
        arena_init(&a);
        buf_init(&b, 4096);
        char *text = copy_of(cases[i].item);
        read_item(text, cases[i].kind, &a, &out);
        json_writer_init(&w, &b);
        item_show(&w, cases[i].kind, &out);
        assert_string_equal(b.data, cases[i].json);
        free(text);
        buf_free(&b);
        arena_free(&a);
    }
}

/* Copies stay when the text has gone. */
static void test_copies(void **state)
{
    char *text = copy_of(
        "{\"session_id\":{\"S\":\"s\"},\"title\":{\"S\":\"\"},\"metadata\":{\"S\":\"{}\"}}");
    struct session in;
    struct arena a;
    char room[16];
    (void)state;
    arena_init(&a);
    read_item(text, &item_session, &a, &in);
    struct session kept = in;
    struct session packed = in;
    item_keep(&item_session, &kept, &a);
    assert_int_equal(item_string_bytes(&item_session, &in), strlen("s{}[]"));
    item_take_strings(&item_session, &packed, room);
    memset(text, 'x', strlen(text));
    free(text);
    is(kept.session_id, "s");
    is(kept.title, "");
    is(kept.metadata, "{}");
    is(kept.create_marker, NULL);
    is(packed.session_id, "s");
    is(packed.metadata, "{}");
    arena_free(&a);
}

static void test_sizes_count_names_and_values(void **state)
{
    struct message m = {.session_id = STR("s"),
                        .message_id = STR("m"),
                        .role = STR("user"),
                        .content = STR("0123")};
    size_t small = item_size(&item_message, &m);

    (void)state;
    m.content = STR("0123456789");
    assert_int_equal(item_size(&item_message, &m), small + 6);
    m.metadata = STR("{}");
    assert_int_equal(item_size(&item_message, &m), small + 6 + strlen("metadata") + 2);
    m.metadata = STR_NONE;
    m.content_type = CONTENT_IS_PARTS;
    assert_int_equal(item_size(&item_message, &m), small + 6 + strlen("content_type") + 5);
}

/* A session always has room for a last message, however it is filled: so its size does not move. */
static void test_sessions_have_room_for_a_last_message(void **state)
{
    struct session s = {.session_id = STR("s"), .tags = STR("[]")};
    size_t empty = item_size(&item_session, &s);

    (void)state;
    s.last_shown = INT64_MAX;
    s.last_role = STR("assistant");
    s.last_preview = STR("p");
    assert_int_equal(item_size(&item_session, &s), empty);
    s.tags = STR("[\"a\"]");
    s.archived = true;
    assert_int_equal(item_size(&item_session, &s),
                     empty + strlen("tags") + strlen("[\"a\"]") + strlen("archived") + 1);
}

/* Reading, changing and importing know these types of what clients set; item_table.h says so. */
static void test_what_clients_set(void **state)
{
    static const char *const earliest[] = {"title", "metadata", "archived", "pinned", "tags"};
    const struct item_field *f;
    uint32_t seen = 0;
    size_t position = 0;

    (void)state;
    for (size_t i = 0; (f = session_client_field_next(&position)); i++) {
        bool is_text = f->type == FIELD_STRING || f->type == FIELD_JSON || f->type == FIELD_STRINGS;
        assert_true(is_text || f->type == FIELD_BOOL);
        assert_true(is_text || f->access == SET_SINCE_LATER);
        assert_true(f->storage == (is_text && f->type != FIELD_STRINGS ? STORED : STORED_IF_SET));
        assert_true(f->type != FIELD_STRINGS || f->limits.max_count > 0);
        assert_string_equal(f->name.p, i < 5 ? earliest[i] : f->name.p);
        assert_int_equal(seen & session_field_bit(f), 0);
        seen |= session_field_bit(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_round_trip),
        cmocka_unit_test(test_what_is_not_set_is_not_stored),
        cmocka_unit_test(test_odd_members),
        cmocka_unit_test(test_sessions_of_earlier_backends),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_what_clients_see),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_sizes_count_names_and_values),
        cmocka_unit_test(test_sessions_have_room_for_a_last_message),
        cmocka_unit_test(test_what_clients_set),
    };
    return cmocka_run_group_tests_name("item", tests, NULL, NULL);
}
