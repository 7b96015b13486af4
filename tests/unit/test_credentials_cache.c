/* The credential cache: when the chain is asked, who waits, what is used when it fails. The
 * provider is a puppet, the clock stands still; only the threads are real. */
#include "fake_aws.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define PATIENCE_S 20 /* before a test gives up; nothing is that slow */

/* ---- the puppet --------------------------------------------------------------------------------
 */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned calls;  /* begun */
    unsigned inside; /* now */
    bool overlapped; /* two at a time were seen */
    bool hold;       /* those inside stay there */
    bool fails;
    bool rotates;    /* each call gives another key */
    int64_t life_us; /* 0: never expires */
    unsigned number; /* of the key */
} puppet = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void puppet_reset(void)
{
    puppet.calls = puppet.inside = puppet.number = 0;
    puppet.overlapped = puppet.hold = puppet.fails = false;
    puppet.rotates = true;
    puppet.life_us = 60 * MINUTE;
}

static void set(bool *flag, bool value)
{
    pthread_mutex_lock(&puppet.mutex);
    *flag = value;
    pthread_cond_broadcast(&puppet.changed);
    pthread_mutex_unlock(&puppet.mutex);
}

static unsigned calls(void)
{
    pthread_mutex_lock(&puppet.mutex);
    unsigned n = puppet.calls;
    pthread_mutex_unlock(&puppet.mutex);
    return n;
}

static struct timespec patience(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += PATIENCE_S;
    return t;
}

static void wait_for_call(unsigned n)
{
    const struct timespec until = patience();
    int result = 0;
    pthread_mutex_lock(&puppet.mutex);
    while (puppet.calls < n && result == 0)
        result = pthread_cond_timedwait(&puppet.changed, &puppet.mutex, &until);
    pthread_mutex_unlock(&puppet.mutex);
    assert_int_equal(result, 0);
}

/* Absence cannot be waited for: a moment, long enough for a thread that has been woken. */
static void expect_no_call_beyond(unsigned n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int result = 0;
    pthread_mutex_lock(&puppet.mutex);
    while (puppet.calls <= n && result == 0)
        result = pthread_cond_timedwait(&puppet.changed, &puppet.mutex, &until);
    unsigned seen = puppet.calls;
    pthread_mutex_unlock(&puppet.mutex);
    assert_int_equal(seen, n);
}

static void make_credentials(unsigned number, int64_t expires_us, struct credentials *out)
{
    char id[32];
    char secret[32];
    (void)snprintf(id, sizeof id, "AK%u", number);
    (void)snprintf(secret, sizeof secret, "HUSH%u", number);
    const struct credentials_strings strings = {str_from(id), str_from(secret), STR("HUSHT"),
                                                expires_us};
    if (credentials_set(out, "puppet", &strings, NULL) != 0)
        abort();
}

static enum credentials_result puppet_fetch(const struct credentials_context *context,
                                            struct credentials *out, struct err *e)
{
    pthread_mutex_lock(&puppet.mutex);
    puppet.calls++;
    puppet.overlapped = puppet.overlapped || puppet.inside++ > 0;
    pthread_cond_broadcast(&puppet.changed);
    while (puppet.hold)
        pthread_cond_wait(&puppet.changed, &puppet.mutex);
    bool fails = puppet.fails;
    if (puppet.rotates)
        puppet.number++;
    unsigned number = puppet.number;
    int64_t life_us = puppet.life_us;
    puppet.inside--;
    pthread_mutex_unlock(&puppet.mutex);
    if (fails) {
        err_set(e, ERR_DYNAMODB_UNAVAILABLE, "puppet: /etc/inner says arn:inner");
        return CREDENTIALS_FAILED;
    }
    int64_t now = context->clock->wall_us(context->clock->context);
    make_credentials(number, life_us ? now + life_us : CREDENTIALS_NEVER_EXPIRE, out);
    return CREDENTIALS_FOUND;
}

static const struct credentials_provider puppet_chain[] = {{"puppet", puppet_fetch}, {NULL, NULL}};

/* ---- a cache to test ---------------------------------------------------------------------------
 */

struct scene {
    struct fake_clock clock;
    struct clock table;
    struct credentials_cache *cache;
    struct credentials held;
    uint64_t generation;
};

