/*
 * Creating, reading and changing one session against scripted answers.
 */
#include "store/item_table.h"
#include "store_fixture.h"

static int create_with(struct world *w, const char *key, struct err *e)
{
    const struct session_new wanted = {.fields = {.user_id = STR("u"), .metadata = STR("{}")},
                                       .idempotency = {.key = str_from(key)}};
    struct session session;
    enum store_write end = store_session_create(w->store, &wanted, &session, e);

    if (end != STORE_WRITE_FAILED) {
        say_str(w, "", session.title);
        if (end == STORE_REPLAYED)
            say_str(w, ", replayed as ", session.session_id);
    }
    return end == STORE_WRITE_FAILED ? -1 : 0;
}

static int create(struct world *w, struct err *e)
{
    return create_with(w, NULL, e);
}

static int create_with_key(struct world *w, struct err *e)
{
    return create_with(w, "key", e);
}

static void say_session(struct world *w, const struct session *session)
{
    say_str(w, "", session->title);
    say_str(w, " ", session->created_at);
    say_str(w, " ", session->metadata);
    say(w, " %lld messages, version %lld", (long long)session->message_count,
        (long long)session->version);
}

static int get(struct world *w, struct err *e)
{
    const struct session_key key = {STR("u"), STR("s")};
    struct session session;
    int r = store_session_get(w->store, &key, &session, e);

    if (r == 0)
        say_session(w, &session);
    return r;
}

static int get_helper(struct world *w, struct err *e)
{
    const struct session_key key = {STR("u"), STR("!create#1")};
    struct session session;

    return store_session_get(w->store, &key, &session, e);
}

static int change(struct world *w, const struct session_changes *changes,
                  const struct versions *if_match, struct err *e)
{
    const struct session_target target = {{STR("u"), STR("s")}, *if_match};
    struct session session = {0};
    int r = store_session_update(w->store, &target, changes, &session, e);

    if (r == 0)
        say_str(w, "", session.title);
    if (r == 0 || e->code == ERR_PRECONDITION_FAILED)
        say(w, ", version %lld", (long long)session.version);
    return r;
}

/* The set of one field that clients set. */
static uint32_t bit(const char *name)
{
    const struct item_field *f;
    size_t position = 0;

    while ((f = session_client_field_next(&position)) && !str_is(f->name, name))
        ;
    assert_non_null(f);
    return session_field_bit(f);
}

static int retitle_if(struct world *w, const struct versions *if_match, struct err *e)
{
    const struct session_changes changes = {.fields = {.title = STR("new")}, .given = bit("title")};
    return change(w, &changes, if_match, e);
}

static int retitle(struct world *w, struct err *e)
{
    static const struct versions none;
    return retitle_if(w, &none, e);
}

static int retitle_version_3(struct world *w, struct err *e)
{
    static const int64_t three = 3;
    static const struct versions if_match = {.present = true, .count = 1, .list = &three};
    return retitle_if(w, &if_match, e);
}

static int retitle_any(struct world *w, struct err *e)
{
    static const struct versions if_match = {.present = true, .any = true};
    return retitle_if(w, &if_match, e);
}

static int clear_metadata(struct world *w, struct err *e)
{
    static const struct versions none;
    const struct session_changes changes = {.given = bit("metadata")};
    return change(w, &changes, &none, e);
}

static int mark(struct world *w, struct err *e)
{
    static const struct versions none;
    const struct session_changes changes = {
        .fields = {.archived = true, .tags = STR("[\"a\",\"b\"]")},
        .given = bit("archived") | bit("pinned") | bit("tags")};
    return change(w, &changes, &none, e);
}

static int unmark(struct world *w, struct err *e)
{
    static const struct versions none;
    const struct session_changes changes = {.fields = {.pinned = true, .tags = STR("[]")},
                                            .given = bit("archived") | bit("pinned") | bit("tags")};
    return change(w, &changes, &none, e);
}

static int mark_and_retitle(struct world *w, struct err *e)
{
    static const struct versions none;
    const struct session_changes changes = {.fields = {.title = STR("new"), .archived = true},
                                            .given = bit("title") | bit("archived")};
    return change(w, &changes, &none, e);
}

