/*
 * Counters in shared memory and their text form. What is counted, and when, is decided by those who
 * call; the pool's own gauges are printed by the pool.
 */
#include "base/metrics.h"

#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

/* Shares of the counters: enough that the threads of a few cores seldom meet. */
#define SHARDS 64
#define BUCKETS 14
#define CACHE_LINE 64

typedef atomic_uint_fast64_t counter;

/* Upper bounds; the last share of a histogram is what is above them all. */
static const struct {
    int64_t us;
    const char *seconds;
} bounds[BUCKETS] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

/* The statuses that the program answers with; any other is counted as the last. */
static const unsigned short statuses[] = {200, 201, 204, 304, 400, 401, 403, 404,
                                          405, 408, 409, 412, 413, 414, 415, 422,
                                          429, 431, 499, 500, 501, 503, 504};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]) + 1)

struct histogram {
    counter bucket[BUCKETS + 1];
    counter sum_us;
};

struct totals {
    counter read_milliunits, write_milliunits;
};

struct slot {
    _Alignas(CACHE_LINE) _Atomic int64_t since_us;
};

struct shared {
    counter started, died;
    int64_t start_wall_us;
};

/* Where the parts lie in the mapping. A shard is: totals, requests by route and status, durations
 * by route, calls by operation and outcome, durations, retries and throttles by operation. */
static struct {
    struct metrics_labels labels;
    unsigned slots;
    struct shared *shared;
    struct slot *slot;
    char *shards;
    size_t shard_size;
    size_t requests, durations, calls, call_durations, retries, throttles; /* offsets in a shard */
} m;

static _Thread_local unsigned thread_shard;
static _Thread_local unsigned thread_slot = UINT_MAX; /* of no slot */

