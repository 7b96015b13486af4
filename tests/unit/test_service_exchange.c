/*
 * One request's way through the service: paths, methods, media types, bodies, headers of every
 * answer, who asks, how long it waited. DynamoDB is not asked where nothing of it is told here.
 */
#include "service_fixture.h"

/* ---- paths and methods ------------------------------------------------------------------------
 */

static const struct service_case paths[] = {
    {"health", "GET " API "/health", .status = 200, .has = {"\"healthy\":true"}},
    {"nothing there", "GET " API "/nothing", .status = 404, .code = "not_found"},
    {"the API's root", "GET " API, .status = 404, .code = "not_found"},
    {"a slash at the end", "GET " API "/health/", .status = 404, .code = "not_found"},
    {"another prefix", "GET /api/v2/health", .status = 404, .code = "not_found"},
    {"an empty segment", "GET " API "/sessions//s", .status = 404, .code = "not_found"},
    {"too many segments", "GET " API "/sessions/u/s/x/y", .status = 404, .code = "not_found"},
    {"a bad escape", "GET " API "/sessions/%zz", .status = 400, .code = "invalid_encoding"},
    {"an escape cut off", "GET " API "/sessions/%4", .status = 400, .code = "invalid_encoding"},
    {"a NUL", "GET " API "/sessions/a%00b", .status = 400, .code = "invalid_encoding"},
    {"bytes that are no UTF-8", "GET " API "/sessions/%ff", .status = 400,
     .code = "invalid_encoding"},
    {"a user with a slash in the id", "GET " API "/sessions/a%2Fb/s",
     .script = {{GET, BODY("{}"), {"\"user_id\":{\"S\":\"a/b\"}"}}}, .status = 404,
     .code = "session_not_found"},
    {"an encoded letter in the fixed part", "GET " API "/he%61lth", .status = 200,
     .has = {"\"healthy\":true"}},
    {"HEAD is GET without a body", "HEAD " API "/health", .status = 200},
    {"HEAD of nothing", "HEAD " API "/nothing", .status = 404},
};
SERVICE_TEST(test_paths, paths)

static const struct service_case methods[] = {
    {"of the sessions", "PUT " API "/sessions", .status = 405, .code = "method_not_allowed",
     .headers = {"Allow: GET, HEAD, POST, DELETE, OPTIONS"}},
    {"of a user", "POST " API "/sessions/u", .status = 405, .code = "method_not_allowed",
     .headers = {"Allow: GET, HEAD, DELETE, OPTIONS"}},
    {"of a session", "POST " API "/sessions/u/s", .status = 405, .code = "method_not_allowed",
     .headers = {"Allow: GET, HEAD, PUT, PATCH, DELETE, OPTIONS"}},
    {"of the messages", "DELETE " API "/sessions/s/messages", .status = 405,
     .code = "method_not_allowed", .headers = {"Allow: GET, HEAD, POST, OPTIONS"}},
    {"of a message", "POST " API "/sessions/s/messages/1", .status = 405,
     .code = "method_not_allowed", .headers = {"Allow: GET, HEAD, PUT, PATCH, DELETE, OPTIONS"}},
    {"of health", "DELETE " API "/health", .status = 405, .code = "method_not_allowed",
     .headers = {"Allow: GET, HEAD, OPTIONS"}},
    {"that nobody knows", "BREW " API "/health", .status = 405, .code = "method_not_allowed"},
    {"OPTIONS tells them", "OPTIONS " API "/sessions/u/s", .status = 204,
     .headers = {"Allow: GET, HEAD, PUT, PATCH, DELETE, OPTIONS"}},
    {"OPTIONS of nothing", "OPTIONS " API "/nothing", .status = 404, .code = "not_found"},
};
SERVICE_TEST(test_methods, methods)

/* ---- bodies -----------------------------------------------------------------------------------
 */

