/*
 * Making the tables, waiting for them, and asking whether they answer, against scripted answers.
 */
#include "store_fixture.h"
#include "store/tables.h"

static int ensure(struct world *w, struct err *e)
{
    return store_tables_ensure(w->store, e);
}

static int ready(struct world *w, struct err *e)
{
    return store_tables_ready(w->store, e);
}

static int protect(struct world *w, struct err *e)
{
    return store_tables_protect(w->store, e);
}

static int describe(struct world *w, struct err *e)
{
    struct table_description found;
    int r = store_table_describe(w->store, STORE_SESSIONS_TABLE, &found, e);

    if (r == 0) {
        say(w, "%d", (int)found.finding);
        say_str(w, " ", found.status);
        say_str(w, " ", found.keys);
    }
    return r;
}

static int probe_put(struct world *w, struct err *e)
{
    struct table_probe probe;
    int r = store_table_probe(w->store, STORE_MESSAGES_TABLE, DYNAMO_PUT_ITEM, &probe, e);

    if (r == 0)
        say(w, "%d", (int)probe.finding);
    return r;
}

#define ABSENT NAMED("ResourceNotFoundException")
#define ATTRIBUTE(name, type) "{\"AttributeName\":\"" name "\",\"AttributeType\":\"" type "\"}"
#define KEY(name) "{\"AttributeName\":\"" name "\"}"
#define TABLE(status, partition, sort, sort_type)                                                  \
    "{\"Table\":{\"TableStatus\":\"" status                                                        \
    "\",\"KeySchema\":[" KEY(partition) "," KEY(sort) "],\"AttributeDefinitions\":[" ATTRIBUTE(    \
        sort, sort_type) "," ATTRIBUTE(partition, "S") "]}}"
#define SESSIONS(status) BODY(TABLE(status, "user_id", "session_id", "S"))
#define MESSAGES(status) BODY(TABLE(status, "session_id", "timestamp", "N"))
#define FIRST_TABLE                                                                                \
    {                                                                                              \
        DESCRIBE, SESSIONS("ACTIVE"),                                                              \
        {                                                                                          \
            "ai4ai-chat-sessions"                                                                  \
        }                                                                                          \
    }
#define MESSAGES_TABLE                                                                             \
    {                                                                                              \
        "ai4ai-chat-messages"                                                                      \
    }

