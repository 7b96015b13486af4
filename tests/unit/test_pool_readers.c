/*
 * pool/status_request and pool/fastcgi_reader: what the master itself reads, whole and in pieces of
 * every size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pool/fastcgi_reader.h"
#include "pool/status_request.h"

/* ---- HTTP ---- */

static const struct {
    const char *text;
    enum status_progress progress;
    const char *method;
    const char *path;
    const char *id; /* NULL: one that was made here */
} heads[] = {
    {"GET /metrics HTTP/1.1\r\n\r\n", STATUS_COMPLETE, "GET", "/metrics", NULL},
    {"GET /metrics?x=1 HTTP/1.0\n\n", STATUS_COMPLETE, "GET", "/metrics", NULL},
    {"\r\nHEAD /health#y\r\n\r\n", STATUS_COMPLETE, "HEAD", "/health", NULL},
    {"GET /a HTTP/1.1\r\nHost: x\r\nx-request-ID:  mine \t\r\n\r\n", STATUS_COMPLETE, "GET", "/a",
     "mine"},
    {"GET /a HTTP/1.1\r\nX-Request-Id: a b\r\n\r\n", STATUS_COMPLETE, "GET", "/a", NULL},
    {"GET /a HTTP/1.1\r\nX-Request-Id: a\x80\r\n\r\n", STATUS_COMPLETE, "GET", "/a", NULL},
    {"GET /a HTTP/1.1\r\nX-Request-Id:\r\n\r\n", STATUS_COMPLETE, "GET", "/a", NULL},
    {"GET /a HTTP/1.1\r\nX-Request-Identity: a\r\n\r\n", STATUS_COMPLETE, "GET", "/a", NULL},
    {"nonsense\r\n\r\n", STATUS_COMPLETE, "", "", NULL},
    {"PROPFIND /a HTTP/1.1\r\n\r\n", STATUS_COMPLETE, "", "/a", NULL},
    {"GET  HTTP/1.1\r\n\r\n", STATUS_COMPLETE, "GET", "", NULL},
    {"GET /a HTTP/1.1\r\nHost: x\r\n", STATUS_MORE, "GET", "/a", NULL},
    {"\r\n\r\n\r\n", STATUS_MORE, "", "", NULL},
};

static enum status_progress feed_head(struct status_request *r, const char *text, size_t n,
                                      size_t piece)
{
    status_request_init(r);
    for (size_t at = 0; at < n; at += piece)
        status_request_feed(r, text + at, piece < n - at ? piece : n - at);
    return r->progress;
}

static void test_heads(void **state)
{
    struct status_request r;

    (void)state;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        for (size_t piece = 1; piece <= strlen(heads[i].text); piece++) {
            assert_int_equal(feed_head(&r, heads[i].text, strlen(heads[i].text), piece),
                             heads[i].progress);
            assert_string_equal(r.method, heads[i].method);
            assert_int_equal(r.path_n, strlen(heads[i].path));
            assert_memory_equal(r.path, heads[i].path, r.path_n);
            if (heads[i].id)
                assert_string_equal(r.id, heads[i].id);
            else
                assert_int_equal(strlen(r.id), 36);
        }
    }
}

/* Headers as long as nginx lets them through are read and dropped; beyond the bound it is over. */
static void test_long_heads(void **state)
{
    static const char start[] = "GET /metrics HTTP/1.1\r\nCookie: ";
    static const char end[] = "\r\nX-Request-Id: mine\r\n\r\n";
    struct status_request r;
    size_t size = STATUS_REQUEST_MAX + 100;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, start, sizeof(start) - 1);
    assert_int_equal(feed_head(&r, text, size, 4096), STATUS_TOO_LARGE);
    assert_string_equal(r.method, "GET");
    memcpy(text + 130000, end, sizeof(end) - 1);
    assert_int_equal(feed_head(&r, text, 130000 + sizeof(end) - 1, 4096), STATUS_COMPLETE);
    assert_string_equal(r.id, "mine");
    /* A path that is too long is cut, and no page's. */
    memset(text, 'y', 1000);
    memcpy(text, "GET /", 5);
    memcpy(text + 1000, end, sizeof(end) - 1);
    assert_int_equal(feed_head(&r, text, 1000 + sizeof(end) - 1, 7), STATUS_COMPLETE);
    assert_int_equal(r.path_n, sizeof(r.path));
    free(text);
}

/* ---- FastCGI ---- */

