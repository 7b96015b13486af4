/*
 * pool/connection_table: a connection is in one pair of hands at a time, and an event that comes
 * too late finds nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/connection_table.h"

#define SIZE 3

struct fixture {
    int epoll_fd, drained_fd;
    struct connection_table *table;
    int ours[SIZE + 1], peers[SIZE + 1];
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    *f = (struct fixture){.table = NULL};
    f->epoll_fd = epoll_create1(0);
    f->drained_fd = eventfd(0, EFD_NONBLOCK);
    f->table = connection_table_new(f->epoll_fd, f->drained_fd, SIZE, NULL);
    for (int i = 0; i <= SIZE; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            return -1;
        f->ours[i] = pair[0];
        f->peers[i] = pair[1];
    }
    *state = f;
    return f->table ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    connection_table_free(f->table); /* closes those it has */
    for (int i = 0; i <= SIZE; i++)
        close(f->peers[i]);
    close(f->epoll_fd);
    close(f->drained_fd);
    return 0;
}

/* The key of the next event; 0 with nothing ready. */
static uint64_t next_key(struct fixture *f)
{
    struct epoll_event event;

    return epoll_wait(f->epoll_fd, &event, 1, 0) == 1 ? event.data.u64 : 0;
}

static unsigned add(struct fixture *f, int i)
{
    int index = connection_table_add(f->table, f->ours[i]);

    assert_true(index >= 0);
    return (unsigned)index;
}

static void test_idle_then_taken(void **state)
{
    struct fixture *f = *state;
    unsigned index = add(f, 0);
    unsigned taken = 99;

    add(f, 1);
    assert_int_equal(connection_table_idle(f->table, index, 10), 0);
    assert_int_equal(connection_table_oldest(f->table), 10);
    assert_int_equal(next_key(f), 0);
    assert_int_equal(write(f->peers[0], "x", 1), 1);
    uint64_t key = next_key(f);
    assert_true(key < TABLE_KEY_OTHER);
    assert_int_equal(connection_table_take(f->table, key, &taken), f->ours[0]);
    assert_int_equal(taken, index);
    assert_int_equal(connection_table_oldest(f->table), 0);
    /* The same event again, and an event while somebody has it: neither gives it a second time. */
    assert_int_equal(connection_table_take(f->table, key, &taken), -1);
    assert_int_equal(next_key(f), 0);
    /* Given back with the byte still unread it is ready at once. */
    assert_int_equal(connection_table_idle(f->table, index, 20), 0);
    assert_int_equal(connection_table_take(f->table, next_key(f), &taken), f->ours[0]);
}

static void test_late_event(void **state)
{
    struct fixture *f = *state;
    unsigned index = add(f, 0);
    unsigned taken;

    connection_table_idle(f->table, index, 10);
    assert_int_equal(write(f->peers[0], "x", 1), 1);
    uint64_t key = next_key(f);
    assert_int_equal(connection_table_take_oldest(f->table, 10, &taken), f->ours[0]);
    close(f->ours[0]);
    connection_table_remove(f->table, taken);
    assert_int_equal(add(f, 1), index); /* the entry has another connection now */
    connection_table_idle(f->table, index, 20);
    assert_int_equal(connection_table_take(f->table, key, &taken), -1);
    assert_int_equal(connection_table_take(f->table, (uint64_t)SIZE + 7, &taken), -1);
}

static void test_full(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < SIZE; i++)
        add(f, i);
    assert_int_equal(connection_table_count(f->table), SIZE);
    assert_int_equal(connection_table_add(f->table, f->ours[SIZE]), -1);
    close(f->ours[1]);
    connection_table_remove(f->table, 1);
    assert_int_equal(connection_table_add(f->table, f->ours[SIZE]), 1);
}

static void test_oldest_first(void **state)
{
    struct fixture *f = *state;
    unsigned index[SIZE];
    unsigned taken;

    for (int i = 0; i < SIZE; i++) {
        index[i] = add(f, i);
        connection_table_idle(f->table, index[i], 100 + i);
    }
    /* The middle one is used and becomes the newest. */
    assert_int_equal(write(f->peers[1], "x", 1), 1);
    assert_int_equal(connection_table_take(f->table, next_key(f), &taken), f->ours[1]);
    connection_table_idle(f->table, taken, 200);
    assert_int_equal(connection_table_take_oldest(f->table, 99, &taken), -1);
    assert_int_equal(connection_table_take_oldest(f->table, 150, &taken), f->ours[0]);
    assert_int_equal(connection_table_take_oldest(f->table, 150, &taken), f->ours[2]);
    assert_int_equal(connection_table_take_oldest(f->table, 150, &taken), -1);
    assert_int_equal(connection_table_oldest(f->table), 200);
    assert_int_equal(connection_table_take_oldest(f->table, INT64_MAX, &taken), f->ours[1]);
    assert_int_equal(next_key(f), 0); /* out of the epoll set, though there is something to read */
}

static void test_given_away_is_not_watched(void **state)
{
    struct fixture *f = *state;
    unsigned index = add(f, 0);
    unsigned taken;
    int copy = dup(f->ours[0]); /* another process has it */

    connection_table_idle(f->table, index, 10);
    assert_int_equal(write(f->peers[0], "x", 1), 1);
    assert_int_equal(connection_table_take(f->table, next_key(f), &taken), f->ours[0]);
    connection_table_unwatch(f->table, taken);
    close(f->ours[0]);
    connection_table_remove(f->table, taken);
    assert_int_equal(write(f->peers[0], "y", 1), 1);
    assert_int_equal(next_key(f), 0);
    close(copy);
}

static bool is_drained(struct fixture *f)
{
    uint64_t n;

    return read(f->drained_fd, &n, sizeof(n)) == (ssize_t)sizeof(n);
}

static void test_close(void **state)
{
    struct fixture *f = *state;
    unsigned held = add(f, 0);
    unsigned idle = add(f, 1);
    unsigned taken;

    connection_table_idle(f->table, idle, 1);
    connection_table_close(f->table);
    assert_false(is_drained(f));
    assert_int_equal(connection_table_idle(f->table, held, 2), -1);
    connection_table_watch(f->table, held, 2); /* its request is on the way */
    assert_int_equal(write(f->peers[0], "x", 1), 1);
    assert_int_equal(connection_table_take(f->table, next_key(f), &taken), f->ours[0]);
    close(f->ours[0]);
    connection_table_remove(f->table, taken);
    assert_false(is_drained(f));
    assert_int_equal(connection_table_take_oldest(f->table, INT64_MAX, &taken), f->ours[1]);
    close(f->ours[1]);
    connection_table_remove(f->table, taken);
    assert_true(is_drained(f));
}

static void test_close_of_an_empty_one(void **state)
{
    struct fixture *f = *state;

    connection_table_close(f->table);
    assert_true(is_drained(f));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_idle_then_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oldest_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_given_away_is_not_watched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_of_an_empty_one, setup, teardown),
    };
    return cmocka_run_group_tests_name("pool/connection_table", tests, NULL, NULL);
}
