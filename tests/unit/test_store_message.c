/*
 * Reading, changing and deleting one message against scripted answers.
 */
#include "store_fixture.h"

static int get_at(struct world *w, const char *hint, int64_t timestamp, struct err *e)
{
    const struct message_key key = {STR("s"), str_from(hint), timestamp};
    struct message message;
    int r = store_message_get(w->store, &key, &message, e);

    if (r == 0) {
        say_str(w, "", message.message_id);
        say_str(w, " ", message.content);
        say_str(w, " ", message.metadata);
        say(w, " %lld", (long long)message.timestamp);
    }
    return r;
}

static int get(struct world *w, struct err *e)
{
    return get_at(w, NULL, 7, e);
}

static int get_by_owner(struct world *w, struct err *e)
{
    return get_at(w, "u", 7, e);
}

static int get_helper(struct world *w, struct err *e)
{
    return get_at(w, NULL, 0, e);
}

static int edit(struct world *w, struct err *e)
{
    const struct message_key key = {STR("s"), STR_NONE, 7};
    const struct message_changes changes = {.content = STR("new"), .has_metadata = true};
    struct message message;
    int r = store_message_update(w->store, &key, &changes, &message, e);

    if (r == 0) {
        say_str(w, "", message.content);
        say_str(w, " ", message.metadata);
    }
    return r;
}

/* A change of the content alone, to what is neither or either. */
static int edit_content(struct world *w, struct str content, struct str type, struct err *e)
{
    const struct message_key key = {STR("s"), STR_NONE, 7};
    const struct message_changes changes = {.content = content, .content_type = type};
    struct message message;
    int r = store_message_update(w->store, &key, &changes, &message, e);

    if (r == 0)
        say_str(w, "", message.content_type);
    return r;
}

static int edit_to_parts(struct world *w, struct err *e)
{
    return edit_content(w, STR("[{\"type\":\"text\"}]"), CONTENT_IS_PARTS, e);
}

static int edit_to_null(struct world *w, struct err *e)
{
    return edit_content(w, STR(""), CONTENT_IS_NULL, e);
}

static int edit_to_string(struct world *w, struct err *e)
{
    return edit_content(w, STR("new"), STR_NONE, e);
}

static int clear_metadata(struct world *w, struct err *e)
{
    const struct message_key key = {STR("s"), STR_NONE, 7};
    const struct message_changes changes = {.has_metadata = true};
    struct message message;

    return store_message_update(w->store, &key, &changes, &message, e);
}

static int delete_message(struct world *w, struct err *e)
{
    const struct message_key key = {STR("s"), STR_NONE, 7};
    return store_message_delete(w->store, &key, e);
}

static int delete_by_owner(struct world *w, struct err *e)
{
    const struct message_key key = {STR("s"), STR("u"), 7};
    return store_message_delete(w->store, &key, e);
}

#define OWNED                                                                                      \
    {                                                                                              \
        GET, FOUND(OWNER),                                                                         \
        {                                                                                          \
            N("timestamp", "0"), "\"ConsistentRead\":true"                                         \
        }                                                                                          \
    }
#define MESSAGE(content)                                                                           \
    FOUND(S("session_id", "s") "," N("timestamp", "7") "," S("message_id", "m") "," S("content",   \
                                                                                      content))
#define READ                                                                                       \
    {                                                                                              \
        GET, MESSAGE("old"),                                                                       \
        {                                                                                          \
            N("timestamp", "7"), "\"ConsistentRead\":true"                                         \
        }                                                                                          \
    }
#define UNREADABLE                                                                                 \
    {GET, STATUS(500)}, {GET, STATUS(500)}, {GET, STATUS(500)},                                    \
    {                                                                                              \
        GET, STATUS(500)                                                                           \
    }

