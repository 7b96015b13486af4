/*
 * The contract of /sessions in process: what each call takes, asks of DynamoDB and gives. What
 * DynamoDB makes of it is told in tests/api.
 */
#include "service_fixture.h"

#define CREATE_IT "POST " API "/sessions\n\n"
#define READ_IT "GET " API "/sessions/u/s"
#define CHANGE_IT "PUT " API "/sessions/u/s\n\n"
#define PATCH_IT "PATCH " API "/sessions/u/s\nContent-Type: application/merge-patch+json\n\n"
#define REFUSED .status = 422, .code = "invalid_parameter"
#define LEFT_OUT .status = 422, .code = "missing_parameter"
#define NOT_THERE .status = 404, .code = "session_not_found"
#define X100                                                                                       \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxx"
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

#define U100                                                                                                                                                                                   \
    "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü" \
    "üüüüüüüü"
#define U1000 U100 U100 U100 U100 U100 U100 U100 U100 U100 U100

/* ---- creating ---------------------------------------------------------------------------------
 */

static const struct service_case creations[] = {
    {"with a title", CREATE_IT "{\"user_id\":\"u\",\"title\":\"t\"}",
     .script = {{TRANSACT, OK, {S("title", "t"), S("user_id", "u")}}}, .status = 201,
     .headers = {"ETag: \"1\""},
     .has = {"\"user_id\":\"u\"", "\"title\":\"t\"", "\"message_count\":0"}},
    {"without one", CREATE_IT "{\"user_id\":\"u\"}", .script = {{TRANSACT, OK}}, .status = 201,
     .has = {"\"title\":\"Chat Session 2015-08-30 12:36\"", "\"created_at\":\"" NOW_TEXT "\""}},
    {"by the query", "POST " API "/sessions?user_id=u&title=a+b%26", .script = {{TRANSACT, OK}},
     .status = 201, .has = {"\"title\":\"a b&\""}},
    {"the same in query and body", "POST " API "/sessions?user_id=u\n\n{\"user_id\":\"u\"}",
     .script = {{TRANSACT, OK}}, .status = 201},
    {"two values of one parameter", "POST " API "/sessions?user_id=u\n\n{\"user_id\":\"v\"}",
     REFUSED},
    {"metadata as it was sent",
     CREATE_IT "{\"user_id\":\"u\",\"metadata\":{ \"n\" : 1.0,\"b\":12345678901234567890123}}",
     .script = {{TRANSACT, OK}}, .status = 201,
     .has = {"\"metadata\":{ \"n\" : 1.0,\"b\":12345678901234567890123}"}},
    {"unknown members are ignored", CREATE_IT "{\"user_id\":\"u\",\"x\":[1]}",
     .script = {{TRANSACT, OK}}, .status = 201},
    {"no user", CREATE_IT "{}", LEFT_OUT},
    {"a user that is null", CREATE_IT "{\"user_id\":null}", LEFT_OUT},
    {"a name in other letters", CREATE_IT "{\"User_ID\":\"u\"}", LEFT_OUT},
    {"nothing at all", "POST " API "/sessions", LEFT_OUT},
    {"an empty user in the query", "POST " API "/sessions?user_id=", REFUSED},
    {"a user of 2,049 bytes",
     CREATE_IT "{\"user_id\":\"" X1000 X1000 "xxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxx\"}",
     REFUSED, .has = {"2048", "2049"}},
    {"a user of 2,050 bytes in 1,025 characters",
     CREATE_IT "{\"user_id\":\"" U1000 "üüüüüüüüüüüüüüüüüüüüüüüüü\"}", REFUSED},
    {"a user with a NUL", CREATE_IT "{\"user_id\":\"a\\u0000b\"}", REFUSED},
    {"a user that no path can carry", CREATE_IT "{\"user_id\":\"..\"}", REFUSED,
     .has = {"cannot carry it"}},
    {"a user that leads above the root", CREATE_IT "{\"user_id\":\"../../../..\"}", REFUSED},
    {"a title of 1,000 characters", CREATE_IT "{\"user_id\":\"u\",\"title\":\"" X1000 "\"}",
     .script = {{TRANSACT, OK}}, .status = 201},
    {"a title of 1,001", CREATE_IT "{\"user_id\":\"u\",\"title\":\"" X1000 "x\"}", REFUSED},
    {"a key with a blank", "POST " API "/sessions\nIdempotency-Key: a b\n\n{\"user_id\":\"u\"}",
     REFUSED},
    {"a key for another payload",
     "POST " API "/sessions\nIdempotency-Key: k\n\n{\"user_id\":\"u\"}",
     .script = {{TRANSACT, CANCELED(NONE "," NONE "," STOPPED_BY(NO_FINGERPRINT))}}, .status = 422,
     .code = "idempotency_key_reused"},
};
SERVICE_TEST(test_creations, creations)

