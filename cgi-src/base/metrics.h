/*
 * Counters in memory that the master and all its processes share (an anonymous MAP_SHARED mapping
 * made before fork), so that any process can print the sum of all. Without metrics_init every call
 * is a no-op.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

/* The names that label the counters; tables of the layers above, with static life. */
struct metrics_labels {
    const char *const *routes; /* route templates */
    unsigned route_count;
    const char *const *methods; /* NULL: any other */
    unsigned method_count;
    const unsigned short *error_statuses; /* by enum err_code: the status that goes with each */
    const char *const *operations;        /* DynamoDB operations */
    unsigned operation_count;
    const char *const *outcomes; /* of a DynamoDB call */
    unsigned outcome_count;
};

/* Call once, before fork. slots: the number of worker threads over all processes. */
int metrics_init(const struct metrics_labels *labels, unsigned slots, struct err *e);

/* A request that was answered. route and method are indices into the labels. */
struct metrics_answer {
    unsigned route, method;
    enum err_code code; /* ERR_NONE: then status counts */
    unsigned status;
    int64_t duration_us;
    int64_t waited_us; /* how long it waited for a worker before that */
};
void metrics_request(const struct metrics_answer *answer);
void metrics_dynamodb(unsigned operation, unsigned outcome, int64_t duration_us);
void metrics_retry(unsigned operation);
void metrics_throttle(unsigned operation);
/* Consumed capacity in thousandths of a unit. */
void metrics_units(int64_t read_milliunits, int64_t write_milliunits);
void metrics_process_started(void);
void metrics_process_died(void);

/*
 * Says which slot the calling thread has: its counts go to that slot's share of the counters, so
 * that threads seldom write to the same cache line. Without this call they go to the first share.
 */
void metrics_thread_slot(unsigned slot);

/* The state of a worker thread's slot, for busy/idle and the watchdog. Times are CLOCK_MONOTONIC.
 */
void metrics_slot_busy(unsigned slot, int64_t mono_us);
void metrics_slot_idle(unsigned slot);
/* Says that the request in the calling thread's slot has made progress: the watchdog counts from
 * this moment. For requests that may take longer than any other. */
void metrics_slot_goes_on(int64_t mono_us);
void metrics_slot_off(unsigned slot); /* no thread has it (its process is gone) */
/* When the request in the slot began; 0 if it is idle or off. */
int64_t metrics_slot_since(unsigned slot);

/* The text exposition format of Prometheus, version 0.0.4. */
void metrics_print(struct buf *out);

/* The two lines that begin a family, for those who print families of their own behind it. */
void metrics_print_family(struct buf *out, const char *name, const char *type, const char *help);

#endif
