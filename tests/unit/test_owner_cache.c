/*
 * The cache of owners: bounded, never wrong, last timestamps never go back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#include "store/owner_cache.h"

static void test_entries(void **state)
{
    struct owner_cache *c = owner_cache_new(100);
    struct arena a;
    struct str user;
    int64_t last;

    (void)state;
    arena_init(&a);
    assert_false(owner_cache_get(c, STR("s"), &a, &user, &last));
    owner_cache_put(c, STR("s"), STR("u"), 5);
    assert_true(owner_cache_get(c, STR("s"), &a, &user, &last));
    assert_true(str_is(user, "u"));
    assert_int_equal(last, 5);
    owner_cache_put(c, STR("s"), STR("u"), 3);
    owner_cache_get(c, STR("s"), &a, &user, &last);
    assert_int_equal(last, 5);
    owner_cache_put(c, STR("s"), STR("u"), 9);
    owner_cache_get(c, STR("s"), &a, &user, &last);
    assert_int_equal(last, 9);
    owner_cache_remove(c, STR("s"));
    assert_false(owner_cache_get(c, STR("s"), &a, &user, &last));
    arena_free(&a);
    owner_cache_free(c);
}

static struct str id_of(struct arena *a, int i)
{
    return arena_printf(a, "session-%d", i);
}

static void test_newcomers_replace_and_are_never_mixed_up(void **state)
{
    struct owner_cache *c = owner_cache_new(64);
    struct arena a;
    int found = 0;

    (void)state;
    arena_init(&a);
    for (int i = 0; i < 1000; i++)
        owner_cache_put(c, id_of(&a, i), arena_printf(&a, "user-%d", i), i);
    for (int i = 0; i < 1000; i++) {
        struct str user;
        int64_t last;
        if (!owner_cache_get(c, id_of(&a, i), &a, &user, &last))
            continue;
        found++;
        assert_true(str_equals(user, arena_printf(&a, "user-%d", i)));
        assert_int_equal(last, i);
    }
    assert_true(found > 0 && found <= 64);
    arena_free(&a);
    owner_cache_free(c);
}

static void *use(void *context)
{
    struct owner_cache *c = context;
    struct arena a;

    arena_init(&a);
    for (int i = 0; i < 20000; i++) {
        struct str user;
        int64_t last;
        struct str id = id_of(&a, i % 200);
        owner_cache_put(c, id, id, i);
        if (owner_cache_get(c, id, &a, &user, &last) && !str_equals(user, id))
            abort();
        if (i % 7 == 0)
            owner_cache_remove(c, id);
        arena_reset(&a);
    }
    arena_free(&a);
    return NULL;
}

static void test_threads_share_it(void **state)
{
    struct owner_cache *c = owner_cache_new(64);
    pthread_t threads[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    owner_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_newcomers_replace_and_are_never_mixed_up),
        cmocka_unit_test(test_threads_share_it),
    };
    return cmocka_run_group_tests_name("owner_cache", tests, NULL, NULL);
}
