/*
 * The counters as text, in the exposition format of Prometheus: the sums over all shards.
 */
#include <inttypes.h>
#include <stdbool.h>

#include "base/metrics_layout.h"

#ifndef CHAT_SESSIONS_VERSION
#define CHAT_SESSIONS_VERSION "development"
#endif

static uint64_t counter_read(metrics_counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static uint64_t counter_sum(size_t offset, size_t index)
{
    uint64_t total = 0;

    for (unsigned shard = 0; shard < METRICS_SHARDS; shard++)
        total += counter_read(metrics_counter_at(shard, offset, index));
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

static void print_result(struct buf *out, unsigned result)
{
    unsigned code = result - METRICS_SUCCESSES;

    if (result < METRICS_SUCCESSES)
        buf_printf(out, ",status=\"%s\",code=\"%s\"} ", metrics_successes[result].status_text,
                   metrics_successes[result].code);
    else
        buf_printf(out, ",status=\"%u\",code=\"%s\"} ", metrics_layout.labels.error_statuses[code],
                   err_code_name((enum err_code)code));
}

/* Most combinations never happen. */
static void print_requests_of(struct buf *out, unsigned route, unsigned method)
{
    const struct metrics_labels *l = &metrics_layout.labels;

    for (unsigned result = 0; result < METRICS_RESULTS; result++) {
        uint64_t n =
            counter_sum(metrics_layout.requests, metrics_request_index(route, method, result));
        if (n == 0)
            continue;
        buf_puts(out, "chat_sessions_requests_total{");
        print_label(out, "route", l->routes[route]);
        buf_putc(out, ',');
        print_label(out, "method", l->methods[method] ? l->methods[method] : "other");
        print_result(out, result);
        buf_printf(out, "%" PRIu64 "\n", n);
    }
}

static void print_requests(struct buf *out)
{
    const struct metrics_labels *l = &metrics_layout.labels;

    metrics_print_family(out, "chat_sessions_requests_total", "counter",
                         "Requests answered, by route, method, status and error code.");
    for (unsigned route = 0; route < l->route_count; route++) {
        for (unsigned method = 0; method < l->method_count; method++)
            print_requests_of(out, route, method);
    }
}

struct histogram_sums {
    uint64_t bucket[METRICS_BUCKETS + 1];
    uint64_t count, sum_us;
};

static struct histogram_sums histogram_sum(size_t offset, size_t index)
{
    struct histogram_sums s = {.count = 0};

    for (unsigned shard = 0; shard < METRICS_SHARDS; shard++) {
        struct metrics_histogram *h = metrics_histogram_at(shard, offset, index);
        for (unsigned i = 0; i <= METRICS_BUCKETS; i++)
            s.bucket[i] += counter_read(&h->bucket[i]);
        s.sum_us += counter_read(&h->sum_us);
    }
    /* The count is made of the buckets, so that the two agree even while others count. */
    for (unsigned i = 0; i <= METRICS_BUCKETS; i++)
        s.count += s.bucket[i];
    return s;
}

/* A histogram family with one label, or none (NULL). */
struct histogram_family {
    const char *name, *help, *label;
    const char *const *values;
    unsigned count;
    size_t offset;
};

/* `{label="value"` and what follows, or the part of it that there is. */
static void print_labels(struct buf *out, const struct histogram_family *f, unsigned index,
                         const char *le)
{
    bool braces = f->label || le;

    if (braces)
        buf_putc(out, '{');
    if (f->label)
        print_label(out, f->label, f->values[index]);
    if (le)
        buf_printf(out, "%sle=\"%s\"", f->label ? "," : "", le);
    buf_puts(out, braces ? "} " : " ");
}

static void print_histogram(struct buf *out, const struct histogram_family *f, unsigned index)
{
    struct histogram_sums s = histogram_sum(f->offset, index);
    uint64_t below = 0;

    if (s.count == 0)
        return;
    for (unsigned i = 0; i <= METRICS_BUCKETS; i++) {
        below += s.bucket[i];
        buf_printf(out, "%s_bucket", f->name);
        print_labels(out, f, index, i < METRICS_BUCKETS ? metrics_bounds[i].seconds : "+Inf");
        buf_printf(out, "%" PRIu64 "\n", below);
    }
    buf_printf(out, "%s_sum", f->name);
    print_labels(out, f, index, NULL);
    buf_printf(out, "%" PRIu64 ".%06" PRIu64 "\n", s.sum_us / 1000000, s.sum_us % 1000000);
    buf_printf(out, "%s_count", f->name);
    print_labels(out, f, index, NULL);
    buf_printf(out, "%" PRIu64 "\n", s.count);
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
    for (unsigned i = 0; i < metrics_layout.labels.operation_count; i++) {
        for (unsigned k = 0; k < metrics_layout.labels.outcome_count; k++) {
            uint64_t n = counter_sum(metrics_layout.calls,
                                     (size_t)i * metrics_layout.labels.outcome_count + k);
            if (n == 0)
                continue;
            buf_puts(out, "chat_sessions_dynamodb_calls_total{");
            print_label(out, "operation", metrics_layout.labels.operations[i]);
            buf_putc(out, ',');
            print_label(out, "outcome", metrics_layout.labels.outcomes[k]);
            buf_printf(out, "} %" PRIu64 "\n", n);
        }
    }
}

static void print_by_operation(struct buf *out, const char *name, const char *help, size_t offset)
{
    metrics_print_family(out, name, "counter", help);
    for (unsigned i = 0; i < metrics_layout.labels.operation_count; i++) {
        buf_printf(out, "%s{", name);
        print_label(out, "operation", metrics_layout.labels.operations[i]);
        buf_printf(out, "} %" PRIu64 "\n", counter_sum(offset, i));
    }
}

static void print_units(struct buf *out, const char *name, const char *help, size_t offset)
{
    uint64_t milli = counter_sum(offset, 0);

    metrics_print_family(out, name, "counter", help);
    buf_printf(out, "%s %" PRIu64 ".%03" PRIu64 "\n", name, milli / 1000, milli % 1000);
}

static void print_process(struct buf *out)
{
    metrics_print_family(out, "chat_sessions_worker_starts_total", "counter",
                         "Worker processes started.");
    buf_printf(out, "chat_sessions_worker_starts_total %" PRIu64 "\n",
               counter_read(&metrics_layout.shared->started));
    metrics_print_family(out, "chat_sessions_worker_restarts_total", "counter",
                         "Worker processes that died unasked and were replaced.");
    buf_printf(out, "chat_sessions_worker_restarts_total %" PRIu64 "\n",
               counter_read(&metrics_layout.shared->died));
    metrics_print_family(out, "process_start_time_seconds", "gauge",
                         "When the pool was started, in seconds since the epoch.");
    buf_printf(out, "process_start_time_seconds %" PRId64 ".%06" PRId64 "\n",
               metrics_layout.shared->start_wall_us / 1000000,
               metrics_layout.shared->start_wall_us % 1000000);
}

static void print_requests_families(struct buf *out)
{
    const struct metrics_labels *l = &metrics_layout.labels;

    print_requests(out);
    print_histograms(out, &(struct histogram_family){
                              "chat_sessions_request_duration_seconds",
                              "Time from the first byte of a request to the last of its answer.",
                              "route", l->routes, l->route_count, metrics_layout.durations});
    print_histograms(out,
                     &(struct histogram_family){
                         "chat_sessions_request_wait_seconds",
                         "Time that a request waited for a worker thread, from when the web server "
                         "had it ready.",
                         NULL, NULL, 1, metrics_layout.waits});
}

static void print_build(struct buf *out)
{
    metrics_print_family(out, "chat_sessions_build_info", "gauge",
                         "1, with the version of the program.");
    buf_puts(out, "chat_sessions_build_info{");
    print_label(out, "version", CHAT_SESSIONS_VERSION);
    buf_puts(out, "} 1\n");
}

void metrics_print(struct buf *out)
{
    if (!metrics_layout.shared)
        return;
    const struct metrics_labels *l = &metrics_layout.labels;
    print_build(out);
    print_requests_families(out);
    print_calls(out);
    print_histograms(out, &(struct histogram_family){"chat_sessions_dynamodb_call_duration_seconds",
                                                     "Time of one attempt sent to DynamoDB.",
                                                     "operation", l->operations, l->operation_count,
                                                     metrics_layout.call_durations});
    print_by_operation(out, "chat_sessions_dynamodb_retries_total",
                       "Attempts that were repeats of a failed one.", metrics_layout.retries);
    print_by_operation(out, "chat_sessions_dynamodb_throttles_total",
                       "Attempts that DynamoDB refused because of its throughput limits.",
                       metrics_layout.throttles);
    print_units(out, "chat_sessions_consumed_read_units_total",
                "Read capacity units that DynamoDB has charged.",
                offsetof(struct metrics_totals, read_milliunits));
    print_units(out, "chat_sessions_consumed_write_units_total",
                "Write capacity units that DynamoDB has charged.",
                offsetof(struct metrics_totals, write_milliunits));
    print_process(out);
}
