/*
 * The issuer's keys over time: fetched from a URL, read again from a file, looked for once more
 * when a token names an unknown one, and all that while many threads verify.
 */
#include "jwt_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/keyring.h"
#include "base/log.h"

static atomic_int_least64_t mono_us;

static int64_t fake_wall(void *context)
{
    (void)context;
    return NOW * 1000000;
}

static int64_t fake_mono(void *context)
{
    (void)context;
    return atomic_load(&mono_us);
}

static const struct clock clock_fake = {.wall_us = fake_wall, .mono_us = fake_mono};

static void pass(int64_t us)
{
    atomic_fetch_add(&mono_us, us);
}

/* ---- an issuer that is asked through auth_fetch -----------------------------------------------
 */

struct issuer {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const char *answer; /* NULL: it does not answer */
    int fetches;        /* ended */
    int under_way;
    bool hold; /* a fetch waits until this is false */
};

static struct issuer issuer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER};

static int fake_fetch(void *context, const char *url, struct buf *body, struct err *e)
{
    struct issuer *i = context;
    int r = 0;

    assert_string_equal(url, "https://issuer/keys");
    pthread_mutex_lock(&i->mutex);
    i->under_way++;
    assert_int_equal(i->under_way, 1);
    pthread_cond_broadcast(&i->changed);
    while (i->hold)
        pthread_cond_wait(&i->changed, &i->mutex);
    if (i->answer)
        buf_puts(body, i->answer);
    else
        r = err_set(e, ERR_CONFIGURATION, "connection refused");
    i->under_way--;
    i->fetches++;
    pthread_cond_broadcast(&i->changed);
    pthread_mutex_unlock(&i->mutex);
    return r;
}

static void answer_with(const char *text)
{
    pthread_mutex_lock(&issuer.mutex);
    issuer.answer = text;
    pthread_mutex_unlock(&issuer.mutex);
}

static int fetches(void)
{
    pthread_mutex_lock(&issuer.mutex);
    int n = issuer.fetches;
    pthread_mutex_unlock(&issuer.mutex);
    return n;
}

static void wait_for_fetches(int n)
{
    pthread_mutex_lock(&issuer.mutex);
    while (issuer.fetches < n)
        pthread_cond_wait(&issuer.changed, &issuer.mutex);
    pthread_mutex_unlock(&issuer.mutex);
}

static void hold(bool on)
{
    pthread_mutex_lock(&issuer.mutex);
    issuer.hold = on;
    pthread_cond_broadcast(&issuer.changed);
    pthread_mutex_unlock(&issuer.mutex);
}

static void wait_until_under_way(void)
{
    pthread_mutex_lock(&issuer.mutex);
    while (!issuer.under_way)
        pthread_cond_wait(&issuer.changed, &issuer.mutex);
    pthread_mutex_unlock(&issuer.mutex);
}

static int before_each(void **state)
{
    (void)state;
    issuer.answer = NULL;
    issuer.fetches = 0;
    issuer.hold = false;
    return 0;
}

static struct config url_config(void)
{
    return (struct config){.auth_mode = AUTH_JWT,
                           .auth_jwt_jwks_url = "https://issuer/keys",
                           .auth_jwt_jwks_file = "",
                           .auth_jwt_secret = "",
                           .auth_jwt_issuer = "",
                           .auth_jwt_audience = "",
                           .auth_jwt_user_claim = "sub",
                           .auth_user_header = "X-User-Id"};
}

static struct config config;

static struct auth *auth_with_url(void)
{
    struct err e;
    config = url_config();
    struct auth *auth = auth_new(&config, &clock_fake, &e);
    assert_non_null(auth);
    auth_set_fetch(auth, fake_fetch, &issuer);
    return auth;
}

static const char *keys_k1(void)
{
    return key_set(jwk(rsa, ",\"kid\":\"k1\""));
}

static const char *keys_k1_k2(void)
{
    return key_set(
        arena_printf(&texts, "%s,%s", jwk(rsa, ",\"kid\":\"k1\""), jwk(p256, ",\"kid\":\"k2\"")).p);
}

static const char *keys_k2(void)
{
    return key_set(jwk(p256, ",\"kid\":\"k2\""));
}

static const char *token_k1(void)
{
    return token_signed(header_of("RS256", "k1"), claims_of("alice"), rsa);
}

