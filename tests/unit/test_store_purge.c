/*
 * What a purge finds in the sessions table, and how it deletes it, against scripted answers.
 */
#include "store_fixture.h"

#define SCAN .operation = "Scan"
#define DAY_US INT64_C(86400000000)

/* A year before the fixture's now (2015-08-30T12:36), and a day. */
#define BEFORE "2014-08-30T12:36:00.000000Z"
#define DAY_AGO "2015-08-29T12:36:00.000000Z"

static const char *const names[] = {
    [PURGE_SESSION] = "session", [PURGE_DELETE] = "delete", [PURGE_BUILD] = "build"};

static int find(void *context, enum purge_find what, const struct purge_item *item, struct err *e)
{
    struct world *w = context;

    say(w, "%s", names[what]);
    say_str(w, " ", item->user_id);
    say_str(w, "/", item->session_id);
    say(w, " %d; ", (int)item->version);
    return str_is(item->session_id, "stop") ? err_set(e, ERR_INTERNAL, "told to stop") : 0;
}

static int page(void *context, struct err *e)
{
    (void)e;
    say(context, "page; ");
    return 0;
}

static int walk_for(struct world *w, bool archived, struct err *e)
{
    const struct purge_visitor visitor = {find, page, w};
    const struct clock *clock = &w->machine.clock;
    const struct purge_query query = {.before_us = clock->wall_us(clock->context) - 365 * DAY_US,
                                      .archived = archived};

    return store_purge_walk(w->store, &query, &visitor, e);
}

static int walk(struct world *w, struct err *e)
{
    return walk_for(w, false, e);
}

static int walk_archived(struct world *w, struct err *e)
{
    return walk_for(w, true, e);
}

#define ITEM(id, attributes) "{" S("user_id", "u") "," S("session_id", id) "," attributes "}"
#define USED(time) S("updated_at", time)
#define KEY(id) S("user_id", "u") "," S("session_id", id)

/* One item: whether it is found, and as what. */
#define FIND(name_, run_, id, attributes, says_)                                                   \
    {                                                                                              \
        .name = (name_), .run = (run_), .script = {{SCAN, PAGE(ITEM(id, attributes))}},            \
        .says = says_ "page; "                                                                     \
    }
#define CREATED(time) S("created_at", time)
#define GOING_SINCE(time) S("deleted_at", time)
#define BUILT_SINCE(time) S("building_at", time)
#define LONG_AGO "2013-01-01T00:00:00Z"
#define YESTERDAY "2015-08-29T12:35:59Z"
#define TODAY "2015-08-30T12:00:00Z"
#define ARCHIVED(text) "\"archived\":{\"BOOL\":" text "}"
#define SESSION "session u/a 0; "
#define BUILD "build u/!build#1 0; "

static const struct store_case finds[] = {
    FIND("used before that", walk, "a", USED("2014-08-30T12:35:59.999999Z"), SESSION),
    FIND("used at that time", walk, "a", USED(BEFORE), ""),
    FIND("its version comes along", walk, "a", USED(LONG_AGO) "," N("version", "3"),
         "session u/a 3; "),
    FIND("a time with a blank and no zone", walk, "a", USED("2014-08-30 10:00:00"), SESSION),
    FIND("a time of another zone", walk, "a", USED("2014-08-30T13:00:00+02:00"), SESSION),
    FIND("a time of another zone that is later", walk, "a", USED("2014-08-30T11:00:00-02:00"), ""),
    FIND("no time", walk, "a", USED("1999"), ""),
    FIND("never used, created before", walk, "a", CREATED(LONG_AGO), SESSION),
    FIND("nothing says when", walk, "a", S("title", "t"), ""),
    FIND("the marker of a key", walk, "!create#1", CREATED(LONG_AGO), ""),
    FIND("a build of yesterday", walk, "!build#1", BUILT_SINCE(YESTERDAY), BUILD),
    FIND("a build of today", walk, "!build#1", BUILT_SINCE(TODAY), ""),
    FIND("a build without a time", walk, "!build#1", USED(LONG_AGO), ""),
    FIND("a delete of yesterday", walk, "a", USED(TODAY) "," GOING_SINCE(YESTERDAY),
         "delete u/a 0; "),
    FIND("a delete of today", walk, "a", USED(LONG_AGO) "," GOING_SINCE(TODAY), ""),
    FIND("asked for archived ones: one", walk_archived, "a", USED(LONG_AGO) "," ARCHIVED("true"),
         SESSION),
    FIND("one that is not", walk_archived, "a", USED(LONG_AGO) "," ARCHIVED("false"), ""),
    FIND("one that says nothing of it", walk_archived, "a", USED(LONG_AGO), ""),
    FIND("a build all the same", walk_archived, "!build#1", BUILT_SINCE(YESTERDAY), BUILD),
};

#define TO_STOP_AT ITEM("stop", USED(LONG_AGO)) "," ITEM("z", USED(LONG_AGO))

