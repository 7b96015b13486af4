/*
 * metrics: what is counted anywhere is printed in the text format of Prometheus, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/metrics.h"

static const char *const routes[] = {"/a/{id}", "/quote\"back\\slash"};
static const char *const operations[] = {"GetItem", "Query"};
static const char *const outcomes[] = {"ok", "throttled"};
static const struct metrics_labels labels = {routes, 2, operations, 2, outcomes, 2};

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, (size_t)1024 * 1024);
    return metrics_init(&labels, 100, NULL);
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

static void print(void)
{
    buf_reset(&out);
    metrics_print(&out);
    assert_true(buf_ok(&out));
}

/* Whether there is such a line. */
static void assert_line(const char *line)
{
    print();
    size_t n = strlen(line);
    for (const char *at = out.data; at && *at; at = strchr(at, '\n') + 1) {
        if (strncmp(at, line, n) == 0 && at[n] == '\n')
            return;
    }
    fail_msg("no line %s in\n%s", line, out.data);
}

static void assert_no_line(const char *part)
{
    print();
    assert_null(strstr(out.data, part));
}

static void test_nothing_without_init(void **state)
{
    (void)state;
    buf_init(&out, 1000);
    metrics_request(0, 200, 1);
    metrics_dynamodb(0, 0, 1);
    metrics_retry(0);
    metrics_throttle(0);
    metrics_units(1, 1);
    metrics_process_started();
    metrics_process_died();
    metrics_slot_busy(0, 5);
    metrics_print(&out);
    assert_int_equal(out.len, 0);
    assert_int_equal(metrics_slot_since(0), 0);
    buf_free(&out);
}

static void test_requests(void **state)
{
    (void)state;
    metrics_request(0, 200, 100);
    metrics_request(0, 200, 100);
    metrics_request(0, 404, 100);
    metrics_request(1, 299, 100);
    metrics_request(2, 200, 100); /* no such route */
    assert_line("chat_sessions_requests_total{route=\"/a/{id}\",status=\"200\"} 2");
    assert_line("chat_sessions_requests_total{route=\"/a/{id}\",status=\"404\"} 1");
    assert_line(
        "chat_sessions_requests_total{route=\"/quote\\\"back\\\\slash\",status=\"other\"} 1");
    assert_no_line("status=\"500\"");
}

static void test_histogram(void **state)
{
    static const struct {
        int64_t us;
        const char *first; /* the bucket it is the first to be in */
    } cases[] = {
        {-5, "0.0005"},  {0, "0.0005"},   {500, "0.0005"},  {501, "0.001"},
        {1000, "0.001"}, {9999999, "10"}, {10000000, "10"}, {10000001, "+Inf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        metrics_request(0, 200, cases[i].us);
    assert_line("chat_sessions_request_duration_seconds_bucket{route=\"/a/{id}\",le=\"0.0005\"} 3");
    assert_line("chat_sessions_request_duration_seconds_bucket{route=\"/a/{id}\",le=\"0.001\"} 5");
    assert_line("chat_sessions_request_duration_seconds_bucket{route=\"/a/{id}\",le=\"5\"} 5");
    assert_line("chat_sessions_request_duration_seconds_bucket{route=\"/a/{id}\",le=\"10\"} 7");
    assert_line("chat_sessions_request_duration_seconds_bucket{route=\"/a/{id}\",le=\"+Inf\"} 8");
    assert_line("chat_sessions_request_duration_seconds_count{route=\"/a/{id}\"} 8");
    assert_line("chat_sessions_request_duration_seconds_sum{route=\"/a/{id}\"} 30.002001");
    assert_no_line("duration_seconds_count{route=\"/quote");
}

static void test_dynamodb(void **state)
{
    (void)state;
    metrics_dynamodb(1, 0, 2000000);
    metrics_dynamodb(1, 1, 3000);
    metrics_dynamodb(1, 2, 1); /* no such outcome */
    metrics_dynamodb(2, 0, 1); /* no such operation */
    metrics_retry(1);
    metrics_throttle(0);
    metrics_units(1500, 0);
    metrics_units(0, 250);
    metrics_units(500, -1);
    assert_line("chat_sessions_dynamodb_calls_total{operation=\"Query\",outcome=\"ok\"} 1");
    assert_line("chat_sessions_dynamodb_calls_total{operation=\"Query\",outcome=\"throttled\"} 1");
    assert_line("chat_sessions_dynamodb_call_duration_seconds_count{operation=\"Query\"} 2");
    assert_line("chat_sessions_dynamodb_call_duration_seconds_sum{operation=\"Query\"} 2.003000");
    assert_line("chat_sessions_dynamodb_retries_total{operation=\"Query\"} 1");
    assert_line("chat_sessions_dynamodb_retries_total{operation=\"GetItem\"} 0");
    assert_line("chat_sessions_dynamodb_throttles_total{operation=\"GetItem\"} 1");
    assert_line("chat_sessions_consumed_read_units_total 2.000");
    assert_line("chat_sessions_consumed_write_units_total 0.250");
}

static void *count_much(void *slot)
{
    metrics_thread_slot((unsigned)(uintptr_t)slot);
    for (int i = 0; i < 10000; i++)
        metrics_request(0, 201, 10);
    return NULL;
}

static void test_threads_and_processes_add_up(void **state)
{
    pthread_t threads[4];
    int status = 0;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        count_much((void *)7);
        metrics_process_died();
        _exit(0);
    }
    /* Slot 64 has the same share as slot 0. */
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_much, (void *)(i == 3 ? 64 : i));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    metrics_process_started();
    assert_line("chat_sessions_requests_total{route=\"/a/{id}\",status=\"201\"} 50000");
    assert_line("chat_sessions_worker_starts_total 1");
    assert_line("chat_sessions_worker_restarts_total 1");
}

static void test_slots(void **state)
{
    (void)state;
    assert_int_equal(metrics_slot_since(3), 0);
    metrics_slot_busy(3, 12345);
    metrics_slot_busy(99, 99);
    metrics_slot_busy(100, 1); /* past the end */
    assert_int_equal(metrics_slot_since(3), 12345);
    assert_int_equal(metrics_slot_since(99), 99);
    assert_int_equal(metrics_slot_since(100), 0);
    metrics_slot_goes_on(5); /* this thread has no slot yet */
    assert_int_equal(metrics_slot_since(3), 12345);
    metrics_thread_slot(3);
    metrics_slot_goes_on(23456);
    assert_int_equal(metrics_slot_since(3), 23456);
    metrics_slot_idle(3);
    metrics_slot_off(99);
    assert_int_equal(metrics_slot_since(3), 0);
    assert_int_equal(metrics_slot_since(99), 0);
}

static void test_each_family_once(void **state)
{
    (void)state;
    metrics_request(0, 200, 1);
    metrics_request(1, 200, 1);
    print();
    const char *first = strstr(out.data, "# TYPE chat_sessions_requests_total counter\n");
    assert_non_null(first);
    assert_null(strstr(first + 1, "# TYPE chat_sessions_requests_total"));
    assert_int_equal(out.data[out.len - 1], '\n');
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_without_init), /* first: the others call metrics_init */
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_histogram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dynamodb, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_and_processes_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_family_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