static const char *token_k2(void)
{
    return token_signed(header_of("ES256", "k2"), claims_of("bob"), p256);
}

/* True if the token is accepted. */
static bool good(struct auth *auth, const char *token, struct err *e)
{
    struct principal principal = {0};
    struct arena a;

    arena_init(&a);
    struct str authorization = arena_printf(&a, "Bearer %s", token);
    int r = auth_authenticate(auth, &a, authorization, STR_NONE, &principal, e);
    if (r == 0 && !str_is(principal.user_id, "alice") && !str_is(principal.user_id, "bob"))
        fail_msg("another user");
    arena_free(&a);
    return r == 0;
}

static void expect_error(struct auth *auth, const char *token, enum err_code code,
                         const char *reason)
{
    struct err e = {0};
    assert_false(good(auth, token, &e));
    if (e.code != code || !strstr(e.detail, reason))
        fail_msg("%s: %s", err_code_name(e.code), e.detail);
}

static void expect_refusal(struct auth *auth, const char *token, const char *reason)
{
    expect_error(auth, token, ERR_UNAUTHORIZED, reason);
}

/* Nobody's fault who sends a token: not 401, at which a front end would sign its user out. */
static void expect_no_keys(struct auth *auth, const char *token)
{
    expect_error(auth, token, ERR_ISSUER_UNAVAILABLE, "could not be read");
}

static void expect_good(struct auth *auth, const char *token)
{
    struct err e = {0};
    if (!good(auth, token, &e))
        fail_msg("%s", e.detail);
}

/* ---- from a URL -------------------------------------------------------------------------------
 */

static void the_first_request_waits_for_the_keys(void **state)
{
    (void)state;
    answer_with(keys_k1());
    struct auth *auth = auth_with_url();
    expect_good(auth, token_k1());
    expect_good(auth, token_k1());
    assert_int_equal(fetches(), 1);
    auth_free(auth);
}

static void a_url_that_does_not_answer_is_tried_again(void **state)
{
    (void)state;
    struct auth *auth = auth_with_url();
    wait_for_fetches(1);
    expect_no_keys(auth, token_k1());
    assert_int_equal(fetches(), 1); /* not with each request */
    pass(KEYRING_FIRST_US);
    expect_no_keys(auth, token_k1());
    assert_int_equal(fetches(), 2);
    answer_with("<html>busy</html>");
    pass(KEYRING_FIRST_US);
    expect_no_keys(auth, token_k1());
    answer_with(keys_k1());
    pass(KEYRING_FIRST_US);
    expect_good(auth, token_k1());
    assert_int_equal(fetches(), 4);
    auth_free(auth);
}

static void an_unknown_kid_fetches_once_a_minute(void **state)
{
    (void)state;
    answer_with(keys_k1());
    struct auth *auth = auth_with_url();
    expect_good(auth, token_k1());
    answer_with(keys_k1_k2());
    for (int i = 0; i < 50; i++)
        expect_refusal(auth, token_k2(), "unknown key");
    assert_int_equal(fetches(), 1);
    pass(KEYRING_AGAIN_US - 1);
    expect_refusal(auth, token_k2(), "unknown key");
    assert_int_equal(fetches(), 1);
    pass(1);
    expect_good(auth, token_k2());
    assert_int_equal(fetches(), 2);
    expect_good(auth, token_k1());
    assert_int_equal(fetches(), 2);
    auth_free(auth);
}

static void old_keys_stay_when_a_fetch_fails(void **state)
{
    static const char *const failures[] = {NULL, "", "<html>", "{\"keys\":[]}", "{\"keys\":[{}]}"};
    (void)state;
    answer_with(keys_k1());
    struct auth *auth = auth_with_url();
    expect_good(auth, token_k1());
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        answer_with(failures[i]);
        pass(KEYRING_AGAIN_US);
        expect_refusal(auth, token_k2(), "unknown key");
        assert_int_equal(fetches(), (int)i + 2);
        expect_good(auth, token_k1());
    }
    char *big = arena_alloc(&texts, KEYRING_MAX_BYTES + 2);
    memset(big, ' ', KEYRING_MAX_BYTES + 1);
    answer_with(big);
    pass(KEYRING_AGAIN_US);
    expect_refusal(auth, token_k2(), "unknown key");
    expect_good(auth, token_k1());
    auth_free(auth);
}

struct asker {
    pthread_t thread;
    struct auth *auth;
    int64_t took_ms;
};