static int change_nothing(struct world *w, struct err *e)
{
    static const struct versions none;
    const struct session_changes changes = {0};
    return change(w, &changes, &none, e);
}

static int patch_metadata(struct world *w, struct err *e)
{
    static const struct versions none;
    const struct session_changes changes = {.fields = {.metadata = STR("{\"b\":2.0,\"c\":null}")},
                                            .patched = bit("metadata")};
    return change(w, &changes, &none, e);
}

static int patch_any(struct world *w, struct err *e)
{
    static const struct versions any = {.present = true, .any = true};
    const struct session_changes changes = {.fields = {.metadata = STR("{\"b\":2.0,\"c\":null}")},
                                            .patched = bit("metadata")};
    return change(w, &changes, &any, e);
}

static int patch_too_much(struct world *w, struct err *e)
{
    static const struct versions none;
    static char patch[ITEM_MAX_BYTES + 1];
    const struct session_changes changes = {.fields = {.metadata = {patch, sizeof(patch)}},
                                            .patched = bit("metadata")};
    return change(w, &changes, &none, e);
}

/* Metadata that would fit alone, but not with the rest of the session. */
static int grow_metadata(struct world *w, struct err *e)
{
    static const struct versions none;
    static char metadata[ITEM_MAX_BYTES - 100];
    const struct session_changes changes = {.fields = {.metadata = {metadata, sizeof(metadata)}},
                                            .given = bit("metadata")};
    return change(w, &changes, &none, e);
}

static int create_marked(struct world *w, struct err *e)
{
    const struct session_new wanted = {.fields = {.user_id = STR("u"),
                                                  .title = STR("t"),
                                                  .tags = STR("[\"a\"]"),
                                                  .archived = true,
                                                  .pinned = true},
                                       .idempotency = {.key = STR("key")}};
    struct session session;
    enum store_write end = store_session_create(w->store, &wanted, &session, e);

    if (end != STORE_WRITE_FAILED) {
        say_str(w, "", session.tags);
        say(w, " %d %d", session.archived, session.pinned);
    }
    return end == STORE_WRITE_FAILED ? -1 : 0;
}

#define KEY S("user_id", "u") "," S("session_id", "s")
#define OLD FOUND(KEY "," S("title", "old") "," N("version", "3"))
#define NEW FOUND(KEY "," S("title", "new") "," N("version", "4"))
#define DEFAULT_TITLE "Chat Session 2015-08-30 12:36"
#define MARKER(fingerprint)                                                                        \
    STOPPED_BY(fingerprint "," S("created_session_id", "s0") "," S("created_at",                   \
                                                                   "2015-08-29T10:00:00.000000Z"))
#define WITH_METADATA(version, metadata)                                                           \
    FOUND(KEY "," N("version", version) "," S("metadata", metadata))
#define USED CANCELED(NONE "," NONE "," MARKER(NO_FINGERPRINT))

