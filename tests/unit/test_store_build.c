/*
 * Sessions that are created with their history, against scripted answers: in one transaction, and
 * built in several. Every point is tried at which a build may be cut off or meet another one.
 */
#include "store_fixture.h"

/* Five messages, two in a transaction: 1 and 2, 3 and 4, 5. */
#define COUNT_OF_MESSAGES 5

static int create_history(struct world *w, size_t count, const char *key, struct err *e)
{
    struct history_message messages[COUNT_OF_MESSAGES] = {0};
    const struct session_new wanted = {.fields = {.user_id = STR("u"), .title = STR("t")},
                                       .history = {messages, count},
                                       .idempotency = {.key = str_from(key)}};
    struct session session;

    for (size_t i = 0; i < count; i++)
        messages[i] = (struct history_message){
            .message = {.role = STR("user"), .content = STR("c"), .metadata = STR_NONE},
            .timestamp = (int64_t)(i + 1) * 1000};
    messages[0].message.message_id = STR("first");
    w->shared->history_batch = 2;
    enum store_write end = store_session_create(w->store, &wanted, &session, e);
    if (end != STORE_WRITE_FAILED) {
        say(w, "%lld to %lld", (long long)session.message_count, (long long)session.last_timestamp);
        say_str(w, ", ", session.created_at);
        say_str(w, " to ", session.updated_at);
        if (end == STORE_REPLAYED)
            say_str(w, ", replayed as ", session.session_id);
    }
    return end == STORE_WRITE_FAILED ? -1 : 0;
}

static int create_short(struct world *w, struct err *e)
{
    return create_history(w, 2, NULL, e);
}

static int create_long(struct world *w, struct err *e)
{
    return create_history(w, COUNT_OF_MESSAGES, NULL, e);
}

static int create_long_with_key(struct world *w, struct err *e)
{
    return create_history(w, COUNT_OF_MESSAGES, "key", e);
}

#define FIRST_TIME "1970-01-01T00:00:01.000000Z"
#define ALL_SAID "5 to 5000, " FIRST_TIME " to 1970-01-01T00:00:05.000000Z"
#define REPLAYED ALL_SAID ", replayed as s0"

/* ---- what the service sends ---- */

#define BEGINS                                                                                     \
    {                                                                                              \
        S("building_at", NOW_TEXT), "!build#", N("timestamp", "0"), S("user_id", "u")              \
    }
#define GOES_ON "attribute_exists(building_at) AND attribute_not_exists(deleted_at) AND "
#define BATCH_UNTIL(last)                                                                          \
    {                                                                                              \
        GOES_ON "(attribute_not_exists(built_until) OR built_until < :until)",                     \
            "SET built_until = :until", N(":until", last), N("timestamp", last)                    \
    }
#define REVEALS                                                                                    \
    {                                                                                              \
        "REMOVE building_at, built_until", GOES_ON "built_until = :until", N(":until", "5000"),    \
            N("message_count", "5"), "{\"Delete\":{"                                               \
    }
#define BEGIN                                                                                      \
    {                                                                                              \
        TRANSACT, OK, BEGINS, .lacks = "message_count"                                             \
    }
#define BATCH_1                                                                                    \
    {                                                                                              \
        TRANSACT, OK, BATCH_UNTIL("2000"), .lacks = N("timestamp", "3000")                         \
    }
#define BATCH_2                                                                                    \
    {                                                                                              \
        TRANSACT, OK, BATCH_UNTIL("4000"), .lacks = N("timestamp", "2000")                         \
    }
#define BATCH_3                                                                                    \
    {                                                                                              \
        TRANSACT, OK, BATCH_UNTIL("5000"), .lacks = N("timestamp", "4000")                         \
    }
#define REVEAL                                                                                     \
    {                                                                                              \
        TRANSACT, OK, REVEALS                                                                      \
    }

/* ---- what stands there ---- */

#define KEY_USED_WITH(fingerprint)                                                                 \
    CANCELED(NONE "," NONE "," STOPPED_BY(                                                         \
        fingerprint "," S("created_session_id", "s0") "," S("created_at", FIRST_TIME)))
