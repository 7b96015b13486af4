/*
 * pool/scoreboard: who has the fewest connections, and connections that are handed from one to
 * another with what has been sent on them. pool/children: how long to wait after deaths.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/scoreboard.h"

static int setup(void **state)
{
    *state = scoreboard_new(4, NULL);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    scoreboard_free(*state);
    return 0;
}

static void test_least(void **state)
{
    struct scoreboard *b = *state;

    assert_int_equal(scoreboard_least(b, 0), -1);
    scoreboard_set(b, 0, SCOREBOARD_READY, 4);
    assert_int_equal(scoreboard_least(b, 0), -1);
    assert_int_equal(scoreboard_least(b, 3), 0);
    scoreboard_set(b, 1, SCOREBOARD_STARTING, 4);
    scoreboard_set(b, 2, SCOREBOARD_READY, 4);
    scoreboard_set(b, 3, SCOREBOARD_DRAINING, 4);
    scoreboard_count(b, 0, 5);
    scoreboard_count(b, 2, 3);
    assert_int_equal(scoreboard_least(b, 1), 2);
    scoreboard_count(b, 2, 3);
    assert_int_equal(scoreboard_least(b, 1), 0);
    assert_int_equal(scoreboard_connections(b, 2), 6);
    assert_true(scoreboard_change(b, 2, SCOREBOARD_READY, SCOREBOARD_DRAINING));
    assert_false(scoreboard_change(b, 3, SCOREBOARD_STARTING, SCOREBOARD_READY));
    assert_int_equal(scoreboard_state(b, 3), SCOREBOARD_DRAINING);
    assert_int_equal(scoreboard_least(b, 0), -1);
}

/* A connection whose peer has sent a byte; *peer is the other end. */
static int connection(int *peer, char byte)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(write(pair[1], &byte, 1), 1);
    *peer = pair[1];
    return pair[0];
}

static void assert_brings(int fd, char byte)
{
    char got = 0;

    assert_true(fd >= 0);
    assert_int_equal(read(fd, &got, 1), 1);
    assert_int_equal(got, byte);
    close(fd);
}

static void test_give(void **state)
{
    struct scoreboard *b = *state;
    int peers[2];

    scoreboard_set(b, 1, SCOREBOARD_READY, 2);
    assert_int_equal(scoreboard_take(b, 1), -1);
    assert_int_equal(scoreboard_give(b, 1, connection(&peers[0], 'a')), 0);
    assert_int_equal(scoreboard_give(b, 1, connection(&peers[1], 'b')), 0);
    assert_int_equal(scoreboard_connections(b, 1), 2);
    assert_int_equal(scoreboard_take(b, 0), -1);
    assert_brings(scoreboard_take(b, 1), 'a');
    assert_brings(scoreboard_take(b, 1), 'b');
    assert_int_equal(scoreboard_take(b, 1), -1);
    assert_int_equal(scoreboard_connections(b, 1), 2); /* the taker has them now */
    close(peers[0]);
    close(peers[1]);
}

static void test_full_inbox(void **state)
{
    struct scoreboard *b = *state;
    int peer;
    int fd = connection(&peer, 'x');
    unsigned given = 0;

    scoreboard_set(b, 0, SCOREBOARD_READY, 2);
    while (given < 100000) {
        int copy = dup(fd);
        if (scoreboard_give(b, 0, copy) < 0) {
            close(copy); /* still ours */
            break;
        }
        given++;
    }
    assert_in_range(given, 16, 99999);
    assert_int_equal(scoreboard_connections(b, 0), given);
    close(fd);
    close(peer);
}

/* As if its process had died between the choice and the giving. */
static void test_give_to_the_dead(void **state)
{
    struct scoreboard *b = *state;
    int peer;

    scoreboard_set(b, 1, SCOREBOARD_READY, 2);
    assert_int_equal(scoreboard_give(b, 0, connection(&peer, 'a')), 0);
    assert_int_equal(scoreboard_connections(b, 0), 0);
    assert_int_equal(scoreboard_connections(b, 1), 1);
    assert_brings(scoreboard_take(b, 1), 'a');
    close(peer);
}

static void test_no_descriptor_left(void **state)
{
    struct scoreboard *b = *state;
    struct rlimit before;
    int peers[2];

    scoreboard_set(b, 0, SCOREBOARD_READY, 2);
    scoreboard_give(b, 0, connection(&peers[0], 'a'));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(scoreboard_take(b, 0), -1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(scoreboard_connections(b, 0), 0); /* the lost one is not counted for ever */
    scoreboard_give(b, 0, connection(&peers[1], 'b'));
    assert_brings(scoreboard_take(b, 0), 'b');
    close(peers[0]);
    close(peers[1]);
}

/* Nobody gets more than it holds. */
static void test_full(void **state)
{
    struct scoreboard *b = *state;

    scoreboard_set(b, 0, SCOREBOARD_READY, 4);
    scoreboard_set(b, 1, SCOREBOARD_READY, 128);
    scoreboard_count(b, 0, (int)scoreboard_capacity(4) - 1);
    scoreboard_count(b, 1, (int)scoreboard_capacity(128) - 1);
    assert_int_equal(scoreboard_least(b, 3), 0);
    scoreboard_count(b, 0, 1);
    assert_int_equal(scoreboard_least(b, 3), 1); /* the one that has more, but room */
    scoreboard_count(b, 1, 1);
    assert_int_equal(scoreboard_least(b, 3), -1);
}

static void test_clear_forwards(void **state)
{
    struct scoreboard *b = *state;
    int peers[2];

    scoreboard_set(b, 0, SCOREBOARD_READY, 2);
    scoreboard_set(b, 1, SCOREBOARD_READY, 2);
    scoreboard_give(b, 0, connection(&peers[0], 'a'));
    scoreboard_clear(b, 0);
    assert_int_equal(scoreboard_state(b, 0), SCOREBOARD_FREE);
    assert_int_equal(scoreboard_connections(b, 0), 0);
    assert_int_equal(scoreboard_connections(b, 1), 1);
    assert_brings(scoreboard_take(b, 1), 'a');
    /* Without anybody left it waits for the one who comes next. */
    scoreboard_give(b, 1, connection(&peers[1], 'b'));
    scoreboard_clear(b, 1);
    assert_int_equal(scoreboard_connections(b, 1), 1);
    scoreboard_set(b, 2, SCOREBOARD_READY, 2);
    scoreboard_forward_free(b);
    assert_int_equal(scoreboard_connections(b, 1), 0);
    assert_int_equal(scoreboard_connections(b, 2), 1);
    assert_brings(scoreboard_take(b, 2), 'b');
    close(peers[0]);
    close(peers[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_least, setup, teardown),
        cmocka_unit_test_setup_teardown(test_give, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_inbox, setup, teardown),
        cmocka_unit_test_setup_teardown(test_give_to_the_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_descriptor_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clear_forwards, setup, teardown),
    };
    return cmocka_run_group_tests_name("pool/scoreboard", tests, NULL, NULL);
}
