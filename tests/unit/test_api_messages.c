/*
 * The contract of /sessions/{session_id}/messages in process: what each call takes, asks of
 * DynamoDB and gives. What DynamoDB makes of it is told in tests/api.
 */
#include "service_fixture.h"

#define APPEND "POST " API "/sessions/s/messages\n\n"
#define LIST "GET " API "/sessions/s/messages"
#define ONE "/sessions/s/messages/5"
#define REFUSED .status = 422, .code = "invalid_parameter"
#define LEFT_OUT .status = 422, .code = "missing_parameter"
#define NOT_THERE .status = 404, .code = "session_not_found"
#define ITS_OWNER                                                                                  \
    {                                                                                              \
        GET, FOUND(OWNER)                                                                          \
    }
#define X100                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"

/* ---- appending --------------------------------------------------------------------------------
 */

static const struct service_case appends[] = {
    {"a message", APPEND "{\"role\":\"user\",\"content\":\"hello\"}",
     .script = {ITS_OWNER, {TRANSACT, OK, {S("content", "hello"), "ADD message_count"}}},
     .status = 201, .headers = {"Location: /api/v1/sessions/s/messages/" NOW_MS},
     .has = {"\"content\":\"hello\"", "\"timestamp\":" NOW_MS, "\"metadata\":null"}},
    {"by the query", "POST " API "/sessions/s/messages?role=user&content=a+b",
     .script = {ITS_OWNER, {TRANSACT, OK}}, .status = 201, .has = {"\"content\":\"a b\""}},
    {"with an id of its own",
     APPEND "{\"role\":\"user\",\"content\":\"c\",\"message_id\":\"mine\"}",
     .script = {ITS_OWNER, {TRANSACT, OK}}, .status = 201, .has = {"\"message_id\":\"mine\""}},
    {"metadata as it was sent",
     APPEND "{\"role\":\"tool\",\"content\":\"c\",\"metadata\":{ \"n\" : 1.0}}",
     .script = {ITS_OWNER, {TRANSACT, OK}}, .status = 201, .has = {"\"metadata\":{ \"n\" : 1.0}"}},
    {"an array",
     APPEND "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"tool\",\"content\":\"b\"}]",
     .script = {ITS_OWNER, {TRANSACT, OK, {S("content", "a"), S("content", "b")}}}, .status = 201,
     .has = {"\"messages\":[", "\"content\":\"a\"", "\"timestamp\":1440938160001"},
     .lacks = "Location"},
    {"to no session", APPEND "{\"role\":\"user\",\"content\":\"c\"}", .script = {{GET, BODY("{}")}},
     NOT_THERE},
    {"to one that is being deleted", APPEND "{\"role\":\"user\",\"content\":\"c\"}",
     .script = {{GET, FOUND(OWNER "," DELETED)}}, NOT_THERE},
    {"to another user's", APPEND "{\"role\":\"user\",\"content\":\"c\",\"user_id\":\"v\"}",
     .script = {{GET, FOUND(OWNER)}}, NOT_THERE},
    {"no role", APPEND "{\"content\":\"c\"}", LEFT_OUT, .has = {"role is required"}},
    {"a role that is null", APPEND "{\"role\":null,\"content\":\"c\"}", LEFT_OUT},
    {"nothing at all", "POST " API "/sessions/s/messages", LEFT_OUT},
    {"no content", APPEND "{\"role\":\"user\"}", LEFT_OUT},
    {"content that is null", APPEND "{\"role\":\"user\",\"content\":null}", LEFT_OUT},
    {"no content beside metadata", APPEND "{\"role\":\"user\",\"metadata\":{}}", LEFT_OUT},
    {"empty content by the query", "POST " API "/sessions/s/messages?role=user&content=", REFUSED},
    {"a role that is none", APPEND "{\"role\":\"admin\",\"content\":\"c\"}", REFUSED,
     .has = {"user", "assistant", "system", "tool"}},
    {"a part without a type in an array",
     APPEND "[{\"role\":\"user\",\"content\":\"c\"},"
            "{\"role\":\"user\",\"content\":[{\"type\":\"text\"},{\"text\":\"c\"}]}]",
     REFUSED, .has = {"[1].content[1].type"}},
    {"an empty array", APPEND "[]", REFUSED},
    {"an array of something else", APPEND "[1]", REFUSED},
    {"an element without a role",
     APPEND "[{\"role\":\"user\",\"content\":\"a\"},{\"content\":\"b\"}]", LEFT_OUT,
     .has = {"[1].role is required"}},
    {"two elements with one id",
     APPEND "[{\"role\":\"user\",\"content\":\"a\",\"message_id\":\"m\"},"
            "{\"role\":\"user\",\"content\":\"b\",\"message_id\":\"m\"}]",
     REFUSED, .has = {"[1].message_id"}},
    {"two users in an array",
     APPEND "[{\"role\":\"user\",\"content\":\"a\",\"user_id\":\"u\"},"
            "{\"role\":\"user\",\"content\":\"b\",\"user_id\":\"v\"}]",
     REFUSED, .has = {"user_id must be the same"}},
    {"a body of another kind", APPEND "\"text\"", REFUSED, .has = {"an array of them"}},
    {"under a key with a blank",
     "POST " API
     "/sessions/s/messages\nIdempotency-Key: a b\n\n{\"role\":\"user\",\"content\":\"c\"}",
     REFUSED},
    {"under a key of another payload",
     "POST " API
     "/sessions/s/messages\nIdempotency-Key: k\n\n{\"role\":\"user\",\"content\":\"c\"}",
     .script = {ITS_OWNER, {TRANSACT, CANCELED(NONE "," NONE "," STOPPED_BY(NO_FINGERPRINT))}},
     .status = 422, .code = "idempotency_key_reused"},
};
SERVICE_TEST(test_appends, appends)