static const struct store_case walks[] = {
    {.name = "what is asked for",
     .run = walk,
     .script = {{SCAN,
                 PAGE(""),
                 {S(":before", BEFORE), S(":day", DAY_AGO), "\"ConsistentRead\":true",
                  "\"FilterExpression\":\"building_at < :day OR (session_id >= :first AND "},
                 .lacks = "ScanIndexForward"}},
     .says = "page; "},
    {.name = "page after page, empty ones too",
     .run = walk,
     .script = {{SCAN, PAGE_BEFORE(KEY("a"), "")},
                {SCAN,
                 PAGE_BEFORE(KEY("b"), ITEM("b", USED("2013-01-01T00:00:00Z"))),
                 {"\"ExclusiveStartKey\":{" KEY("a") "}"}},
                {SCAN, PAGE(""), {"\"ExclusiveStartKey\":{" KEY("b") "}"}}},
     .says = "page; session u/b 0; page; page; "},
    {.name = "pages that make no progress",
     .run = walk,
     .script = {{SCAN, PAGE_BEFORE(KEY("a"), "")}, {SCAN, PAGE_BEFORE(KEY("a"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "Scan"},
    {.name = "told to stop",
     .run = walk,
     .script = {{SCAN, PAGE_BEFORE(KEY("z"), TO_STOP_AT)}},
     .code = ERR_INTERNAL,
     .words = "told to stop"},
    {.name = "Scan is denied",
     .run = walk,
     .script = {{SCAN, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
};

/* ---- deleting what was found ----------------------------------------------------------------- */

static const char *const ends[] = {[PURGED] = "purged", [PURGE_KEPT] = "kept"};

static int purge(struct world *w, enum purge_find what, int64_t version, struct err *e)
{
    const struct purge_item item = {.user_id = STR("u"),
                                    .session_id = what == PURGE_BUILD ? STR("!build#s") : STR("s"),
                                    .version = version};
    int64_t messages = 0;
    enum purge_end end = store_purge(w->store, what, &item, &messages, e);

    if (end == PURGE_FAILED)
        return -1;
    say(w, "%s, %d messages", ends[end], (int)messages);
    return 0;
}

static int purge_session(struct world *w, struct err *e)
{
    return purge(w, PURGE_SESSION, 3, e);
}

static int purge_unchanged(struct world *w, struct err *e)
{
    return purge(w, PURGE_SESSION, 0, e);
}

static int purge_delete(struct world *w, struct err *e)
{
    return purge(w, PURGE_DELETE, 3, e);
}

static int purge_build(struct world *w, struct err *e)
{
    return purge(w, PURGE_BUILD, 0, e);
}

#define SESSION_AT(version) FOUND(KEY("s") "," N("version", version))
#define MARKED FOUND(KEY("s") "," N("version", "7") "," DELETED)
#define AT(timestamp) "{" N("timestamp", timestamp) "}"
#define ALL_OF_IT                                                                                  \
    {QUERY, PAGE(AT("0") "," AT("5"))}, {BATCH, BODY("{}")},                                       \
    {                                                                                              \
        DELETE, BODY("{}")                                                                         \
    }

static const struct store_case purges[] = {
    {.name = "a session as it was found: its version is a condition",
     .run = purge_session,
     .script = {{GET, SESSION_AT("3")},
                {TRANSACT, BODY("{}"), {"version = :version", N(":version", "3")}},
                ALL_OF_IT,
                {DELETE, BODY("{}")}},
     .says = "purged, 1 messages"},
    {.name = "an earlier backend's session has no version",
     .run = purge_unchanged,
     .script = {{GET, FOUND(KEY("s"))},
                {TRANSACT, BODY("{}"), {"attribute_not_exists(version)"}},
                ALL_OF_IT,
                {DELETE, BODY("{}")}},
     .says = "purged, 1 messages"},
    {.name = "a session that was used since is kept",
     .run = purge_session,
     .script = {{GET, SESSION_AT("4")}},
     .says = "kept, 0 messages"},
    {.name = "a session that is used at the last moment is kept",
     .run = purge_session,
     .script = {{GET, SESSION_AT("3")},
                {TRANSACT, CANCELED(STOPPED "," NONE)},
                {GET, SESSION_AT("4")}},
     .says = "kept, 0 messages"},
    {.name = "a session that is already gone",
     .run = purge_session,
     .script = {{GET, BODY("{}")}},
     .says = "kept, 0 messages"},
    {.name = "a delete that was cut off is finished, whatever the version",
     .run = purge_delete,
     .script = {{GET, MARKED}, ALL_OF_IT, {DELETE, BODY("{}")}},
     .says = "purged, 1 messages"},
    {.name = "a build",
     .run = purge_build,
     .script = {{GET,
                 FOUND(KEY("!build#s") "," S("created_session_id", "s")),
                 {S("session_id", "!build#s")}},
                {TRANSACT, BODY("{}"), {"attribute_exists(building_at)"}},
                ALL_OF_IT,
                {DELETE, BODY("{}"), {S("session_id", "!build#s")}}},
     .says = "purged, 0 messages"},
    {.name = "a build that was finished meanwhile",
     .run = purge_build,
     .script = {{GET, BODY("{}")}},
     .says = "kept, 0 messages"},
    {.name = "DynamoDB fails",
     .run = purge_session,
     .script = {{GET, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
};

STORE_TEST(test_finds, finds)
STORE_TEST(test_walks, walks)
STORE_TEST(test_purges, purges)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_purges),
    };
    return cmocka_run_group_tests_name("store_purge", tests, NULL, NULL);
}
