/*
 * A line of an export: what an import takes of it, and what it says of one that it cannot take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tool/import_line.h"

static struct arena arena;

static int read(const char *text, struct import_line *out, struct err *e)
{
    return import_line_read(str_from(text), &arena, out, e);
}

#define MESSAGE "{\"type\":\"message\",\"role\":\"user\",\"timestamp\":5,"

static void test_a_session(void **state)
{
    struct import_line line;

    (void)state;
    assert_int_equal(read("{\"session_id\":\"a\\u0000b\",\"title\":\"t\\n\",\"message_count\":7,"
                          "\"created_at\":\"2026-01-02T03:04:05.678901Z\",\"unknown\":[{}],"
                          "\"archived\":true,\"pinned\":false,\"tags\":[\"a\", \"b\"],"
                          "\"metadata\":{\"n\": 1.0},\"type\":\"session\"}",
                          &line, NULL),
                     0);
    assert_int_equal(line.type, LINE_SESSION);
    assert_true(str_equals(line.session_id, (struct str){"a\0b", 3}));
    assert_true(str_is(line.session.fields.title, "t\n"));
    assert_true(str_is(line.session.fields.metadata, "{\"n\": 1.0}"));
    assert_int_equal(line.session.created_us, INT64_C(1767323045678901));
    assert_true(str_is(line.session.fields.tags, "[\"a\", \"b\"]"));
    assert_true(line.session.fields.archived && !line.session.fields.pinned);
}

static void test_a_session_of_an_earlier_backend(void **state)
{
    struct import_line line;

    (void)state;
    assert_int_equal(
        read("{\"type\":\"session\",\"session_id\":\"a\",\"created_at\":\"\",\"metadata\":null}",
             &line, NULL),
        0);
    assert_int_equal(line.session.created_us, 0);
    assert_null(line.session.fields.title.p);
    assert_null(line.session.fields.metadata.p);
}

/* What content becomes; NULL: it is refused. */
static const struct {
    const char *given;
    const char *content;
    const char *type;
} contents[] = {
    {"\"c\\u00e4\"", "c\xc3\xa4", NULL},
    {"\"\"", "", NULL},
    {"null", "", "null"},
    {"[{\"type\":\"text\",\"text\":\"a\", \"n\":1e2}]",
     "[{\"type\":\"text\",\"text\":\"a\", \"n\":1e2}]", "parts"},
    {"[1]", NULL, NULL},
    {"7", NULL, NULL},
    {"{}", NULL, NULL},
    {"true", NULL, NULL},
};

static void test_contents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        struct str text =
            arena_printf(&arena, MESSAGE "\"content\":%s,\"metadata\":null,\"message_id\":\"\"}",
                         contents[i].given);
        struct import_line line;
        struct err e = {0};
        int r = read(text.p, &line, &e);
        if ((r == 0) != (contents[i].content != NULL))
            fail_msg("%s: %d %s", contents[i].given, r, e.detail);
        if (r < 0)
            continue;
        const struct message_new *message = &line.message.message;
        assert_int_equal(line.message.timestamp, 5);
        assert_true(str_is(message->content, contents[i].content));
        assert_true(contents[i].type ? str_is(message->content_type, contents[i].type)
                                     : !message->content_type.p);
        assert_null(message->metadata.p);
        assert_null(message->message_id.p);
    }
}

static const struct {
    const char *text;
    const char *words;
    enum line_type type;
} bad[] = {
    {"", "not JSON", LINE_END},
    {"{\"type\":\"end\"} x", "not JSON", LINE_END},
    {"{\"type\":\"end\",\"a\":\"\xff\"}", "not JSON", LINE_END},
    {"[]", "a JSON object", LINE_END},
    {"{}", "type must be", LINE_END},
    {"{\"type\":7}", "type must be", LINE_END},
    {"{\"type\":\"sessions\"}", "type must be", LINE_END},
    {"{\"type\":\"session\"}", "session_id must be given", LINE_SESSION},
    {"{\"type\":\"session\",\"session_id\":7}", "session_id must be a string", LINE_SESSION},
    {"{\"type\":\"session\",\"session_id\":\"a\",\"created_at\":7}", "created_at", LINE_SESSION},
    {"{\"type\":\"session\",\"archived\":1}", "archived must be true or false", LINE_SESSION},
    {"{\"type\":\"session\",\"pinned\":null}", "pinned must be true or false", LINE_SESSION},
    {"{\"type\":\"session\",\"tags\":[1]}", "tags must be an array of strings", LINE_SESSION},
    {"{\"type\":\"session\",\"tags\":{\"a\":\"b\"}}", "tags must be an array", LINE_SESSION},
    {MESSAGE "\"metadata\":\"m\",\"content\":\"c\"}", "metadata must be an object", LINE_MESSAGE},
    {MESSAGE "\"message_id\":7,\"content\":\"c\"}", "message_id must be a string", LINE_MESSAGE},
    {MESSAGE "\"n\":7}", "content must be given", LINE_MESSAGE},
    {"{\"type\":\"message\",\"content\":\"c\",\"timestamp\":1}", "role must be", LINE_MESSAGE},
    {"{\"type\":\"message\",\"content\":\"c\",\"role\":\"u\"}", "timestamp must be", LINE_MESSAGE},
    {"{\"type\":\"message\",\"timestamp\":0}", "timestamp must be", LINE_MESSAGE},
    {"{\"type\":\"message\",\"timestamp\":1.0}", "timestamp must be", LINE_MESSAGE},
    {"{\"type\":\"message\",\"timestamp\":9007199254740992}", "timestamp", LINE_MESSAGE},
    {"{\"type\":\"end\",\"sessions\":-1}", "sessions must be a count", LINE_END},
    {"{\"type\":\"end\",\"messages\":\"1\"}", "messages must be a count", LINE_END},
};

static void test_bad_lines_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct import_line line;
        struct err e = {0};
        if (read(bad[i].text, &line, &e) == 0)
            fail_msg("%s was taken", bad[i].text);
        if (!strstr(e.detail, bad[i].words) || line.type != bad[i].type)
            fail_msg("%s: %d %s", bad[i].text, (int)line.type, e.detail);
    }
}

static int begin(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_session),
        cmocka_unit_test(test_a_session_of_an_earlier_backend),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_bad_lines_are_told),
    };
    return cmocka_run_group_tests_name("import_line", tests, begin, end);
}