#define KEY_USED KEY_USED_WITH(NO_FINGERPRINT)
#define BUILDING OWNER "," S("building_at", NOW_TEXT)
#define BUILT_UNTIL(last) BUILDING "," N("built_until", last)
#define NO_SESSION                                                                                 \
    {                                                                                              \
        GET, OK,                                                                                   \
        {                                                                                          \
            S("session_id", "s0"), S("user_id", "u"), "\"ConsistentRead\":true"                    \
        }                                                                                          \
    }
#define OWNER_IS(attributes)                                                                       \
    {                                                                                              \
        GET, FOUND(attributes),                                                                    \
        {                                                                                          \
            N("timestamp", "0"), "\"ConsistentRead\":true"                                         \
        }                                                                                          \
    }
#define SESSION                                                                                    \
    {                                                                                              \
        GET, FOUND(S("user_id", "u") "," S("session_id", "s0")),                                   \
        {                                                                                          \
            S("session_id", "s0")                                                                  \
        }                                                                                          \
    }
/* A batch of one and of two messages is stopped by its last action, the reveal by its second. */
#define BATCH_STOPPED(by) CANCELED(NONE "," NONE "," by)
#define REVEAL_STOPPED(by) CANCELED(NONE "," by "," NONE)

static const struct store_case whole[] = {
    {.name = "a short history: one transaction",
     .run = create_short,
     .script = {{TRANSACT,
                 OK,
                 {N("message_count", "2"), S("last_preview", "c"), S("message_id", "first"),
                  N("timestamp", "1000"), N("timestamp", "2000")},
                 .lacks = "building_at"}},
     .says = "2 to 2000, " FIRST_TIME " to 1970-01-01T00:00:02.000000Z"},
    {.name = "a long one: begun, built, revealed",
     .run = create_long,
     .script = {BEGIN, BATCH_1, BATCH_2, BATCH_3, REVEAL},
     .says = ALL_SAID},
    {.name = "with a key, whose marker comes first",
     .run = create_long_with_key,
     .script = {{TRANSACT, OK, {"!create#2c70e12b", NO_FINGERPRINT, "!build#"}},
                BATCH_1,
                BATCH_2,
                BATCH_3,
                {TRANSACT, OK, REVEALS, .lacks = NO_FINGERPRINT}},
     .says = ALL_SAID},
    {.name = "answers that are lost are asked for again",
     .run = create_long,
     .script = {{TRANSACT, MAYBE_SENT, BEGINS},
                {TRANSACT, OK, BEGINS, .again = true},
                BATCH_1,
                {TRANSACT, MAYBE_SENT, BATCH_UNTIL("4000")},
                {TRANSACT, OK, BATCH_UNTIL("4000"), .again = true},
                BATCH_3,
                {TRANSACT, MAYBE_SENT, REVEALS},
                {TRANSACT, OK, REVEALS, .again = true}},
     .says = ALL_SAID,
     .slept_us = 3 * 12500},
};

