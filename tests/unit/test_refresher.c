/*
 * The refresher between threads: one refresh at a time, for all who wait; nobody waits longer than
 * he has; the source is left alone as long as it asked; and the end waits for what is under way.
 * Refreshes are held and let go by the tests, so that nothing depends on how fast a thread is.
 */
#include "fakes.h"

#include <pthread.h>
#include <signal.h>

#include "base/refresher.h"

#define THREADS 8
#define LONG_US INT64_C(60000000)
#define REST_US INT64_C(5000000)

/* What is refreshed: a number. The source waits at a gate. */
struct kept {
    struct refresher refresher;
    struct fake_clock time;
    struct clock clock;
    int64_t rest_us; /* that the source asks for */
    int number;      /* under the refresher's lock, also the next two */
    int asked;       /* how many have asked and wait */
    pthread_cond_t one_more_asked;
    int signals_taken; /* that the thread does not block */
    pthread_mutex_t gate;
    pthread_cond_t moved;
    bool closed;
    int entered; /* refreshes that have come to the gate */
    int most_at_once;
    int at_once;
};

static int unblocked_signals(void)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return !sigismember(&blocked, SIGTERM) + !sigismember(&blocked, SIGUSR1);
}

static int64_t refresh_number(void *owner)
{
    struct kept *k = owner;
    pthread_mutex_lock(&k->gate);
    k->entered++;
    if (++k->at_once > k->most_at_once)
        k->most_at_once = k->at_once;
    pthread_cond_broadcast(&k->moved);
    while (k->closed)
        pthread_cond_wait(&k->moved, &k->gate);
    k->at_once--;
    pthread_mutex_unlock(&k->gate);
    pthread_mutex_lock(&k->refresher.lock);
    k->number++;
    k->signals_taken = unblocked_signals();
    pthread_mutex_unlock(&k->refresher.lock);
    return fake_mono_us(&k->time) + k->rest_us;
}

static void kept_init(struct kept *k, int64_t rest_us)
{
    *k = (struct kept){.time = {.mono_us = 1}, .rest_us = rest_us};
    k->clock = fake_clock_table(&k->time);
    pthread_mutex_init(&k->gate, NULL);
    pthread_cond_init(&k->moved, NULL);
    pthread_cond_init(&k->one_more_asked, NULL);
    refresher_init(&k->refresher, &k->clock, refresh_number, k);
}

static void kept_free(struct kept *k)
{
    refresher_free(&k->refresher);
    pthread_cond_destroy(&k->one_more_asked);
    pthread_cond_destroy(&k->moved);
    pthread_mutex_destroy(&k->gate);
}

static void close_gate(struct kept *k)
{
    pthread_mutex_lock(&k->gate);
    k->closed = true;
    pthread_mutex_unlock(&k->gate);
}

static void open_gate(struct kept *k)
{
    pthread_mutex_lock(&k->gate);
    k->closed = false;
    pthread_cond_broadcast(&k->moved);
    pthread_mutex_unlock(&k->gate);
}

static void await_entered(struct kept *k, int n)
{
    pthread_mutex_lock(&k->gate);
    while (k->entered < n)
        pthread_cond_wait(&k->moved, &k->gate);
    pthread_mutex_unlock(&k->gate);
}

static int entered(struct kept *k)
{
    pthread_mutex_lock(&k->gate);
    int n = k->entered;
    pthread_mutex_unlock(&k->gate);
    return n;
}

/* Asks and waits; the number that is then there, or -1. */
static int get_number(struct kept *k, int64_t us)
{
    int number = -1;
    pthread_mutex_lock(&k->refresher.lock);
    enum refresher_state asked = refresher_ask(&k->refresher, REFRESHER_HEED_REST);
    k->asked++;
    pthread_cond_signal(&k->one_more_asked);
    if (asked == REFRESHER_UNDER_WAY && refresher_wait(&k->refresher, us) == REFRESHER_ENDED)
        number = k->number;
    pthread_mutex_unlock(&k->refresher.lock);
    return number;
}

