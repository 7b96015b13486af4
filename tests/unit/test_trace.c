/*
 * trace: which headers are a traceparent of W3C Trace Context, and which are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/trace.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define ZERO "00000000000000000000000000000000"

static const struct {
    const char *header; /* NULL: absent */
    bool good;
} cases[] = {
    {"00-" TRACE "-" PARENT "-01", true},
    {"00-" TRACE "-" PARENT "-00", true},
    {"00-" TRACE "-" PARENT "-ff", true},
    {"cc-" TRACE "-" PARENT "-01", true}, /* a later version */
    {"cc-" TRACE "-" PARENT "-01-what-is-new", true},
    {"cc-" TRACE "-" PARENT "-01.what-is-new", false},
    {"00-" TRACE "-" PARENT "-01-more", false}, /* version 00 has no more */
    {"ff-" TRACE "-" PARENT "-01", false},
    {"00-" ZERO "-" PARENT "-01", false},
    {"00-" TRACE "-0000000000000000-01", false},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false},
    {"00-4bf92f3577b34da6a3ce929d0e0e473g-" PARENT "-01", false},
    {"00-" TRACE "-" PARENT "-0", false},
    {"00-" TRACE "-" PARENT "-0g", false},
    {"0g-" TRACE "-" PARENT "-01", false},
    {"00_" TRACE "-" PARENT "-01", false},
    {"00-" TRACE "_" PARENT "-01", false},
    {"00-" TRACE "-" PARENT "_01", false},
    {" 00-" TRACE "-" PARENT "-01", false},
    {"", false},
    {NULL, false},
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trace trace;
        bool good = trace_parse(str_from(cases[i].header), &trace);
        if (good != cases[i].good)
            fail_msg("%s", cases[i].header);
        if (good) {
            assert_true(str_is(trace.trace_id, TRACE));
            assert_true(str_is(trace.parent_id, PARENT));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_headers)};

    return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
