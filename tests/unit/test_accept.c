/*
 * Accept: who gets the other type, and who what is usual.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http/accept.h"

static const struct {
    const char *header; /* NULL: absent */
    bool prefers;
} cases[] = {
    {NULL, false},
    {"", false},
    {"*/*", false},
    {"application/*", false},
    {"application/json", false},
    {"application/json, text/plain, */*", false},
    {"application/x-ndjson", true},
    {"Application/X-NDJSON", true},
    {" \tapplication/x-ndjson ; q=1.0 ", true},
    {"application/x-ndjson, application/json", true},
    {"application/x-ndjson, */*", true},
    {"application/x-ndjson, */*;q=0.1", true},
    {"application/problem+json, application/x-ndjson", true},
    {"application/x-ndjson;q=0.5, application/json", false},
    {"application/x-ndjson;q=0.5, application/json;q=0.4", true},
    {"application/x-ndjson;q=0.5, application/json;Q=0.51", false},
    {"application/x-ndjson;q=0.5, application/*;q=0.6", false},
    /* the most exact range counts, not the best */
    {"application/x-ndjson;q=0.5, application/*;q=0.6, application/json;q=0.1", true},
    {"application/x-ndjson;q=0", false},
    {"application/x-ndjson;q=0.000, application/json;q=0", false},
    {"application/x-ndjson;q=0.001", true},
    /* what cannot be read is passed over */
    {"application/x-ndjson;q=2", false},
    {"application/x-ndjson;q=1.001", false},
    {"application/x-ndjson;q=", false},
    {"application/x-ndjson;q=0.5x, application/json;q=0.1", false},
    {"application/x-ndjson;q=0.1234", false},
    {"application/x-ndjsonx", false},
    {"application/x-ndjso", false},
    {"xapplication/x-ndjson", false},
    {",,;;,application/x-ndjson,", true},
    /* separators in quotes are none */
    {"text/plain;a=\", application/x-ndjson\"", false},
    {"text/plain;a=\"\\\", application/x-ndjson\"", false},
    {"application/x-ndjson;a=\"x;q=0\"", true},
    {"application/x-ndjson;a=\"x\";q=0", false},
    {"text/plain;a=\", application/x-ndjson", false},
};

static void test_who_prefers_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str header = str_from(cases[i].header);
        if (accept_prefers(header, "application/x-ndjson", "application/json") != cases[i].prefers)
            fail_msg("%s", cases[i].header ? cases[i].header : "absent");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_prefers_lines)};
    return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
