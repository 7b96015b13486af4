/*
 * The gate: one at a time, in order of arrival, and not beyond a deadline.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "store/gate.h"

#define FAR_AWAY_US INT64_C(3600000000)

static int64_t now_us(void)
{
    return clock_system.mono_us(clock_system.context);
}

struct crowd {
    struct gate *gate;
    int inside;  /* guarded by the gate alone, which is what the test is about */
    int entries; /* likewise */
};

static void *enter_often(void *context)
{
    struct crowd *c = context;

    for (int i = 0; i < 2000; i++) {
        if (!gate_enter(c->gate, STR("s"), now_us() + FAR_AWAY_US))
            return c;
        c->inside++;
        if (c->inside != 1)
            return c;
        c->entries++;
        c->inside--;
        gate_leave(c->gate, STR("s"));
    }
    return NULL;
}

static void test_one_at_a_time(void **state)
{
    struct crowd c = {.gate = gate_new()};
    pthread_t threads[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, enter_often, &c), 0);
    for (int i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(c.entries, 8 * 2000);
    gate_free(c.gate);
}

static void test_deadline(void **state)
{
    struct gate *g = gate_new();

    (void)state;
    assert_true(gate_enter(g, STR("s"), now_us() + FAR_AWAY_US));
    assert_false(gate_enter(g, STR("s"), now_us() + 1000));
    assert_true(gate_enter(g, STR("another"), now_us() + FAR_AWAY_US));
    gate_leave(g, STR("another"));
    gate_leave(g, STR("s"));
    assert_true(gate_enter(g, STR("s"), now_us() + FAR_AWAY_US));
    gate_leave(g, STR("s"));
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_deadline),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