static void test_wrong_kinds(void **state)
{
    static const char *const no_text[] = {"1", "true", "[]", "{}", "[\"u\"]", NULL};
    static const char *const no_object[] = {"1", "true", "[]", "\"{}\"", NULL};
    static const struct service_case user = {"a user", CREATE_IT "{\"user_id\":%s}", REFUSED};
    static const struct service_case title = {
        "a title", CREATE_IT "{\"user_id\":\"u\",\"title\":%s}", REFUSED};
    static const struct service_case metadata = {
        "metadata", CREATE_IT "{\"user_id\":\"u\",\"metadata\":%s}", REFUSED};
    static const struct service_case new_title = {"a new title", CHANGE_IT "{\"title\":%s}",
                                                  REFUSED};
    static const struct service_case new_metadata = {"new metadata", CHANGE_IT "{\"metadata\":%s}",
                                                     REFUSED};
    (void)state;
    run_with_each(&user, no_text);
    run_with_each(&title, no_text);
    run_with_each(&new_title, no_text);
    run_with_each(&metadata, no_object);
    run_with_each(&new_metadata, no_object);
}

/* A key outlives the program that it was used with, so what it stands for must never change. */
#define WITH_KEY "POST " API "/sessions\nIdempotency-Key: k\n\n"
static const struct service_case fingerprints[] = {
    {"the user alone", WITH_KEY "{\"user_id\":\"u\"}",
     .script = {{TRANSACT,
                 OK,
                 {S("fingerprint",
                    "5a6d8306ad1c1e2de91f32c52e840d22515642995c0ce1f93f0c6175241794fc")}}},
     .status = 201},
    {"null, false and [] count as left out",
     WITH_KEY "{\"user_id\":\"u\",\"title\":null,\"metadata\":null,\"archived\":false,\"pinned\":"
              "null,\"tags\":[]}",
     .script = {{TRANSACT,
                 OK,
                 {S("fingerprint",
                    "5a6d8306ad1c1e2de91f32c52e840d22515642995c0ce1f93f0c6175241794fc")}}},
     .status = 201},
    {"of the first version",
     WITH_KEY "{\"user_id\":\"u\",\"metadata\":{ \"n\" : 1.0},\"title\":\"t\"}",
     .script = {{TRANSACT,
                 OK,
                 {S("fingerprint",
                    "47907a09bf965b5fa9dad34541dda95b998b1751c5dfcc4c3a708a818034c8b0")}}},
     .status = 201},
    {"everything",
     WITH_KEY
     "{\"user_id\":\"u\",\"tags\":[ "
     "\"b\",\"a\",\"b\"],\"pinned\":true,\"archived\":true,\"title\":\"t\",\"metadata\":{}}",
     .script = {{TRANSACT,
                 OK,
                 {S("fingerprint",
                    "9d3703b6b073e31b135f020c26ed643cf52f1fb09aefad9288bf57993f237010")}}},
     .status = 201},
    {"tags alone", WITH_KEY "{\"user_id\":\"u\",\"tags\":[\"a\"]}",
     .script = {{TRANSACT,
                 OK,
                 {S("fingerprint",
                    "22f3cf1893b94fa4fded1fca4b786f95152c489a6eba2f421f9626c36efb23e8")}}},
     .status = 201},
};
SERVICE_TEST(test_fingerprints_stay, fingerprints)

/* The first 32 bytes in hexadecimal that follow the name in what DynamoDB was asked. */
static void take_fingerprint(const struct served *s, char out[65])
{
    const char *at = strstr(s->machine.dynamodb.seen[0].body, "\"fingerprint\":{\"S\":\"");
    assert_non_null(at);
    (void)snprintf(out, 65, "%s", at + strlen("\"fingerprint\":{\"S\":\""));
}