static void scene_begin(struct scene *s)
{
    puppet_reset();
    *s = (struct scene){.clock = {.wall_us = FAKE_NOW_US, .mono_us = 1}};
    s->table = fake_clock_table(&s->clock);
    const struct credentials_context context = {.clock = &s->table};
    s->cache = credentials_cache_new(puppet_chain, &context);
    assert_non_null(s->cache);
}

static void scene_end(struct scene *s)
{
    set(&puppet.hold, false);
    credentials_cache_free(s->cache);
    credentials_clear(&s->held);
    assert_false(puppet.overlapped);
}

/* A deadline that does not come, however far the test moves the clock. Should the cache hang, the
 * alarm ends the test. */
static int64_t far(void)
{
    return INT64_MAX / 2;
}

static void expect_key(struct scene *s, const char *key)
{
    struct err e = {0};
    if (credentials_cache_update(s->cache, far(), &s->held, &s->generation, &e) != 0)
        fail_msg("no credentials: %s", e.detail);
    assert_string_equal(s->held.access_key_id, key);
}

/* The same for a caller that keeps nothing. */
static int fetch_copy(struct credentials_cache *cache, int64_t deadline_us, struct credentials *out,
                      struct err *e)
{
    uint64_t generation = 0;
    *out = (struct credentials){0};
    return credentials_cache_update(cache, deadline_us, out, &generation, e);
}

/* Until the thread of the cache has taken over what it was given. */
static void wait_for_key(struct scene *s, const char *key)
{
    const struct timespec until = patience();
    struct timespec now;
    do {
        struct err e = {0};
        assert_int_equal(credentials_cache_update(s->cache, far(), &s->held, &s->generation, &e),
                         0);
        sched_yield();
        clock_gettime(CLOCK_REALTIME, &now);
    } while (strcmp(s->held.access_key_id, key) != 0 && now.tv_sec < until.tv_sec);
    assert_string_equal(s->held.access_key_id, key);
}

/* ---- when --------------------------------------------------------------------------------------
 */

enum expectation { KEEPS, REFRESHES_ASIDE, WAITS };

static const struct {
    const char *name;
    int64_t life_us;
    int64_t after_us;
    double chance;
    enum expectation expected;
} when_cases[] = {
    {"at once", 60 * MINUTE, 0, 0, KEEPS},
    {"15 min before expiry, a little earlier", 60 * MINUTE, 45 * MINUTE - 1, 0, KEEPS},
    {"15 min before expiry", 60 * MINUTE, 45 * MINUTE, 0, REFRESHES_ASIDE},
    {"15 min before expiry, but the jitter says later", 60 * MINUTE, 45 * MINUTE, 0.5, KEEPS},
    {"the jitter's end, a little earlier", 60 * MINUTE, 46 * MINUTE + 30 * SECOND - 1, 0.5, KEEPS},
    {"the jitter's end", 60 * MINUTE, 46 * MINUTE + 30 * SECOND, 0.5, REFRESHES_ASIDE},
    {"10 min before expiry, a little earlier", 60 * MINUTE, 50 * MINUTE - 1, 0, REFRESHES_ASIDE},
    {"10 min before expiry", 60 * MINUTE, 50 * MINUTE, 0, WAITS},
    {"10 min before expiry, whatever the jitter", 60 * MINUTE, 50 * MINUTE, 0.999, WAITS},
    {"just before expiry", 60 * MINUTE, 60 * MINUTE - 1, 0, WAITS},
    {"at expiry", 60 * MINUTE, 60 * MINUTE, 0, WAITS},
    {"a life of 15 min is not due at once", 15 * MINUTE, 7 * MINUTE, 0, KEEPS},
    {"a life of 15 min is due at half", 15 * MINUTE, 7 * MINUTE + 30 * SECOND, 0, REFRESHES_ASIDE},
    {"a life of 15 min, waited for at two thirds", 15 * MINUTE, 10 * MINUTE, 0, WAITS},
    {"a life shorter than the rest after a refresh", 3 * SECOND, 3 * SECOND, 0, WAITS},
    {"no expiry: never", 0, INT64_C(3650) * 24 * 60 * MINUTE, 0, KEEPS},
};