static size_t lay_out_shard(void)
{
    const struct metrics_labels *l = &m.labels;
    size_t at = sizeof(struct totals);

    m.requests = at;
    at += l->route_count * STATUS_COUNT * sizeof(counter);
    m.durations = at;
    at += l->route_count * sizeof(struct histogram);
    m.calls = at;
    at += (size_t)l->operation_count * l->outcome_count * sizeof(counter);
    m.call_durations = at;
    at += l->operation_count * sizeof(struct histogram);
    m.retries = at;
    at += l->operation_count * sizeof(counter);
    m.throttles = at;
    at += l->operation_count * sizeof(counter);
    return (at + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

int metrics_init(const struct metrics_labels *labels, unsigned slots, struct err *e)
{
    m.labels = *labels;
    m.shard_size = lay_out_shard();
    size_t head = (sizeof(struct shared) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    size_t size = head + slots * sizeof(struct slot) + SHARDS * m.shard_size;

    /* Pages that nobody touches cost nothing: there may be many more slots than threads. */
    // cppcheck-suppress invalidFunctionArg ; MAP_ANONYMOUS wants -1
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return err_set(e, ERR_INTERNAL, "no memory for the counters (%zu bytes)", size);
    m.slots = slots;
    m.slot = (struct slot *)(memory + head);
    m.shards = memory + head + slots * sizeof(struct slot);
    m.shared = (struct shared *)memory;
    m.shared->start_wall_us = clock_system.wall_us(clock_system.context);
    return 0;
}

void metrics_thread_slot(unsigned slot)
{
    thread_shard = slot % SHARDS;
    thread_slot = slot;
}

/* ---- counting ---- */

static void add(counter *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static counter *counter_at(unsigned shard, size_t offset, size_t index)
{
    return (counter *)(m.shards + shard * m.shard_size + offset) + index;
}

static struct histogram *histogram_at(unsigned shard, size_t offset, size_t index)
{
    return (struct histogram *)(m.shards + shard * m.shard_size + offset) + index;
}

static void observe(struct histogram *h, int64_t us)
{
    unsigned i = 0;

    if (us < 0)
        us = 0;
    while (i < BUCKETS && us > bounds[i].us)
        i++;
    add(&h->bucket[i], 1);
    add(&h->sum_us, (uint64_t)us);
}

static size_t status_index(unsigned status)
{
    size_t i = 0;

    while (i < STATUS_COUNT - 1 && statuses[i] != status)
        i++;
    return i;
}

void metrics_request(unsigned route, unsigned status, int64_t duration_us)
{
    if (!m.shared || route >= m.labels.route_count)
        return;
    add(counter_at(thread_shard, m.requests, route * STATUS_COUNT + status_index(status)), 1);
    observe(histogram_at(thread_shard, m.durations, route), duration_us);
}

void metrics_dynamodb(unsigned operation, unsigned outcome, int64_t duration_us)
{
    if (!m.shared || operation >= m.labels.operation_count || outcome >= m.labels.outcome_count)
        return;
    size_t index = (size_t)operation * m.labels.outcome_count + outcome;
    add(counter_at(thread_shard, m.calls, index), 1);
    observe(histogram_at(thread_shard, m.call_durations, operation), duration_us);
}

void metrics_retry(unsigned operation)
{
    if (m.shared && operation < m.labels.operation_count)
        add(counter_at(thread_shard, m.retries, operation), 1);
}

void metrics_throttle(unsigned operation)
{
    if (m.shared && operation < m.labels.operation_count)
        add(counter_at(thread_shard, m.throttles, operation), 1);
}

void metrics_units(int64_t read_milliunits, int64_t write_milliunits)
{
    if (!m.shared)
        return;
    struct totals *t = (struct totals *)(m.shards + thread_shard * m.shard_size);
    if (read_milliunits > 0)
        add(&t->read_milliunits, (uint64_t)read_milliunits);
    if (write_milliunits > 0)
        add(&t->write_milliunits, (uint64_t)write_milliunits);
}

void metrics_process_started(void)
{
    if (m.shared)
        add(&m.shared->started, 1);
}

void metrics_process_died(void)
{
    if (m.shared)
        add(&m.shared->died, 1);
}

/* ---- slots ---- */

void metrics_slot_busy(unsigned slot, int64_t mono_us)
{
    if (slot < m.slots)
        atomic_store_explicit(&m.slot[slot].since_us, mono_us, memory_order_relaxed);
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
    return slot < m.slots ? atomic_load_explicit(&m.slot[slot].since_us, memory_order_relaxed) : 0;
}

/* ---- printing ---- */

static uint64_t get(counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static uint64_t sum(size_t offset, size_t index)
{
    uint64_t total = 0;

    for (unsigned shard = 0; shard < SHARDS; shard++)
        total += get(counter_at(shard, offset, index));
    return total;
}

void metrics_print_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_label(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n') {
            buf_puts(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *value);
    }
    buf_putc(out, '"');
}

static void print_requests(struct buf *out)
{
    metrics_print_family(out, "chat_sessions_requests_total", "counter",
                         "Requests answered, by route and status.");
    for (unsigned route = 0; route < m.labels.route_count; route++) {
        for (size_t i = 0; i < STATUS_COUNT; i++) {
            uint64_t n = sum(m.requests, route * STATUS_COUNT + i);
            if (n == 0)
                continue; /* most pairs never happen */
            buf_puts(out, "chat_sessions_requests_total{");
            print_label(out, "route", m.labels.routes[route]);
            if (i < STATUS_COUNT - 1)
                buf_printf(out, ",status=\"%u\"} %" PRIu64 "\n", statuses[i], n);
            else
                buf_printf(out, ",status=\"other\"} %" PRIu64 "\n", n);
        }
    }
}

struct histogram_sums {
    uint64_t bucket[BUCKETS + 1];
    uint64_t count, sum_us;
};

static struct histogram_sums sum_histogram(size_t offset, size_t index)
{
    struct histogram_sums s = {.count = 0};

    for (unsigned shard = 0; shard < SHARDS; shard++) {
        struct histogram *h = histogram_at(shard, offset, index);
        for (unsigned i = 0; i <= BUCKETS; i++)
            s.bucket[i] += get(&h->bucket[i]);
        s.sum_us += get(&h->sum_us);
    }
    /* The count is made of the buckets, so that the two agree even while others count. */
    for (unsigned i = 0; i <= BUCKETS; i++)
        s.count += s.bucket[i];
    return s;
}

/* A histogram family with one label. */
struct histogram_family {
    const char *name, *help, *label;
    const char *const *values;
    unsigned count;
    size_t offset;
};

static void print_histogram(struct buf *out, const struct histogram_family *f, unsigned index)
{
    struct histogram_sums s = sum_histogram(f->offset, index);
    uint64_t below = 0;

    if (s.count == 0)
        return;
    for (unsigned i = 0; i <= BUCKETS; i++) {
        below += s.bucket[i];
        buf_printf(out, "%s_bucket{", f->name);
        print_label(out, f->label, f->values[index]);
        buf_printf(out, ",le=\"%s\"} %" PRIu64 "\n", i < BUCKETS ? bounds[i].seconds : "+Inf",
                   below);
    }
    buf_printf(out, "%s_sum{", f->name);
    print_label(out, f->label, f->values[index]);
    buf_printf(out, "} %" PRIu64 ".%06" PRIu64 "\n", s.sum_us / 1000000, s.sum_us % 1000000);
    buf_printf(out, "%s_count{", f->name);
    print_label(out, f->label, f->values[index]);
    buf_printf(out, "} %" PRIu64 "\n", s.count);
}

static void print_histograms(struct buf *out, const struct histogram_family *f)
{
    metrics_print_family(out, f->name, "histogram", f->help);
    for (unsigned i = 0; i < f->count; i++)
        print_histogram(out, f, i);
}

static void print_calls(struct buf *out)
{
    metrics_print_family(out, "chat_sessions_dynamodb_calls_total", "counter",
                         "Calls to DynamoDB, by operation and outcome.");
    for (unsigned i = 0; i < m.labels.operation_count; i++) {
        for (unsigned k = 0; k < m.labels.outcome_count; k++) {
            uint64_t n = sum(m.calls, (size_t)i * m.labels.outcome_count + k);
            if (n == 0)
                continue;
            buf_puts(out, "chat_sessions_dynamodb_calls_total{");
            print_label(out, "operation", m.labels.operations[i]);
            buf_putc(out, ',');
            print_label(out, "outcome", m.labels.outcomes[k]);
            buf_printf(out, "} %" PRIu64 "\n", n);
        }
    }
}

static void print_by_operation(struct buf *out, const char *name, const char *help, size_t offset)
{
    metrics_print_family(out, name, "counter", help);
    for (unsigned i = 0; i < m.labels.operation_count; i++) {
        buf_printf(out, "%s{", name);
        print_label(out, "operation", m.labels.operations[i]);
        buf_printf(out, "} %" PRIu64 "\n", sum(offset, i));
    }
}

static void print_units(struct buf *out, const char *name, const char *help, size_t offset)
{
    uint64_t milli = sum(offset, 0);

    metrics_print_family(out, name, "counter", help);
    buf_printf(out, "%s %" PRIu64 ".%03" PRIu64 "\n", name, milli / 1000, milli % 1000);
}

static void print_process(struct buf *out)
{
    metrics_print_family(out, "chat_sessions_worker_starts_total", "counter",
                         "Worker processes started.");
    buf_printf(out, "chat_sessions_worker_starts_total %" PRIu64 "\n", get(&m.shared->started));
    metrics_print_family(out, "chat_sessions_worker_restarts_total", "counter",
                         "Worker processes that died unasked and were replaced.");
    buf_printf(out, "chat_sessions_worker_restarts_total %" PRIu64 "\n", get(&m.shared->died));
    metrics_print_family(out, "process_start_time_seconds", "gauge",
                         "When the pool was started, in seconds since the epoch.");
    buf_printf(out, "process_start_time_seconds %" PRId64 ".%06" PRId64 "\n",
               m.shared->start_wall_us / 1000000, m.shared->start_wall_us % 1000000);
}

void metrics_print(struct buf *out)
{
    if (!m.shared)
        return;
    const struct metrics_labels *l = &m.labels;
    print_requests(out);
    print_histograms(out, &(struct histogram_family){
                              "chat_sessions_request_duration_seconds",
                              "Time from the first byte of a request to the last of its answer.",
                              "route", l->routes, l->route_count, m.durations});
    print_calls(out);
    print_histograms(out, &(struct histogram_family){"chat_sessions_dynamodb_call_duration_seconds",
                                                     "Time of one attempt sent to DynamoDB.",
                                                     "operation", l->operations, l->operation_count,
                                                     m.call_durations});
    print_by_operation(out, "chat_sessions_dynamodb_retries_total",
                       "Attempts that were repeats of a failed one.", m.retries);
    print_by_operation(out, "chat_sessions_dynamodb_throttles_total",
                       "Attempts that DynamoDB refused because of its throughput limits.",
                       m.throttles);
    print_units(out, "chat_sessions_consumed_read_units_total",
                "Read capacity units that DynamoDB has charged.",
                offsetof(struct totals, read_milliunits));
    print_units(out, "chat_sessions_consumed_write_units_total",
                "Write capacity units that DynamoDB has charged.",
                offsetof(struct totals, write_milliunits));
    print_process(out);
}