/* A creation under a key, and the same once more: DynamoDB has the marker of the first. */
static void test_creation_is_replayed(void **state)
{
    static const char request[] =
        "POST " API "/sessions\nIdempotency-Key: k\n\n{\"user_id\":\"u\",\"title\":\"t\"}";
    const struct service_case first = {"first", request, .script = {{TRANSACT, OK}}, .status = 201,
                                       .lacks = "Idempotent-Replayed"};
    char fingerprint[65];
    char marker[512];
    struct served s;

    (void)state;
    serve_case(&s, &first);
    take_fingerprint(&s, fingerprint);
    served_free(&s);
    (void)snprintf(marker, sizeof(marker),
                   "{\"__type\":\"a#TransactionCanceledException\",\"CancellationReasons\":["
                   "{\"Code\":\"None\"},{\"Code\":\"None\"},{\"Code\":\"ConditionalCheckFailed\","
                   "\"Item\":{\"fingerprint\":{\"S\":\"%s\"},\"created_session_id\":{\"S\":\"s\"},"
                   "\"created_at\":{\"S\":\"" NOW_TEXT "\"}}}]}",
                   fingerprint);
    const struct service_case again = {
        "again",
        request,
        .script = {{TRANSACT, {.status = 400, .body = marker}}, {GET, FOUND(ITS_SESSION)}},
        .status = 200,
        .headers = {"Idempotent-Replayed: true"},
        .has = {"\"session_id\":\"s\""}};
    run_service_case(&again);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static const struct service_case readings[] = {
    {"a session", READ_IT, .script = {{GET, FOUND(ITS_SESSION), {"\"ConsistentRead\":true"}}},
     .status = 200, .headers = {"ETag: \"3\""},
     .has = {"\"session_id\":\"s\"", "\"message_count\":2"}, .lacks = "\"metadata\""},
    {"one of an earlier backend", READ_IT,
     .script = {{GET, FOUND(S("user_id", "u") "," S("session_id", "s") "," S("title", "t") "," S(
                          "created_at", "2026-01-02T03:04:05.678901"))}},
     .status = 200, .has = {"\"created_at\":\"2026-01-02T03:04:05.678901Z\""}},
    {"none", READ_IT, .script = {{GET, BODY("{}")}}, NOT_THERE},
    {"one that is being deleted", READ_IT, .script = {{GET, FOUND(ITS_SESSION "," DELETED)}},
     NOT_THERE},
    {"as it is known", READ_IT "\nIf-None-Match: \"3\"", .script = {{GET, FOUND(ITS_SESSION)}},
     .status = 304, .headers = {"ETag: \"3\""}},
    {"as a proxy knows it", READ_IT "\nIf-None-Match: W/\"3\"",
     .script = {{GET, FOUND(ITS_SESSION)}}, .status = 304},
    {"newer than is known", READ_IT "\nIf-None-Match: \"2\"", .script = {{GET, FOUND(ITS_SESSION)}},
     .status = 200},
    {"one of many that are known", READ_IT "\nIf-None-Match: \"1\", \"3\"",
     .script = {{GET, FOUND(ITS_SESSION)}}, .status = 304},
    {"HEAD", "HEAD " API "/sessions/u/s", .script = {{GET, FOUND(ITS_SESSION)}}, .status = 200,
     .headers = {"ETag: \"3\""}},
};
SERVICE_TEST(test_readings, readings)

/* ---- changing and deleting --------------------------------------------------------------------
 */

static const struct service_case changes[] = {
    {"of none", CHANGE_IT "{\"title\":\"new\"}", .script = {{TRANSACT, CANCELED(STOPPED)}},
     NOT_THERE},
    {"of another version", "PUT " API "/sessions/u/s\nIf-Match: \"2\"\n\n{\"title\":\"new\"}",
     .script = {{GET, FOUND(ITS_SESSION)}}, .status = 412, .code = "precondition_failed",
     .headers = {"ETag: \"3\""}},
    {"a title of 1,001 characters", CHANGE_IT "{\"title\":\"" X1000 "x\"}", REFUSED},
    {"null counts as left out, but clears metadata",
     CHANGE_IT "{\"title\":null,\"metadata\":null,\"archived\":null,\"tags\":null}",
     .script = {{TRANSACT, OK, {"SET updated_at = :now REMOVE metadata\""}},
                {GET, FOUND(ITS_SESSION)}},
     .status = 200},
    {"null in a merge patch clears",
     PATCH_IT "{\"metadata\":null,\"archived\":null,\"pinned\":null,\"tags\":null}",
     .script = {{TRANSACT, OK, {" REMOVE archived, pinned, tags, metadata\""}},
                {GET, FOUND(ITS_SESSION)}},
     .status = 200},
    {"a title that is null in a merge patch", PATCH_IT "{\"title\":null}", REFUSED,
     .has = {"title must not be null"}},
    {"an object in a merge patch", PATCH_IT "{\"metadata\":{\"b\":1}}",
     .script = {{GET, FOUND(ITS_SESSION "," S("metadata", "{\\\"a\\\":2}"))},
                {TRANSACT, OK, {S(":metadata", "{\\\"a\\\":2,\\\"b\\\":1}")}},
                {GET, FOUND(ITS_SESSION)}},
     .status = 200},
    {"an object in another change", CHANGE_IT "{\"metadata\":{\"b\":1}}",
     .script = {{TRANSACT, OK, {S(":metadata", "{\\\"b\\\":1}")}}, {GET, FOUND(ITS_SESSION)}},
     .status = 200},
};
SERVICE_TEST(test_changes, changes)

static const struct service_case deletions[] = {
    {"of none", "DELETE " API "/sessions/u/s", .script = {{GET, BODY("{}")}}, NOT_THERE},
    {"of another version", "DELETE " API "/sessions/u/s\nIf-Match: \"2\"",
     .script = {{GET, FOUND(ITS_SESSION)}}, .status = 412, .code = "precondition_failed",
     .headers = {"ETag: \"3\""}},
    {"of nobody's sessions", "DELETE " API "/sessions", LEFT_OUT},
    {"of an empty user's", "DELETE " API "/sessions?user_id=", REFUSED},
};
SERVICE_TEST(test_deletions, deletions)

/* ---- listing ----------------------------------------------------------------------------------
 */

static const struct service_case lists[] = {
    {"of an unknown user", "GET " API "/sessions/u", .script = {{QUERY, PAGE("")}}, .status = 200,
     .has = {"\"sessions\":[]", "\"count\":0", "\"has_more\":false", "\"next_cursor\":null"}},
    {"by activity", "GET " API "/sessions/u", .script = {{QUERY, PAGE("{" ITS_SESSION "}")}},
     .status = 200, .has = {"\"session_id\":\"s\"", "\"count\":1", "\"has_more\":false"}},
    {"by creation", "GET " API "/sessions/u?sort=created&limit=5",
     .script = {{QUERY, PAGE("{" ITS_SESSION "}")}}, .status = 200, .has = {"\"count\":1"}},
    {"by the parameter, for an id that no path can carry", "GET " API "/sessions?user_id=.%2e",
     .script = {{QUERY, PAGE(""), {S(":u", "..")}}}, .status = 200, .has = {"\"sessions\":[]"}},
    {"by a parameter with a bad escape", "GET " API "/sessions?user_id=.%%2e", .status = 400,
     .code = "invalid_encoding"},
    {"of nobody", "GET " API "/sessions", LEFT_OUT},
    {"with a cursor", "GET " API "/sessions/u?cursor=x", .status = 400, .code = "invalid_cursor"},
};
SERVICE_TEST(test_lists, lists)

static void test_parameters_of_lists(void **state)
{
    static const char *const limits[] = {
        "-1", "0",    "abc",  "1e3",  "",    "1001", "1.0", "1.5",
        "+5", "%205", "5%20", "0x10", "5,5", "null", "%00", "99999999999999999999",
        NULL};
    static const char *const sorts[] = {"", "Created", "title", "activity,created", NULL};
    static const struct service_case limit = {"limit", "GET " API "/sessions/u?limit=%s", REFUSED,
                                              .has = {"1 to 1000"}};
    static const struct service_case with_sort = {
        "limit", "GET " API "/sessions/u?sort=created&limit=%s", REFUSED};
    static const struct service_case sort = {"sort", "GET " API "/sessions/u?sort=%s", REFUSED};
    (void)state;
    run_with_each(&limit, limits);
    run_with_each(&with_sort, limits);
    run_with_each(&sort, sorts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_creations),
        cmocka_unit_test(test_wrong_kinds),
        cmocka_unit_test(test_fingerprints_stay),
        cmocka_unit_test(test_creation_is_replayed),
        cmocka_unit_test(test_readings),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_deletions),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_parameters_of_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
