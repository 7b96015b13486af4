/*
 * The export of a user against scripted answers: what is shown, in which order, and what becomes
 * of a session that goes meanwhile.
 */
#include "store_fixture.h"

#include <json-c/json.h>

/* ---- what came out, a word for each line ----------------------------------------------------- */

static void say_line(struct world *w, struct str line)
{
    struct err e = {0};
    struct json_object *tree = json_tree(line, &e);
    struct str type = json_get_str(tree, "type");

    if (!tree)
        fail_msg("a line is not JSON: %.*s", (int)line.n, line.p);
    if (str_is(type, "session"))
        say_str(w, "session ", json_get_str(tree, "session_id"));
    else if (str_is(type, "message"))
        say(w, "message %d", (int)json_object_get_int64(json_get(tree, "timestamp")));
    else
        say(w, "end %d %d", (int)json_object_get_int64(json_get(tree, "sessions")),
            (int)json_object_get_int64(json_get(tree, "messages")));
    say(w, "; ");
    json_tree_free(tree);
}

static void say_lines(struct world *w, struct str text)
{
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        assert_non_null(end);
        say_line(w, (struct str){text.p, (size_t)(end - text.p)});
        text.n -= (size_t)(end + 1 - text.p);
        text.p = end + 1;
    }
}

/* Hands what has come so far to the world, and says how much it was. */
struct lines {
    struct world *world;
    struct buf text;
    bool refuses;
};

static int flush(void *context, struct err *e)
{
    struct lines *lines = context;

    if (lines->refuses)
        return err_set(e, ERR_INTERNAL, "nobody takes it");
    assert_true(lines->text.len >= 64 * 1024);
    say(lines->world, "[");
    say_lines(lines->world, buf_str(&lines->text));
    say(lines->world, "] ");
    buf_reset(&lines->text);
    return 0;
}

static int gone_on;

static void goes_on(void *context)
{
    (void)context;
    gone_on++;
}

static int export_to(struct world *w, struct lines *lines, struct err *e)
{
    const struct export_sink sink = {.lines = &lines->text, .flush = flush, .context = lines};
    struct export_counts counts;

    buf_init(&lines->text, 1 << 20);
    int r = store_user_export(w->store, STR("u"), &sink, &counts, e);
    if (r == 0)
        say_lines(w, buf_str(&lines->text));
    buf_free(&lines->text);
    return r;
}

static int export(struct world *w, struct err *e)
{
    struct lines lines = {.world = w};
    return export_to(w, &lines, e);
}

static int export_to_nobody(struct world *w, struct err *e)
{
    struct lines lines = {.world = w, .refuses = true};
    return export_to(w, &lines, e);
}

/* The very bytes of one session with one message. */
static int export_bytes(struct world *w, struct err *e)
{
    struct lines lines = {.world = w};
    const struct export_sink sink = {&lines.text, flush, goes_on, &lines};
    struct export_counts counts;

    buf_init(&lines.text, 1 << 20);
    int r = store_user_export(w->store, STR("u"), &sink, &counts, e);
    say_str(w, "", buf_str(&lines.text));
    assert_int_equal(gone_on, 3); /* two calls and a message */
    buf_free(&lines.text);
    return r;
}

/* ---- the scripts ----------------------------------------------------------------------------- */

#define SESSION(id) "{" S("user_id", "u") "," S("session_id", id) "}"
#define OWNER_OF(id) "{" S("session_id", id) "," N("timestamp", "0") "," S("user_id", "u") "}"
#define GOING(id)                                                                                  \
    "{" S("session_id", id) "," N("timestamp", "0") "," S("user_id", "u") "," DELETED "}"
#define MESSAGE(timestamp) "{" N("timestamp", timestamp) "," S("message_id", "m") "}"
#define KEY_OF_SESSION(id) S("user_id", "u") "," S("session_id", id)

/* A message of 70,000 bytes: with it there is enough to hand over. */
static char large[70000 + 200];

static void make_large(void)
{
    static const char before[] = "{\"Items\":[" OWNER_OF("r") ",{" N("timestamp", "5") "," S(
        "message_id", "m") ",\"content\":{\"S\":\"";
    static const char after[] = "\"}}]}";

    memcpy(large, before, sizeof before - 1);
    memset(large + sizeof before - 1, 'x', 70000);
    memcpy(large + sizeof before - 1 + 70000, after, sizeof after);
}

