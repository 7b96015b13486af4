/*
 * Reading a request: targets, bodies, parameters, ETags, routes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "fakes.h"
#include "http/parameter.h"
#include "http/request.h"
#include "http/route.h"

static struct arena arena;
static struct fake_gateway fake;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    buf_free(&fake.written);
    return 0;
}

static int init(struct request *r, const char *const *variables, const char *body, struct err *e)
{
    fake_gateway_init(&fake, variables, body);
    return request_init(r, &fake.gateway, &arena, e);
}

static void test_targets(void **state)
{
    static const struct {
        const char *variables[4];
        const char *path;
        const char *query;
    } cases[] = {
        {{"REQUEST_URI=/api/v1/sessions?limit=3"}, "/api/v1/sessions", "limit=3"},
        {{"REQUEST_URI=/api/v1/a%2Fb"}, "/api/v1/a%2Fb", ""},
        {{"REQUEST_URI=http://host:80/api/v1/x?y"}, "/api/v1/x", "y"},
        {{"REQUEST_URI=http://host"}, "/", ""},
        {{"PATH_INFO=/api/v1/x", "QUERY_STRING=a=1"}, "/api/v1/x", "a=1"},
        {{"REQUEST_URI=/cgi-bin/cs/api/v1/x", "SCRIPT_NAME=/cgi-bin/cs"}, "/api/v1/x", ""},
        {{"REQUEST_URI=/api/v1/x", "SCRIPT_NAME=/api/v1/x"}, "/api/v1/x", ""},
        {{NULL}, "/", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r;
        assert_int_equal(init(&r, cases[i].variables, "", NULL), 0);
        assert_true(str_is(r.path, cases[i].path));
        assert_true(str_is(r.query.p ? r.query : STR(""), cases[i].query));
    }
}

static void test_request_ids(void **state)
{
    static const char *const given[] = {"HTTP_X_REQUEST_ID=abc-1", NULL};
    static const char *const blank[] = {"HTTP_X_REQUEST_ID=a b", NULL};
    static const char *const none[] = {NULL};
    struct request r;

    (void)state;
    init(&r, given, "", NULL);
    assert_string_equal(r.request_id, "abc-1");
    init(&r, blank, "", NULL);
    assert_int_equal(strlen(r.request_id), 36);
    init(&r, none, "", NULL);
    assert_int_equal(strlen(r.request_id), 36);
}

static void test_bodies(void **state)
{
    static const struct {
        const char *length;
        const char *type;
        const char *body;
        enum err_code code;
    } cases[] = {
        {"CONTENT_LENGTH=", "CONTENT_TYPE=", "", ERR_NONE},
        {"CONTENT_LENGTH=0", "CONTENT_TYPE=text/plain", "", ERR_NONE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json", "{\"a\":1}", ERR_NONE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=Application/JSON; charset=UTF-8", "{\"a\":1}", ERR_NONE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json;charset=latin1", "{\"a\":1}",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json;charset=utf-8x", "{\"a\":1}",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json; charset=utf8", "{\"a\":1}", ERR_NONE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json;charset=\"UTF8\"", "{\"a\":1}",
         ERR_NONE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json;charset=\"utf8", "{\"a\":1}",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json;charset=utf", "{\"a\":1}",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json;charset=utf-88", "{\"a\":1}",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/json", "\x1f\x8b\x08\x01\x01\x01\x01",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=07", "CONTENT_TYPE=application/json;charset=utf-8;x=y", "{\"a\":1}",
         ERR_NONE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=application/jsonx", "{\"a\":1}",
         ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "CONTENT_TYPE=text/plain", "{\"a\":1}", ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=7", "X=", "{\"a\":1}", ERR_UNSUPPORTED_MEDIA_TYPE},
        {"CONTENT_LENGTH=9", "CONTENT_TYPE=application/json", "{\"a\":1}", ERR_INCOMPLETE_BODY},
        {"CONTENT_LENGTH=6", "CONTENT_TYPE=application/json", "{\"a\":1}", ERR_INVALID_JSON},
        {"CONTENT_LENGTH=101", "CONTENT_TYPE=application/json", "{\"a\":1}", ERR_BODY_TOO_LARGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {cases[i].length, cases[i].type, NULL};
        struct request r;
        struct err e = {0};
        init(&r, variables, cases[i].body, NULL);
        int result = request_read_body(&r, 100, &e);
        assert_int_equal(result, cases[i].code == ERR_NONE ? 0 : -1);
        assert_int_equal(e.code, cases[i].code);
    }
}

static void test_compressed_bodies(void **state)
{
    static const struct {
        const char *encoding;
        enum err_code code;
    } cases[] = {
        {"HTTP_CONTENT_ENCODING=gzip", ERR_UNSUPPORTED_MEDIA_TYPE},
        {"HTTP_CONTENT_ENCODING=br", ERR_UNSUPPORTED_MEDIA_TYPE},
        {"HTTP_CONTENT_ENCODING=identity, gzip", ERR_UNSUPPORTED_MEDIA_TYPE},
        {"HTTP_CONTENT_ENCODING=Identity", ERR_NONE},
        {"HTTP_CONTENT_ENCODING=", ERR_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {cases[i].encoding, "CONTENT_LENGTH=7",
                                   "CONTENT_TYPE=application/json", NULL};
        struct request r;
        struct err e = {0};
        init(&r, variables, "{\"a\":1}", NULL);
        request_read_body(&r, 100, &e);
        assert_int_equal(e.code, cases[i].code);
        if (e.code && !strstr(e.detail, "compressed"))
            fail_msg("%s", e.detail);
    }
}

static struct str object_with(size_t members)
{
    char *text = arena_alloc(&arena, members * 5 + 2);
    size_t n = 0;

    text[n++] = '{';
    for (size_t i = 0; i < members; i++) {
        memcpy(text + n, i ? ",\"\":0" : "\"\":0", i ? 5 : 4);
        n += i ? 5 : 4;
    }
    text[n++] = '}';
    return (struct str){text, n};
}

/* A body that is nothing but members must not become a list of a million of them. */
static void test_members_are_bounded(void **state)
{
    static const struct {
        size_t members;
        enum err_code code;
    } cases[] = {{REQUEST_MAX_MEMBERS, ERR_NONE},
                 {REQUEST_MAX_MEMBERS + 1, ERR_INVALID_PARAMETER},
                 {100000, ERR_INVALID_PARAMETER}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str body = object_with(cases[i].members);
        const char *variables[] = {"CONTENT_TYPE=application/json",
                                   arena_printf(&arena, "CONTENT_LENGTH=%zu", body.n).p, NULL};
        struct parameters p;
        struct request r;
        struct err e = {0};
        init(&r, variables, arena_str(&arena, body).p, NULL);
        request_read_body(&r, 1000000, &e);
        assert_int_equal(e.code, cases[i].code);
        e = (struct err){0};
        parameters_of_element(&r, (struct json_value){JSON_OBJECT, body}, 3, &p, &e);
        assert_int_equal(e.code, cases[i].code);
    }
}