static void *ask_once(void *context)
{
    struct asker *asker = context;
    struct timespec began;
    struct timespec ended;
    struct err e;

    clock_gettime(CLOCK_MONOTONIC, &began);
    good(asker->auth, "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA", &e);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    asker->took_ms =
        (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
    return NULL;
}

/* A request that waits for the issuer holds a worker: those who send tokens that nobody can verify
 * hold an eighth of them. The others have their answer long before the wait of 3 s is over. */
static void few_wait_while_the_issuer_hangs(void **state)
{
    struct asker askers[24];
    struct err e;
    int at_once = 0;
    (void)state;
    hold(true);
    config = url_config();
    config.pool_threads = 16;
    struct auth *auth = auth_new(&config, &clock_fake, &e);
    assert_non_null(auth);
    auth_set_fetch(auth, fake_fetch, &issuer);
    for (int i = 0; i < 24; i++) {
        askers[i].auth = auth;
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_once, &askers[i]), 0);
    }
    for (int i = 0; i < 24; i++) {
        pthread_join(askers[i].thread, NULL);
        at_once += askers[i].took_ms < 2000;
    }
    assert_in_range(at_once, 20, 23);
    hold(false);
    auth_free(auth);
}

static void keys_are_refreshed_off_the_requests_path(void **state)
{
    (void)state;
    answer_with(keys_k1());
    struct auth *auth = auth_with_url();
    expect_good(auth, token_k1());
    answer_with(keys_k2());
    pass(KEYRING_REFRESH_US - 1);
    expect_good(auth, token_k1());
    assert_int_equal(fetches(), 1);
    hold(true);
    pass(1);
    /* While the fetch hangs, requests go on with the old keys and do not wait. */
    expect_good(auth, token_k1());
    wait_until_under_way();
    for (int i = 0; i < 100; i++)
        expect_good(auth, token_k1());
    hold(false);
    wait_for_fetches(2);
    /* The fetch has ended; the new keys are in force a moment later. */
    expect_good(auth, token_k2());
    /* A key that has gone opens nothing any more, remembered or not. */
    expect_refusal(auth, token_k1(), "unknown key");
    auth_free(auth);
}

static void the_same_keys_keep_what_is_remembered(void **state)
{
    struct err e;
    (void)state;
    answer_with(keys_k1());
    struct keyring *keyring = keyring_new("", "https://issuer/keys", 8, &clock_fake, &e);
    keyring_set_fetch(keyring, fake_fetch, &issuer);
    struct jwks *first = keyring_look_again(keyring, NULL);
    assert_int_equal(jwks_generation(first), 1);
    pass(KEYRING_AGAIN_US);
    struct jwks *second = keyring_look_again(keyring, first);
    assert_int_equal(fetches(), 2);
    assert_ptr_equal(first, second);
    answer_with(keys_k2());
    pass(KEYRING_AGAIN_US);
    struct jwks *third = keyring_look_again(keyring, second);
    assert_int_equal(jwks_generation(third), 2);
    /* Somebody who has not seen the newer keys gets them without a fetch. */
    struct jwks *fourth = keyring_look_again(keyring, second);
    assert_ptr_equal(third, fourth);
    assert_int_equal(fetches(), 3);
    jwks_release(first);
    jwks_release(second);
    jwks_release(third);
    jwks_release(fourth);
    keyring_free(keyring);
}

static void nothing_is_fetched_while_nobody_asks(void **state)
{
    (void)state;
    answer_with(keys_k1());
    struct auth *auth = auth_with_url();
    wait_for_fetches(1);
    pass(10 * KEYRING_REFRESH_US);
    auth_free(auth);
    assert_int_equal(fetches(), 1);
}

/* ---- from a file ------------------------------------------------------------------------------
 */

static char jwks_path[] = "/tmp/test_auth_keys.XXXXXX";

/* As an administrator should: beside it, then in its place. */
static void replace_file(const char *text)
{
    const char *beside = arena_printf(&texts, "%s.new", jwks_path).p;
    FILE *f = fopen(beside, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(beside, jwks_path), 0);
}

