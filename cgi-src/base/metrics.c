/*
 * Counters in shared memory. metrics_print.c makes text of them. The callers decide what is counted
 * and when; the pool prints its own gauges.
 */
#include "base/metrics.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/metrics_layout.h"

#define CACHE_LINE 64

const struct metrics_bound metrics_bounds[METRICS_BUCKETS] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

const struct metrics_success metrics_successes[METRICS_SUCCESSES] = {
    {200, "200", "ok"}, {201, "201", "ok"},          {204, "204", "ok"},
    {304, "304", "ok"}, {499, "499", "client_gone"}, {0, "other", "ok"},
};

struct metrics_slot {
    _Alignas(CACHE_LINE) _Atomic int64_t since_us;
};

struct metrics_layout metrics_layout;

static _Thread_local unsigned thread_shard;
static _Thread_local unsigned thread_slot = UINT_MAX; /* of no slot */

static size_t lay_out_shard(void)
{
    const struct metrics_labels *l = &metrics_layout.labels;
    size_t at = sizeof(struct metrics_totals);

    metrics_layout.requests = at;
    at += (size_t)l->route_count * l->method_count * METRICS_RESULTS * sizeof(metrics_counter);
    metrics_layout.durations = at;
    at += l->route_count * sizeof(struct metrics_histogram);
    metrics_layout.waits = at;
    at += sizeof(struct metrics_histogram);
    metrics_layout.calls = at;
    at += (size_t)l->operation_count * l->outcome_count * sizeof(metrics_counter);
    metrics_layout.call_durations = at;
    at += l->operation_count * sizeof(struct metrics_histogram);
    metrics_layout.retries = at;
    at += l->operation_count * sizeof(metrics_counter);
    metrics_layout.throttles = at;
    at += l->operation_count * sizeof(metrics_counter);
    return (at + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

int metrics_init(const struct metrics_labels *labels, unsigned slots, struct err *e)
{
    metrics_layout.labels = *labels;
    metrics_layout.shard_size = lay_out_shard();
    size_t head = (sizeof(struct metrics_shared) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    size_t size =
        head + slots * sizeof(struct metrics_slot) + METRICS_SHARDS * metrics_layout.shard_size;

    /* Pages that are never touched take no memory, so there may be many more slots than threads. */
    // cppcheck-suppress invalidFunctionArg ; MAP_ANONYMOUS wants -1
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return err_set(e, ERR_INTERNAL, "no memory for the counters (%zu bytes)", size);
    metrics_layout.slots = slots;
    metrics_layout.slot = (struct metrics_slot *)(memory + head);
    metrics_layout.shards = memory + head + slots * sizeof(struct metrics_slot);
    metrics_layout.shared = (struct metrics_shared *)memory;
    metrics_layout.shared->start_wall_us = clock_system.wall_us(clock_system.context);
    return 0;
}

void metrics_thread_slot(unsigned slot)
{
    thread_shard = slot % METRICS_SHARDS;
    thread_slot = slot;
}

/* ---- counting ---- */

static void counter_add(metrics_counter *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

metrics_counter *metrics_counter_at(unsigned shard, size_t offset, size_t index)
{
    return (metrics_counter *)(metrics_layout.shards + shard * metrics_layout.shard_size + offset) +
           index;
}

struct metrics_histogram *metrics_histogram_at(unsigned shard, size_t offset, size_t index)
{
    return (struct metrics_histogram *)(metrics_layout.shards + shard * metrics_layout.shard_size +
                                        offset) +
           index;
}

static void histogram_observe(struct metrics_histogram *h, int64_t us)
{
    unsigned i = 0;

    if (us < 0)
        us = 0;
    while (i < METRICS_BUCKETS && us > metrics_bounds[i].us)
        i++;
    counter_add(&h->bucket[i], 1);
    counter_add(&h->sum_us, (uint64_t)us);
}

size_t metrics_request_index(unsigned route, unsigned method, unsigned result)
{
    size_t pair = (size_t)route * metrics_layout.labels.method_count + method;

    return pair * METRICS_RESULTS + result;
}

static unsigned metrics_result_of(const struct metrics_answer *answer)
{
    unsigned i = 0;

    if (answer->code != ERR_NONE)
        return METRICS_SUCCESSES + (unsigned)answer->code;
    while (i < METRICS_SUCCESSES - 1 && metrics_successes[i].status != answer->status)
        i++;
    return i;
}

void metrics_request(const struct metrics_answer *answer)
{
    const struct metrics_labels *l = &metrics_layout.labels;

    if (!metrics_layout.shared || answer->route >= l->route_count ||
        answer->method >= l->method_count || answer->code >= ERR_CODES)
        return;
    size_t index = metrics_request_index(answer->route, answer->method, metrics_result_of(answer));
    counter_add(metrics_counter_at(thread_shard, metrics_layout.requests, index), 1);
    histogram_observe(metrics_histogram_at(thread_shard, metrics_layout.durations, answer->route),
                      answer->duration_us);
    histogram_observe(metrics_histogram_at(thread_shard, metrics_layout.waits, 0),
                      answer->waited_us);
}

void metrics_dynamodb(unsigned operation, unsigned outcome, int64_t duration_us)
{
    if (!metrics_layout.shared || operation >= metrics_layout.labels.operation_count ||
        outcome >= metrics_layout.labels.outcome_count)
        return;
    size_t index = (size_t)operation * metrics_layout.labels.outcome_count + outcome;
    counter_add(metrics_counter_at(thread_shard, metrics_layout.calls, index), 1);
    histogram_observe(metrics_histogram_at(thread_shard, metrics_layout.call_durations, operation),
                      duration_us);
}

void metrics_retry(unsigned operation)
{
    if (metrics_layout.shared && operation < metrics_layout.labels.operation_count)
        counter_add(metrics_counter_at(thread_shard, metrics_layout.retries, operation), 1);
}

void metrics_throttle(unsigned operation)
{
    if (metrics_layout.shared && operation < metrics_layout.labels.operation_count)
        counter_add(metrics_counter_at(thread_shard, metrics_layout.throttles, operation), 1);
}

void metrics_units(int64_t read_milliunits, int64_t write_milliunits)
{
    if (!metrics_layout.shared)
        return;
    struct metrics_totals *t =
        (struct metrics_totals *)(metrics_layout.shards + thread_shard * metrics_layout.shard_size);
    if (read_milliunits > 0)
        counter_add(&t->read_milliunits, (uint64_t)read_milliunits);
    if (write_milliunits > 0)
        counter_add(&t->write_milliunits, (uint64_t)write_milliunits);
}

void metrics_process_started(void)
{
    if (metrics_layout.shared)
        counter_add(&metrics_layout.shared->started, 1);
}

void metrics_process_died(void)
{
    if (metrics_layout.shared)
        counter_add(&metrics_layout.shared->died, 1);
}

/* ---- slots ---- */

void metrics_slot_busy(unsigned slot, int64_t mono_us)
{
    if (slot < metrics_layout.slots)
        atomic_store_explicit(&metrics_layout.slot[slot].since_us, mono_us, memory_order_relaxed);
}

void metrics_slot_idle(unsigned slot)
{
    metrics_slot_busy(slot, 0);
}

void metrics_slot_goes_on(int64_t mono_us)
{
    metrics_slot_busy(thread_slot, mono_us);
}

void metrics_slot_off(unsigned slot)
{
    metrics_slot_busy(slot, 0);
}

int64_t metrics_slot_since(unsigned slot)
{
    return slot < metrics_layout.slots
               ? atomic_load_explicit(&metrics_layout.slot[slot].since_us, memory_order_relaxed)
               : 0;
}
