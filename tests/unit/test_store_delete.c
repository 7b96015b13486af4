/*
 * Deleting a session and erasing a user against scripted answers: the order of the calls, what
 * BatchWriteItem leaves over or is not permitted, and that what is cut off is said and can go on.
 */
#include "store_fixture.h"

static int delete_if(struct world *w, const struct versions *if_match, struct err *e)
{
    const struct session_target target = {{STR("u"), STR("s")}, *if_match};
    struct session session = {0};
    int64_t deleted_messages = 0;
    int r = store_session_delete(w->store, &target, &session, &deleted_messages, e);

    if (r == 0)
        say(w, "%lld messages", (long long)deleted_messages);
    else if (e->code == ERR_PRECONDITION_FAILED)
        say(w, "version %lld", (long long)session.version);
    return r;
}

static int delete_session(struct world *w, struct err *e)
{
    static const struct versions none;
    return delete_if(w, &none, e);
}

static int delete_version_3(struct world *w, struct err *e)
{
    static const int64_t three = 3;
    static const struct versions if_match = {.present = true, .count = 1, .list = &three};
    return delete_if(w, &if_match, e);
}

static int delete_version_0(struct world *w, struct err *e)
{
    static const int64_t zero = 0;
    static const struct versions if_match = {.present = true, .count = 1, .list = &zero};
    return delete_if(w, &if_match, e);
}

static int delete_twice(struct world *w, struct err *e)
{
    int r = delete_session(w, e);
    say(w, "; ");
    return r < 0 ? r : delete_session(w, e);
}

static int erase(struct world *w, struct err *e)
{
    int64_t sessions;
    int64_t messages;
    int r = store_user_erase(w->store, STR("u"), &sessions, &messages, e);

    if (r == 0)
        say(w, "%lld sessions, %lld messages", (long long)sessions, (long long)messages);
    return r;
}

#define SESSION S("user_id", "u") "," S("session_id", "s") "," N("version", "3")
#define KEY_OF(session) "{" S("session_id", session) "}"

/* The begin of every delete: the session is read and marked. */
#define READ                                                                                       \
    {                                                                                              \
        GET, FOUND(SESSION),                                                                       \
        {                                                                                          \
            "\"ConsistentRead\":true", S("session_id", "s")                                        \
        }                                                                                          \
    }
#define MARK                                                                                       \
    {                                                                                              \
        TRANSACT, OK,                                                                              \
        {                                                                                          \
            "SET deleted_at = :now", N("timestamp", "0")                                           \
        }                                                                                          \
    }
/* One that a delete has marked before. */
#define READ_MARKED                                                                                \
    {                                                                                              \
        GET, FOUND(SESSION "," DELETED)                                                            \
    }
/* And the end of most: the owner item, then the session. */
#define LAST_TWO                                                                                   \
    {DELETE, OK, {N("timestamp", "0")}},                                                           \
    {                                                                                              \
        DELETE, OK,                                                                                \
        {                                                                                          \
            S("user_id", "u") "," S("session_id", "s")                                             \
        }                                                                                          \
    }

#define AT(timestamp) "{" N("timestamp", timestamp) "}"
#define THREE_AND_HELPERS AT("-12") "," AT("0") "," AT("1") "," AT("2") "," AT("3")
#define FIVE(tens) AT(tens "1") "," AT(tens "2") "," AT(tens "3") "," AT(tens "4") "," AT(tens "5")
#define TWENTY_FIVE FIVE("1") "," FIVE("2") "," FIVE("3") "," FIVE("4") "," FIVE("5")
#define LEFT(timestamp)                                                                            \
    "{\"DeleteRequest\":{\"Key\":{" S("session_id", "s") "," N("timestamp", timestamp) "}}}"
#define UNPROCESSED(requests)                                                                      \
    BODY("{\"UnprocessedItems\":{\"ai4ai-chat-messages\":[" requests "]}}")
#define ALL_LEFT UNPROCESSED(LEFT("-12") "," LEFT("1") "," LEFT("2") "," LEFT("3"))