static void test_when(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(when_cases); i++) {
        struct scene s;
        print_message("  %s\n", when_cases[i].name);
        scene_begin(&s);
        puppet.life_us = when_cases[i].life_us;
        s.clock.chance = when_cases[i].chance;
        expect_key(&s, "AK1");
        fake_advance(&s.clock, when_cases[i].after_us);
        /* While the provider is held nobody who has to wait can get an answer. */
        bool aside = when_cases[i].expected != WAITS;
        set(&puppet.hold, aside);
        expect_key(&s, aside ? "AK1" : "AK2");
        if (when_cases[i].expected == REFRESHES_ASIDE) {
            wait_for_call(2);
            expect_key(&s, "AK1");
            set(&puppet.hold, false);
            wait_for_key(&s, "AK2");
        }
        if (when_cases[i].expected == KEEPS)
            expect_no_call_beyond(1);
        scene_end(&s);
        assert_int_equal(puppet.calls, when_cases[i].expected == KEEPS ? 1 : 2);
    }
}

/* ---- failure -----------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    int64_t after_us;
    bool usable;
} failure_cases[] = {
    {"in the advisory window", 45 * MINUTE, true},
    {"in the mandatory window", 50 * MINUTE, true},
    {"a moment before the end", 60 * MINUTE - 1, true},
    {"at the end", 60 * MINUTE, false},
};

static void test_old_ones_serve_while_they_live(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failure_cases); i++) {
        struct scene s;
        struct err e = {0};
        print_message("  %s\n", failure_cases[i].name);
        scene_begin(&s);
        expect_key(&s, "AK1");
        fake_advance(&s.clock, failure_cases[i].after_us);
        set(&puppet.fails, true);
        if (failure_cases[i].usable) {
            expect_key(&s, "AK1");
            wait_for_call(2);
            expect_key(&s, "AK1");
        } else {
            assert_int_equal(credentials_cache_update(s.cache, far(), &s.held, &s.generation, &e),
                             -1);
            assert_int_equal(e.code, ERR_DYNAMODB_UNAVAILABLE);
            assert_string_equal(s.held.access_key_id, "AK1"); /* as it was */
        }
        scene_end(&s);
        assert_int_equal(puppet.calls, 2);
    }
}

/* A server without credentials must not spend a second a request on finding that out. */
static void test_rest_after_failure(void **state)
{
    (void)state;
    static const int64_t rests_s[] = {5, 10, 20, 40, 60, 60};
    struct scene s;
    struct credentials c;
    struct err e = {0};
    scene_begin(&s);
    set(&puppet.fails, true);
    for (unsigned i = 0; i < COUNT(rests_s); i++) {
        assert_int_equal(fetch_copy(s.cache, far(), &c, &e), -1);
        assert_int_equal(calls(), i + 1);
        fake_advance(&s.clock, rests_s[i] * SECOND - 1);
        assert_int_equal(fetch_copy(s.cache, far(), &c, &e), -1);
        assert_int_equal(calls(), i + 1);
        assert_int_equal(e.retry_after_s, 1);
        fake_advance(&s.clock, 1);
    }
    set(&puppet.fails, false);
    expect_key(&s, "AK7");
    /* The next failure begins with the shortest rest again. */
    set(&puppet.fails, true);
    fake_advance(&s.clock, 60 * MINUTE);
    assert_int_equal(fetch_copy(s.cache, far(), &c, &e), -1);
    fake_advance(&s.clock, 5 * SECOND);
    assert_int_equal(fetch_copy(s.cache, far(), &c, &e), -1);
    assert_int_equal(calls(), 9);
    scene_end(&s);
}

static void test_deadline(void **state)
{
    (void)state;
    struct scene s;
    struct credentials c;
    struct err e = {0};
    scene_begin(&s);
    set(&puppet.hold, true);
    assert_int_equal(fetch_copy(s.cache, s.clock.mono_us + 10000, &c, &e), -1);
    assert_int_equal(e.code, ERR_DYNAMODB_UNAVAILABLE);
    assert_non_null(strstr(e.detail, "did not come in time"));
    assert_null(c.access_key_id);
    assert_int_equal(fetch_copy(s.cache, s.clock.mono_us - 1, &c, &e), -1);
    wait_for_call(1);
    set(&puppet.hold, false);
    expect_key(&s, "AK1"); /* the refresh of the first caller went on */
    fake_advance(&s.clock, 50 * MINUTE);
    set(&puppet.hold, true);
    assert_int_equal(fetch_copy(s.cache, s.clock.mono_us + 10000, &c, &e), 0);
    assert_string_equal(c.access_key_id, "AK1"); /* they still live */
    credentials_clear(&c);
    /* There must be time left to use them: a refresh may hang for longer than any request has. */
    int64_t began = clock_system.mono_us(clock_system.context);
    assert_int_equal(fetch_copy(s.cache, s.clock.mono_us + 60 * 1000000, &c, &e), 0);
    assert_true(clock_system.mono_us(clock_system.context) - began < 20 * 1000000);
    credentials_clear(&c);
    scene_end(&s);
}