static const struct store_case resumed[] = {
    {.name = "cut off after it was begun",
     .run = create_long_with_key,
     .script =
         {{TRANSACT, KEY_USED}, NO_SESSION, OWNER_IS(BUILDING), BATCH_1, BATCH_2, BATCH_3, REVEAL},
     .says = ALL_SAID},
    {.name = "cut off after the first batch",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED},
                NO_SESSION,
                OWNER_IS(BUILT_UNTIL("2000")),
                BATCH_2,
                BATCH_3,
                REVEAL},
     .says = ALL_SAID},
    {.name = "cut off in the middle of what is now a batch",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED},
                NO_SESSION,
                OWNER_IS(BUILT_UNTIL("3000")),
                {TRANSACT, OK, BATCH_UNTIL("5000"), .lacks = N("timestamp", "3000")},
                REVEAL},
     .says = ALL_SAID},
    {.name = "cut off before it was revealed",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED}, NO_SESSION, OWNER_IS(BUILT_UNTIL("5000")), REVEAL},
     .says = ALL_SAID},
    {.name = "cut off before the answer",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED}, SESSION},
     .says = REPLAYED},
    {.name = "it was revealed between the two reads",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED}, NO_SESSION, OWNER_IS(OWNER), SESSION},
     .says = REPLAYED},
    {.name = "it was revealed between the two reads, then deleted",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED},
                NO_SESSION,
                OWNER_IS(OWNER),
                NO_SESSION,
                {TRANSACT, OK, {S(":gone", "s0"), "building_at"}},
                BATCH_1,
                BATCH_2,
                BATCH_3,
                REVEAL},
     .says = ALL_SAID},
    {.name = "the build is being deleted: a new one takes the key over",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED},
                NO_SESSION,
                OWNER_IS(BUILDING "," DELETED),
                {TRANSACT, OK, {S(":gone", "s0"), "building_at"}},
                BATCH_1,
                BATCH_2,
                BATCH_3,
                REVEAL},
     .says = ALL_SAID},
    {.name = "another payload",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED_WITH(S("fingerprint", "11"))},
                NO_SESSION,
                OWNER_IS(BUILT_UNTIL("2000"))},
     .code = ERR_IDEMPOTENCY_KEY_REUSED},
    {.name = "whether it is built cannot be read",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED}, NO_SESSION, {GET, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
};

static const struct store_case met[] = {
    {.name = "another request has built more: the rest follows",
     .run = create_long_with_key,
     .script = {BEGIN, {TRANSACT, BATCH_STOPPED(STOPPED_BY(BUILT_UNTIL("4000")))}, BATCH_3, REVEAL},
     .says = ALL_SAID},
    {.name = "another request has built all, but not revealed it",
     .run = create_long_with_key,
     .script = {BEGIN, BATCH_1, {TRANSACT, BATCH_STOPPED(STOPPED_BY(BUILT_UNTIL("5000")))}, REVEAL},
     .says = ALL_SAID},
    {.name = "another request has revealed it",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED},
                NO_SESSION,
                OWNER_IS(BUILT_UNTIL("2000")),
                {TRANSACT, BATCH_STOPPED(STOPPED_BY(OWNER))}},
     .says = REPLAYED},
    {.name = "another request has revealed it a moment before",
     .run = create_long_with_key,
     .script = {{TRANSACT, KEY_USED},
                NO_SESSION,
                OWNER_IS(BUILT_UNTIL("5000")),
                {TRANSACT, REVEAL_STOPPED(STOPPED_BY(OWNER))}},
     .says = REPLAYED},
    {.name = "its user is erased while it is built",
     .run = create_long,
     .script = {BEGIN, {TRANSACT, BATCH_STOPPED(STOPPED_BY(BUILDING "," DELETED))}},
     .code = ERR_SESSION_NOT_FOUND,
     .words = "nothing is left"},
    {.name = "its user was erased before it is revealed",
     .run = create_long,
     .script = {BEGIN, BATCH_1, BATCH_2, BATCH_3, {TRANSACT, REVEAL_STOPPED(STOPPED)}},
     .code = ERR_SESSION_NOT_FOUND,
     .words = "nothing is left"},
    {.name = "what stopped it says nothing new",
     .run = create_long,
     .script = {BEGIN, BATCH_1, {TRANSACT, BATCH_STOPPED(STOPPED_BY(BUILT_UNTIL("2000")))}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "the id is in use",
     .run = create_long,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED)}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "in use"},
};

