/*
 * crc32: the same as zlib's, whatever the length and wherever the bytes lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/crc32.h"

#define LONGEST 1100

static void test_known_sums(void **state)
{
    (void)state;
    assert_int_equal(crc32_of(STR("")), 0);
    assert_int_equal(crc32_of(STR("123456789")),
                     0xCBF43926); /* the check value of the catalogues */
}

static void test_every_length_and_alignment(void **state)
{
    char *bytes = malloc(LONGEST + 16);
    uint64_t random = 1;
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < LONGEST + 16; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (char)(random >> 56);
    }
    for (size_t at = 0; at < 16; at++) {
        for (size_t n = 0; n <= LONGEST; n++) {
            uint32_t expected = (uint32_t)crc32(0, (const unsigned char *)bytes + at, (unsigned)n);
            if (crc32_of((struct str){bytes + at, n}) != expected)
                fail_msg("%zu bytes at %zu", n, at);
        }
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sums),
        cmocka_unit_test(test_every_length_and_alignment),
    };
    return cmocka_run_group_tests_name("crc32", tests, NULL, NULL);
}