/* Who has asked keeps the lock until he waits. */
static void await_asked(struct kept *k, int n)
{
    pthread_mutex_lock(&k->refresher.lock);
    while (k->asked < n)
        pthread_cond_wait(&k->one_more_asked, &k->refresher.lock);
    pthread_mutex_unlock(&k->refresher.lock);
}

/* ---- one caller ------------------------------------------------------------------------------ */

static void test_a_refresh_is_waited_for(void **state)
{
    struct kept k;
    (void)state;
    kept_init(&k, 0);
    assert_int_equal(get_number(&k, LONG_US), 1);
    assert_int_equal(get_number(&k, LONG_US), 2);
    /* Signals are for others. */
    assert_int_equal(k.signals_taken, 0);
    assert_int_equal(unblocked_signals(), 2);
    kept_free(&k);
}

static void test_waiting_for_nothing_is_no_wait(void **state)
{
    struct kept k;
    (void)state;
    kept_init(&k, 0);
    pthread_mutex_lock(&k.refresher.lock);
    assert_int_equal(refresher_wait(&k.refresher, LONG_US), REFRESHER_ENDED);
    pthread_mutex_unlock(&k.refresher.lock);
    assert_int_equal(entered(&k), 0);
    kept_free(&k);
}

static void test_nobody_waits_longer_than_he_has(void **state)
{
    static const int64_t waits[] = {-1, 0, 1000, 30000};
    struct kept k;
    (void)state;
    kept_init(&k, 0);
    close_gate(&k);
    pthread_mutex_lock(&k.refresher.lock);
    assert_int_equal(refresher_ask(&k.refresher, REFRESHER_HEED_REST), REFRESHER_UNDER_WAY);
    for (size_t i = 0; i < COUNT(waits); i++) {
        int64_t began = clock_system.mono_us(NULL);
        assert_int_equal(refresher_wait(&k.refresher, waits[i]), REFRESHER_NOT_IN_TIME);
        int64_t took = clock_system.mono_us(NULL) - began;
        assert_true(took >= waits[i] && took < waits[i] + 20000000);
    }
    assert_int_equal(k.number, 0);
    pthread_mutex_unlock(&k.refresher.lock);
    open_gate(&k);
    kept_free(&k);
}

/* Rows follow each other in time. */
static void test_the_source_is_left_alone(void **state)
{
    static const struct {
        int64_t later_us;
        enum refresher_haste haste;
        enum refresher_state state;
        int64_t rest_us; /* before it is asked */
        int number;      /* after it */
    } rows[] = {
        {0, REFRESHER_HEED_REST, REFRESHER_UNDER_WAY, 0, 1},
        {0, REFRESHER_HEED_REST, REFRESHER_RESTS, REST_US, 1},
        {REST_US - 1, REFRESHER_HEED_REST, REFRESHER_RESTS, 1, 1},
        {1, REFRESHER_HEED_REST, REFRESHER_UNDER_WAY, 0, 2},
        {0, REFRESHER_IGNORE_REST, REFRESHER_UNDER_WAY, REST_US, 3},
        {REST_US * 2, REFRESHER_HEED_REST, REFRESHER_UNDER_WAY, 0, 4},
    };
    struct kept k;
    (void)state;
    kept_init(&k, REST_US);
    for (size_t i = 0; i < COUNT(rows); i++) {
        print_message("  row %zu\n", i);
        fake_advance(&k.time, rows[i].later_us);
        pthread_mutex_lock(&k.refresher.lock);
        assert_int_equal(refresher_rest_us(&k.refresher), rows[i].rest_us);
        assert_int_equal(refresher_ask(&k.refresher, rows[i].haste), rows[i].state);
        assert_int_equal(refresher_wait(&k.refresher, LONG_US), REFRESHER_ENDED);
        assert_int_equal(k.number, rows[i].number);
        pthread_mutex_unlock(&k.refresher.lock);
    }
    kept_free(&k);
}

