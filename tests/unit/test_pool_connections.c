/*
 * pool/connections: in a rush everybody gets a turn. Whoever waits on the listener or in the inbox
 * is not left there while those who have a connection already are served again and again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/connections.h"

enum { PLACE = 0, THREADS = 1 };
/* What a process takes beyond its capacity at most. */
#define BEYOND 64

struct fixture {
    struct scoreboard *scoreboard;
    struct connections *connections;
    struct sockaddr_un address; /* abstract: no file is left behind */
    socklen_t address_size;
    int listener;
};

static void open_listener(struct fixture *f)
{
    f->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    f->address_size = sizeof(f->address);
    f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(f->listener >= 0);
    /* Without a name the kernel gives it one that is free (unix(7), "Autobind"). */
    assert_int_equal(bind(f->listener, (void *)&f->address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(f->listener, (void *)&f->address, &f->address_size), 0);
    assert_int_equal(listen(f->listener, SOMAXCONN), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    open_listener(f);
    f->scoreboard = scoreboard_new(2, NULL);
    assert_non_null(f->scoreboard);
    scoreboard_set(f->scoreboard, PLACE, SCOREBOARD_READY, THREADS);
    f->connections = connections_new(&(struct connections_setup){.scoreboard = f->scoreboard,
                                                                 .place = PLACE,
                                                                 .threads = THREADS,
                                                                 .listener = f->listener},
                                     NULL);
    assert_non_null(f->connections);
    assert_int_equal(connections_listen(f->connections, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    connections_free(f->connections);
    scoreboard_free(f->scoreboard);
    close(f->listener);
    free(f);
    return 0;
}

/* A client with a request, which says whose it is. */
static int connect_with(const struct fixture *f, uint32_t request)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const void *)&f->address, f->address_size), 0);
    assert_int_equal(write(fd, &request, sizeof(request)), sizeof(request));
    return fd;
}

/* Serves whoever is next, and tells whose request it was. */
static uint32_t serve_next(struct fixture *f)
{
    unsigned index;
    uint32_t request;
    int fd = connections_next(f->connections, &index);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, &request, sizeof(request)), sizeof(request));
    connections_give_back(f->connections, index, fd);
    return request;
}

/* As nginx does: a connection on which something comes unasked is closed, any other used again at
 * once. */
static int use_again(const struct fixture *f, int client, uint32_t request)
{
    char asked[8];

    if (recv(client, asked, sizeof(asked), MSG_DONTWAIT) > 0) {
        close(client);
        return connect_with(f, request);
    }
    assert_int_equal(write(client, &request, sizeof(request)), sizeof(request));
    return client;
}

static void test_turn_of_the_late(void **state)
{
    struct fixture *f = *state;
    uint32_t n = scoreboard_capacity(THREADS) + BEYOND;
    unsigned served = 0;
    int *busy = calloc(n, sizeof(*busy));
    uint32_t who;

    for (uint32_t i = 0; i < n; i++)
        busy[i] = connect_with(f, i);
    int late = connect_with(f, n);
    while ((who = serve_next(f)) != n) {
        busy[who] = use_again(f, busy[who], who);
        if (++served > 20 * n)
            fail_msg("the one who came late has not been served among %u requests", served);
    }
    for (uint32_t i = 0; i < n; i++)
        close(busy[i]);
    close(late);
    free(busy);
}

static void test_look_for_more(void **state)
{
    struct fixture *f = *state;
    int client[] = {connect_with(f, 0), connect_with(f, 1), -1};

    assert_int_equal(serve_next(f), 0);
    assert_int_equal(scoreboard_connections(f->scoreboard, PLACE), 2);
    client[2] = connect_with(f, 2);
    connections_look_for_more(f->connections);
    assert_int_equal(scoreboard_connections(f->scoreboard, PLACE), 3);
    for (size_t i = 0; i < sizeof(client) / sizeof(client[0]); i++)
        close(client[i]);
}

static void test_look_into_the_inbox(void **state)
{
    struct fixture *f = *state;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(scoreboard_give(f->scoreboard, PLACE, pair[1]), 0);
    connections_look_for_more(f->connections);
    assert_int_equal(scoreboard_take(f->scoreboard, PLACE), -1);
    assert_int_equal(scoreboard_connections(f->scoreboard, PLACE), 1);
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turn_of_the_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_look_for_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_look_into_the_inbox, setup, teardown),
    };

    return cmocka_run_group_tests_name("pool_connections", tests, NULL, NULL);
}
