/*
 * The arithmetic of pauses and quota. attempts decides whether there is a retry,
 * and sleeps.
 */
#include "aws/retry.h"

#define PAUSE_MAX_US INT64_C(20000000)
#define SERVER_EXTRA_US INT64_C(5000000) /* a server's wish beyond our own pause */

static const struct retry_row {
    int64_t base_us;
    int cost;
} retry_rows[] = {
    [RETRY_TRANSIENT] = {25000, 14},
    [RETRY_THROTTLED] = {1000000, 5},
    [RETRY_CREDENTIALS] = {200000, 0},
};

static int64_t doubled(int64_t us, unsigned times)
{
    while (times-- > 0 && us < PAUSE_MAX_US)
        us *= 2;
    return us < PAUSE_MAX_US ? us : PAUSE_MAX_US;
}

int64_t retry_pause_us(enum retry_kind kind, unsigned failed, double chance, int64_t server_ms)
{
    int64_t longest = doubled(retry_rows[kind].base_us, failed > 0 ? failed - 1 : 0);
    int64_t pause = (int64_t)(chance * (double)longest);
    int64_t most = pause + SERVER_EXTRA_US;
    if (server_ms > most / 1000)
        return most;
    return server_ms * 1000 > pause ? server_ms * 1000 : pause;
}

void retry_quota_init(struct retry_quota *quota)
{
    atomic_init(&quota->tokens, RETRY_QUOTA_SIZE);
}

int retry_cost(enum retry_kind kind)
{
    return retry_rows[kind].cost;
}

/* Nothing else is published with the number, so no order is asked for. */
bool retry_quota_take(struct retry_quota *quota, int cost)
{
    int tokens = atomic_load_explicit(&quota->tokens, memory_order_relaxed);
    do {
        if (tokens < cost)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&quota->tokens, &tokens, tokens - cost,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void retry_quota_succeed(struct retry_quota *quota, int cost)
{
    int back = cost > 0 ? cost : 1;
    int tokens = atomic_load_explicit(&quota->tokens, memory_order_relaxed);
    int after;
    do {
        if (tokens >= RETRY_QUOTA_SIZE)
            return; /* the usual case: threads share the line without writing to it */
        after = tokens + back < RETRY_QUOTA_SIZE ? tokens + back : RETRY_QUOTA_SIZE;
    } while (!atomic_compare_exchange_weak_explicit(&quota->tokens, &tokens, after,
                                                    memory_order_relaxed, memory_order_relaxed));
}
