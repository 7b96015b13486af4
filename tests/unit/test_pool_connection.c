/*
 * pool/connection: the fields of libfcgi that are called private behave as this program relies on,
 * in the version that is installed. The web server's side is written here byte by byte (FastCGI
 * specification, section 3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/gateway.h"
#include "pool/connection.h"

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

static int server = -1; /* the web server's end */
static int ours = -1;
static FCGX_Request request;

static int setup(void **state)
{
    int pair[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return -1;
    ours = pair[0];
    server = pair[1];
    connection_request_init(&request);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (server >= 0)
        close(server);
    server = -1;
    return 0;
}

static void send_record(int type, const void *content, size_t n)
{
    unsigned char header[8] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(n >> 8), (unsigned char)n, 0, 0};

    assert_int_equal(write(server, header, sizeof(header)), sizeof(header));
    if (n > 0)
        assert_int_equal(write(server, content, n), n);
}

static void send_begin(bool keep)
{
    unsigned char body[8] = {0, 1, keep, 0, 0, 0, 0, 0};

    send_record(BEGIN, body, sizeof(body));
    send_record(PARAMS, "\x0e\x04REQUEST_METHODPOST", 20);
    send_record(PARAMS, "", 0);
}

static void send_request(const char *body, size_t n, bool keep)
{
    send_begin(keep);
    for (size_t at = 0; at < n;) {
        size_t part = n - at < 30000 ? n - at : 30000;
        send_record(STDIN, body + at, part);
        at += part;
    }
    send_record(STDIN, "", 0);
}

/* What the web server has got so far. */
static size_t received(unsigned char *out, size_t size)
{
    size_t n = 0;
    ssize_t got;

    while (n < size && (got = recv(server, out + n, size - n, MSG_DONTWAIT)) > 0)
        n += (size_t)got;
    return n;
}