static const struct service_case of_another_type[] = {
    {"a session", "POST " API "/sessions\nContent-Type: %s\n\n{\"user_id\":\"u\"}", .status = 415,
     .code = "unsupported_media_type"},
    {"a message",
     "POST " API "/sessions/s/messages\nContent-Type: %s\n\n{\"role\":\"user\",\"content\":\"c\"}",
     .status = 415, .code = "unsupported_media_type"},
    {"a change", "PUT " API "/sessions/u/s\nContent-Type: %s\n\n{\"title\":\"t\"}", .status = 415,
     .code = "unsupported_media_type"},
};

static void test_media_types_refused(void **state)
{
    static const char *const types[] = {"text/plain",
                                        "application/x-www-form-urlencoded",
                                        "multipart/form-data; boundary=x",
                                        "application/jsonx",
                                        "application/xml",
                                        "text/json",
                                        "application/json; charset=iso-8859-1",
                                        "application/json; charset=utf-8x",
                                        "application/json; charset=\"utf-8",
                                        "x",
                                        "",
                                        NULL};
    (void)state;
    for (size_t i = 0; i < COUNT(of_another_type); i++)
        run_with_each(&of_another_type[i], types);
}

static void test_media_types_taken(void **state)
{
    static const char *const types[] = {
        "application/json; charset=utf-8",    "Application/JSON",
        "application/json;charset=\"UTF-8\"", "application/json ; charset=UTF-8",
        "application/json; charset=utf8",     NULL};
    static const struct service_case row = {
        "taken", "POST " API "/sessions\nContent-Type: %s\n\n{\"title\":\"t\"}", .status = 422,
        .code = "missing_parameter"};
    (void)state;
    run_with_each(&row, types);
}

static void test_compressed_bodies(void **state)
{
    static const char *const codings[] = {"gzip", "x-gzip", "br", "zstd", "deflate", NULL};
    static const struct service_case row = {
        "compressed", "POST " API "/sessions\nContent-Encoding: %s\n\n{\"user_id\":\"u\"}",
        .status = 415, .code = "unsupported_media_type", .has = {"compressed"}};
    (void)state;
    run_with_each(&row, codings);
}