static const struct store_case good[] = {
    {.name = "three messages and a marker",
     .run = delete_session,
     .script = {READ,
                MARK,
                {QUERY,
                 PAGE(THREE_AND_HELPERS),
                 {"\"ConsistentRead\":true", "\"ProjectionExpression\":\"#t\""}},
                {BATCH, OK, {LEFT("-12"), LEFT("1"), LEFT("2"), LEFT("3")}, .lacks = LEFT("0")},
                LAST_TWO},
     .says = "3 messages"},
    {.name = "only the owner item",
     .run = delete_session,
     .script = {READ, MARK, {QUERY, PAGE(AT("0"))}, LAST_TWO},
     .says = "0 messages"},
    {.name = "pages, some empty, are followed",
     .run = delete_session,
     .script = {READ,
                MARK,
                {QUERY, PAGE_BEFORE(N("timestamp", "1"), AT("0") "," AT("1"))},
                {BATCH, OK, {LEFT("1")}},
                {QUERY,
                 PAGE_BEFORE(N("timestamp", "5"), ""),
                 {"\"ExclusiveStartKey\":", N("timestamp", "1")}},
                {QUERY, PAGE(AT("6")), {"\"ExclusiveStartKey\":", N("timestamp", "5")}},
                {BATCH, OK, {LEFT("6")}},
                LAST_TWO},
     .says = "2 messages"},
    {.name = "more than a batch holds",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(TWENTY_FIVE "," AT("61"))},
                {BATCH, OK, {LEFT("11"), LEFT("55")}, .lacks = LEFT("61")},
                {BATCH, OK, {LEFT("61")}, .lacks = LEFT("55")},
                LAST_TWO},
     .says = "26 messages"},
    {.name = "a delete that was cut off is finished",
     .run = delete_session,
     .script = {READ_MARKED, {QUERY, PAGE(AT("0") "," AT("3"))}, {BATCH, OK}, LAST_TWO},
     .says = "1 messages"},
    {.name = "the marker of its creation is deleted too",
     .run = delete_session,
     .script = {{GET, FOUND(SESSION "," S("create_marker", "!create#1"))},
                MARK,
                {QUERY, PAGE("")},
                {DELETE, OK, {N("timestamp", "0")}},
                {DELETE, OK, {S("session_id", "!create#1"), "created_session_id = :session"}},
                {DELETE, OK, {S("session_id", "s")}}},
     .says = "0 messages"},
    {.name = "the marker belongs to another session now",
     .run = delete_session,
     .script = {{GET, FOUND(SESSION "," S("create_marker", "!create#1"))},
                MARK,
                {QUERY, PAGE("")},
                {DELETE, OK},
                {DELETE, NAMED("ConditionalCheckFailedException")},
                {DELETE, OK, {S("session_id", "s")}}},
     .says = "0 messages"},
};

