/*
 * metrics: what is counted anywhere is printed in the text format of Prometheus, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
static const char *const methods[] = {"GET", "POST", NULL};
static const unsigned short error_statuses[ERR_CODES] = {
    [ERR_SESSION_NOT_FOUND] = 404, [ERR_OVERLOADED] = 503};
static const struct metrics_labels labels = {.routes = routes,
                                             .route_count = 2,
                                             .methods = methods,
                                             .method_count = 3,
                                             .error_statuses = error_statuses,
                                             .operations = operations,
                                             .operation_count = 2,
                                             .outcomes = outcomes,
                                             .outcome_count = 2};

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

static void count(unsigned route, unsigned status, int64_t us)
{
    metrics_request(&(struct metrics_answer){.route = route, .status = status, .duration_us = us});
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
    count(0, 200, 1);
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
    static const struct metrics_answer answers[] = {
        {.status = 200},
        {.status = 200},
        {.status = 201, .method = 1},
        {.status = 404, .code = ERR_SESSION_NOT_FOUND},
        {.status = 503, .code = ERR_OVERLOADED, .method = 2},
        {.status = 499},
        {.status = 299, .route = 1},
        {.status = 200, .route = 2},        /* no such route */
        {.status = 200, .method = 3},       /* no such method */
        {.status = 200, .code = ERR_CODES}, /* no such code */
    };
    static const char *const lines[] = {
        "{route=\"/a/{id}\",method=\"GET\",status=\"200\",code=\"ok\"} 2",
        "{route=\"/a/{id}\",method=\"POST\",status=\"201\",code=\"ok\"} 1",
        "{route=\"/a/{id}\",method=\"GET\",status=\"404\",code=\"session_not_found\"} 1",
        "{route=\"/a/{id}\",method=\"other\",status=\"503\",code=\"overloaded\"} 1",
        "{route=\"/a/{id}\",method=\"GET\",status=\"499\",code=\"client_gone\"} 1",
        "{route=\"/quote\\\"back\\\\slash\",method=\"GET\",status=\"other\",code=\"ok\"} 1",
    };
    char line[256];

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        metrics_request(&answers[i]);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(line, sizeof(line), "chat_sessions_requests_total%s", lines[i]);
        assert_line(line);
    }
    assert_no_line("status=\"500\"");
    assert_no_line("method=\"POST\",status=\"200\"");
}

static void test_waits(void **state)
{
    (void)state;
    metrics_request(&(struct metrics_answer){.status = 200, .waited_us = 700});
    metrics_request(&(struct metrics_answer){.status = 200, .waited_us = 3000000, .route = 1});
    assert_line("chat_sessions_request_wait_seconds_bucket{le=\"0.0005\"} 0");
    assert_line("chat_sessions_request_wait_seconds_bucket{le=\"0.001\"} 1");
    assert_line("chat_sessions_request_wait_seconds_bucket{le=\"+Inf\"} 2");
    assert_line("chat_sessions_request_wait_seconds_sum 3.000700");
    assert_line("chat_sessions_request_wait_seconds_count 2");
}

static void test_build(void **state)
{
    (void)state;
    assert_line("chat_sessions_build_info{version=\"" CHAT_SESSIONS_VERSION "\"} 1");
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
        count(0, 200, cases[i].us);
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
        count(0, 201, 10);
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
    assert_line(
        "chat_sessions_requests_total{route=\"/a/{id}\",method=\"GET\",status=\"201\",code=\"ok\"} "
        "50000");
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
    count(0, 200, 1);
    count(1, 200, 1);
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
        cmocka_unit_test_setup_teardown(test_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_build, setup, teardown),
        cmocka_unit_test_setup_teardown(test_histogram, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dynamodb, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads_and_processes_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_family_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