static const struct store_case making[] = {
    {.name = "both are there",
     .run = ensure,
     .script = {FIRST_TABLE,
                {DESCRIBE, SESSIONS("ACTIVE")},
                {DESCRIBE, MESSAGES("UPDATING"), MESSAGES_TABLE},
                {DESCRIBE, MESSAGES("ACTIVE")}}},
    {.name = "one is created and waited for",
     .run = ensure,
     .script = {FIRST_TABLE,
                {DESCRIBE, SESSIONS("ACTIVE")},
                {DESCRIBE, ABSENT, MESSAGES_TABLE},
                {CREATE,
                 OK,
                 {"PAY_PER_REQUEST", ATTRIBUTE("session_id", "S"), ATTRIBUTE("timestamp", "N")}},
                {DESCRIBE, ABSENT, MESSAGES_TABLE},
                {DESCRIBE, MESSAGES("CREATING")},
                {DESCRIBE, MESSAGES("ACTIVE")}},
     .slept_us = 2 * 200000},
    {.name = "another process was faster",
     .run = ensure,
     .script = {{DESCRIBE, ABSENT},
                {CREATE, NAMED("ResourceInUseException")},
                {DESCRIBE, SESSIONS("ACTIVE")},
                {DESCRIBE, MESSAGES("ACTIVE")},
                {DESCRIBE, MESSAGES("ACTIVE")}}},
    {.name = "the answer to the creation is lost: the table is in use then",
     .run = ensure,
     .script = {{DESCRIBE, ABSENT},
                {CREATE, MAYBE_SENT},
                {CREATE, NAMED("ResourceInUseException"), .again = true},
                {DESCRIBE, SESSIONS("ACTIVE")},
                {DESCRIBE, MESSAGES("ACTIVE")},
                {DESCRIBE, MESSAGES("ACTIVE")}},
     .slept_us = 12500},
    {.name = "not ACTIVE until the deadline",
     .run = ensure,
     .deadline_ms = 500,
     .script = {{DESCRIBE, ABSENT},
                {CREATE, OK},
                {DESCRIBE, SESSIONS("CREATING")},
                {DESCRIBE, SESSIONS("CREATING")},
                {DESCRIBE, SESSIONS("CREATING")}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "table ai4ai-chat-sessions is not ACTIVE yet",
     .slept_us = 2 * 200000},
    {.name = "other keys",
     .run = ensure,
     .script = {{DESCRIBE, BODY(TABLE("ACTIVE", "user_id", "session_id", "N"))}},
     .code = ERR_CONFIGURATION,
     .words = "has the keys user_id (S), session_id (N), but this service needs"},
    {.name = "not permitted to create one",
     .run = ensure,
     .script = {{DESCRIBE, ABSENT}, {CREATE, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "do not permit CreateTable"},
};

#define UPDATE_TABLE .operation = "UpdateTable"
#define BACKUPS .operation = "UpdateContinuousBackups"
#define SESSIONS_TABLE                                                                             \
    {                                                                                              \
        "ai4ai-chat-sessions"                                                                      \
    }
#define BUSY NAMED("ResourceInUseException")

static const struct store_case protecting[] = {
    {.name = "both, first from deletion",
     .run = protect,
     .script = {{DESCRIBE, SESSIONS("ACTIVE"), SESSIONS_TABLE},
                {UPDATE_TABLE,
                 OK,
                 {"{\"TableName\":\"ai4ai-chat-sessions\",\"DeletionProtectionEnabled\":true}"}},
                {DESCRIBE, MESSAGES("ACTIVE"), MESSAGES_TABLE},
                {UPDATE_TABLE, OK, {"ai4ai-chat-messages", "\"DeletionProtectionEnabled\":true}"}},
                {BACKUPS,
                 OK,
                 {"{\"TableName\":\"ai4ai-chat-sessions\",\"PointInTimeRecoverySpecification\":{"
                  "\"PointInTimeRecoveryEnabled\":true}}"}},
                {BACKUPS, OK, {"ai4ai-chat-messages", "\"PointInTimeRecoveryEnabled\":true}}"}}}},
    {.name = "what is protected already stays so",
     .run = protect,
     .script = {{DESCRIBE,
                 BODY("{\"Other\":{\"DeletionProtectionEnabled\":false},\"Table\":{\"TableStatus\":"
                      "\"ACTIVE\",\"DeletionProtectionEnabled\":true,\"ItemCount\":0}}")},
                {DESCRIBE, BODY("{\"Table\":{\"DeletionProtectionEnabled\":false}}")},
                {UPDATE_TABLE, OK, MESSAGES_TABLE},
                {BACKUPS, OK, SESSIONS_TABLE},
                {BACKUPS, OK, MESSAGES_TABLE}}},
    {.name = "a new table is busy for a while",
     .run = protect,
     .script = {{DESCRIBE, SESSIONS("ACTIVE")},
                {UPDATE_TABLE, BUSY},
                {UPDATE_TABLE, OK},
                {DESCRIBE, MESSAGES("ACTIVE")},
                {UPDATE_TABLE, OK},
                {BACKUPS, NAMED("ContinuousBackupsUnavailableException"), SESSIONS_TABLE},
                {BACKUPS, NAMED("ContinuousBackupsUnavailableException"), SESSIONS_TABLE},
                {BACKUPS, OK, SESSIONS_TABLE},
                {BACKUPS, OK, MESSAGES_TABLE}},
     .slept_us = 3 * 200000},
    {.name = "busy until the deadline",
     .run = protect,
     .deadline_ms = 300,
     .script = {{DESCRIBE, SESSIONS("ACTIVE")}, {UPDATE_TABLE, BUSY}, {UPDATE_TABLE, BUSY}},
     .code = ERR_DEADLINE_EXCEEDED,
     .words = "table ai4ai-chat-sessions has no deletion protection yet",
     .slept_us = 200000},
    {.name = "changing the table is not permitted",
     .run = protect,
     .script = {{DESCRIBE, SESSIONS("ACTIVE")}, {UPDATE_TABLE, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "table ai4ai-chat-sessions has no deletion protection: the AWS credentials do not "
              "permit dynamodb:UpdateTable on it"},
    {.name = "backups are not permitted: both are protected from deletion all the same",
     .run = protect,
     .script = {{DESCRIBE, SESSIONS("ACTIVE")},
                {UPDATE_TABLE, OK},
                {DESCRIBE, MESSAGES("ACTIVE")},
                {UPDATE_TABLE, OK},
                {BACKUPS, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "permit dynamodb:UpdateContinuousBackups"},
    {.name = "DynamoDB Local",
     .run = protect,
     .script = {{DESCRIBE, SESSIONS("ACTIVE")},
                {UPDATE_TABLE, OK},
                {DESCRIBE, MESSAGES("ACTIVE")},
                {UPDATE_TABLE, OK},
                {BACKUPS, NAMED("UnknownOperationException")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "the server does not know UpdateContinuousBackups (DynamoDB Local does not)"},
    {.name = "refused for another reason",
     .run = protect,
     .script = {{DESCRIBE, SESSIONS("ACTIVE")}, {UPDATE_TABLE, NAMED("ValidationException")}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "has no deletion protection: DynamoDB says ValidationException"},
    {.name = "no such table",
     .run = protect,
     .script = {{DESCRIBE, ABSENT}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "create-tables"},
};

static const struct store_case answering[] = {
    {.name = "both answer",
     .run = ready,
     .script = {{GET, OK, {"ai4ai-chat-sessions"}}, {GET, OK, MESSAGES_TABLE}}},
    {.name = "one is not there",
     .run = ready,
     .script = {{GET, OK}, {GET, ABSENT}},
     .code = ERR_DYNAMODB_UNAVAILABLE,
     .words = "the DynamoDB table ai4ai-chat-messages does not exist"},
    {.name = "one is not permitted",
     .run = ready,
     .script = {{GET, DENIED}},
     .code = ERR_DYNAMODB_DENIED,
     .words = "(asked for the table ai4ai-chat-sessions)"},
};

static const struct store_case looking[] = {
    {.name = "described",
     .run = describe,
     .script = {FIRST_TABLE},
     .says = "0 ACTIVE user_id (S), session_id (S)"},
    {.name = "an empty description", .run = describe, .script = {{DESCRIBE, OK}}, .says = "1 - "},
    {.name = "of other types",
     .run = describe,
     .script = {{DESCRIBE, BODY("{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":\"user_id\","
                                "\"AttributeDefinitions\":7}}")}},
     .says = "2 ACTIVE "},
    {.name = "an attribute that is not defined",
     .run = describe,
     .script = {{DESCRIBE,
                 BODY("{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[" KEY("x") ",7]}}")}},
     .says = "2 ACTIVE x (?),  (?)"},
    {.name = "not permitted", .run = describe, .script = {{DESCRIBE, DENIED}}, .says = "4 - -"},
    {.name = "a condition that failed was permitted",
     .run = probe_put,
     .script = {{PUT,
                 NAMED("ConditionalCheckFailedException"),
                 {"attribute_exists(session_id)", "!check!"}}},
     .says = "0"},
    {.name = "a put that is not permitted",
     .run = probe_put,
     .script = {{PUT, DENIED}},
     .says = "1"},
};

STORE_TEST(test_ensure, making)
STORE_TEST(test_protect, protecting)
STORE_TEST(test_ready, answering)
STORE_TEST(test_look, looking)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ensure),
        cmocka_unit_test(test_protect),
        cmocka_unit_test(test_ready),
        cmocka_unit_test(test_look),
    };
    return cmocka_run_group_tests_name("store_tables", tests, NULL, NULL);
}
