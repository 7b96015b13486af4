/*
 * When a call is tried again: the pause before, and the quota that keeps a whole process from
 * making an outage worse. The numbers are those of the AWS SDKs' standard mode for DynamoDB.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
#ifndef AWS_RETRY_H
#define AWS_RETRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum retry_kind {
    RETRY_TRANSIENT,   /* a network or server fault: base 25 ms */
    RETRY_THROTTLED,   /* the server asks for less: base 1 s */
    RETRY_CREDENTIALS, /* an endpoint that gives credentials: base 200 ms, outside the quota */
};

#define RETRY_SERVER_UNSAID (-1)

/*
 * How long to sleep, in microseconds, after the attempt numbered `failed` (from 1) failed:
 * chance * min(base * 2^(failed - 1), 20 s), chance being uniform in [0, 1). The server's own wish
 * (x-amz-retry-after; RETRY_SERVER_UNSAID if there is none) counts, but not below that time and not
 * more than 5 s above it.
 */
int64_t retry_pause_us(enum retry_kind kind, unsigned failed, double chance, int64_t server_ms);

#define RETRY_QUOTA_SIZE 500

/* The token bucket of a process: full at first; every thread may use it. */
struct retry_quota {
    atomic_int tokens;
};

void retry_quota_init(struct retry_quota *quota);

/* What one retry costs: 14, or 5 after throttling, which harms nobody while it waits; 0 for
 * credentials. */
int retry_cost(enum retry_kind kind);

/* Takes `cost`, or nothing and false if there is not enough. */
bool retry_quota_take(struct retry_quota *quota, int cost);

/* After a success (a refusal is none): gives back what its last retry cost, or 1 if there was none
 * (cost 0). Never more than the bucket holds. */
void retry_quota_succeed(struct retry_quota *quota, int cost);

#endif
