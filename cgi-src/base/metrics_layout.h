/*
 * How the counters lie in the shared memory: for metrics.c, which counts, and metrics_print.c,
 * which adds up. A shard is: totals, requests by route, method and result, their durations by
 * route, their waits, calls by operation and outcome, durations, retries and throttles by
 * operation.
 */
#ifndef BASE_METRICS_LAYOUT_H
#define BASE_METRICS_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/metrics.h"

/* Shares of the counters: enough that the threads of a few cores seldom meet. */
#define METRICS_SHARDS 64
#define METRICS_BUCKETS 14

typedef atomic_uint_fast64_t metrics_counter;

/* Upper bounds; the last share of a histogram is what is above them all. */
struct metrics_bound {
    int64_t us;
    const char *seconds;
};
extern const struct metrics_bound metrics_bounds[METRICS_BUCKETS];

struct metrics_histogram {
    metrics_counter bucket[METRICS_BUCKETS + 1];
    metrics_counter sum_us;
};

struct metrics_totals {
    metrics_counter read_milliunits, write_milliunits;
};

/* What a request ended in: one of these, or an error, whose code has its own status. */
struct metrics_success {
    unsigned short status; /* 0: any other */
    const char *status_text, *code;
};
#define METRICS_SUCCESSES 6
extern const struct metrics_success metrics_successes[METRICS_SUCCESSES];
#define METRICS_RESULTS (METRICS_SUCCESSES + ERR_CODES)

struct metrics_shared {
    metrics_counter started, died;
    int64_t start_wall_us;
};

struct metrics_slot;

struct metrics_layout {
    struct metrics_labels labels;
    unsigned slots;
    struct metrics_shared *shared; /* NULL: nothing is counted */
    struct metrics_slot *slot;
    char *shards;
    size_t shard_size;
    /* offsets in a shard */
    size_t requests, durations, waits, calls, call_durations, retries, throttles;
};
extern struct metrics_layout metrics_layout;

metrics_counter *metrics_counter_at(unsigned shard, size_t offset, size_t index);
struct metrics_histogram *metrics_histogram_at(unsigned shard, size_t offset, size_t index);
/* The index of a request's counter. */
size_t metrics_request_index(unsigned route, unsigned method, unsigned result);

#endif
