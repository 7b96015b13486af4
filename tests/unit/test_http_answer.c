/*
 * The reader of HTTP answers: a table of answers, good and malformed, each read in one piece, byte
 * by byte and cut in two at every place, with one result.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aws/http_answer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BODY_CAP 100

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

struct answer_case {
    const char *name;
    const char *bytes;
    size_t n;   /* 0: up to the NUL */
    bool ended; /* the connection ends after them */
    /* what must come of it */
    const char *error; /* a part of what is wrong; NULL: it is complete */
    int status;        /* 0: 200 */
    const char *body;  /* NULL: empty */
    size_t surplus;
    bool closes;
    bool incomplete; /* more is awaited */
};

static const struct answer_case cases[] = {
    /* the status line */
    {.name = "a body of a length", .bytes = OK "Content-Length: 2\r\n\r\n{}", .body = "{}"},
    {.name = "no words", .bytes = "HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", .status = 500},
    {.name = "no words and no blank",
     .bytes = "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
     .status = 404},
    {.name = "words of any bytes",
     .bytes = "HTTP/1.1 200 tr\xe8s bien\t!\r\nContent-Length: 0\r\n\r\n"},
    {.name = "HTTP/1.0 closes",
     .bytes = "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
     .body = "x",
     .closes = true},
    {.name = "HTTP/1.0, whatever it says",
     .bytes = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
     .body = "x",
     .closes = true},
    {.name = "HTTP/2", .bytes = "HTTP/2 200\r\n\r\n", .error = "not HTTP/1.1"},
    {.name = "HTTP/1.2", .bytes = "HTTP/1.2 200 OK\r\n\r\n", .error = "not HTTP/1.1"},
    {.name = "HTTP/11.1", .bytes = "HTTP/11.1 200 OK\r\n\r\n", .error = "not HTTP/1.1"},
    {.name = "small letters", .bytes = "http/1.1 200 OK\r\n\r\n", .error = "not HTTP/1.1"},
    {.name = "HTML", .bytes = "<html>\r\n\r\n", .error = "not HTTP/1.1"},
    {.name = "an empty line first", .bytes = "\r\n" OK "\r\n", .error = "not HTTP/1.1"},
    {.name = "two blanks", .bytes = "HTTP/1.1  200 OK\r\n\r\n", .error = "status line"},
    {.name = "two digits", .bytes = "HTTP/1.1 20 OK\r\n\r\n", .error = "status line"},
    {.name = "four digits", .bytes = "HTTP/1.1 2000 OK\r\n\r\n", .error = "status line"},
    {.name = "no digits", .bytes = "HTTP/1.1 OK\r\n\r\n", .error = "status line"},
    {.name = "a sign", .bytes = "HTTP/1.1 +20 OK\r\n\r\n", .error = "status line"},
    {.name = "status 099", .bytes = "HTTP/1.1 099 OK\r\n\r\n", .error = "status line"},
    {.name = "status 600", .bytes = "HTTP/1.1 600 OK\r\n\r\n", .error = "status line"},
    {.name = "a NUL in the words",
     .bytes = "HTTP/1.1 200 O\0K\r\n\r\n",
     .n = 20,
     .error = "status line"},
    {.name = "a CR in the words", .bytes = "HTTP/1.1 200 O\rK\r\n\r\n", .error = "status line"},
    {.name = "a bare LF", .bytes = "HTTP/1.1 200 OK\n\n", .error = "CR LF"},
    /* header lines */
    {.name = "blanks around a value",
     .bytes = OK "Content-Length: \t 2 \t\r\n\r\n{}",
     .body = "{}"},
    {.name = "no blank before a value", .bytes = OK "content-length:2\r\n\r\n{}", .body = "{}"},
    {.name = "an empty value", .bytes = OK "X:\r\nContent-Length: 0\r\n\r\n"},
    {.name = "every character of a token",
     .bytes = OK "!#$%&'*+-.^_`|~09azAZ: x\r\nContent-Length: 0\r\n\r\n"},
    {.name = "a blank before the colon",
     .bytes = OK "Content-Length : 2\r\n\r\n{}",
     .error = "header line"},
    {.name = "a tab before the colon",
     .bytes = OK "Content-Length\t: 2\r\n\r\n{}",
     .error = "header line"},
    {.name = "a folded line", .bytes = OK "X: a\r\n b\r\n\r\n", .error = "header line"},
    {.name = "a folded line with a tab", .bytes = OK "X: a\r\n\tb\r\n\r\n", .error = "header line"},
    {.name = "no colon", .bytes = OK "Content-Length 2\r\n\r\n{}", .error = "header line"},
    {.name = "no name", .bytes = OK ": 2\r\n\r\n{}", .error = "header line"},
    {.name = "a name in quotes", .bytes = OK "\"X\": 2\r\n\r\n{}", .error = "header line"},
    {.name = "a name with a NUL",
     .bytes = OK "X\0Y: 2\r\n\r\n",
     .n = sizeof(OK "X\0Y: 2\r\n\r\n") - 1,
     .error = "header line"},
    {.name = "a name with a letter beyond ASCII",
     .bytes = OK "X\xe9: 2\r\n\r\n",
     .error = "header line"},
    {.name = "a bare LF after a header",
     .bytes = OK "X: a\nContent-Length: 2\r\n\r\n{}",
     .error = "CR LF"},
    {.name = "a bare LF at the end of the head",
     .bytes = OK "Content-Length: 2\r\n\n{}",
     .error = "CR LF"},
    {.name = "a bare CR in a value",
     .bytes = OK "X: a\rContent-Length: 2\r\n\r\n{}",
     .error = "control character"},
    {.name = "two CR", .bytes = OK "X: a\r\r\n\r\n", .error = "control character"},
    {.name = "a NUL in a value",
     .bytes = OK "X: a\0b\r\n\r\n",
     .n = sizeof(OK "X: a\0b\r\n\r\n") - 1,
     .error = "control character"},
    {.name = "an ESC in a value", .bytes = OK "X: \x1b[31m\r\n\r\n", .error = "control character"},
    {.name = "a DEL in a value", .bytes = OK "X: \x7f\r\n\r\n", .error = "control character"},
    /* how long the body is */
    {.name = "a sign before the length",
     .bytes = OK "Content-Length: +2\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "a negative length",
     .bytes = OK "Content-Length: -2\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "a hexadecimal length",
     .bytes = OK "Content-Length: 0x2\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "a fraction", .bytes = OK "Content-Length: 2.0\r\n\r\n{}", .error = "Content-Length"},
    {.name = "an empty length", .bytes = OK "Content-Length:\r\n\r\n{}", .error = "Content-Length"},
    {.name = "a list of lengths",
     .bytes = OK "Content-Length: 2, 2\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "a length of 19 digits",
     .bytes = OK "Content-Length: 0000000000000000002\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "two equal lengths",
     .bytes = OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "two different lengths",
     .bytes = OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
     .error = "Content-Length"},
    {.name = "a length and chunks",
     .bytes = OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
     .error = "Content-Length and a Transfer-Encoding"},
    {.name = "chunks and a length",
     .bytes = OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
     .error = "Content-Length and a Transfer-Encoding"},
    {.name = "chunks twice",
     .bytes = OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     .error = "Transfer-Encoding"},
    {.name = "gzip in chunks",
     .bytes = OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     .error = "Transfer-Encoding"},
    {.name = "identity", .bytes = OK "Transfer-Encoding: identity\r\n\r\n", .error = "Transfer"},
    {.name = "an empty encoding", .bytes = OK "Transfer-Encoding:\r\n\r\n", .error = "Transfer"},
    {.name = "chunks of HTTP/1.0",
     .bytes = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     .error = "Transfer-Encoding"},
    {.name = "the length that the cap allows",
     .bytes = OK "Content-Length: 100\r\n\r\n",
     .incomplete = true},
    {.name = "one more", .bytes = OK "Content-Length: 101\r\n\r\n", .error = "too large"},
    {.name = "the largest number",
     .bytes = OK "Content-Length: 999999999999999999\r\n\r\n",
     .error = "too large"},
    {.name = "until the end", .bytes = OK "\r\n{}", .ended = true, .body = "{}", .closes = true},
    {.name = "until an end that is awaited", .bytes = OK "\r\n{}", .incomplete = true},
    {.name = "until the end, nothing", .bytes = OK "\r\n", .ended = true, .closes = true},
    {.name = "until the end, too much",
     .bytes = OK "\r\n"
                 "0123456789012345678901234567890123456789012345678901234567890123456789"
                 "0123456789012345678901234567890",
     .error = "too large"},
    {.name = "204 has no body", .bytes = "HTTP/1.1 204 No Content\r\n\r\n", .status = 204},
    {.name = "204 with a length",
     .bytes = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
     .status = 204},
    {.name = "304 has the length of another answer",
     .bytes = "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
     .status = 304},
    /* the end */
    {.name = "close", .bytes = OK "Connection: close\r\nContent-Length: 0\r\n\r\n", .closes = true},
    {.name = "close in a list, in capitals",
     .bytes = OK "Connection: x , CLOSE\r\nContent-Length: 0\r\n\r\n",
     .closes = true},
    {.name = "close in a second header",
     .bytes = OK "Connection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
     .closes = true},
    {.name = "a word that begins with close",
     .bytes = OK "Connection: closed, ,\r\nContent-Length: 0\r\n\r\n"},
    {.name = "a surplus byte",
     .bytes = OK "Content-Length: 2\r\n\r\n{}x",
     .body = "{}",
     .surplus = 1},
    {.name = "a second answer",
     .bytes = OK "Content-Length: 0\r\n\r\n" OK,
     .surplus = sizeof(OK) - 1},
    {.name = "nothing", .bytes = "", .ended = true, .error = "before an answer came"},
    {.name = "closed in the status line",
     .bytes = "HTTP/1.1 2",
     .ended = true,
     .error = "complete"},
    {.name = "closed after the status line", .bytes = OK, .ended = true, .error = "complete"},
    {.name = "closed in a header", .bytes = OK "Content-Le", .ended = true, .error = "complete"},
    {.name = "closed before the empty line",
     .bytes = OK "X: y\r\n",
     .ended = true,
     .error = "complete"},
    {.name = "closed in the body",
     .bytes = OK "Content-Length: 3\r\n\r\n{}",
     .ended = true,
     .error = "complete"},
    {.name = "closed after the answer",
     .bytes = OK "Content-Length: 2\r\n\r\n{}",
     .ended = true,
     .body = "{}"},
    /* chunks */
    {.name = "chunks", .bytes = CHUNKED "1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", .body = "{}"},
    {.name = "no chunk", .bytes = CHUNKED "0\r\n\r\n"},
    {.name = "chunks in capitals",
     .bytes =
         OK "TRANSFER-ENCODING: Chunked\r\n\r\nA\r\n0123456789\r\n0a\r\n0123456789\r\n000\r\n\r\n",
     .body = "01234567890123456789"},
    {.name = "extensions", .bytes = CHUNKED "2;a=b;c=\"d\"\r\n{}\r\n0;e\r\n\r\n", .body = "{}"},
    {.name = "trailers",
     .bytes = CHUNKED "2\r\n{}\r\n0\r\nX: y\r\nContent-Length: 7\r\nConnection: close\r\n\r\n",
     .body = "{}"},
    {.name = "a line's end in a chunk",
     .bytes = CHUNKED "4\r\n\r\n\r\n\r\n0\r\n\r\n",
     .body = "\r\n\r\n"},
    {.name = "no size", .bytes = CHUNKED "\r\n{}\r\n", .error = "size of a chunk"},
    {.name = "a size that is none", .bytes = CHUNKED "g\r\n", .error = "size of a chunk"},
    {.name = "a prefix", .bytes = CHUNKED "0x2\r\n{}\r\n", .error = "size of a chunk"},
    {.name = "a sign before the size", .bytes = CHUNKED "+2\r\n{}\r\n", .error = "size of a chunk"},
    {.name = "a negative size", .bytes = CHUNKED "-1\r\n", .error = "size of a chunk"},
    {.name = "a blank before the size",
     .bytes = CHUNKED " 2\r\n{}\r\n",
     .error = "size of a chunk"},
    {.name = "a blank after the size", .bytes = CHUNKED "2 \r\n{}\r\n", .error = "size of a chunk"},
    {.name = "nine digits", .bytes = CHUNKED "000000002\r\n{}\r\n", .error = "size of a chunk"},
    {.name = "a size that overflows",
     .bytes = CHUNKED "10000000000000002\r\n{}\r\n",
     .error = "size of a chunk"},
    {.name = "a size with a bare LF", .bytes = CHUNKED "2\n{}\r\n", .error = "CR LF"},
    {.name = "a NUL in an extension",
     .bytes = CHUNKED "2;\0\r\n{}\r\n",
     .n = sizeof(CHUNKED "2;\0\r\n{}\r\n") - 1,
     .error = "size of a chunk"},
    {.name = "a chunk beyond the cap", .bytes = CHUNKED "65\r\n", .error = "too large"},
    {.name = "the largest chunk", .bytes = CHUNKED "ffffffff\r\n", .error = "too large"},
    {.name = "chunks beyond the cap together",
     .bytes = CHUNKED "2\r\n{}\r\n63\r\n",
     .error = "too large"},
    {.name = "a chunk longer than its size",
     .bytes = CHUNKED "2\r\n{}}\r\n0\r\n\r\n",
     .error = "longer than its size"},
    {.name = "a chunk that ends with a bare LF",
     .bytes = CHUNKED "2\r\n{}\n0\r\n\r\n",
     .error = "CR LF"},
    {.name = "no last chunk", .bytes = CHUNKED "2\r\n{}\r\n", .ended = true, .error = "complete"},
    {.name = "half a chunk", .bytes = CHUNKED "3\r\n{}", .ended = true, .error = "complete"},
    {.name = "closed before the trailers end",
     .bytes = CHUNKED "2\r\n{}\r\n0\r\n",
     .ended = true,
     .error = "complete"},
    {.name = "a trailer that is none", .bytes = CHUNKED "0\r\nx\r\n\r\n", .error = "header line"},
    {.name = "a surplus byte after chunks",
     .bytes = CHUNKED "2\r\n{}\r\n0\r\n\r\n\n",
     .body = "{}",
     .surplus = 1},
    /* 1xx */
    {.name = "100 and 103 before the answer",
     .bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK
              "Content-Length: 2\r\n\r\n{}",
     .body = "{}"},
    {.name = "what a 1xx says of the connection is not the answer's",
     .bytes = "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" OK "Content-Length: 2\r\n\r\n{}",
     .body = "{}"},
    {.name = "101", .bytes = "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", .error = "protocol"},
    {.name = "a 1xx with a body",
     .bytes = "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n{}",
     .error = "interim"},
    {.name = "nothing after a 1xx",
     .bytes = "HTTP/1.1 100 Continue\r\n\r\n",
     .ended = true,
     .error = "complete"},
};

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct http_answer answer;
    struct transport_response response;
    size_t taken;
};