/* A request with both kinds of parameters. */
static void parameters(struct request *r, struct parameters *p, const char *query, const char *body)
{
    static char uri[4096];
    static char length[64];
    static const char *variables[] = {uri, length, "CONTENT_TYPE=application/json", NULL};

    snprintf(uri, sizeof(uri), "REQUEST_URI=/?%s", query);
    snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu", strlen(body));
    assert_int_equal(init(r, variables, body, NULL), 0);
    assert_int_equal(request_read_body(r, 4096, NULL), 0);
    parameters_of_request(r, p);
}

static void test_integers(void **state)
{
    static const struct {
        const char *query;
        const char *body;
        int64_t expected; /* -1: refused */
    } cases[] = {
        {"", "", 100},
        {"limit=1", "", 1},
        {"limit=1000", "", 1000},
        {"limit=0", "", -1},
        {"limit=1001", "", -1},
        {"limit=-1", "", -1},
        {"limit=abc", "", -1},
        {"limit=1e3", "", -1},
        {"limit=", "", -1},
        {"limit=1.0", "", -1},
        {"limit=+1", "", -1},
        {"limit=%2B1", "", -1},
        {"limit= 1", "", -1},
        {"limit=01", "", 1},
        {"limit=5&limit=5", "", 5},
        {"limit=5&limit=6", "", -1},
        {"limit=99999999999999999999", "", -1},
        {"", "{\"limit\":7}", 7},
        {"", "{\"limit\":null}", 100},
        {"", "{\"limit\":\"7\"}", -1},
        {"", "{\"limit\":7.0}", -1},
        {"", "{\"limit\":true}", -1},
        {"limit=7", "{\"limit\":7}", 7},
        {"limit=7", "{\"limit\":8}", -1},
        {"", "{\"limit\":7,\"limit\":7}", 7},
        {"", "{\"limit\":7,\"limit\":8}", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r;
        struct parameters p;
        struct err e = {0};
        int64_t value = 100;
        parameters(&r, &p, cases[i].query, cases[i].body);
        int result = parameter_integer(&p, "limit", 1, 1000, &value, &e);
        if (result < 0)
            assert_int_equal(e.code, ERR_INVALID_PARAMETER);
        if ((result < 0 ? -1 : value) != cases[i].expected)
            fail_msg("%s %s gave %d, %d", cases[i].query, cases[i].body, result, (int)value);
    }
}

static void test_strings(void **state)
{
    static const struct parameter_limits limits = {
        .min_bytes = 1, .max_bytes = 8, .max_characters = 4, .no_nul = true};
    static const struct {
        const char *query;
        const char *body;
        const char *expected; /* NULL: refused; "-": left out */
    } cases[] = {
        {"", "", "-"},
        {"a=x", "", "x"},
        {"a=", "", NULL},
        {"a=xxxx", "", "xxxx"},
        {"a=xxxxx", "", NULL},
        {"a=%C3%A9%C3%A9%C3%A9%C3%A9", "", "éééé"},
        {"a=%E2%82%AC%E2%82%AC%E2%82%AC", "", NULL},
        {"", "{\"a\":\"\\u00e9\"}", "é"},
        {"", "{\"a\":\"\\u0000\"}", NULL},
        {"a=%00", "", NULL},
        {"", "{\"a\":1}", NULL},
        {"", "{\"a\":null}", "-"},
        {"", "{\"a\":[\"x\"]}", NULL},
        {"a=x", "{\"a\":\"\\u0078\"}", "x"},
        {"a=x", "{\"a\":\"y\"}", NULL},
        {"b=x", "{\"A\":\"y\"}", "-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r;
        struct parameters p;
        struct str value;
        parameters(&r, &p, cases[i].query, cases[i].body);
        int result = parameter_string(&p, "a", &limits, &value, NULL);
        const char *expected = cases[i].expected;
        bool good =
            !expected
                ? result < 0
                : result == 0 && (strcmp(expected, "-") == 0 ? !value.p : str_is(value, expected));
        if (!good)
            fail_msg("%s %s gave %d", cases[i].query, cases[i].body, result);
    }
}

static void test_objects_keep_their_text(void **state)
{
    static const struct {
        const char *query;
        const char *body;
        int presence; /* -1: refused */
        const char *text;
    } cases[] = {
        {"", "{}", PARAMETER_LEFT_OUT, NULL},
        {"", "{\"m\":null}", PARAMETER_NULL, NULL},
        {"", "{\"m\": { \"a\" : 1.0, \"b\":12345678901234567890123 } }", PARAMETER_GIVEN,
         "{ \"a\" : 1.0, \"b\":12345678901234567890123 }"},
        {"", "{\"m\":[]}", -1, NULL},
        {"", "{\"m\":\"{}\"}", -1, NULL},
        {"m=%7B%22a%22:1%7D", "", PARAMETER_GIVEN, "{\"a\":1}"},
        {"m=null", "", PARAMETER_NULL, NULL},
        {"m=x", "", -1, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r;
        struct parameters p;
        struct str text = STR_NONE;
        enum parameter_presence presence;
        parameters(&r, &p, cases[i].query, cases[i].body);
        int result = parameter_object(&p, "m", &presence, &text, NULL);
        assert_int_equal(result < 0 ? -1 : (int)presence, cases[i].presence);
        if (cases[i].text)
            assert_true(str_is(text, cases[i].text));
    }
}

static void test_booleans(void **state)
{
    static const struct {
        const char *query;
        const char *body;
        int presence; /* -1: refused */
        bool value;
    } cases[] = {
        {"", "", PARAMETER_LEFT_OUT, false},
        {"", "{\"b\":null}", PARAMETER_NULL, false},
        {"", "{\"b\":true}", PARAMETER_GIVEN, true},
        {"", "{\"b\":false}", PARAMETER_GIVEN, false},
        {"b=true", "", PARAMETER_GIVEN, true},
        {"b=false", "", PARAMETER_GIVEN, false},
        {"b=true", "{\"b\":true}", PARAMETER_GIVEN, true},
        {"b=true", "{\"b\":false}", -1, false},
        {"b=", "", -1, false},
        {"b=1", "", -1, false},
        {"b=TRUE", "", -1, false},
        {"b=null", "", -1, false},
        {"", "{\"b\":\"true\"}", -1, false},
        {"", "{\"b\":1}", -1, false},
        {"", "{\"b\":[true]}", -1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r;
        struct parameters p;
        bool value = false;
        enum parameter_presence presence;
        parameters(&r, &p, cases[i].query, cases[i].body);
        int result = parameter_boolean(&p, "b", &presence, &value, NULL);
        if ((result < 0 ? -1 : (int)presence) != cases[i].presence || value != cases[i].value)
            fail_msg("%s %s gave %d", cases[i].query, cases[i].body, result);
    }
}

static void test_arrays_of_strings(void **state)
{
    static const struct parameter_limits limits = {
        .min_bytes = 1, .max_characters = 4, .max_count = 3};
    static const struct {
        const char *query;
        const char *body;
        int presence; /* -1: refused */
        const char *text;
    } cases[] = {
        {"", "", PARAMETER_LEFT_OUT, NULL},
        {"", "{\"t\":null}", PARAMETER_NULL, NULL},
        {"t=null", "", PARAMETER_NULL, NULL},
        {"", "{\"t\":[]}", PARAMETER_GIVEN, "[]"},
        {"", "{\"t\": [ \"b\" , \"a\" ] }", PARAMETER_GIVEN, "[\"b\",\"a\"]"},
        {"t=[%22b%22]", "", PARAMETER_GIVEN, "[\"b\"]"},
        /* Equal ones once, where the first stands; equal is what is decoded. */
        {"", "{\"t\":[\"b\",\"a\",\"\\u0062\"]}", PARAMETER_GIVEN, "[\"b\",\"a\"]"},
        {"", "{\"t\":[\"a\",\"A\",\"a \"]}", PARAMETER_GIVEN, "[\"a\",\"A\",\"a \"]"},
        {"", "{\"t\":[\"\\\"\\\\\\/\"]}", PARAMETER_GIVEN, "[\"\\\"\\\\/\"]"},
        {"", "{\"t\":[\"\\u00e9\\u0001\"]}", PARAMETER_GIVEN, "[\"é\\u0001\"]"},
        {"", "{\"t\":[\"éééé\"]}", PARAMETER_GIVEN, "[\"éééé\"]"},
        {"", "{\"t\":[\"ééééé\"]}", -1, NULL},
        {"", "{\"t\":[\"a\",\"\"]}", -1, NULL},
        {"", "{\"t\":[\"a\",\"b\",\"c\"]}", PARAMETER_GIVEN, "[\"a\",\"b\",\"c\"]"},
        {"", "{\"t\":[\"a\",\"a\",\"a\",\"a\"]}", -1, NULL},
        {"", "{\"t\":[\"a\",1]}", -1, NULL},
        {"", "{\"t\":[null]}", -1, NULL},
        {"", "{\"t\":[[\"a\"]]}", -1, NULL},
        {"", "{\"t\":\"a\"}", -1, NULL},
        {"", "{\"t\":{}}", -1, NULL},
        {"t=a", "", -1, NULL},
        {"t=[", "", -1, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request r;
        struct parameters p;
        struct parameter_text out;
        parameters(&r, &p, cases[i].query, cases[i].body);
        int result = parameter_strings(&p, "t", &limits, &out, NULL);
        if ((result < 0 ? -1 : (int)out.presence) != cases[i].presence)
            fail_msg("%s %s gave %d", cases[i].query, cases[i].body, result);
        if (result == 0 && (cases[i].text ? !str_is(out.text, cases[i].text) : out.text.p != NULL))
            fail_msg("%s %s: %.*s", cases[i].query, cases[i].body, (int)out.text.n, out.text.p);
    }
}

/* Only where the route takes them; the sentence names what it takes. */
static void test_merge_patches(void **state)
{
    static const struct {
        bool taken;
        const char *type;
        bool is_patch;
        const char *words; /* NULL: it is read */
    } cases[] = {
        {true, "CONTENT_TYPE=application/merge-patch+json", true, NULL},
        {true, "CONTENT_TYPE=Application/Merge-Patch+JSON ; charset=utf-8", true, NULL},
        {true, "CONTENT_TYPE=application/json", false, NULL},
        {true, "CONTENT_TYPE=application/merge-patch+json;charset=latin1", true, "utf-8"},
        {true, "CONTENT_TYPE=application/json-patch+json", false,
         "application/json or application/merge-patch+json"},
        {true, "CONTENT_TYPE=application/merge-patch+jsonx", false, "merge-patch"},
        {false, "CONTENT_TYPE=application/merge-patch+json", false, "application/json"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {"CONTENT_LENGTH=7", cases[i].type, NULL};
        struct request r;
        struct err e = {0};
        init(&r, variables, "{\"a\":1}", NULL);
        r.takes_merge_patch = cases[i].taken;
        int result = request_read_body(&r, 100, &e);
        if ((result == 0) != !cases[i].words || r.is_merge_patch != cases[i].is_patch)
            fail_msg("%s: %s", cases[i].type, e.detail);
        if (cases[i].words && !strstr(e.detail, cases[i].words))
            fail_msg("%s: %s", cases[i].type, e.detail);
        if (!cases[i].taken && strstr(e.detail, "merge-patch"))
            fail_msg("%s: %s", cases[i].type, e.detail);
    }
}

static void test_versions(void **state)
{
    static const struct {
        const char *header;
        bool includes_7;
    } cases[] = {
        {"HTTP_IF_MATCH=\"7\"", true},
        {"HTTP_IF_MATCH=*", true},
        {"HTTP_IF_MATCH=\"6\", \"7\"", true},
        /* What a compressing proxy makes of it. */
        {"HTTP_IF_MATCH=W/\"7\"", true},
        {"HTTP_IF_MATCH=W/\"6\", W/\"7\"", true},
        {"HTTP_IF_MATCH=W/\"6\"", false},
        {"HTTP_IF_MATCH=w/\"7\"", false},
        {"HTTP_IF_MATCH=W/W/\"7\"", false},
        {"HTTP_IF_MATCH=\"77\"", false},
        {"HTTP_IF_MATCH=7", false},
        {"HTTP_IF_MATCH=\"7x\"", false},
        {"HTTP_IF_MATCH=", false},
        {"HTTP_IF_MATCH=\"\"", false},
        {"HTTP_IF_MATCH=,,\"7\",", true},
        {"HTTP_IF_MATCH=\"07\"", false},
        {"HTTP_IF_MATCH=\"+7\"", false},
        {"HTTP_IF_MATCH=\" 7\"", false},
        {"HTTP_IF_MATCH=\"7\"x", false},
        {"HTTP_IF_MATCH=\"7", false},
        {"HTTP_IF_MATCH=*x", false},
        {"HTTP_IF_MATCH= \"7\"\t, \"6\"", true},
        {"HTTP_IF_MATCH=\"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {cases[i].header, NULL};
        struct request r;
        struct versions v;
        init(&r, variables, "", NULL);
        request_versions(&r, "HTTP_IF_MATCH", &v);
        assert_true(v.present);
        if (versions_include(&v, 7) != cases[i].includes_7)
            fail_msg("%s", cases[i].header);
    }
}

static int handler(struct api *c, struct request *q, struct response *r, struct err *e)
{
    (void)c, (void)q, (void)r, (void)e;
    return 0;
}

static void test_routes(void **state)
{
    static const struct route routes[] = {
        {.path = "/v/s", .post = handler},
        {.path = "/v/s/{id}/messages", .get = handler, .post = handler},
        {.path = "/v/s/{user}/{id}", .get = handler, .put = handler, .delete = handler},
    };
    static const struct {
        const char *uri;
        int row; /* -1: none */
        const char *id;
        const char *allow;
    } cases[] = {
        {"REQUEST_URI=/v/s", 0, "", "POST, OPTIONS"},
        {"REQUEST_URI=/v/s/", -1, "", ""},
        {"REQUEST_URI=/v", -1, "", ""},
        {"REQUEST_URI=/v/s/x/messages", 1, "x", "GET, HEAD, POST, OPTIONS"},
        {"REQUEST_URI=/v/s/x/messages/", -1, "", ""},
        {"REQUEST_URI=/v/s/messages/messages", 1, "messages", "GET, HEAD, POST, OPTIONS"},
        {"REQUEST_URI=/v/s/u/x%2Fy", 2, "x/y", "GET, HEAD, PUT, DELETE, OPTIONS"},
        {"REQUEST_URI=/v/s//x", -1, "", ""},
        {"REQUEST_URI=/v/s/u/x/y", -1, "", ""},
        {"REQUEST_URI=/V/s", -1, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {cases[i].uri, NULL};
        struct request r;
        char allow[64];
        init(&r, variables, "", NULL);
        const struct route *route = route_find(routes, 3, &r);
        assert_int_equal(route ? (int)(route - routes) : -1, cases[i].row);
        if (!route)
            continue;
        assert_true(str_is(request_path(&r, "id"), cases[i].id));
        route_allow(route, allow);
        assert_string_equal(allow, cases[i].allow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_request_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compressed_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_members_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_integers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_objects_keep_their_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_booleans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_arrays_of_strings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_merge_patches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_routes, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