static bool peer_is_closed(void)
{
    char byte;
    ssize_t n = recv(server, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* The type of the last record in a run of whole ones. */
static int last_type(const unsigned char *records, size_t n)
{
    int type = 0;

    for (size_t at = 0; at + 8 <= n;) {
        type = records[at + 1];
        at += 8 + ((size_t)records[at + 4] << 8) + records[at + 5] + records[at + 6];
    }
    return type;
}

static void answer(const char *text)
{
    struct gateway_fcgi g;

    gateway_fcgi_init(&g, &request);
    assert_string_equal(g.gateway.param(&g.gateway, "REQUEST_METHOD"), "POST");
    assert_null(g.gateway.param(&g.gateway, "NOTHING"));
    assert_int_equal(g.gateway.write(&g.gateway, text, strlen(text)), 0);
}

static void test_two_requests_on_one_connection(void **state)
{
    unsigned char got[4096];

    (void)state;
    for (int i = 0; i < 2; i++) {
        send_request("hello", 5, true);
        assert_int_equal(connection_accept(&request, ours), 0);
        answer("Status: 200 OK\r\n\r\n");
        assert_int_equal(connection_finish(&request), ours);
        size_t n = received(got, sizeof(got));
        assert_int_equal(last_type(got, n), END);
        assert_false(peer_is_closed());
    }
    close(ours);
}

static void test_unread_body(void **state)
{
    static char body[100000];
    struct gateway_fcgi g;
    unsigned char got[4096];
    char text[16];

    (void)state;
    /* More than libfcgi's buffer of 8 KB; the socket's own holds the rest. */
    send_request(body, sizeof(body), true);
    assert_int_equal(connection_accept(&request, ours), 0);
    assert_int_equal(connection_finish(&request), ours);
    received(got, sizeof(got));
    send_request("next", 4, true);
    assert_int_equal(connection_accept(&request, ours), 0);
    gateway_fcgi_init(&g, &request);
    assert_int_equal(g.gateway.read(&g.gateway, text, sizeof(text)), 4);
    assert_memory_equal(text, "next", 4);
    assert_int_equal(g.gateway.read(&g.gateway, text, sizeof(text)), 0);
    assert_int_equal(connection_finish(&request), ours);
    close(ours);
}

static void finish_and_expect_close(void)
{
    unsigned char got[4096];

    assert_int_equal(connection_accept(&request, ours), 0);
    answer("x");
    assert_int_equal(connection_finish(&request), -1);
    size_t n = received(got, sizeof(got));
    assert_int_equal(last_type(got, n), END);
    assert_true(peer_is_closed());
    assert_int_equal(fcntl(ours, F_GETFD), -1);
}

static void test_closed_if_the_server_does_not_keep_it(void **state)
{
    (void)state;
    send_request("", 0, false);
    finish_and_expect_close();
}

static void test_nothing_or_nonsense_is_no_request(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
        {"", 0},
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\1\1\0\1\0\10\0\0", 8},
        /* begun, and broken off: within the header of the parameters, and between two of them */
        {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1", 20},
        {"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\4\0\0\1\1AB", 28},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (i > 0)
            assert_int_equal(setup(state), 0);
        assert_int_equal(write(server, cases[i].bytes, cases[i].n), cases[i].n);
        shutdown(server, SHUT_WR);
        assert_int_equal(connection_accept(&request, ours), -1);
        assert_int_equal(fcntl(ours, F_GETFD), -1);
        teardown(state);
    }
}

static void test_body_that_breaks_off(void **state)
{
    struct gateway_fcgi g;
    char text[64];

    (void)state;
    send_begin(true);
    send_record(STDIN, "half", 4);
    shutdown(server, SHUT_WR);
    assert_int_equal(connection_accept(&request, ours), 0);
    gateway_fcgi_init(&g, &request);
    g.connection = ours;
    assert_true(g.gateway.client_gone(&g.gateway));
    long n = g.gateway.read(&g.gateway, text, sizeof(text));
    assert_int_equal(n, 4);
    assert_int_equal(g.gateway.read(&g.gateway, text, sizeof(text)), -1);
    assert_int_equal(connection_finish(&request), -1);
}

/* By which the server sees that the answer is not whole. */
static void test_dropped_without_an_end(void **state)
{
    struct gateway_fcgi g;
    unsigned char got[32768];
    static char part[20000];

    (void)state;
    send_request("", 0, true);
    assert_int_equal(connection_accept(&request, ours), 0);
    gateway_fcgi_init(&g, &request);
    assert_int_equal(g.gateway.write(&g.gateway, part, sizeof(part)), 0);
    assert_false(g.broken_off);
    g.gateway.break_off(&g.gateway);
    assert_true(g.broken_off);
    connection_drop(&request);
    size_t n = received(got, sizeof(got));
    assert_true(n > 8000); /* a part went out */
    assert_true(peer_is_closed());
    assert_int_equal(fcntl(ours, F_GETFD), -1);
    for (size_t at = 0; at + 8 <= n;
         at += 8 + (size_t)got[at + 4] * 256 + got[at + 5] + got[at + 6])
        assert_int_not_equal(got[at + 1], END);
}

static void test_client_gone(void **state)
{
    struct gateway_fcgi g;

    (void)state;
    send_request("", 0, true);
    assert_int_equal(connection_accept(&request, ours), 0);
    gateway_fcgi_init(&g, &request);
    assert_false(g.gateway.client_gone(&g.gateway)); /* not told the descriptor: not known */
    g.connection = ours;
    assert_false(g.gateway.client_gone(&g.gateway));
    close(server);
    server = -1;
    assert_true(g.gateway.client_gone(&g.gateway));
    assert_int_equal(connection_finish(&request), -1);
}

static void test_data_and_close(void **state)
{
    (void)state;
    assert_false(connection_has_data(ours));
    assert_false(connection_is_closed(ours));
    assert_int_equal(write(server, "x", 1), 1);
    assert_true(connection_has_data(ours));
    close(server);
    server = -1;
    assert_false(connection_is_closed(ours)); /* there is something to read first */
    char byte;
    assert_int_equal(read(ours, &byte, 1), 1);
    assert_true(connection_is_closed(ours));
    assert_false(connection_has_data(ours));
    close(ours);
}

static void test_time_limit(void **state)
{
    struct timeval limit = {0, 0};
    socklen_t n = sizeof(limit);

    (void)state;
    connection_prepare(ours);
    assert_int_equal(getsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &limit, &n), 0);
    assert_int_equal(limit.tv_sec, 5);
    assert_int_equal(getsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, &limit, &n), 0);
    assert_int_equal(limit.tv_sec, 5);
    close(ours);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_requests_on_one_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unread_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closed_if_the_server_does_not_keep_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_or_nonsense_is_no_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_that_breaks_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dropped_without_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_data_and_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_limit, setup, teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    if (connection_library_init(NULL) < 0)
        return 1;
    return cmocka_run_group_tests_name("pool/connection", tests, NULL, NULL);
}
