/*
 * clock: times to text and back, against values computed elsewhere and against timegm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

struct time_case {
    const char *text;
    int64_t us;
};

static const struct time_case formats[] = {
    {"1970-01-01T00:00:00.000000Z", 0},
    {"1970-01-01T00:00:00.000001Z", 1},
    {"2000-02-29T23:59:59.999999Z", 951868799999999},
    {"2015-08-30T12:36:00.000000Z", 1440938160000000},
    {"2026-11-23T08:30:02.342117Z", 1795422602342117},
    {"2100-02-28T23:59:59.000000Z", 4107542399000000},
    {"2100-03-01T00:00:00.000000Z", 4107542400000000},
    {"9999-12-31T23:59:59.999999Z", 253402300799999999},
};

static void test_format(void **state)
{
    (void)state;
    char text[CLOCK_TIME_SIZE];
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        clock_format_us(formats[i].us, text);
        assert_string_equal(text, formats[i].text);
        assert_int_equal(clock_parse_us(text, strlen(text)), formats[i].us);
    }
    clock_format_us(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    clock_format_us(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
}

#define BASE INT64_C(1795422602000000) /* 2026-11-23T08:30:02Z */

static const struct time_case parses[] = {
    {"2026-11-23T08:30:02Z", BASE},
    {"2026-11-23T08:30:02.342117Z", BASE + 342117},
    {"2026-11-23T08:30:02.3Z", BASE + 300000},
    {"2026-11-23T08:30:02.342117999Z", BASE + 342117},
    {"2026-11-23 08:30:02.342117", BASE + 342117}, /* Python's str() */
    {"2026-11-23T08:30:02.342117", BASE + 342117}, /* isoformat() without a zone */
    {"2026-11-23t08:30:02z", BASE},
    {"2026-11-23T09:30:02+01:00", BASE},
    {"2026-11-23T03:00:02-05:30", BASE},
    {"2026-11-23T08:30:02.000001+00:00", BASE + 1},
    {"2026-11-22T23:59:60Z", BASE - 30602000000}, /* a leap second */
    {"2024-02-29T00:00:00Z", 1709164800000000},
    {"1970-01-01T00:00:00Z", 0},
    /* what is no time */
    {"", -1},
    {"2026-11-23", -1},
    {"2026-11-23T08:30", -1},
    {"2026-11-23T08:30:02.Z", -1},
    {"2026-11-23T08:30:02.0123456789Z", -1},
    {"2026-11-23T08:30:02Zx", -1},
    {"2026-11-23T08:30:02 Z", -1},
    {" 2026-11-23T08:30:02Z", -1},
    {"2026-11-23X08:30:02Z", -1},
    {"2026-00-23T08:30:02Z", -1},
    {"2026-13-23T08:30:02Z", -1},
    {"2026-11-00T08:30:02Z", -1},
    {"2026-11-31T08:30:02Z", -1},
    {"2026-02-29T00:00:00Z", -1},
    {"2100-02-29T00:00:00Z", -1},
    {"2026-11-23T24:00:00Z", -1},
    {"2026-11-23T08:60:02Z", -1},
    {"2026-11-23T08:30:61Z", -1},
    {"2026-11-23T08:30:02+0100", -1},
    {"2026-11-23T08:30:02+24:00", -1},
    {"2026-11-23T08:30:02+01:60", -1},
    {"2026-11-23T08:30:02+", -1},
    {"1969-12-31T23:59:59Z", -1},
    {"1970-01-01T00:00:00+00:01", -1},
    {"+026-11-23T08:30:02Z", -1},
    {"2026-1-23T08:30:02Z", -1},
    {"2026/11/23T08:30:02Z", -1},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parses / sizeof *parses; i++) {
        int64_t us = clock_parse_us(parses[i].text, strlen(parses[i].text));
        if (us != parses[i].us)
            fail_msg("%s is %lld, expected %lld", parses[i].text, (long long)us,
                     (long long)parses[i].us);
    }
}

static void test_parse_stops_at_length(void **state)
{
    (void)state;
    assert_int_equal(clock_parse_us("2026-11-23T08:30:02Zjunk", 20), BASE);
    assert_int_equal(clock_parse_us("2026-11-23T08:30:02Z", 18), -1);
    assert_int_equal(clock_parse_us(NULL, 0), -1); /* an attribute that is not there */
    assert_int_equal(clock_parse_us("2026-11-23T08:30:02\0", 20), -1);
}

/* Each day until 2500 against the C library, in both directions. */
static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 193600; day++) {
        char text[CLOCK_TIME_SIZE];
        char expected[CLOCK_TIME_SIZE];
        struct tm tm;
        time_t t = (time_t)(day * 86400 + 45296);
        gmtime_r(&t, &tm);
        assert_int_equal(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000Z", &tm), 27);
        clock_format_us((int64_t)t * 1000000, text);
        if (strcmp(text, expected) != 0)
            fail_msg("%s, expected %s", text, expected);
        if (clock_parse_us(text, 27) != (int64_t)t * 1000000)
            fail_msg("%s is read wrong", text);
    }
}

static void test_system(void **state)
{
    (void)state;
    const struct clock *c = &clock_system;
    int64_t wall = c->wall_us(c->context);
    int64_t before = c->mono_us(c->context);
    assert_true(wall / 1000000 - (int64_t)time(NULL) <= 1);
    c->sleep_us(c->context, 2000);
    assert_true(c->mono_us(c->context) - before >= 2000);
    c->sleep_us(c->context, 0);
    c->sleep_us(c->context, -5);
    double low = 1;
    double high = 0;
    for (int i = 0; i < 1000; i++) {
        double x = c->chance(c->context);
        assert_true(x >= 0 && x < 1);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    assert_true(low < 0.1 && high > 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_stops_at_length),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_system),
    };
    /* No zone of the process may matter. */
    setenv("TZ", "America/St_Johns", 1);
    tzset();
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
