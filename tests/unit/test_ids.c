/*
 * ids: UUIDv7 as RFC 9562 has it (its example included), ordered by time, never twice the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ids.h"

struct uuid_case {
    int64_t ms;
    unsigned char random[10];
    const char *uuid;
};

static const struct uuid_case cases[] = {
    /* RFC 9562, appendix A.6: rand_a = 0xCC3, rand_b = 0x18C4DC0C0C07398F */
    {0x017F22E279B0,
     {0x0C, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F},
     "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
    {0, {0}, "00000000-0000-7000-8000-000000000000"},
    {0xFFFFFFFFFFFF,
     {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
     "ffffffff-ffff-7fff-bfff-ffffffffffff"},
};

static void test_core(void **state)
{
    (void)state;
    char out[IDS_UUID_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ids_uuid7_from(cases[i].ms, cases[i].random, out);
        assert_string_equal(out, cases[i].uuid);
    }
}

/* Each of the 74 random bits is used: turning one around gives another id. */
static void test_random_bits(void **state)
{
    (void)state;
    unsigned char random[10] = {0};
    char zero[IDS_UUID_SIZE];
    char out[IDS_UUID_SIZE];
    int used = 0;
    ids_uuid7_from(1, random, zero);
    for (int bit = 0; bit < 80; bit++) {
        random[bit / 8] = (unsigned char)(1U << (bit % 8));
        ids_uuid7_from(1, random, out);
        used += strcmp(out, zero) != 0;
        random[bit / 8] = 0;
    }
    assert_int_equal(used, 74);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void test_unique_and_ordered(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    char(*ids)[IDS_UUID_SIZE] = calloc(COUNT, sizeof *ids);
    char earlier[IDS_UUID_SIZE];
    assert_non_null(ids);
    for (int i = 0; i < COUNT; i++)
        ids_uuid7(1795422602342, ids[i]);
    qsort(ids, COUNT, sizeof *ids, compare);
    for (int i = 1; i < COUNT; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    ids_uuid7(1795422602341, earlier);
    assert_true(strcmp(earlier, ids[0]) < 0);
    free(ids);
}

/* The parent and its child each have the block that the parent drew: neither may make an id of the
 * other. */
static void test_no_id_twice_after_a_fork(void **state)
{
    (void)state;
    char mine[IDS_UUID_SIZE];
    char childs[IDS_UUID_SIZE] = "";
    int ends[2];
    ids_uuid7(1, mine); /* the thread has a block from here on */
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ids_uuid7(1, mine);
        _exit(write(ends[1], mine, sizeof(mine)) == sizeof(mine) ? 0 : 1);
    }
    assert_int_equal(read(ends[0], childs, sizeof(childs)), sizeof(childs));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    ids_uuid7(1, mine);
    assert_string_not_equal(mine, childs);
    close(ends[0]);
    close(ends[1]);
}

static void test_random(void **state)
{
    (void)state;
    unsigned char bytes[1000] = {0};
    int seen[256] = {0};
    int different = 0;
    ids_random(bytes, sizeof bytes - 1);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        different += !seen[bytes[i]]++;
    assert_true(different > 150);
    assert_int_equal(bytes[999], 0);
    ids_random(bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core),
        cmocka_unit_test(test_random_bits),
        cmocka_unit_test(test_unique_and_ordered),
        cmocka_unit_test(test_no_id_twice_after_a_fork),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