static const struct store_case faults[] = {
    {.name = "throttled: it waits and continues",
     .run = create_long,
     .deadline_ms = 60000,
     .script = {BEGIN,
                BATCH_1,
                {TRANSACT, THROTTLED},
                {TRANSACT, THROTTLED, .again = true},
                {TRANSACT, THROTTLED, .again = true},
                {TRANSACT, THROTTLED, .again = true},
                BATCH_2,
                BATCH_3,
                REVEAL},
     .says = ALL_SAID,
     .slept_us = 500000 + 1000000 + 2000000 + 1000000},
    {.name = "throttled until the time is over",
     .run = create_long_with_key,
     .deadline_ms = 4000,
     .script = {BEGIN,
                BATCH_1,
                {TRANSACT, THROTTLED},
                {TRANSACT, THROTTLED, .again = true},
                {TRANSACT, THROTTLED, .again = true},
                {TRANSACT, THROTTLED, .again = true}},
     .code = ERR_DYNAMODB_THROTTLED,
     .slept_us = 500000 + 1000000 + 2000000},
    {.name = "out of time: the same key continues",
     .run = create_long_with_key,
     .deadline_ms = 150,
     .script = {BEGIN,
                BATCH_1,
                {TRANSACT, NOT_SENT},
                {TRANSACT, NOT_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "repeat the request with its Idempotency-Key, it goes on",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "out of time without a key",
     .run = create_long,
     .deadline_ms = 150,
     .script = {BEGIN,
                BATCH_1,
                {TRANSACT, NOT_SENT},
                {TRANSACT, NOT_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true},
                {TRANSACT, NOT_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "nothing of the session is shown",
     .slept_us = 12500 + 25000 + 50000},
};

/* ---- deleting a build ---- */

static int delete_build(struct world *w, struct err *e)
{
    const struct session_key key = {STR("u"), STR("!build#s")};
    enum build_end end = store_build_delete(w->store, &key, e);

    say(w, "%s", end == BUILD_DELETED ? "deleted" : end == BUILD_IS_SESSION ? "session" : "");
    return end == BUILD_DELETE_FAILED ? -1 : 0;
}

#define BUILD_ITEM                                                                                 \
    {                                                                                              \
        GET, FOUND(S("session_id", "!build#s") "," S("create_marker", "!create#1"))                \
    }
#define MARK_SENT                                                                                  \
    {                                                                                              \
        "SET deleted_at = :now", CONDITION_TEXT, N("timestamp", "0"), S("session_id", "!build#s")  \
    }
#define CONDITION_TEXT "\"ConditionExpression\":\"attribute_exists(building_at)\""
#define REST                                                                                       \
    {QUERY, PAGE("")}, {DELETE, OK, {N("timestamp", "0")}},                                        \
        {DELETE, OK, {S("session_id", "!create#1"), "created_session_id = :session"}},             \
    {                                                                                              \
        DELETE, OK,                                                                                \
        {                                                                                          \
            S("session_id", "!build#s")                                                            \
        }                                                                                          \
    }

static const struct store_case deletes[] = {
    {.name = "the mark, the messages, the marker, its item last",
     .run = delete_build,
     .script = {BUILD_ITEM, {TRANSACT, OK, MARK_SENT}, REST},
     .says = "deleted"},
    {.name = "cut off after the owner item was deleted",
     .run = delete_build,
     .script = {BUILD_ITEM, {TRANSACT, CANCELED(STOPPED "," NONE), MARK_SENT}, REST},
     .says = "deleted"},
    {.name = "it has been revealed: nothing is done",
     .run = delete_build,
     .script = {BUILD_ITEM, {TRANSACT, CANCELED(STOPPED_BY(OWNER) "," STOPPED), MARK_SENT}},
     .says = "session"},
    {.name = "it has been revealed, and as a session it is being deleted",
     .run = delete_build,
     .script = {BUILD_ITEM, {TRANSACT, CANCELED(STOPPED "," STOPPED), MARK_SENT}},
     .says = "session"},
    {.name = "it has been revealed before",
     .run = delete_build,
     .script = {{GET, OK}},
     .says = "session"},
    {.name = "its item cannot be read",
     .run = delete_build,
     .script = {{GET, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
    {.name = "the mark is refused",
     .run = delete_build,
     .script = {BUILD_ITEM, {TRANSACT, DENIED}},
     .code = ERR_DYNAMODB_DENIED},
};

static int erase(struct world *w, struct err *e)
{
    int64_t sessions;
    int64_t messages;
    int r = store_user_erase(w->store, STR("u"), &sessions, &messages, e);

    if (r == 0)
        say(w, "%lld sessions, %lld messages", (long long)sessions, (long long)messages);
    return r;
}

#define ITEM_OF(id) "{" S("user_id", "u") "," S("session_id", id) "}"

static const struct store_case erased[] = {
    {.name = "a build is erased with its user",
     .run = erase,
     .script = {{QUERY, PAGE(ITEM_OF("!build#s"))},
                BUILD_ITEM,
                {TRANSACT, OK, MARK_SENT},
                REST,
                {QUERY, PAGE("")}},
     .says = "0 sessions, 0 messages"},
    {.name = "one that is revealed meanwhile is erased as a session",
     .run = erase,
     .script = {{QUERY, PAGE(ITEM_OF("!build#s"))},
                BUILD_ITEM,
                {TRANSACT, CANCELED(STOPPED_BY(OWNER) "," STOPPED), MARK_SENT},
                {GET, FOUND(S("session_id", "s")), {S("session_id", "s")}},
                {TRANSACT, OK, {"SET deleted_at = :now"}},
                {QUERY, PAGE("")},
                {DELETE, OK, {N("timestamp", "0")}},
                {DELETE, OK, {S("session_id", "s")}},
                {QUERY, PAGE("")}},
     .says = "1 sessions, 0 messages"},
    {.name = "one that is begun meanwhile is erased in the second pass",
     .run = erase,
     .script = {{QUERY, PAGE("")},
                {QUERY, PAGE(ITEM_OF("!build#s"))},
                BUILD_ITEM,
                {TRANSACT, OK, MARK_SENT},
                REST},
     .says = "0 sessions, 0 messages"},
};

/* ---- nobody sees a build ---- */

static int list(struct world *w, struct err *e, int64_t after)
{
    const struct message_query query = {
        .session_id = STR("s"), .after = after, .before = INT64_MAX, .limit = 10};
    const struct message_visitor nobody = {NULL, NULL};
    struct message_page page;

    return store_messages_list(w->store, &query, &nobody, &page, e);
}

static int list_all(struct world *w, struct err *e)
{
    return list(w, e, 0);
}

static int list_rest(struct world *w, struct err *e)
{
    return list(w, e, 1);
}

static int get_message(struct world *w, struct err *e)
{
    const struct message_key key = {.session_id = STR("s"), .timestamp = 1000};
    struct message message;

    return store_message_get(w->store, &key, &message, e);
}

static int append(struct world *w, struct err *e)
{
    const struct message_new message = {.role = STR("user"), .content = STR("c")};
    const struct append_new wanted = {.session_id = STR("s"), .messages = &message, .count = 1};
    struct message out;

    return store_messages_append(w->store, &wanted, &out, e);
}

#define MESSAGE S("session_id", "s") "," N("timestamp", "1000") "," S("content", "c")

static const struct store_case unseen[] = {
    {.name = "listing its messages from the beginning",
     .run = list_all,
     .script = {{QUERY, PAGE("{" BUILDING "},{" MESSAGE "}")}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "listing those after the first",
     .run = list_rest,
     .script = {{GET, FOUND(BUILDING)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "reading one of them",
     .run = get_message,
     .script = {{GET, FOUND(BUILDING)}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "appending to it",
     .run = append,
     .script = {{GET, FOUND(BUILDING)}},
     .code = ERR_SESSION_NOT_FOUND},
};

STORE_TEST(test_whole, whole)
STORE_TEST(test_resumed, resumed)
STORE_TEST(test_met, met)
STORE_TEST(test_faults, faults)
STORE_TEST(test_deletes, deletes)
STORE_TEST(test_erased, erased)
STORE_TEST(test_unseen, unseen)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_met),     cmocka_unit_test(test_faults),
        cmocka_unit_test(test_deletes), cmocka_unit_test(test_erased),
        cmocka_unit_test(test_unseen),
    };
    return cmocka_run_group_tests_name("store_build", tests, NULL, NULL);
}
