/*
 * Pauses and quota with the numbers that the SDKs have: a table of pauses, the bucket's arithmetic,
 * and the bucket between threads.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aws/retry.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NEARLY_ONE 0.999999

static const struct {
    enum retry_kind kind;
    unsigned failed;
    double chance;
    int64_t server_ms;
    int64_t us;
} pauses[] = {
    /* rand * 25 ms * 2^(n-1) */
    {RETRY_TRANSIENT, 1, 0.0, RETRY_SERVER_UNSAID, 0},
    {RETRY_TRANSIENT, 1, 0.5, RETRY_SERVER_UNSAID, 12500},
    {RETRY_TRANSIENT, 1, 1.0, RETRY_SERVER_UNSAID, 25000},
    {RETRY_TRANSIENT, 2, 1.0, RETRY_SERVER_UNSAID, 50000},
    {RETRY_TRANSIENT, 3, 1.0, RETRY_SERVER_UNSAID, 100000},
    {RETRY_TRANSIENT, 3, 0.25, RETRY_SERVER_UNSAID, 25000},
    /* rand * 1 s * 2^(n-1) */
    {RETRY_THROTTLED, 1, 0.5, RETRY_SERVER_UNSAID, 500000},
    {RETRY_THROTTLED, 2, 1.0, RETRY_SERVER_UNSAID, 2000000},
    {RETRY_THROTTLED, 3, 1.0, RETRY_SERVER_UNSAID, 4000000},
    /* rand * 200 ms * 2^(n-1) */
    {RETRY_CREDENTIALS, 1, 0.5, RETRY_SERVER_UNSAID, 100000},
    {RETRY_CREDENTIALS, 2, 1.0, RETRY_SERVER_UNSAID, 400000},
    /* never above 20 s */
    {RETRY_THROTTLED, 5, 1.0, RETRY_SERVER_UNSAID, 16000000},
    {RETRY_THROTTLED, 6, 1.0, RETRY_SERVER_UNSAID, 20000000},
    {RETRY_TRANSIENT, 11, 1.0, RETRY_SERVER_UNSAID, 20000000},
    {RETRY_TRANSIENT, 4000000000, 0.5, RETRY_SERVER_UNSAID, 10000000},
    /* the server's wish: not below t, not above t + 5 s */
    {RETRY_TRANSIENT, 1, 1.0, 1500, 1500000},
    {RETRY_TRANSIENT, 1, 1.0, 10, 25000},
    {RETRY_TRANSIENT, 1, 1.0, 0, 25000},
    {RETRY_TRANSIENT, 1, 1.0, 5025, 5025000},
    {RETRY_TRANSIENT, 1, 1.0, 5026, 5025000},
    {RETRY_TRANSIENT, 1, 0.0, INT64_MAX, 5000000},
    {RETRY_THROTTLED, 2, 1.0, 999999, 7000000},
};

static void test_pauses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pauses); i++) {
        print_message("  row %zu\n", i);
        assert_int_equal(
            retry_pause_us(pauses[i].kind, pauses[i].failed, pauses[i].chance, pauses[i].server_ms),
            pauses[i].us);
    }
}

static void test_a_pause_is_less_than_the_limit(void **state)
{
    (void)state;
    for (unsigned failed = 1; failed < 100; failed++)
        assert_true(retry_pause_us(RETRY_THROTTLED, failed, NEARLY_ONE, RETRY_SERVER_UNSAID) <
                    20000000);
}

static unsigned drain(struct retry_quota *quota, enum retry_kind kind)
{
    unsigned n = 0;
    while (retry_quota_take(quota, retry_cost(kind)))
        n++;
    return n;
}

static void test_what_a_full_bucket_pays_for(void **state)
{
    struct retry_quota quota;
    (void)state;
    retry_quota_init(&quota);
    assert_int_equal(drain(&quota, RETRY_TRANSIENT), 500 / 14);
    assert_int_equal(quota.tokens, 500 % 14);
    assert_int_equal(drain(&quota, RETRY_THROTTLED), (500 % 14) / 5);
    retry_quota_init(&quota);
    assert_int_equal(drain(&quota, RETRY_THROTTLED), 500 / 5);
    assert_int_equal(quota.tokens, 0);
    assert_true(retry_quota_take(&quota, retry_cost(RETRY_CREDENTIALS)));
}

static void test_what_success_gives_back(void **state)
{
    static const struct {
        int before;
        int cost;
        int after;
    } rows[] = {{100, 14, 114}, {100, 5, 105},  {100, 0, 101}, {490, 14, 500},
                {499, 0, 500},  {500, 14, 500}, {500, 0, 500}, {0, 0, 1}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct retry_quota quota;
        retry_quota_init(&quota);
        quota.tokens = rows[i].before;
        retry_quota_succeed(&quota, rows[i].cost);
        assert_int_equal(quota.tokens, rows[i].after);
    }
}

static void *take_and_give(void *context)
{
    struct retry_quota *quota = context;
    for (int i = 0; i < 20000; i++) {
        if (retry_quota_take(quota, 14))
            retry_quota_succeed(quota, 14);
    }
    return NULL;
}

static void test_threads_lose_no_token(void **state)
{
    struct retry_quota quota;
    pthread_t threads[4];
    (void)state;
    retry_quota_init(&quota);
    quota.tokens = 300;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &quota), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(quota.tokens, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_a_pause_is_less_than_the_limit),
        cmocka_unit_test(test_what_a_full_bucket_pays_for),
        cmocka_unit_test(test_what_success_gives_back),
        cmocka_unit_test(test_threads_lose_no_token),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