static bool file_has(const char *name, const char *word)
{
    char path[128];
    char text[8192];
    (void)snprintf(path, sizeof path, "%s/%s", fake_home, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, word) != NULL;
}

/* Clients get a sentence without what is inside; the log gets it, and no secret. */
static void test_words(void **state)
{
    (void)state;
    struct scene s;
    struct credentials c;
    struct err e = {0};
    char path[128];
    (void)snprintf(path, sizeof path, "%s/log", fake_home);
    assert_int_equal(log_open(LOG_DEBUG, LOG_TEXT, path, &e), 0);
    scene_begin(&s);
    set(&puppet.fails, true);
    assert_int_equal(fetch_copy(s.cache, far(), &c, &e), -1);
    assert_null(strstr(e.detail, "inner"));
    assert_true(file_has("log", "puppet: /etc/inner says arn:inner"));
    set(&puppet.fails, false);
    fake_advance(&s.clock, 5 * SECOND);
    expect_key(&s, "AK2");
    scene_end(&s);
    assert_true(file_has("log", "AWS credentials from puppet, valid until 2026-01-01T01:00:05"));
    assert_false(file_has("log", "HUSH"));
    assert_int_equal(log_open(LOG_ERROR, LOG_TEXT, "", &e), 0);
}

static enum credentials_result not_here(const struct credentials_context *context,
                                        struct credentials *out, struct err *e)
{
    (void)context;
    (void)out;
    (void)e;
    return CREDENTIALS_NOT_HERE;
}

/* As a profile whose role has an endpoint that is no URL. */
static enum credentials_result misconfigured(const struct credentials_context *context,
                                             struct credentials *out, struct err *e)
{
    (void)context;
    (void)out;
    err_set(e, ERR_CONFIGURATION, "the endpoint of STS is not a URL");
    return CREDENTIALS_FAILED;
}

static void check_not_configured(const struct credentials_provider *chain)
{
    struct fake_clock clock = {.wall_us = FAKE_NOW_US};
    struct clock table = fake_clock_table(&clock);
    const struct credentials_context context = {.clock = &table};
    struct credentials_cache *cache = credentials_cache_new(chain, &context);
    struct credentials c;
    struct err e = {0};
    assert_int_equal(fetch_copy(cache, INT64_MAX / 2, &c, &e), -1);
    assert_int_equal(e.code, ERR_CREDENTIALS_NOT_CONFIGURED);
    const char *prefix = "AWS credentials not configured";
    assert_memory_equal(e.detail, prefix, strlen(prefix));
    assert_int_equal(e.retry_after_s, 5);
    credentials_cache_free(cache);
}

static void test_not_configured(void **state)
{
    (void)state;
    static const struct credentials_provider nobody[] = {{"nobody", not_here}, {NULL, NULL}};
    static const struct credentials_provider wrong[] = {{"wrong", misconfigured}, {NULL, NULL}};
    check_not_configured(nobody);
    check_not_configured(wrong);
}

/* ---- what is shared ----------------------------------------------------------------------------
 */

static void test_update_copies_only_what_changed(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s);
    expect_key(&s, "AK1");
    const char *kept = s.held.access_key_id;
    uint64_t generation = s.generation;
    expect_key(&s, "AK1");
    assert_ptr_equal(s.held.access_key_id, kept);
    assert_int_equal(s.generation, generation);
    fake_advance(&s.clock, 50 * MINUTE);
    expect_key(&s, "AK2");
    assert_int_not_equal(s.generation, generation);
    scene_end(&s);
}