static void a_file_is_read_again_when_it_changes(void **state)
{
    struct err e;
    (void)state;
    replace_file(keys_k1());
    config = url_config();
    config.auth_jwt_jwks_url = "";
    config.auth_jwt_jwks_file = jwks_path;
    struct auth *auth = auth_new(&config, &clock_fake, &e);
    auth_set_fetch(auth, fake_fetch, &issuer);
    expect_good(auth, token_k1());
    /* An unknown kid looks at once. */
    replace_file(keys_k1_k2());
    expect_good(auth, token_k2());
    /* A key that has gone is noticed a few seconds later. */
    replace_file(keys_k2());
    expect_good(auth, token_k1());
    pass(KEYRING_LOOK_US);
    expect_refusal(auth, token_k1(), "unknown key");
    /* A bad or missing file changes nothing. */
    replace_file("{\"keys\":");
    pass(KEYRING_LOOK_US);
    expect_good(auth, token_k2());
    unlink(jwks_path);
    pass(KEYRING_LOOK_US);
    expect_good(auth, token_k2());
    expect_refusal(auth, token_k1(), "unknown key");
    replace_file(keys_k1_k2());
    expect_good(auth, token_k1());
    assert_int_equal(fetches(), 0);
    auth_free(auth);
}

/* ---- many threads -----------------------------------------------------------------------------
 */

#define THREADS 16
#define REFRESHES 60

struct crowd {
    struct auth *auth;
    const char *k1, *k2, *unknown;
    atomic_bool stop;
    atomic_int k2_good;
    atomic_int k2_refused;
};

static void *verify_all_the_time(void *context)
{
    struct crowd *crowd = context;
    struct err e;

    for (int i = 0; !atomic_load(&crowd->stop); i++) {
        /* k1 is in every set: no refresh may ever make it fail. */
        if (!good(crowd->auth, crowd->k1, &e))
            return "k1 was refused";
        atomic_fetch_add(good(crowd->auth, crowd->k2, &e) ? &crowd->k2_good : &crowd->k2_refused,
                         1);
        if (i % 16 == 0 && good(crowd->auth, crowd->unknown, &e))
            return "an unknown key was accepted";
    }
    return NULL;
}

/* k2 comes and goes. Requests are what makes the keyring fetch. */
static void refresh(int i, const char *const sets[2])
{
    int before = fetches();

    answer_with(sets[i % 2]);
    while (fetches() == before) {
        pass(KEYRING_AGAIN_US);
        sched_yield();
    }
}

static void sixteen_threads_verify_while_keys_change(void **state)
{
    const char *sets[] = {keys_k1(), keys_k1_k2()};
    pthread_t threads[THREADS];
    (void)state;
    answer_with(sets[0]);
    struct crowd crowd = {.auth = auth_with_url(),
                          .k1 = token_k1(),
                          .k2 = token_k2(),
                          .unknown = token_signed(header_of("RS256", "k9"), claims_of("x"), rsa)};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_all_the_time, &crowd), 0);
    wait_for_fetches(1);
    for (int i = 1; i <= REFRESHES; i++)
        refresh(i, sets);
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < THREADS; i++) {
        void *complaint = NULL;
        pthread_join(threads[i], &complaint);
        if (complaint)
            fail_msg("%s", (const char *)complaint);
    }
    assert_true(atomic_load(&crowd.k2_good) > 0);
    assert_true(atomic_load(&crowd.k2_refused) > 0);
    auth_free(crowd.auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_request_waits_for_the_keys, before_each),
        cmocka_unit_test_setup(a_url_that_does_not_answer_is_tried_again, before_each),
        cmocka_unit_test_setup(an_unknown_kid_fetches_once_a_minute, before_each),
        cmocka_unit_test_setup(old_keys_stay_when_a_fetch_fails, before_each),
        cmocka_unit_test_setup(few_wait_while_the_issuer_hangs, before_each),
        cmocka_unit_test_setup(keys_are_refreshed_off_the_requests_path, before_each),
        cmocka_unit_test_setup(the_same_keys_keep_what_is_remembered, before_each),
        cmocka_unit_test_setup(nothing_is_fetched_while_nobody_asks, before_each),
        cmocka_unit_test_setup(a_file_is_read_again_when_it_changes, before_each),
        cmocka_unit_test_setup(sixteen_threads_verify_while_keys_change, before_each),
    };
    alarm(300); /* a fetch that never comes would be waited for without end */
    log_open(LOG_ERROR, LOG_TEXT, "", NULL);
    int fd = mkstemp(jwks_path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests_name("auth_keys", tests, make_issuer, end_issuer);
    unlink(jwks_path);
    return failed;
}