static void reading_init(struct reading *r)
{
    memset(r, 0x5a, sizeof(*r)); /* nothing may be read that was not set */
    buf_init(&r->response.body, BODY_CAP);
    transport_response_reset(&r->response);
    http_answer_init(&r->answer, &r->response);
    r->taken = 0;
}

/* A piece in memory of its own, so that a byte behind it is seen. A body goes straight to its place
 * if `straight` says so, as in an exchange. */
static void read_piece(struct reading *r, const char *bytes, size_t n, bool straight)
{
    char *piece = malloc(n ? n : 1);
    size_t left = http_answer_body_left(&r->answer);
    assert_non_null(piece);
    memcpy(piece, bytes, n);
    if (straight && left > 0 && n > 0) {
        size_t direct = n < left ? n : left;
        memcpy(buf_reserve(&r->response.body, direct), piece, direct);
        http_answer_body_added(&r->answer, direct);
        r->taken += direct;
        r->taken += http_answer_read(&r->answer, piece + direct, n - direct);
    } else {
        r->taken += http_answer_read(&r->answer, piece, n);
    }
    free(piece);
}

static void check_result(const struct answer_case *row, size_t n, struct reading *r)
{
    if (row->ended)
        http_answer_end(&r->answer);
    if (row->error) {
        assert_int_equal(r->answer.state, HTTP_ANSWER_BROKEN);
        assert_false(r->answer.keep_alive);
        if (!strstr(r->answer.error, row->error))
            fail_msg("%s: %s", row->name, r->answer.error);
    } else if (row->incomplete) {
        assert_true(r->answer.state != HTTP_ANSWER_BROKEN &&
                    r->answer.state != HTTP_ANSWER_COMPLETE);
    } else {
        if (r->answer.state != HTTP_ANSWER_COMPLETE)
            fail_msg("%s: state %d: %s", row->name, (int)r->answer.state,
                     r->answer.error ? r->answer.error : "");
        assert_int_equal(r->response.status, row->status ? row->status : 200);
        assert_true(str_is(buf_str(&r->response.body), row->body ? row->body : ""));
        assert_int_equal(n - r->taken, row->surplus);
        assert_int_equal(r->answer.keep_alive, !row->closes);
    }
    buf_free(&r->response.body);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct answer_case *row = &cases[i];
        size_t n = row->n ? row->n : strlen(row->bytes);
        struct reading r;
        print_message("  %s\n", row->name);
        for (size_t cut = 0; cut <= n; cut++) {
            for (int straight = 0; straight < 2; straight++) {
                reading_init(&r);
                read_piece(&r, row->bytes, cut, straight);
                read_piece(&r, row->bytes + cut, n - cut, straight);
                check_result(row, n, &r);
            }
        }
        reading_init(&r);
        for (size_t k = 0; k < n; k++)
            read_piece(&r, row->bytes + k, 1, false);
        check_result(row, n, &r);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* times × line between the begin and the end: whether that is an answer. */
static bool is_read(const char *begin, const char *line, size_t times, const char *end)
{
    struct reading r;
    reading_init(&r);
    (void)http_answer_read(&r.answer, begin, strlen(begin));
    for (size_t i = 0; i < times; i++)
        (void)http_answer_read(&r.answer, line, strlen(line));
    (void)http_answer_read(&r.answer, end, strlen(end));
    buf_free(&r.response.body);
    return r.answer.state == HTTP_ANSWER_COMPLETE;
}

static void test_limits(void **state)
{
    static char line[HTTP_ANSWER_LINE_MAX + 8] = "X: ";
    static const char end[] = "Content-Length: 0\r\n\r\n";
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    (void)state;
    /* a line */
    memset(line + 3, 'x', sizeof(line) - 4);
    memcpy(line + HTTP_ANSWER_LINE_MAX - 2, "\r\n", 3);
    assert_true(is_read(OK, line, 1, end));
    memcpy(line + HTTP_ANSWER_LINE_MAX - 2, "x\r\n", 4);
    assert_false(is_read(OK, line, 1, end));
    line[HTTP_ANSWER_LINE_MAX - 2] = '\0'; /* a line that goes on for ever */
    assert_false(is_read(OK, line + 3, 2, ""));
    /* a head, of lines that are allowed */
    memcpy(line + 4094, "\r\n", 3); /* 4,096 bytes */
    assert_true(is_read(OK, line, 15, end));
    assert_false(is_read(OK, line, 16, end));
    assert_false(is_read(CHUNKED "0\r\n", line, 17, "\r\n"));
    /* their number */
    assert_true(is_read(OK, "X: y\r\n", HTTP_ANSWER_HEADERS_MAX - 1, end));
    assert_false(is_read(OK, "X: y\r\n", HTTP_ANSWER_HEADERS_MAX, end));
    assert_true(is_read(CHUNKED "0\r\n", "X: y\r\n", HTTP_ANSWER_HEADERS_MAX, "\r\n"));
    assert_false(is_read(CHUNKED "0\r\n", "X: y\r\n", HTTP_ANSWER_HEADERS_MAX + 1, "\r\n"));
    /* 1xx */
    assert_true(is_read("", interim, HTTP_ANSWER_INTERIM_MAX, OK "Content-Length: 0\r\n\r\n"));
    assert_false(is_read("", interim, HTTP_ANSWER_INTERIM_MAX + 1, OK "Content-Length: 0\r\n\r\n"));
    /* the line of a chunk */
    memset(line, 'x', sizeof(line));
    memcpy(line, "2;", 2);
    memcpy(line + HTTP_ANSWER_CHUNK_LINE_MAX, "\r\n", 3);
    assert_true(is_read(CHUNKED, line, 1, "{}\r\n0\r\n\r\n"));
    memcpy(line + HTTP_ANSWER_CHUNK_LINE_MAX, "x\r\n", 4);
    assert_false(is_read(CHUNKED, line, 1, "{}\r\n0\r\n\r\n"));
}

/* ---- headers --------------------------------------------------------------------------------- */

static const struct {
    const char *date;
    int64_t s;
} dates[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Thu, 29 Feb 2024 23:59:59 GMT", 1709251199},
    {"Fri, 29 Feb 2023 23:59:59 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
    {"Sun, 06 nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
    {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
    {"Sun Nov  6 08:49:37 1994", -1},
    {"0000000000000000000000000 GMT", -1},
    {"", -1},
};

static void test_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct transport_response r = {.date_s = 7};
        transport_response_take_header(&r, STR("Date"), str_from(dates[i].date));
        assert_int_equal(r.date_s, dates[i].s);
    }
}

/* What a 1xx and a trailer say is not said of the answer. */
static void test_whose_headers(void **state)
{
    static const char bytes[] = "HTTP/1.1 103 Early Hints\r\nx-amz-crc32: 1\r\n"
                                "x-amzn-requestid: EARLY\r\n\r\n" OK
                                "X-Amzn-RequestId: R1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "0\r\nx-amz-crc32: 2\r\nx-amzn-requestid: LATE\r\n\r\n";
    struct reading r;
    (void)state;
    reading_init(&r);
    assert_int_equal(http_answer_read(&r.answer, bytes, sizeof(bytes) - 1), sizeof(bytes) - 1);
    assert_int_equal(r.answer.state, HTTP_ANSWER_COMPLETE);
    assert_int_equal(r.response.crc32, -1);
    assert_string_equal(r.response.request_id, "R1");
    buf_free(&r.response.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_whose_headers),
    };
    return cmocka_run_group_tests_name("http_answer", tests, NULL, NULL);
}