/* ---- many ------------------------------------------------------------------------------------ */

static void *wait_for_number(void *context)
{
    return (void *)(intptr_t)get_number(context, LONG_US);
}

/* All come while one refresh is under way, and all get what it brought. */
static void test_those_who_come_meanwhile_share_one_refresh(void **state)
{
    struct kept k;
    pthread_t threads[THREADS];
    (void)state;
    kept_init(&k, REST_US);
    close_gate(&k);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_number, &k), 0);
        await_entered(&k, 1);
    }
    await_asked(&k, THREADS);
    open_gate(&k);
    for (size_t i = 0; i < THREADS; i++) {
        void *number;
        pthread_join(threads[i], &number);
        assert_int_equal((intptr_t)number, 1);
    }
    pthread_mutex_lock(&k.refresher.lock);
    assert_int_equal(refresher_ask(&k.refresher, REFRESHER_HEED_REST), REFRESHER_RESTS);
    assert_int_equal(refresher_wait(&k.refresher, LONG_US), REFRESHER_ENDED);
    pthread_mutex_unlock(&k.refresher.lock);
    assert_int_equal(entered(&k), 1);
    kept_free(&k);
}

/* How often a wait ended although nothing had ever been refreshed, which is never. */
static void *ask_often(void *context)
{
    struct kept *k = context;
    intptr_t wrong = 0;
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&k->refresher.lock);
        refresher_ask(&k->refresher, REFRESHER_IGNORE_REST);
        if (i % 3 != 0)
            wrong += refresher_wait(&k->refresher, LONG_US) != REFRESHER_ENDED || k->number == 0;
        pthread_mutex_unlock(&k->refresher.lock);
    }
    return (void *)wrong;
}

static void test_many_ask_and_one_refreshes(void **state)
{
    struct kept k;
    pthread_t threads[THREADS];
    (void)state;
    kept_init(&k, REST_US);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &k), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_int_equal((intptr_t)wrong, 0);
    }
    assert_int_equal(k.most_at_once, 1);
    assert_true(entered(&k) > 1 && entered(&k) <= THREADS * 200);
    kept_free(&k);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void *open_later(void *context)
{
    struct kept *k = context;
    await_entered(k, 1);
    open_gate(k);
    return NULL;
}

static void test_the_end_waits_for_a_refresh(void **state)
{
    struct kept k;
    pthread_t thread;
    (void)state;
    kept_init(&k, 0);
    close_gate(&k);
    pthread_mutex_lock(&k.refresher.lock);
    refresher_ask(&k.refresher, REFRESHER_HEED_REST);
    pthread_mutex_unlock(&k.refresher.lock);
    await_entered(&k, 1);
    assert_int_equal(pthread_create(&thread, NULL, open_later, &k), 0);
    refresher_free(&k.refresher);
    assert_int_equal(k.number, 1);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&k.one_more_asked);
    pthread_cond_destroy(&k.moved);
    pthread_mutex_destroy(&k.gate);
}

static void test_the_end_of_one_that_was_never_asked(void **state)
{
    struct kept k;
    (void)state;
    kept_init(&k, 0);
    kept_free(&k);
    assert_int_equal(k.entered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refresh_is_waited_for),
        cmocka_unit_test(test_waiting_for_nothing_is_no_wait),
        cmocka_unit_test(test_nobody_waits_longer_than_he_has),
        cmocka_unit_test(test_the_source_is_left_alone),
        cmocka_unit_test(test_those_who_come_meanwhile_share_one_refresh),
        cmocka_unit_test(test_many_ask_and_one_refreshes),
        cmocka_unit_test(test_the_end_waits_for_a_refresh),
        cmocka_unit_test(test_the_end_of_one_that_was_never_asked),
    };
    return cmocka_run_group_tests_name("refresher", tests, NULL, NULL);
}