static const struct store_case marks[] = {
    {.name = "no such session",
     .run = delete_session,
     .script = {{GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "it was deleted between reading and marking",
     .run = delete_session,
     .script = {READ, {TRANSACT, CANCELED(STOPPED "," NONE)}, {GET, OK}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "another delete marked it first: both finish",
     .run = delete_session,
     .script =
         {READ, {TRANSACT, CANCELED(STOPPED "," NONE)}, READ_MARKED, {QUERY, PAGE("")}, LAST_TWO},
     .says = "0 messages"},
    {.name = "another version",
     .run = delete_version_3,
     .script = {{GET, FOUND(N("version", "4"))}},
     .code = ERR_PRECONDITION_FAILED,
     .says = "version 4"},
    {.name = "this version",
     .run = delete_version_3,
     .script = {READ,
                {TRANSACT, OK, {"AND version = :version", N(":version", "3")}},
                {QUERY, PAGE("")},
                LAST_TWO},
     .says = "0 messages"},
    {.name = "this version, then another version",
     .run = delete_version_3,
     .script = {READ, {TRANSACT, CANCELED(STOPPED "," NONE)}, {GET, FOUND(N("version", "4"))}},
     .code = ERR_PRECONDITION_FAILED,
     .says = "version 4"},
    {.name = "an earlier backend's session has no version",
     .run = delete_version_0,
     .script = {{GET, FOUND(S("user_id", "u") "," S("session_id", "s"))},
                {TRANSACT, OK, {"AND attribute_not_exists(version)"}, .lacks = ":version"},
                {QUERY, PAGE("")},
                LAST_TWO},
     .says = "0 messages"},
    {.name = "the answer to the mark is lost: it is sent again",
     .run = delete_session,
     .script =
         {READ, {TRANSACT, MAYBE_SENT}, {TRANSACT, OK, .again = true}, {QUERY, PAGE("")}, LAST_TWO},
     .says = "0 messages",
     .slept_us = 12500},
    {.name = "the answer to the mark is lost until the deadline",
     .run = delete_session,
     .script = {READ,
                {TRANSACT, MAYBE_SENT},
                {TRANSACT, MAYBE_SENT, .again = true},
                {TRANSACT, MAYBE_SENT, .again = true},
                {TRANSACT, MAYBE_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "it cannot be read: nothing was done",
     .run = delete_session,
     .script = {{GET, STATUS(500)}, {GET, STATUS(500)}, {GET, STATUS(500)}, {GET, STATUS(500)}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .slept_us = 12500 + 25000 + 50000},
};

static const struct store_case batches[] = {
    {.name = "unprocessed items are sent again until there are none",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(THREE_AND_HELPERS)},
                {BATCH, ALL_LEFT, {LEFT("-12"), LEFT("1"), LEFT("2"), LEFT("3")}},
                {BATCH, ALL_LEFT, .again = true},
                {BATCH, UNPROCESSED(LEFT("2") "," LEFT("-12"))},
                {BATCH, UNPROCESSED(LEFT("2")), {LEFT("2"), LEFT("-12")}, .lacks = LEFT("1")},
                {BATCH, OK, {LEFT("2")}, .lacks = LEFT("-12")},
                LAST_TWO},
     .says = "3 messages",
     .slept_us = 25000 + 50000 + 12500 + 12500},
    {.name = "items stay unprocessed until the deadline",
     .run = delete_session,
     .deadline_ms = 300,
     .script = {READ_MARKED,
                {QUERY, PAGE(THREE_AND_HELPERS)},
                {BATCH, ALL_LEFT},
                {BATCH, ALL_LEFT},
                {BATCH, ALL_LEFT},
                {BATCH, ALL_LEFT}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "goes on where this one ended",
     .slept_us = 25000 + 50000 + 100000},
    {.name = "a pause is a second at most",
     .run = delete_session,
     .deadline_ms = 2000,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))}},
     .code = ERR_DEADLINE_EXCEEDED,
     .slept_us = 25000 + 50000 + 100000 + 200000 + 400000 + 500000 + 500000},
    {.name = "throttled as a whole",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, THROTTLED},
                {BATCH, OK, .again = true},
                LAST_TWO},
     .says = "1 messages",
     .slept_us = 500000},
    {.name = "not permitted: one by one, and not asked again",
     .run = delete_twice,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1") "," AT("-12"))},
                {BATCH, DENIED},
                {DELETE, OK, {N("timestamp", "1")}},
                {DELETE, OK, {N("timestamp", "-12")}},
                LAST_TWO,
                READ_MARKED,
                {QUERY, PAGE(AT("3"))},
                {DELETE, OK, {N("timestamp", "3")}},
                LAST_TWO},
     .says = "1 messages; 1 messages"},
    {.name = "no longer permitted in the middle",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1") "," AT("2"))},
                {BATCH, UNPROCESSED(LEFT("2"))},
                {BATCH, DENIED},
                {DELETE, OK, {N("timestamp", "2")}},
                LAST_TWO},
     .says = "2 messages",
     .slept_us = 12500},
    {.name = "lost, then not permitted: one by one all the same",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, MAYBE_SENT},
                {BATCH, DENIED, .again = true},
                {DELETE, OK, {N("timestamp", "1")}},
                LAST_TWO},
     .says = "1 messages",
     .slept_us = 12500},
    {.name = "DeleteItem is not permitted either",
     .run = delete_session,
     .script = {READ_MARKED, {QUERY, PAGE(AT("1"))}, {BATCH, DENIED}, {DELETE, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "do not permit DeleteItem"},
    {.name = "lost to the end",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, MAYBE_SENT},
                {BATCH, MAYBE_SENT, .again = true},
                {BATCH, MAYBE_SENT, .again = true},
                {BATCH, MAYBE_SENT, .again = true}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "may have been carried out",
     .slept_us = 12500 + 25000 + 50000},
    {.name = "the partition cannot be read",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, THROTTLED},
                {QUERY, THROTTLED},
                {QUERY, THROTTLED},
                {QUERY, THROTTLED}},
     .code = ERR_DYNAMODB_THROTTLED,
     .slept_us = 500000 + 1000000 + 2000000},
    {.name = "items that are not objects",
     .run = delete_session,
     .script = {READ_MARKED, {QUERY, BODY("{\"Items\":\"none\"}")}, LAST_TWO},
     .says = "0 messages"},
    {.name = "unprocessed items that are not objects",
     .run = delete_session,
     .script = {READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, BODY("{\"UnprocessedItems\":{\"ai4ai-chat-messages\":{}}}")},
                LAST_TWO},
     .says = "1 messages"},
};