static void test_wrong_values(void **state)
{
    static const char *const roles[] = {"\"\"", "\"User\"",   "\"admin\"", "\"user \"", "1",
                                        "[]",   "[\"user\"]", "{}",        "true",      NULL};
    static const char *const contents[] = {"\"\"",
                                           "1",
                                           "true",
                                           "{}",
                                           "{\"text\":\"c\"}",
                                           "[]",
                                           "[\"c\"]",
                                           "[{}]",
                                           "[{\"type\":1}]",
                                           "[{\"type\":null}]",
                                           "[{\"text\":\"c\"}]",
                                           "[[]]",
                                           "[{\"type\":\"text\"},7]",
                                           "[{\"type\":\"text\",\"type\":7}]",
                                           "[{\"TYPE\":\"text\"}]",
                                           NULL};
    /* Metadata makes up for content that is not there, not for content that is wrong. */
    static const char *const beside_metadata[] = {"[]", "[{}]", "1", "false", "{}", NULL};
    static const char *const ids[] = {
        "\"üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü\"", /* 130 bytes */
        "\"\"",
        "1",
        "[]",
        "{}",
        "\"" X100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        NULL};
    static const char *const users[] = {"\"\"", "1", "true", "[]", "{}", "[\"u\"]", NULL};
    static const char *const metadata[] = {"1", "true", "[]", "\"{}\"", NULL};
    static const struct service_case role = {"role", APPEND "{\"role\":%s,\"content\":\"c\"}",
                                             REFUSED};
    static const struct service_case content = {
        "content", APPEND "{\"role\":\"user\",\"content\":%s}", REFUSED};
    static const struct service_case with_content_and_metadata = {
        "content beside metadata", APPEND "{\"role\":\"user\",\"content\":%s,\"metadata\":{}}",
        REFUSED};
    static const struct service_case id = {
        "message_id", APPEND "{\"role\":\"user\",\"content\":\"c\",\"message_id\":%s}", REFUSED};
    static const struct service_case user = {
        "user_id", APPEND "{\"role\":\"user\",\"content\":\"c\",\"user_id\":%s}", REFUSED};
    static const struct service_case with_metadata = {
        "metadata", APPEND "{\"role\":\"user\",\"content\":\"c\",\"metadata\":%s}", REFUSED};
    (void)state;
    run_with_each(&role, roles);
    run_with_each(&content, contents);
    run_with_each(&with_content_and_metadata, beside_metadata);
    run_with_each(&id, ids);
    run_with_each(&user, users);
    run_with_each(&with_metadata, metadata);
}

/* ---- listing ----------------------------------------------------------------------------------
 */

static const struct service_case lists[] = {
    {"from the beginning", LIST, .script = {{QUERY, PAGE("{" OWNER "},{" ITS_MESSAGE "}")}},
     .status = 200,
     .has = {"\"session_id\":\"s\"", "\"content\":\"c\"", "\"count\":1", "\"has_more\":false",
             "\"next_cursor\":null"}},
    {"of no session", LIST, .script = {{QUERY, PAGE("")}, {QUERY, PAGE("")}}, NOT_THERE},
    {"of one without messages", LIST, .script = {{QUERY, PAGE("{" OWNER "}")}}, .status = 200,
     .has = {"\"messages\":[]", "\"count\":0"}},
    {"of one that is being deleted", LIST, .script = {{QUERY, PAGE("{" OWNER "," DELETED "}")}},
     NOT_THERE},
    {"with what is no cursor", LIST "?cursor=x", .status = 400, .code = "invalid_cursor"},
    {"of another user's", LIST "?user_id=v", .script = {{QUERY, PAGE("{" OWNER "}")}}, NOT_THERE},
};
SERVICE_TEST(test_lists, lists)

static void test_parameters_of_lists(void **state)
{
    static const char *const queries[] = {"order=asc&order=desc",
                                          "limit=-1",
                                          "limit=0",
                                          "limit=abc",
                                          "limit=",
                                          "limit=1001",
                                          "limit=1.5",
                                          "limit=+5",
                                          "limit=99999999999999999999",
                                          "order=",
                                          "order=ASC",
                                          "order=up",
                                          "order=asc%20",
                                          "after=x",
                                          "after=",
                                          "after=1e3",
                                          "after=99999999999999999999",
                                          "before=x",
                                          "before=",
                                          "before=-1",
                                          "before=99999999999999999999",
                                          "user_id=",
                                          "limit=1&limit=2",
                                          NULL};
    static const struct service_case row = {"list", LIST "?%s", REFUSED};
    (void)state;
    run_with_each(&row, queries);
}

/* ---- one message ------------------------------------------------------------------------------
 */

static const struct service_case single[] = {
    {"of no number", "GET " API "/sessions/s/messages/x", .script = {ITS_OWNER}, .status = 404,
     .code = "message_not_found"},
    {"a change to another kind", "PUT " API ONE "\n\n{\"content\":1}", REFUSED},
    {"a change of metadata to another kind", "PATCH " API ONE "\n\n{\"metadata\":[]}", REFUSED},
};
SERVICE_TEST(test_single, single)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends), cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_lists),   cmocka_unit_test(test_parameters_of_lists),
        cmocka_unit_test(test_single),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