static const struct store_case readings[] = {
    {.name = "a message", .run = get, .script = {OWNED, READ}, .says = "m old - 7"},
    {.name = "none", .run = get, .script = {OWNED, {GET, OK}}, .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "a helper is no message",
     .run = get_helper,
     .script = {OWNED},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "of a session that is being deleted",
     .run = get,
     .script = {{GET, FOUND(OWNER "," DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "of an earlier backend's session",
     .run = get,
     .script = {{GET, OK}, READ},
     .says = "m old - 7"},
    {.name = "of an earlier backend's session, or of none",
     .run = get,
     .script = {{GET, OK}, {GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "of an earlier backend's session that is the caller's",
     .run = get_by_owner,
     .script = {{GET, OK},
                {GET, FOUND(S("title", "t")), {S("user_id", "u") "," S("session_id", "s")}},
                {GET, OK}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "of an earlier backend's session that is not the caller's",
     .run = get_by_owner,
     .script = {{GET, OK}, {GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an item without anything",
     .run = get,
     .script = {OWNED, {GET, FOUND("")}},
     .says = "  - 7"},
    {.name = "an item of other types",
     .run = get,
     .script = {OWNED,
                {GET, FOUND("\"timestamp\":{\"N\":\"9E99\"},\"message_id\":{\"B\":\"bQ==\"},"
                            "\"content\":{\"SS\":[\"a\"]},\"metadata\":{\"M\":{}}")}},
     .says = "  {} 7"},
    {.name = "lost to the end: reads change nothing",
     .run = get,
     .script = {OWNED, UNREADABLE},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
};

static const struct store_case changes[] = {
    {.name = "content and metadata",
     .run = edit,
     .script = {OWNED,
                READ,
                {TRANSACT,
                 OK,
                 {"SET updated_at = :now, content = :content REMOVE metadata", N("timestamp", "7"),
                  N(":count", "0"), S("user_id", "u")}},
                {GET, MESSAGE("newer")}},
     .says = "newer -"},
    {.name = "none", .run = edit, .script = {OWNED, {GET, OK}}, .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "it went between reading and changing",
     .run = edit,
     .script = {OWNED, READ, {TRANSACT, CANCELED(STOPPED "," NONE)}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "its session went between reading and changing",
     .run = edit,
     .script = {OWNED, READ, {TRANSACT, CANCELED(STOPPED "," STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "conflicts, then good",
     .run = edit,
     .script = {OWNED,
                READ,
                {TRANSACT, CANCELED(NONE "," CONFLICTING)},
                {TRANSACT, CANCELED(CONFLICTING "," NONE), .again = true},
                {TRANSACT, OK, .again = true},
                {GET, MESSAGE("new")}},
     .says = "new -",
     .slept_us = 12500 + 25000},
    {.name = "lost to the end: it may be done",
     .run = edit,
     .script = {OWNED,
                READ,
                {TRANSACT, MAYBE_SENT},
                {TRANSACT, STATUS(500), .again = true},
                {TRANSACT, STATUS(503), .again = true},
                {TRANSACT, MAYBE_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "it cannot be read before: nothing is done",
     .run = edit,
     .script = {OWNED, UNREADABLE},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "it cannot be read after: it is done",
     .run = edit,
     .script = {OWNED, READ, {TRANSACT, OK}, UNREADABLE},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "the change was made",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "deleted since",
     .run = edit,
     .script = {OWNED, READ, {TRANSACT, OK}, {GET, OK}},
     .code = ERR_MESSAGE_NOT_FOUND},
};

#define OF(attributes)                                                                             \
    {                                                                                              \
        GET, FOUND(N("timestamp", "7") "," attributes)                                             \
    }
#define PARTS_TEXT "[{\\\"type\\\":\\\"text\\\"}]"
#define PARTS S("content", PARTS_TEXT) "," S("content_type", "parts")
#define NO_CONTENT S("content", "") "," S("content_type", "null") "," S("metadata", "{}")

static const struct store_case contents[] = {
    {.name = "a string becomes parts",
     .run = edit_to_parts,
     .script = {OWNED,
                READ,
                {TRANSACT,
                 OK,
                 {"SET updated_at = :now, content = :content, content_type = :type\"",
                  S(":content", PARTS_TEXT), S(":type", "parts")},
                 .lacks = "REMOVE"},
                OF(PARTS)},
     .says = "parts"},
    {.name = "parts become a string",
     .run = edit_to_string,
     .script = {OWNED,
                OF(PARTS),
                {TRANSACT,
                 OK,
                 {"SET updated_at = :now, content = :content REMOVE content_type\"",
                  S(":content", "new")},
                 .lacks = ":type"},
                OF(S("content", "new"))},
     .says = "-"},
    {.name = "content becomes null beside metadata",
     .run = edit_to_null,
     .script = {OWNED,
                OF(S("content", "c") "," S("metadata", "{}")),
                {TRANSACT, OK, {S(":content", ""), S(":type", "null")}},
                OF(NO_CONTENT)},
     .says = "null"},
    {.name = "a message without anything",
     .run = edit_to_null,
     .script = {OWNED, READ},
     .code = ERR_INVALID_PARAMETER,
     .words = "only in a message that has metadata"},
    {.name = "metadata is all that a message has",
     .run = clear_metadata,
     .script = {OWNED, OF(NO_CONTENT)},
     .code = ERR_INVALID_PARAMETER,
     .words = "only in a message that has metadata"},
};

static const struct store_case deletions[] = {
    {.name = "a message",
     .run = delete_message,
     .script = {OWNED,
                {TRANSACT,
                 OK,
                 {"\"Delete\":{", N("timestamp", "7"), N(":count", "-1"),
                  "attribute_exists(session_id)"}}}},
    {.name = "the owner is read afresh, also if it is known",
     .run = delete_message,
     .known_last_ms = 1000,
     .script = {{GET, FOUND(OWNER "," DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an earlier backend's, by its owner",
     .run = delete_by_owner,
     .script = {{GET, OK}, {GET, FOUND(S("title", "t"))}, {TRANSACT, OK}}},
    {.name = "none",
     .run = delete_message,
     .script = {OWNED, {TRANSACT, CANCELED(STOPPED "," NONE)}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "its session is being deleted",
     .run = delete_message,
     .script = {OWNED, {TRANSACT, CANCELED(NONE "," STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a lost answer is asked for again: the count goes down once",
     .run = delete_message,
     .script = {OWNED,
                {TRANSACT, MAYBE_SENT},
                {TRANSACT, IN_PROGRESS, .again = true},
                {TRANSACT, OK, .again = true}},
     .slept_us = 12500 + 1000000},
    {.name = "throttled to the end: not done",
     .run = delete_message,
     .script = {OWNED,
                {TRANSACT, CANCELED(NONE "," THROTTLING)},
                {TRANSACT, CANCELED(NONE "," THROTTLING), .again = true},
                {TRANSACT, CANCELED(NONE "," THROTTLING), .again = true},
                {TRANSACT, CANCELED(NONE "," THROTTLING), .again = true}},
     .code = ERR_DYNAMODB_THROTTLED,
     .slept_us = 500000 + 1000000 + 2000000},
};

STORE_TEST(test_get, readings)
STORE_TEST(test_update, changes)
STORE_TEST(test_contents, contents)
STORE_TEST(test_delete, deletions)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_delete),
    };
    return cmocka_run_group_tests_name("store_message", tests, NULL, NULL);
}