/* The second pass finds nothing. */
#define SECOND_PASS                                                                                \
    {                                                                                              \
        QUERY, PAGE("")                                                                            \
    }

static const struct store_case users[] = {
    {.name = "a user without sessions",
     .run = erase,
     .script = {{QUERY, PAGE(""), {S(":u", "u"), "\"ConsistentRead\":true"}}, SECOND_PASS},
     .says = "0 sessions, 0 messages"},
    {.name = "two sessions, and last a marker",
     .run = erase,
     .script = {{QUERY, PAGE(KEY_OF("!create#1") "," KEY_OF("s"))},
                READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, OK},
                LAST_TWO,
                {QUERY, PAGE(KEY_OF("!create#1"))},
                {DELETE, OK, {S("session_id", "!create#1")}}},
     .says = "1 sessions, 1 messages"},
    {.name = "pages, some empty, are followed",
     .run = erase,
     .script = {{QUERY, PAGE_BEFORE(S("user_id", "u") "," S("session_id", "a"), "")},
                {QUERY,
                 PAGE(KEY_OF("s")),
                 {"\"ExclusiveStartKey\":{" S("user_id", "u") "," S("session_id", "a") "}"}},
                READ_MARKED,
                {QUERY, PAGE("")},
                LAST_TWO,
                SECOND_PASS},
     .says = "1 sessions, 0 messages"},
    {.name = "another request was faster",
     .run = erase,
     .script = {{QUERY, PAGE(KEY_OF("r") "," KEY_OF("s"))},
                {GET, OK, {S("session_id", "r")}},
                READ_MARKED,
                {QUERY, PAGE("")},
                LAST_TWO,
                SECOND_PASS},
     .says = "1 sessions, 0 messages"},
    {.name = "unprocessed items until the deadline",
     .run = erase,
     .deadline_ms = 60,
     .script = {{QUERY, PAGE(KEY_OF("s"))},
                READ_MARKED,
                {QUERY, PAGE(AT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))},
                {BATCH, UNPROCESSED(LEFT("1"))}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "repeat the request",
     .slept_us = 25000},
    {.name = "an item without a key of a session",
     .run = erase,
     .script = {{QUERY, PAGE("{},7")}, SECOND_PASS},
     .says = "0 sessions, 0 messages"},
};

STORE_TEST(test_good, good)
STORE_TEST(test_marks, marks)
STORE_TEST(test_batches, batches)
STORE_TEST(test_users, users)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_users),
    };
    return cmocka_run_group_tests_name("store_delete", tests, NULL, NULL);
}