static const struct store_case creations[] = {
    {.name = "a session and its owner item",
     .run = create,
     .script = {{TRANSACT,
                 OK,
                 {S("user_id", "u"), S("title", DEFAULT_TITLE), N("version", "1"),
                  N("timestamp", "0")},
                 .lacks = "!create#"}},
     .says = DEFAULT_TITLE},
    {.name = "with a key",
     .run = create_with_key,
     .script = {{TRANSACT,
                 OK,
                 {S("session_id",
                    "!create#2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f82"
                    "6b683"),
                  NO_FINGERPRINT},
                 .lacks = ":gone"}},
     .says = DEFAULT_TITLE},
    {.name = "with flags and tags, also when it is repeated",
     .run = create_marked,
     .script = {{TRANSACT,
                 USED,
                 {"\"archived\":{\"BOOL\":true},\"pinned\":{\"BOOL\":true},\"tags\":{\"L\":[{\"S\":"
                  "\"a\"}]}"}},
                {GET, OLD}},
     .says = "[\"a\"] 1 1"},
    {.name = "the key was used for the same",
     .run = create_with_key,
     .script = {{TRANSACT, USED}, {GET, OLD, {S("session_id", "s0"), "\"ConsistentRead\":true"}}},
     .says = "Chat Session 2015-08-29 10:00, replayed as s0"},
    {.name = "the key was used for something else",
     .run = create_with_key,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," MARKER(S("fingerprint", "11")))}, {GET, OLD}},
     .code = ERR_IDEMPOTENCY_KEY_REUSED},
    {.name = "an empty marker belongs to another request",
     .run = create_with_key,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," STOPPED)}},
     .code = ERR_IDEMPOTENCY_KEY_REUSED},
    {.name = "a marker without a time belongs to another request",
     .run = create_with_key,
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," STOPPED_BY(NO_FINGERPRINT "," S(
                               "created_session_id", "s0") "," S("created_at", "2015")))}},
     .code = ERR_IDEMPOTENCY_KEY_REUSED},
    {.name = "the key's session is gone: a new one takes the key over",
     .run = create_with_key,
     .script = {{TRANSACT, USED},
                {GET, OK},
                {GET, OK, {N("timestamp", "0"), "\"ConsistentRead\":true"}},
                {TRANSACT, OK, {"OR created_session_id = :gone", S(":gone", "s0")}}},
     .says = DEFAULT_TITLE},
    {.name = "the key's session is being deleted: a new one takes the key over",
     .run = create_with_key,
     .script = {{TRANSACT, USED}, {GET, FOUND(DELETED)}, {TRANSACT, OK, {S(":gone", "s0")}}},
     .says = DEFAULT_TITLE},
    {.name = "another request has taken the key over first",
     .run = create_with_key,
     .script = {{TRANSACT, USED},
                {GET, OK},
                {GET, OK},
                {TRANSACT, CANCELED(NONE "," NONE "," STOPPED_BY(NO_FINGERPRINT "," S(
                               "created_session_id", "s1") "," S("created_at", NOW_TEXT)))},
                {GET, OLD, {S("session_id", "s1")}}},
     .says = DEFAULT_TITLE ", replayed as s1"},
    {.name = "whether the key's session lives cannot be read",
     .run = create_with_key,
     .script =
         {{TRANSACT, USED}, {GET, NOT_SENT}, {GET, NOT_SENT}, {GET, NOT_SENT}, {GET, NOT_SENT}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "a lost answer is asked for again",
     .run = create,
     .script = {{TRANSACT, MAYBE_SENT}, {TRANSACT, OK, .again = true}},
     .says = DEFAULT_TITLE,
     .slept_us = 12500},
    {.name = "lost, in progress until the deadline: it may be there",
     .run = create,
     .deadline_ms = 2000,
     .script = {{TRANSACT, MAYBE_SENT},
                {TRANSACT, IN_PROGRESS, .again = true},
                {TRANSACT, IN_PROGRESS, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500 + 1000000},
    {.name = "throttled to the end: it is not there",
     .run = create,
     .script = {{TRANSACT, CANCELED(THROTTLING "," NONE)},
                {TRANSACT, CANCELED(THROTTLING "," NONE), .again = true},
                {TRANSACT, CANCELED(THROTTLING "," NONE), .again = true},
                {TRANSACT, CANCELED(THROTTLING "," NONE), .again = true}},
     .code = ERR_DYNAMODB_THROTTLED,
     .slept_us = 500000 + 1000000 + 2000000},
};

static const struct store_case readings[] = {
    {.name = "a session",
     .run = get,
     .script = {{GET,
                 FOUND(S("title", "t") "," S("created_at", NOW_TEXT) "," S(
                     "metadata", "{\\\"a\\\":1.0}") "," N("message_count", "2") "," N("version",
                                                                                      "3")),
                 {S("user_id", "u") "," S("session_id", "s"), "\"ConsistentRead\":true"}}},
     .says = "t " NOW_TEXT " {\"a\":1.0} 2 messages, version 3"},
    {.name = "none", .run = get, .script = {{GET, OK}}, .code = ERR_SESSION_NOT_FOUND},
    {.name = "one that is being deleted",
     .run = get,
     .script = {{GET, FOUND(S("title", "t") "," DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a helper item is no session", .run = get_helper, .code = ERR_SESSION_NOT_FOUND},
    {.name = "eventually consistent",
     .run = get,
     .setting = "DYNAMODB_CONSISTENT_READ=0",
     .script = {{GET, OK, .lacks = "ConsistentRead"}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an empty item",
     .run = get,
     .script = {{GET, FOUND("")}},
     .says = "  - 0 messages, version 0"},
    {.name = "an item of other types",
     .run = get,
     .script = {{GET, FOUND("\"title\":{\"N\":\"1\"},\"created_at\":{\"NULL\":true},"
                            "\"updated_at\":{\"M\":{}},\"metadata\":{\"L\":[]},"
                            "\"message_count\":{\"S\":\"many\"},\"version\":\"3\"")}},
     .says = "  {} 0 messages, version 0"},
    {.name = "numbers out of range",
     .run = get,
     .script = {{GET, FOUND(N("message_count", "99999999999999999999999999999999999999") "," N(
                          "version", "-1E125") "," N("last_timestamp", "NaN"))}},
     .says = "  - 0 messages, version 0"},
    {.name = "times that are no times",
     .run = get,
     .script = {{GET, FOUND(S("created_at", "yesterday") "," S("updated_at", ""))}},
     .says = " yesterday - 0 messages, version 0"},
    {.name = "an item that is not an object",
     .run = get,
     .script = {{GET, BODY("{\"Item\":[]}")}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "lost to the end: reads change nothing",
     .run = get,
     .script = {{GET, MAYBE_SENT},
                {GET, MAYBE_SENT, .again = true},
                {GET, MAYBE_SENT, .again = true},
                {GET, MAYBE_SENT, .again = true}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
    {.name = "not permitted",
     .run = get,
     .script = {{GET, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "do not permit GetItem"},
};

static const struct store_case changes[] = {
    {.name = "a title",
     .run = retitle,
     .script = {{TRANSACT,
                 OK,
                 {"ADD version :one SET updated_at = :now, title = :title\"", S(":title", "new"),
                  "attribute_not_exists(deleted_at)"},
                 .lacks = ":version"},
                {GET, NEW, {"\"ConsistentRead\":true"}}},
     .says = "new, version 4"},
    {.name = "metadata cleared",
     .run = clear_metadata,
     .script = {{TRANSACT, OK, {" REMOVE metadata"}}, {GET, NEW}},
     .says = "new, version 4"},
    {.name = "flags and tags: it does not move up",
     .run = mark,
     .script = {{TRANSACT,
                 OK,
                 {"ADD version :one SET archived = :true, tags = :tags REMOVE pinned\"",
                  "\":true\":{\"BOOL\":true}", "\":tags\":{\"L\":[{\"S\":\"a\"},{\"S\":\"b\"}]}"},
                 .lacks = ":now"},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "flags and tags removed",
     .run = unmark,
     .script = {{TRANSACT,
                 OK,
                 {"ADD version :one SET pinned = :true REMOVE archived, tags\""},
                 .lacks = ":tags"},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "a flag and a title: it moves up",
     .run = mark_and_retitle,
     .script = {{TRANSACT, OK, {"SET updated_at = :now, title = :title, archived = :true"}},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "nothing: it moves up, as it always did",
     .run = change_nothing,
     .script = {{TRANSACT, OK, {"ADD version :one SET updated_at = :now\""}}, {GET, NEW}},
     .says = "new, version 4"},
    {.name = "a patch of its metadata",
     .run = patch_metadata,
     .script = {{GET,
                 WITH_METADATA("3", "{\\\"a\\\":1e400,\\\"c\\\":3}"),
                 {"\"ConsistentRead\":true"}},
                {TRANSACT,
                 OK,
                 {S(":metadata", "{\\\"a\\\":1e400,\\\"b\\\":2.0}"), "AND version = :version",
                  N(":version", "3"), "SET updated_at = :now, metadata = :metadata"}},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "a patch of metadata that is not there",
     .run = patch_metadata,
     .script = {{GET, FOUND(KEY)},
                {TRANSACT,
                 OK,
                 {S(":metadata", "{\\\"b\\\":2.0}"), "AND attribute_not_exists(version)"}},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "a patch, and others change the session at the same time",
     .run = patch_any,
     .script = {{GET, WITH_METADATA("3", "{}")},
                {TRANSACT, CANCELED(STOPPED_BY(N("version", "4"))), {N(":version", "3")}},
                {GET, WITH_METADATA("4", "{\\\"a\\\":1}")},
                {TRANSACT, OK, {S(":metadata", "{\\\"a\\\":1,\\\"b\\\":2.0}"), N(":version", "4")}},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "a patch of a session that is being deleted",
     .run = patch_metadata,
     .script = {{GET, FOUND(DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a patch that is larger than an item",
     .run = patch_too_much,
     .script = {{GET, OLD}},
     .code = ERR_ITEM_TOO_LARGE},
    {.name = "no such session",
     .run = retitle,
     .script = {{TRANSACT, CANCELED(STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "being deleted",
     .run = retitle,
     .script = {{TRANSACT, CANCELED(STOPPED_BY(DELETED))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "if it is this version",
     .run = retitle_version_3,
     .script = {{GET, OLD},
                {TRANSACT, OK, {"AND version = :version", N(":version", "3")}},
                {GET, NEW}},
     .says = "new, version 4"},
    {.name = "if it is another version",
     .run = retitle_version_3,
     .script = {{GET, NEW}},
     .code = ERR_PRECONDITION_FAILED,
     .says = ", version 4"},
    {.name = "if it was this version a moment ago",
     .run = retitle_version_3,
     .script = {{GET, OLD}, {TRANSACT, CANCELED(STOPPED_BY(N("version", "4")))}, {GET, NEW}},
     .code = ERR_PRECONDITION_FAILED,
     .says = ", version 4"},
    {.name = "if it is there, whatever its version",
     .run = retitle_any,
     .script = {{GET, OLD}, {TRANSACT, OK, .lacks = ":version"}, {GET, NEW}},
     .says = "new, version 4"},
    {.name = "if it is there: being deleted",
     .run = retitle_any,
     .script = {{GET, FOUND(DELETED)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "it would become too large",
     .run = grow_metadata,
     .script = {{GET, OLD}},
     .code = ERR_ITEM_TOO_LARGE},
    {.name = "it has become too large",
     .run = retitle,
     .script = {{TRANSACT,
                 CANCELED(INVALID("Item size to update has exceeded the maximum allowed size"))},
                {GET, OLD}},
     .code = ERR_ITEM_TOO_LARGE,
     .words = "409600 bytes"},
    {.name = "changed, but it cannot be read again",
     .run = retitle,
     .script = {{TRANSACT, OK}, {GET, NOT_SENT}, {GET, NOT_SENT}, {GET, NOT_SENT}, {GET, NOT_SENT}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "the change was made",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "changed, and deleted since",
     .run = retitle,
     .script = {{TRANSACT, OK}, {GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "a conflict, then good",
     .run = retitle,
     .script = {{TRANSACT, CANCELED(CONFLICTING)}, {TRANSACT, OK, .again = true}, {GET, NEW}},
     .says = "new, version 4",
     .slept_us = 12500},
    {.name = "lost, then the condition fails: not done",
     .run = retitle_version_3,
     .script = {{GET, OLD},
                {TRANSACT, MAYBE_SENT},
                {TRANSACT, CANCELED(STOPPED_BY(N("version", "4"))), .again = true},
                {GET, NEW}},
     .code = ERR_PRECONDITION_FAILED,
     .slept_us = 12500},
};

STORE_TEST(test_create, creations)
STORE_TEST(test_get, readings)
STORE_TEST(test_update, changes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_update),
    };
    return cmocka_run_group_tests_name("store_session", tests, NULL, NULL);
}