#define RECORD(type, id, n) "\1" type "\0" id "\0" n "\0\0"
#define BEGIN RECORD("\1", "\1", "\x08") "\0\1\1\0\0\0\0\0"
#define PARAMS RECORD("\4", "\1", "\x0d") "\2\5AaValue\1\1BB" /* 13 bytes: Aa and B */
#define END_PARAMS RECORD("\4", "\1", "\0")
#define BODY RECORD("\5", "\1", "\3") "abc"
#define END_BODY RECORD("\5", "\1", "\0")
#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *name;
    const char *bytes;
    size_t n;
    enum fastcgi_progress progress;
    const char *value; /* of Aa */
} requests[] = {
    {"whole", BYTES(BEGIN PARAMS END_PARAMS BODY END_BODY), FASTCGI_COMPLETE, "Value"},
    {"no parameters", BYTES(BEGIN END_PARAMS END_BODY), FASTCGI_COMPLETE, NULL},
    {"no end", BYTES(BEGIN PARAMS END_PARAMS BODY), FASTCGI_MORE, "Value"},
    {"padding", BYTES(BEGIN "\1\4\0\1\0\x0d\3\0\2\5AaValue\1\1BBxxx" END_BODY), FASTCGI_COMPLETE,
     "Value"},
    {"another version", BYTES("\2\1\0\1\0\x08\0\0"), FASTCGI_BROKEN, NULL},
    {"no id", BYTES("\1\1\0\0\0\x08\0\0"), FASTCGI_BROKEN, NULL},
    {"another id", BYTES(BEGIN RECORD("\4", "\2", "\0")), FASTCGI_BROKEN, NULL},
    {"two requests", BYTES(BEGIN BEGIN), FASTCGI_BROKEN, NULL},
    {"a short begin", BYTES(RECORD("\1", "\1", "\4")), FASTCGI_BROKEN, NULL},
    {"an abort", BYTES(BEGIN RECORD("\2", "\1", "\0")), FASTCGI_BROKEN, NULL},
    {"a management record", BYTES("\1\x09\0\0\0\0\0\0"), FASTCGI_BROKEN, NULL},
    {"parameters before the begin", BYTES(END_PARAMS), FASTCGI_BROKEN, NULL},
    {"a length beyond the end",
     BYTES(BEGIN RECORD("\4", "\1", "\4") "\2\x09"
                                          "Aa" END_BODY),
     FASTCGI_COMPLETE, NULL},
    {"huge lengths",
     BYTES(BEGIN RECORD("\4", "\1", "\x08") "\xff\xff\xff\xff\xff\xff\xff\xff" END_BODY),
     FASTCGI_COMPLETE, NULL},
};

static void test_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        for (size_t piece = 1; piece <= requests[i].n; piece++) {
            struct fastcgi_reader r;
            struct arena arena;
            fastcgi_reader_init(&r);
            arena_init(&arena);
            for (size_t at = 0; at < requests[i].n; at += piece)
                fastcgi_reader_feed(&r, requests[i].bytes + at,
                                    piece < requests[i].n - at ? piece : requests[i].n - at);
            const char *value = fastcgi_reader_param(&r, "Aa", &arena);
            if (r.progress != requests[i].progress ||
                (value != NULL) != (requests[i].value != NULL) ||
                (value && strcmp(value, requests[i].value) != 0))
                fail_msg("%s, in pieces of %zu: %d, %s", requests[i].name, piece, r.progress,
                         value ? value : "no value");
            assert_null(fastcgi_reader_param(&r, "A", &arena));
            arena_free(&arena);
            fastcgi_reader_free(&r);
        }
    }
}

static void test_keep(void **state)
{
    static const char whole[] = BEGIN END_PARAMS END_BODY;
    char bytes[sizeof(whole)];
    struct fastcgi_reader r;

    (void)state;
    memcpy(bytes, whole, sizeof(whole));
    for (int flag = 0; flag < 2; flag++) {
        bytes[10] = (char)flag;
        fastcgi_reader_init(&r);
        assert_int_equal(fastcgi_reader_feed(&r, bytes, sizeof(whole) - 1), FASTCGI_COMPLETE);
        assert_int_equal(r.keep, flag);
        assert_int_equal(r.id, 1);
        assert_false(r.surplus);
        fastcgi_reader_free(&r);
    }
    fastcgi_reader_init(&r);
    fastcgi_reader_feed(&r, bytes, sizeof(whole)); /* with the NUL behind it */
    assert_true(r.surplus);
    fastcgi_reader_free(&r);
}

/* What is written can be read: the same record heads, and all of the text. */
static void test_answer(void **state)
{
    static char text[70000];
    struct buf out;

    (void)state;
    memset(text, 't', sizeof(text));
    buf_init(&out, 100000);
    fastcgi_write_answer(0x0102, (struct str){text, sizeof(text)}, &out);
    assert_true(buf_ok(&out));
    assert_int_equal(out.len, sizeof(text) + 5 * 8);
    assert_memory_equal(out.data, "\1\6\1\2\xff\xf8\0\0t", 9);
    assert_memory_equal(out.data + 8 + 65528, "\1\6\1\2\x11\x78\0\0t", 9);
    assert_memory_equal(out.data + out.len - 24,
                        "\1\6\1\2\0\0\0\0\1\3\1\2\0\x08\0\0\0\0\0\0\0\0\0\0", 24);
    buf_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),    cmocka_unit_test(test_long_heads),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_keep),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests_name("pool/readers", tests, NULL, NULL);
}
