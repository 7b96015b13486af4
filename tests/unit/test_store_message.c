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

static int edit_metadata(struct world *w, struct err *e)
{
    const struct message_key key = {STR("s"), STR_NONE, 7};
    const struct message_changes changes = {.has_metadata = true, .metadata = STR("{}")};
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
/* The session, of which the message with this timestamp is the last. */
#define SESSION_AT(last)                                                                           \
    {                                                                                              \
        GET, FOUND(N("version", "3") "," N("last_shown", last)),                                   \
        {                                                                                          \
            S("user_id", "u") "," S("session_id", "s"), "\"ConsistentRead\":true"                  \
        }                                                                                          \
    }
#define NOW_AT(last, version) STOPPED_BY(N("version", version) "," N("last_shown", last))
#define BEFORE(items)                                                                              \
    {                                                                                              \
        QUERY, PAGE(items),                                                                        \
        {                                                                                          \
            N(":low", "1")                                                                         \
            "," N(":high", "6"), "\"ScanIndexForward\":false", "\"ConsistentRead\":true"           \
        }                                                                                          \
    }
#define MESSAGE_5(content)                                                                         \
    "{" N("timestamp", "5") "," S("role", "tool") "," S("content", content) "}"
#define IF_NOT_LAST "(attribute_not_exists(last_shown) OR last_shown <> :timestamp)"
#define UNREADABLE                                                                                 \
    {GET, STATUS(500)}, {GET, STATUS(500)}, {GET, STATUS(500)},                                    \
    {                                                                                              \
        GET, STATUS(500)                                                                           \
    }

static const struct store_case readings[] = {
    {.name = "a message", .run = get, .script = {OWNED, READ}, .says = "m old - 7"},
    {.name = "none", .run = get, .script = {OWNED, {GET, OK}}, .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "a helper item is no message",
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
    {.name = "an empty item", .run = get, .script = {OWNED, {GET, FOUND("")}}, .says = "  - 7"},
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
                SESSION_AT("5"),
                READ,
                {TRANSACT,
                 OK,
                 {"SET updated_at = :now, content = :content REMOVE metadata", N("timestamp", "7"),
                  S("user_id", "u"), IF_NOT_LAST, N(":timestamp", "7")},
                 .lacks = ":preview"},
                {GET, MESSAGE("newer")}},
     .says = "newer -"},
    {.name = "none",
     .run = edit,
     .script = {OWNED, SESSION_AT("5"), {GET, OK}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "the last one: its preview is renewed",
     .run = edit,
     .script = {OWNED,
                SESSION_AT("7"),
                READ,
                {TRANSACT,
                 OK,
                 {"SET updated_at = :now, last_preview = :preview ADD version :one",
                  S(":preview", "new"), "AND last_shown = :timestamp", N(":timestamp", "7")}},
                {GET, MESSAGE("new")}},
     .says = "new -"},
    {.name = "only its metadata: the preview stays, whichever is the last",
     .run = edit_metadata,
     .script =
         {OWNED, SESSION_AT("7"), READ, {TRANSACT, OK, .lacks = "last_"}, {GET, MESSAGE("old")}}},
    {.name = "it became the last at the same time",
     .run = edit,
     .script = {OWNED,
                SESSION_AT("9"),
                READ,
                {TRANSACT, CANCELED(NONE "," NOW_AT("7", "4")), {IF_NOT_LAST}},
                {TRANSACT, OK, {S(":preview", "new"), "AND last_shown = :timestamp"}},
                {GET, MESSAGE("new")}},
     .says = "new -"},
    {.name = "it was the last: another was appended at the same time",
     .run = edit,
     .script = {OWNED,
                SESSION_AT("7"),
                READ,
                {TRANSACT, CANCELED(NONE "," NOW_AT("9", "4")), {"AND last_shown = :timestamp"}},
                {TRANSACT, OK, {IF_NOT_LAST}, .lacks = ":preview"},
                {GET, MESSAGE("new")}},
     .says = "new -"},
    {.name = "the session's condition failed without news: no endless attempts",
     .run = edit,
     .script = {OWNED, SESSION_AT("9"), READ, {TRANSACT, CANCELED(NONE "," NOW_AT("9", "3"))}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "it was deleted between reading and changing",
     .run = edit,
     .script = {OWNED, SESSION_AT("5"), READ, {TRANSACT, CANCELED(STOPPED "," NONE)}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "its session was deleted between reading and changing",
     .run = edit,
     .script = {OWNED, SESSION_AT("5"), READ, {TRANSACT, CANCELED(STOPPED "," STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "conflicts, then good",
     .run = edit,
     .script = {OWNED,
                SESSION_AT("5"),
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
                SESSION_AT("5"),
                READ,
                {TRANSACT, MAYBE_SENT},
                {TRANSACT, STATUS(500), .again = true},
                {TRANSACT, STATUS(503), .again = true},
                {TRANSACT, MAYBE_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "the session cannot be read: nothing is done",
     .run = edit,
     .script = {OWNED, SESSION_AT("5"), UNREADABLE},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "it cannot be read afterwards: it is done",
     .run = edit,
     .script = {OWNED, SESSION_AT("5"), READ, {TRANSACT, OK}, UNREADABLE},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "the change was made",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "deleted since",
     .run = edit,
     .script = {OWNED, SESSION_AT("5"), READ, {TRANSACT, OK}, {GET, OK}},
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
                SESSION_AT("7"),
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
                SESSION_AT("7"),
                OF(PARTS),
                {TRANSACT,
                 OK,
                 {"SET updated_at = :now, content = :content REMOVE content_type\"",
                  S(":content", "new")},
                 .lacks = ":type\""},
                OF(S("content", "new"))},
     .says = "-"},
    {.name = "content becomes null beside metadata",
     .run = edit_to_null,
     .script = {OWNED,
                SESSION_AT("7"),
                OF(S("content", "c") "," S("metadata", "{}")),
                {TRANSACT, OK, {S(":content", ""), S(":type", "null"), S(":preview", "")}},
                OF(NO_CONTENT)},
     .says = "null"},
    {.name = "a message without anything",
     .run = edit_to_null,
     .script = {OWNED, SESSION_AT("7"), READ},
     .code = ERR_INVALID_PARAMETER,
     .words = "only in a message that has metadata"},
    {.name = "metadata is all that a message has",
     .run = clear_metadata,
     .script = {OWNED, SESSION_AT("7"), OF(NO_CONTENT)},
     .code = ERR_INVALID_PARAMETER,
     .words = "only in a message that has metadata"},
};

static const struct store_case deletions[] = {
    {.name = "a message",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("5"),
                {TRANSACT,
                 OK,
                 {"\"Delete\":{", N("timestamp", "7"), N(":minus", "-1"),
                  "attribute_exists(session_id)", IF_NOT_LAST},
                 .lacks = ":preview"}}},
    {.name = "of a session that is being deleted, also if its owner is known",
     .run = delete_message,
     .known_last_ms = 1000,
     .script = {{GET, FOUND(DELETED), {S("session_id", "s")}}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "of a session that is gone",
     .run = delete_message,
     .script = {OWNED, {GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "the last one: the one before it is shown",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("7"),
                BEFORE(MESSAGE_5("before")),
                {TRANSACT,
                 OK,
                 {"last_shown = :shown, last_role = :role, last_preview = :preview ADD version",
                  N(":shown", "5") "," S(":role", "tool") "," S(":preview", "before"),
                  "AND version = :version", N(":version", "3"), N(":minus", "-1")}}}},
    {.name = "the only one: none is shown",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("7"),
                BEFORE(""),
                {TRANSACT,
                 OK,
                 {"REMOVE last_shown, last_role, last_preview ADD version",
                  "AND version = :version", N(":version", "3")},
                 .lacks = ":shown"}}},
    {.name = "a session without a version",
     .run = delete_message,
     .script = {OWNED,
                {GET, FOUND(N("last_shown", "7"))},
                BEFORE(""),
                {TRANSACT, OK, {"AND attribute_not_exists(version)"}, .lacks = ":version"}}},
    {.name = "it became the last: the one after it was deleted at the same time",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("9"),
                {TRANSACT, CANCELED(NONE "," NOW_AT("7", "4")), {IF_NOT_LAST}},
                BEFORE(MESSAGE_5("before")),
                {TRANSACT, OK, {N(":version", "4"), N(":shown", "5")}}}},
    {.name = "it was the last: another was appended at the same time",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("7"),
                BEFORE(MESSAGE_5("before")),
                {TRANSACT, CANCELED(NONE "," NOW_AT("9", "4"))},
                {TRANSACT, OK, {IF_NOT_LAST}, .lacks = ":shown"}}},
    {.name = "the one before it was edited at the same time",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("7"),
                BEFORE(MESSAGE_5("before")),
                {TRANSACT, CANCELED(NONE "," NOW_AT("7", "4"))},
                BEFORE(MESSAGE_5("edited")),
                {TRANSACT, OK, {N(":version", "4"), S(":preview", "edited")}}}},
    {.name = "it became the last, and was deleted, at the same time",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("9"),
                {TRANSACT, CANCELED(STOPPED "," NOW_AT("7", "4"))},
                BEFORE(""),
                {TRANSACT, CANCELED(STOPPED "," NONE)}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "its session was deleted while it was tried again",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("9"),
                {TRANSACT, CANCELED(NONE "," NOW_AT("7", "4"))},
                BEFORE(""),
                {TRANSACT, CANCELED(NONE "," STOPPED_BY(DELETED))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "the session's condition failed without news: no endless attempts",
     .run = delete_message,
     .script = {OWNED, SESSION_AT("9"), {TRANSACT, CANCELED(NONE "," NOW_AT("9", "3"))}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "the one before it cannot be read: nothing is done",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("7"),
                {QUERY, STATUS(500)},
                {QUERY, STATUS(500)},
                {QUERY, STATUS(500)},
                {QUERY, STATUS(500)}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "an earlier backend's, by its owner",
     .run = delete_by_owner,
     .script = {{GET, OK}, {GET, FOUND(S("title", "t"))}, {TRANSACT, OK}}},
    {.name = "none",
     .run = delete_message,
     .script = {OWNED, SESSION_AT("5"), {TRANSACT, CANCELED(STOPPED "," NONE)}},
     .code = ERR_MESSAGE_NOT_FOUND},
    {.name = "its session is being deleted",
     .run = delete_message,
     .script = {OWNED, SESSION_AT("5"), {TRANSACT, CANCELED(NONE "," STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a lost answer is asked for again: the count falls by one",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("5"),
                {TRANSACT, MAYBE_SENT},
                {TRANSACT, IN_PROGRESS, .again = true},
                {TRANSACT, OK, .again = true}},
     .slept_us = 12500 + 1000000},
    {.name = "throttled to the end: not done",
     .run = delete_message,
     .script = {OWNED,
                SESSION_AT("5"),
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