static const struct store_case users[] = {
    {.name = "a user without sessions",
     .run = export,
     .script = {{QUERY, PAGE(""), {S(":u", "u"), "\"Limit\":50", "\"ScanIndexForward\":true"}}},
     .says = "end 0 0; "},
    {.name = "sessions in the order of their keys, each before its messages",
     .run = export,
     .script = {{QUERY, PAGE(SESSION("r") "," SESSION("s"))},
                {QUERY,
                 PAGE(OWNER_OF("r") "," MESSAGE("5") "," MESSAGE("7")),
                 {S(":s", "r"), N(":low", "0")}},
                {QUERY, PAGE(OWNER_OF("s")), {S(":s", "s")}}},
     .says = "session r; message 5; message 7; session s; end 2 2; "},
    {.name = "a session that is being deleted is not read",
     .run = export,
     .script = {{QUERY, PAGE("{" KEY_OF_SESSION("r") "," DELETED "}," SESSION("s"))},
                {QUERY, PAGE(OWNER_OF("s")), {S(":s", "s")}}},
     .says = "session s; end 1 0; "},
    {.name = "a session that is marked meanwhile is left out",
     .run = export,
     .script = {{QUERY, PAGE(SESSION("r") "," SESSION("s"))},
                {QUERY, PAGE(GOING("r") "," MESSAGE("5"))},
                {QUERY, PAGE(OWNER_OF("s") "," MESSAGE("6"))}},
     .says = "session s; message 6; end 1 1; "},
    {.name = "a session that is deleted meanwhile is left out",
     .run = export,
     .script = {{QUERY, PAGE(SESSION("r"))},
                {QUERY, PAGE(""), {S(":s", "r")}},
                {GET, OK, {KEY_OF_SESSION("r")}}},
     .says = "end 0 0; "},
    {.name = "an earlier backend's session has no owner item",
     .run = export,
     .script = {{QUERY, PAGE(SESSION("r"))},
                {QUERY, PAGE(MESSAGE("5"))},
                {GET, FOUND(KEY_OF_SESSION("r"))}},
     .says = "session r; message 5; end 1 1; "},
    {.name = "pages of sessions, an empty one among them",
     .run = export,
     .script = {{QUERY, PAGE_BEFORE(KEY_OF_SESSION("a"), "")},
                {QUERY,
                 PAGE_BEFORE(KEY_OF_SESSION("r"), SESSION("r")),
                 {"\"ExclusiveStartKey\":{" KEY_OF_SESSION("a") "}"}},
                {QUERY, PAGE(OWNER_OF("r")), {S(":s", "r")}},
                {QUERY, PAGE(SESSION("s")), {"\"ExclusiveStartKey\":{" KEY_OF_SESSION("r") "}"}},
                {QUERY, PAGE(OWNER_OF("s"))}},
     .says = "session r; session s; end 2 0; "},
    {.name = "pages that make no progress are a failure",
     .run = export,
     .script = {{QUERY, PAGE_BEFORE(KEY_OF_SESSION("a"), "")},
                {QUERY, PAGE_BEFORE(KEY_OF_SESSION("a"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "lines are handed over as soon as there are enough",
     .run = export,
     .script = {{QUERY, PAGE(SESSION("r") "," SESSION("s"))},
                {QUERY, BODY(large)},
                {QUERY, PAGE(OWNER_OF("s"))}},
     .says = "[session r; message 5; ] session s; end 2 1; "},
    {.name = "the sink fails: nothing more is read",
     .run = export_to_nobody,
     .script = {{QUERY, PAGE(SESSION("r") "," SESSION("s"))}, {QUERY, BODY(large)}},
     .code = ERR_INTERNAL,
     .words = "nobody takes it"},
    {.name = "an answer that fails ends it",
     .run = export,
     .script = {{QUERY, PAGE(SESSION("r"))}, {QUERY, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
    {.name = "the deadline of the request is not that of an export",
     .run = export,
     .deadline_ms = -1,
     .script = {{QUERY, PAGE("")}},
     .says = "end 0 0; "},
    {.name = "line breaks in metadata begin no lines",
     .run = export_bytes,
     .script = {{QUERY,
                 PAGE("{" KEY_OF_SESSION("r") "," S("metadata", "{\\\"a\\\":\\r\\n1.0}") "}")},
                {QUERY,
                 PAGE(OWNER_OF("r") ",{" N("timestamp", "5") "," S("content", "a\\nb") "}")}},
     .says = "{\"type\":\"session\",\"session_id\":\"r\",\"user_id\":\"u\",\"title\":\"\","
             "\"created_at\":\"\",\"updated_at\":\"\",\"message_count\":0,"
             "\"archived\":false,\"pinned\":false,\"tags\":[],\"last_message\":null,"
             "\"metadata\":{\"a\":  1.0}}\n"
             "{\"type\":\"message\",\"message_id\":\"\",\"session_id\":\"\",\"timestamp\":5,"
             "\"role\":\"\",\"content\":\"a\\nb\",\"created_at\":\"\",\"metadata\":null}\n"
             "{\"type\":\"end\",\"sessions\":1,\"messages\":1}\n"},
};

STORE_TEST(test_users, users)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_users)};

    make_large();
    return cmocka_run_group_tests_name("store_export", tests, NULL, NULL);
}
