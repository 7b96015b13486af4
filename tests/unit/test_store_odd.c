/*
 * Answers that DynamoDB does not give, to what changes something: they end in a sentence, delete
 * nothing else, and loop not at all. Those to lists are in test_store_list.c.
 */
#include "store_fixture.h"

static int delete_session(struct world *w, struct err *e)
{
    const struct session_target target = {.key = {STR("u"), STR("s")}};
    struct session session;
    int64_t messages = 0;
    int r = store_session_delete(w->store, &target, &session, &messages, e);

    if (r == 0)
        say(w, "%lld messages", (long long)messages);
    return r;
}

static int erase(struct world *w, struct err *e)
{
    int64_t sessions;
    int64_t messages;
    int r = store_user_erase(w->store, STR("u"), &sessions, &messages, e);

    if (r == 0)
        say(w, "%lld sessions", (long long)sessions);
    return r;
}

static int append(struct world *w, struct err *e)
{
    const struct message_new message = {.role = STR("user"), .content = STR("c")};
    const struct append_new wanted = {
        .session_id = STR("s"), .hint = STR("u"), .messages = &message, .count = 1};
    struct message out;

    return store_messages_append(w->store, &wanted, &out, e);
}

static int create(struct world *w, struct err *e)
{
    const struct session_new wanted = {.fields = {.user_id = STR("u"), .title = STR("t")}};
    struct session out;

    return store_session_create(w->store, &wanted, &out, e);
}

/* The session is marked already; what is left of it is deleted. */
#define READ                                                                                       \
    {                                                                                              \
        GET, FOUND(S("session_id", "s") "," DELETED)                                               \
    }
#define LAST_TWO                                                                                   \
    {DELETE, OK, {N("timestamp", "0")}},                                                           \
    {                                                                                              \
        DELETE, OK,                                                                                \
        {                                                                                          \
            S("session_id", "s")                                                                   \
        }                                                                                          \
    }
#define AT(timestamp) "{" N("timestamp", timestamp) "}"
#define LEFT(timestamp) "{\"DeleteRequest\":{\"Key\":{" N("timestamp", timestamp) "}}}"

static const struct store_case deletes[] = {
    {.name = "an empty key is the end",
     .run = delete_session,
     .script = {READ, {QUERY, PAGE_BEFORE("", AT("0"))}, LAST_TWO},
     .says = "0 messages"},
    {.name = "a key that makes no progress",
     .run = delete_session,
     .script = {READ,
                {QUERY, PAGE_BEFORE(N("timestamp", "1"), "")},
                {QUERY, PAGE_BEFORE(N("timestamp", "1"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "cannot be read"},
    {.name = "an item twice is deleted once",
     .run = delete_session,
     .script =
         {READ, {QUERY, PAGE(AT("1") "," AT("1"))}, {BATCH, OK, {N("timestamp", "1")}}, LAST_TWO},
     .says = "1 messages"},
    {.name = "an item without a key that can be deleted",
     .run = delete_session,
     .script = {READ, {QUERY, PAGE("{" N("timestamp", "x") "}")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "unprocessed items that were never sent",
     .run = delete_session,
     .script = {READ,
                {QUERY, PAGE(AT("1"))},
                {BATCH,
                 BODY("{\"UnprocessedItems\":{\"t\":[" LEFT("7") ",{},null,{\"DeleteRequest\":"
                                                                 "[]}],\"u\":{}}}")},
                LAST_TWO},
     .says = "1 messages"},
    {.name = "an unreadable answer to a batch, its checksum good",
     .run = delete_session,
     .script = {READ,
                {QUERY, PAGE(AT("1"))},
                {BATCH, {.body = "{\"UnprocessedItems\"", .good_crc = true}}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "a delete is done, whatever its answer looks like",
     .run = delete_session,
     .script = {READ,
                {QUERY, PAGE("")},
                {DELETE, {.body = "{\"ConsumedCapacity\":{", .good_crc = true}},
                {DELETE, {.body = "{\"ConsumedCapacity\":{\"CapacityUnits\":1e300}}"}}},
     .says = "0 messages"},
    {.name = "a user's items without a key",
     .run = erase,
     .script = {{QUERY, PAGE_BEFORE("", "{},{" N("session_id", "1") "}")}, {QUERY, PAGE("")}},
     .says = "0 sessions"},
    {.name = "a user's pages repeat",
     .run = erase,
     .script = {{QUERY, PAGE_BEFORE(S("session_id", "a"), "")},
                {QUERY, PAGE_BEFORE(S("session_id", "a"), "")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "a user's second page does not come before the deadline",
     .run = erase,
     .script = {{QUERY, PAGE_BEFORE(S("session_id", "a"), "")},
                {QUERY, {.outcome = TRANSPORT_MAYBE_SENT, .timed_out = true, .took_us = 4999000}}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "goes on where this one ended"},
};

static const struct store_case writes[] = {
    {.name = "done, whatever the answer looks like",
     .run = append,
     .known_last_ms = 1000,
     .script = {{TRANSACT, {.body = "{\"ConsumedCapacity\":[{", .good_crc = true}}}},
    {.name = "a session with an order that is no number",
     .run = append,
     .known_last_ms = 1000,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(S("last_timestamp", "x")))},
                {QUERY, PAGE("")},
                {TRANSACT, CANCELED(NONE "," STOPPED_BY(S("last_timestamp", "x")))}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "an order that did not stop it",
     .run = append,
     .known_last_ms = 1000,
     .script = {{TRANSACT, CANCELED(NONE "," STOPPED_BY(N("last_timestamp", "5")))}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "an owner of another type",
     .run = append,
     .script = {{GET, FOUND(N("user_id", "1"))}},
     .code = ERR_SESSION_NOT_FOUND},
    {.name = "an id that was never given before is in use",
     .run = create,
     .script = {{TRANSACT, CANCELED(STOPPED)}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
    {.name = "reasons that are not objects",
     .run = create,
     .script = {{TRANSACT, CANCELED("7,null,{\"Code\":[]},{}")}},
     .code = ERR_DYNAMODB_UNAVAILABLE},
};

STORE_TEST(test_deletes, deletes)
STORE_TEST(test_writes, writes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deletes),
        cmocka_unit_test(test_writes),
    };
    return cmocka_run_group_tests_name("store_odd", tests, NULL, NULL);
}
