/*
 * Which sessions match a filter, whatever stands in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "store/session_filter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum verdict { PASSED_OVER, MATCHES };

static void test_matches(void **state)
{
    static const struct {
        const char *name;
        struct session_filter filter;
        struct session session;
        enum verdict verdict;
    } cases[] = {
        {"nothing is asked for", {0}, {.archived = true, .pinned = true}, MATCHES},
        {"not archived", {.archived = FLAG_NOT_SET}, {.pinned = true}, MATCHES},
        {"not archived, but it is", {.archived = FLAG_NOT_SET}, {.archived = true}, PASSED_OVER},
        {"archived", {.archived = FLAG_SET}, {.archived = true}, MATCHES},
        {"archived, but it is not", {.archived = FLAG_SET}, {.pinned = true}, PASSED_OVER},
        {"pinned", {.pinned = FLAG_SET}, {.pinned = true}, MATCHES},
        {"pinned, but it is not", {.pinned = FLAG_SET}, {.archived = true}, PASSED_OVER},
        {"not pinned, but it is", {.pinned = FLAG_NOT_SET}, {.pinned = true}, PASSED_OVER},
        {"a tag", {.tag = STR_INIT("b")}, {.tags = STR_INIT("[\"a\",\"b\"]")}, MATCHES},
        {"a tag in part", {.tag = STR_INIT("b")}, {.tags = STR_INIT("[\"bb\"]")}, PASSED_OVER},
        {"in another case", {.tag = STR_INIT("b")}, {.tags = STR_INIT("[\"B\"]")}, PASSED_OVER},
        {"with an escape",
         {.tag = STR_INIT("\xc3\xa9\"")},
         {.tags = STR_INIT("[\"\\u00e9\\\"\"]")},
         MATCHES},
        {"no tags", {.tag = STR_INIT("b")}, {.tags = STR_INIT("[]")}, PASSED_OVER},
        {"what looks like two",
         {.tag = STR_INIT("b")},
         {.tags = STR_INIT("[\"a,b\"]")},
         PASSED_OVER},
        {"in the title", {.text = STR_INIT("LIS")}, {.title = STR_INIT("To Lisbon")}, MATCHES},
        {"in the preview",
         {.text = STR_INIT("stra\xc3\x9f")},
         {.title = STR_INIT("t"), .last_preview = STR_INIT("STRASSE")},
         MATCHES},
        {"across the two",
         {.text = STR_INIT("ab")},
         {.title = STR_INIT("a"), .last_preview = STR_INIT("b")},
         PASSED_OVER},
        {"in neither", {.text = STR_INIT("x")}, {.title = STR_INIT("y")}, PASSED_OVER},
        {"all but one",
         {.archived = FLAG_SET, .pinned = FLAG_SET, .tag = STR_INIT("a"), .text = STR_INIT("t")},
         {.archived = true, .pinned = true, .tags = STR_INIT("[\"a\"]"), .title = STR_INIT("x")},
         PASSED_OVER},
        {"all",
         {.archived = FLAG_SET, .pinned = FLAG_SET, .tag = STR_INIT("a"), .text = STR_INIT("t")},
         {.archived = true, .pinned = true, .tags = STR_INIT("[\"a\"]"), .title = STR_INIT("T")},
         MATCHES},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct session_matcher m;
        session_matcher_init(&m, &cases[i].filter);
        if (session_matches(&m, &cases[i].session) != (cases[i].verdict == MATCHES))
            fail_msg("%s", cases[i].name);
        session_matcher_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
    };
    return cmocka_run_group_tests_name("session_filter", tests, NULL, NULL);
}