static void test_no_json(void **state)
{
    static const char *const bodies[] = {"{",
                                         "{\"user_id\":\"u\"}}",
                                         "{\"user_id\":\"u\"} x",
                                         "{\"user_id\":\"u\",}",
                                         "{user_id:\"u\"}",
                                         "{'user_id':'u'}",
                                         "{\"user_id\":u}",
                                         "{\"user_id\" \"u\"}",
                                         "{\"user_id\":NaN}",
                                         "{\"n\":01}",
                                         "{\"n\":1.}",
                                         "{\"n\":.5}",
                                         "{\"n\":+1}",
                                         "{\"n\":0x10}",
                                         "{\"n\":1e}",
                                         "{\"s\":\"\\x41\"}",
                                         "{\"s\":\"\\u12g4\"}",
                                         "{\"s\":\"tab\there\"}",
                                         "[1,,2]",
                                         "tru",
                                         "\"open",
                                         "// c",
                                         "{\"user_id\":\"u\"",
                                         "{\"user_id\":Infinity}",
                                         "{\"s\":\"\\u12\"}",
                                         "{\"s\":\"line\nbreak\"}",
                                         "[1,2",
                                         "nul",
                                         "user_id=u",
                                         "<xml/>",
                                         "// comment\n{}",
                                         "{\"user_id\":\"u\"} // comment",
                                         "{\"user_id\":\"\\ud800\"}",
                                         "{\"user_id\":\"\\udc00x\"}",
                                         "{\"user_id\":\"\\ude00\\ud83d\"}",
                                         "{\"user_id\":\"\\ud83d\\u0041\"}",
                                         "{\"metadata\":{\"a\":\"\\ud800\"}}",
                                         "{\"metadata\":{\"\\ud800\":1}}",
                                         "\xef\xbb\xbf{}",
                                         NULL};
    static const struct service_case rows[] = {
        {"a session", "POST " API "/sessions\n\n%s", .status = 400, .code = "invalid_json"},
        {"a message", "POST " API "/sessions/s/messages\n\n%s", .status = 400,
         .code = "invalid_json"},
        {"a change", "PATCH " API "/sessions/u/s\n\n%s", .status = 400, .code = "invalid_json"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        run_with_each(&rows[i], bodies);
}

static void test_no_utf8(void **state)
{
    static const char *const bodies[] = {"{\"user_id\":\"a\xff\"}",
                                         "{\"user_id\":\"\xc3\"}",
                                         "{\"user_id\":\"\xc0\xaf\"}",
                                         "{\"user_id\":\"\xed\xa0\x80\"}",
                                         "{\"user_id\":\"\xf4\x90\x80\x80\"}",
                                         "{\"user_id\":\"\xf8\x88\x80\x80\x80\"}",
                                         "{\"user_id\":\"u\x80\"}",
                                         "{\"metadata\":{\"a\":\"\xe4\"}}",
                                         "{\"metadata\":{\"\xe4\":1}}",
                                         NULL};
    static const struct service_case rows[] = {
        {"a session", "POST " API "/sessions\n\n%s", .status = 400, .code = "invalid_encoding"},
        {"a message", "POST " API "/sessions/s/messages\n\n%s", .status = 400,
         .code = "invalid_encoding"},
        {"a change", "PUT " API "/sessions/u/s\n\n%s", .status = 400, .code = "invalid_encoding"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        run_with_each(&rows[i], bodies);
}

static void test_one_parameter_twice(void **state)
{
    static const char *const requests[] = {
        "POST " API "/sessions\n\n{\"user_id\":\"u\",\"user_id\":\"v\"}",
        "POST " API "/sessions?user_id=u\n\n{\"user_id\":\"v\"}",
        "POST " API "/sessions?user_id=u&user_id=v",
        "POST " API "/sessions\n\n{\"user_id\":\"u\",\"metadata\":{},\"metadata\":{\"a\":1}}",
        "PUT " API "/sessions/u/s\n\n{\"title\":\"a\",\"title\":\"b\"}",
        "PUT " API "/sessions/u/s\n\n{\"title\":\"7\",\"title\":7}",
        "PUT " API "/sessions/u/s\n\n{\"title\":\"null\",\"title\":null}",
        "POST " API "/sessions/s/messages\n\n"
        "{\"role\":\"user\",\"role\":\"tool\",\"content\":\"c\"}",
        "POST " API "/sessions/s/messages?content=d\n\n{\"role\":\"user\",\"content\":\"c\"}",
        "POST " API "/sessions/s/messages\n\n"
        "{\"role\":\"user\",\"content\":\"c\",\"content\":\"\\u0064\"}",
        "GET " API "/sessions/u?limit=5&limit=6",
        NULL};
    static const struct service_case row = {"twice", "%s", .status = 422,
                                            .code = "invalid_parameter"};
    (void)state;
    run_with_each(&row, requests);
}

static void test_no_object(void **state)
{
    static const char *const bodies[] = {"[]", "[1]", "\"s\"", "1", "true", "null", NULL};
    static const struct service_case rows[] = {
        {"a session", "POST " API "/sessions\n\n%s", .status = 422, .code = "invalid_parameter",
         .has = {"must be a JSON object"}},
        {"a change of a session", "PUT " API "/sessions/u/s\n\n%s", .status = 422,
         .code = "invalid_parameter", .has = {"must be a JSON object"}},
        {"a change of a message", "PUT " API "/sessions/s/messages/1\n\n%s", .status = 422,
         .code = "invalid_parameter", .has = {"must be a JSON object"}},
    };
    /* Of messages an array may come. */
    static const char *const neither[] = {"\"s\"", "1", "true", "null", NULL};
    static const struct service_case message = {"a message",
                                                "POST " API "/sessions/s/messages\n\n%s",
                                                .status = 422, .code = "invalid_parameter"};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        run_with_each(&rows[i], bodies);
    run_with_each(&message, neither);
}

static const struct service_case bodies[] = {
    {"that ends early", "POST " API "/sessions\nContent-Length: 500\n\n{\"user_id\":\"u\"}",
     .status = 400, .code = "incomplete_body"},
    {"over the limit", "POST " API "/sessions/x/messages\nContent-Length: 1025\n\n{}",
     .settings = {"MAX_BODY_BYTES=1024"}, .status = 413, .code = "body_too_large"},
    {"that is no UTF-8", "POST " API "/sessions\n\n{\"user_id\":\"\xff\"}", .status = 400,
     .code = "invalid_encoding"},
    {"of a GET is not read", "GET " API "/health\nContent-Type: text/plain\n\nx", .status = 200},
};
SERVICE_TEST(test_bodies, bodies)

/* ---- headers of every answer ------------------------------------------------------------------
 */

static const struct service_case headers[] = {
    {"the caller's request id", "GET " API "/health\nX-Request-Id: abc-1", .status = 200,
     .headers = {"X-Request-Id: abc-1", "Cache-Control: no-store"}},
    {"and of an error", "GET " API "/nothing\nX-Request-Id: abc-2", .status = 404,
     .code = "not_found", .headers = {"X-Request-Id: abc-2"}},
    {"one that cannot be a header", "GET " API "/health\nX-Request-Id: a b", .status = 200,
     .lacks = "a b"},
    {"of a page that may ask", "GET " API "/health\nOrigin: http://localhost:3000", .status = 200,
     .headers = {"Access-Control-Allow-Origin: http://localhost:3000"}},
    {"of a page that may not", "GET " API "/health\nOrigin: http://elsewhere.example",
     .status = 200, .lacks = "Access-Control-Allow-Origin"},
    {"of a change by a page that may not",
     "DELETE " API "/sessions/u/s\nOrigin: http://elsewhere.example", .status = 403,
     .code = "origin_not_allowed"},
};
SERVICE_TEST(test_headers, headers)

/* ---- who asks ---------------------------------------------------------------------------------
 */

#define AS_HEADER .settings = {"AUTH_MODE=header"}

static const struct service_case callers[] = {
    {"nobody", "GET " API "/sessions/u", AS_HEADER, .status = 401, .code = "unauthorized",
     .headers = {"WWW-Authenticate: Bearer"}},
    {"a client's own header is nobody", "GET " API "/sessions/u\nChat-Sessions-User: u", AS_HEADER,
     .status = 401, .code = "unauthorized"},
    {"health is for everybody", "GET " API "/health", AS_HEADER, .status = 200},
    {"another user", "GET " API "/sessions/u\n$CHAT_SESSIONS_USER: v", AS_HEADER, .status = 403,
     .code = "forbidden"},
    {"another user's session", "PUT " API "/sessions/u/s\n$CHAT_SESSIONS_USER: v\n\n{}", AS_HEADER,
     .status = 403, .code = "forbidden"},
    {"another in the body", "POST " API "/sessions\n$CHAT_SESSIONS_USER: v\n\n{\"user_id\":\"u\"}",
     AS_HEADER, .status = 403, .code = "forbidden"},
    {"messages of another's session", "GET " API "/sessions/s/messages\n$CHAT_SESSIONS_USER: v",
     AS_HEADER, .script = {{QUERY, PAGE("{" OWNER "}")}}, .status = 404,
     .code = "session_not_found"},
    {"the user", "GET " API "/sessions/u/s\n$CHAT_SESSIONS_USER: u", AS_HEADER,
     .script = {{GET, FOUND(ITS_SESSION)}}, .status = 200, .has = {"\"session_id\":\"s\""}},
    {"without a token", "GET " API "/sessions/u",
     .settings = {"AUTH_MODE=jwt", "AUTH_JWT_SECRET=0123456789abcdef0123456789abcdef"},
     .status = 401, .code = "unauthorized"},
    {"with what is no token", "GET " API "/sessions/u\nAuthorization: Bearer x.y.z",
     .settings = {"AUTH_MODE=jwt", "AUTH_JWT_SECRET=0123456789abcdef0123456789abcdef"},
     .status = 401, .code = "unauthorized"},
};
SERVICE_TEST(test_callers, callers)

/* ---- how long it waited, and how DynamoDB answers ----------------------------------------------
 */

static const struct service_case waits[] = {
    {"longer than anybody waits", "GET " API "/sessions/u/s\n$REQUEST_RECEIVED: 1440938130.000",
     .status = 503, .code = "overloaded", .headers = {"Retry-After: 1"}},
    {"and health, too", "GET " API "/health\n$REQUEST_RECEIVED: 1440938130.000", .status = 503,
     .code = "overloaded"},
    {"a moment", "GET " API "/health\n$REQUEST_RECEIVED: 1440938159.900", .status = 200},
    {"since a time that cannot be", "GET " API "/health\n$REQUEST_RECEIVED: 1.000", .status = 200},
    {"since a time that is none", "GET " API "/health\n$REQUEST_RECEIVED: abc", .status = 200},
    {"and the client has gone", "GET " API "/sessions/u/s\n$REQUEST_RECEIVED: 1440938159.500",
     .client_gone = true},
    {"the deadline began when nginx had it",
     "GET " API "/sessions/u/s\n$REQUEST_RECEIVED: 1440938158.000",
     .settings = {"REQUEST_DEADLINE_MS=2000"}, .status = 504, .code = "deadline_exceeded"},
};
SERVICE_TEST(test_waits, waits)

/* The pool is told of the first, so that it looks for others that wait; not of the third. */
static void test_pool_is_told_of_waits(void **state)
{
    struct served late;
    struct served in_time;

    (void)state;
    serve_case(&late, &waits[0]);
    serve_case(&in_time, &waits[2]);
    assert_true(late.gateway.gateway.waited_too_long);
    assert_false(in_time.gateway.gateway.waited_too_long);
    served_free(&late);
    served_free(&in_time);
}

#define READ "GET " API "/sessions/u/s"
#define WRITE "PUT " API "/sessions/u/s\n\n{\"title\":\"t\"}"
#define ONCE .settings = {"AWS_MAX_ATTEMPTS=1"}

static const struct service_case failures[] = {
    {"throttled", READ, ONCE, .script = {{GET, THROTTLED}}, .status = 503,
     .code = "dynamodb_throttled", .headers = {"Retry-After: 2"}},
    {"not reached", READ, ONCE, .script = {{GET, NOT_SENT}}, .status = 503,
     .code = "dynamodb_unavailable", .headers = {"Retry-After: 5"}},
    {"a fault of the server", READ, ONCE, .script = {{GET, STATUS(500)}}, .status = 503,
     .code = "dynamodb_unavailable"},
    {"no permission", READ, ONCE, .script = {{GET, DENIED}}, .status = 503,
     .code = "dynamodb_denied"},
    {"no JSON", READ, ONCE, .script = {{GET, BODY("{\"Item\":")}}, .status = 503,
     .code = "dynamodb_unavailable"},
    {"an item of other types", READ, .script = {{GET, FOUND(S("user_id", "u") "," S("x", "y"))}},
     .status = 200, .has = {"\"title\""}},
};
SERVICE_TEST(test_failures_of_dynamodb, failures)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_media_types_refused),
        cmocka_unit_test(test_media_types_taken),
        cmocka_unit_test(test_compressed_bodies),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_no_utf8),
        cmocka_unit_test(test_one_parameter_twice),
        cmocka_unit_test(test_no_object),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_callers),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_pool_is_told_of_waits),
        cmocka_unit_test(test_failures_of_dynamodb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