static void test_expired_token(void **state)
{
    (void)state;
    struct scene s;
    struct credentials other = {0};
    struct err e = {0};
    scene_begin(&s);
    expect_key(&s, "AK1");
    /* Just fetched: asking at once would give the same. */
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e), CREDENTIALS_UNCHANGED);
    assert_int_equal(calls(), 1);
    fake_advance(&s.clock, 5 * SECOND);
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e), CREDENTIALS_CHANGED);
    assert_int_equal(calls(), 2);
    /* A second thread that had the same old ones. */
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e), CREDENTIALS_CHANGED);
    assert_int_equal(calls(), 2);
    expect_key(&s, "AK2");
    /* The provider goes on giving the same: asked once, not once a request. */
    set(&puppet.rotates, false);
    fake_advance(&s.clock, 5 * SECOND);
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e), CREDENTIALS_UNCHANGED);
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e), CREDENTIALS_UNCHANGED);
    assert_int_equal(calls(), 3);
    /* It fails. */
    fake_advance(&s.clock, 5 * SECOND);
    set(&puppet.fails, true);
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e),
                     CREDENTIALS_NOT_RENEWED);
    assert_int_equal(e.code, ERR_DYNAMODB_UNAVAILABLE);
    assert_int_equal(credentials_cache_expired(s.cache, &s.held, far(), &e),
                     CREDENTIALS_NOT_RENEWED);
    assert_int_equal(calls(), 4);
    /* The same key with another token is another set. */
    assert_int_equal(credentials_copy(&other, &s.held), 0);
    other.session_token[0] = 'X';
    assert_int_equal(credentials_cache_expired(s.cache, &other, far(), &e), CREDENTIALS_CHANGED);
    credentials_clear(&other);
    scene_end(&s);
}

struct caller {
    struct scene *scene;
    pthread_t thread;
    int result;
    unsigned changes;
};

static void *call_once(void *argument)
{
    struct caller *caller = argument;
    struct credentials c;
    struct err e;
    caller->result = fetch_copy(caller->scene->cache, far(), &c, &e);
    credentials_clear(&c);
    return NULL;
}

static void test_one_refresh_at_a_time(void **state)
{
    (void)state;
    struct scene s;
    struct caller callers[16] = {0};
    scene_begin(&s);
    set(&puppet.hold, true);
    for (size_t i = 0; i < COUNT(callers); i++) {
        callers[i].scene = &s;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_once, &callers[i]), 0);
    }
    wait_for_call(1);
    set(&puppet.hold, false);
    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].result, 0);
    }
    scene_end(&s);
    assert_int_equal(puppet.calls, 1);
}

/* 32 threads use and refresh while the clock runs through many lives; one of them moves it. Each
 * set must be whole: key and secret of the same number. */
static void *use_and_refresh(void *argument)
{
    struct caller *caller = argument;
    struct scene *s = caller->scene;
    struct credentials held = {0};
    uint64_t generation = 0;
    for (unsigned i = 0; i < 300; i++) {
        struct err e;
        uint64_t before = generation;
        if (credentials_cache_update(s->cache, far(), &held, &generation, &e) != 0 ||
            strcmp(held.access_key_id + 2, held.secret_access_key + 4) != 0) {
            caller->result = -1;
            break;
        }
        caller->changes += generation != before;
        if (i % 50 == 7 &&
            credentials_cache_expired(s->cache, &held, far(), &e) == CREDENTIALS_NOT_RENEWED)
            caller->result = -1;
        if (i % 10 == 3)
            fake_advance(&s->clock, 3 * MINUTE);
    }
    credentials_clear(&held);
    return NULL;
}

static void test_32_threads(void **state)
{
    (void)state;
    struct scene s;
    struct caller callers[32] = {0};
    scene_begin(&s);
    for (size_t i = 0; i < COUNT(callers); i++) {
        callers[i].scene = &s;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, use_and_refresh, &callers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].result, 0);
        assert_true(callers[i].changes > 0);
    }
    scene_end(&s);
    assert_true(puppet.calls > 10);
}

static int prepare(void **state)
{
    struct err e;
    alarm(6 * PATIENCE_S);
    /* The lines about every new set are not wanted among the results. */
    return fake_home_make(state) == 0 ? log_open(LOG_ERROR, LOG_TEXT, "", &e) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_old_ones_serve_while_they_live),
        cmocka_unit_test(test_rest_after_failure),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_not_configured),
        cmocka_unit_test(test_update_copies_only_what_changed),
        cmocka_unit_test(test_expired_token),
        cmocka_unit_test(test_one_refresh_at_a_time),
        cmocka_unit_test(test_32_threads),
    };
    return cmocka_run_group_tests_name("credentials cache", tests, prepare, fake_home_remove);
}
