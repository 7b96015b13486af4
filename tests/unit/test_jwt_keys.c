/*
 * Sets of keys: which entries are taken, which key is found, and what is no set at all.
 */
#include "jwt_checks.h"

/* ---- key sets ---------------------------------------------------------------------------------
 */

static void only_keys_that_can_verify_are_taken(void **state)
{
    struct {
        const char *key;
        bool taken;
    } cases[] = {
        {jwk(rsa, ""), true},
        {jwk(rsa, ",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"1\",\"x5c\":[\"junk\"]"), true},
        {jwk(rsa, ",\"key_ops\":[\"verify\"]"), true},
        {jwk(p256, ",\"alg\":\"ES256\""), true},
        {jwk(ed25519, ",\"alg\":\"EdDSA\""), true},
        {jwk(ed25519, ",\"alg\":\"Ed25519\""), true},
        {jwk(rsa_small, ""), false},
        {jwk(p384, ""), false},
        {jwk(rsa, ",\"use\":\"enc\""), false},
        {jwk(rsa, ",\"use\":7"), false},
        {jwk(rsa, ",\"alg\":\"RS512\""), false},
        {jwk(rsa, ",\"alg\":\"HS256\""), false},
        {jwk(rsa, ",\"alg\":\"ES256\""), false},
        {jwk(rsa, ",\"alg\":null"), false},
        {jwk(rsa, ",\"kid\":1"), false},
        {jwk(rsa, ",\"kty\":\"EC\""), false}, /* twice */
        {jwk(rsa, ",\"key_ops\":[\"encrypt\"]"), false},
        {jwk(rsa, ",\"key_ops\":\"verify\""), false},
        {"{\"kty\":\"oct\",\"k\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"}", false},
        {"{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\"}", false},
        {"{\"kty\":\"RSA\"}", false},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", false},
        {"{\"kty\":\"RSA\",\"n\":7,\"e\":[]}", false},
        {"{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"\"}", false},
        {jwk(rsa, ",\"e\":\"AQAB\""), false},
        {"{\"kty\":\"RSA\",\"n\":\"AAAAA\",\"e\":\"AQAB\"}", false}, /* impossible length */
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAA\",\"y\":\"AAAAA\"}", false},
        /* x and y of the right length, on no curve */
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
         false},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}", false},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\"}", false},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", false},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", false},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHU"
         "Ro\"}",
         false},
        {"{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\"}", false},
        {"{\"kty\":7}", false},
        {"{}", false},
        {"null", false},
        {"7", false},
        {"\"RSA\"", false},
        {"[{}]", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e;
        /* Next to a good key, so that a refused one is told from a refused set. */
        const char *text = key_set(
            arena_printf(&texts, "%s,%s", cases[i].key, jwk(rsa_other, ",\"kid\":\"good\"")).p);
        struct jwks *set = jwks_parse(str_from(text), 5, &e);
        if (!set || jwks_size(set) != (cases[i].taken ? 2 : 1))
            fail_msg("%s: %zu keys", cases[i].key, jwks_size(set));
        assert_int_equal(jwks_size(set) + jwks_skipped(set), 2);
        assert_int_equal(jwks_generation(set), 5);
        jwks_release(set);
    }
}

static void what_is_no_set_is_refused(void **state)
{
    struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "not JSON"},
        {"<html>", "not JSON"},
        {"[]", "array \"keys\""},
        {"{}", "array \"keys\""},
        {"{\"keys\":{}}", "array \"keys\""},
        {"{\"keys\":null}", "array \"keys\""},
        {"{\"keys\":[],\"keys\":[]}", "array \"keys\""},
        {"{\"keys\":[]}", "none of the 0 keys"},
        {"{\"keys\":[{}]}", "none of the 1 keys"},
        {key_set(jwk(rsa_small, "")), "none of the 1 keys"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        assert_null(jwks_parse(str_from(cases[i].text), 1, &e));
        assert_int_equal(e.code, ERR_CONFIGURATION);
        if (!strstr(e.detail, cases[i].reason))
            fail_msg("%s: %s", cases[i].text, e.detail);
    }
}

static void a_key_is_found_by_kid_and_type(void **state)
{
    const char *text =
        key_set(arena_printf(&texts, "%s,%s,%s,%s,%s", jwk(rsa, ",\"kid\":\"r1\""),
                             jwk(rsa_other, ",\"kid\":\"r2\""), jwk(p256, ",\"kid\":\"e1\""),
                             jwk(ed25519, ""), jwk(rsa, ",\"kid\":\"\""))
                    .p);
    static const struct {
        enum jose_alg alg;
        const char *kid;
        enum jwks_result result;
    } cases[] = {
        {JOSE_RS256, "r1", JWKS_FOUND},     {JOSE_RS256, "r2", JWKS_FOUND},
        {JOSE_RS256, "R1", JWKS_UNKNOWN},   {JOSE_RS256, "e1", JWKS_UNKNOWN},
        {JOSE_RS256, "", JWKS_FOUND},       {JOSE_ES256, "e1", JWKS_FOUND},
        {JOSE_ES256, "r1", JWKS_UNKNOWN},   {JOSE_ES256, NULL, JWKS_FOUND},
        {JOSE_EDDSA, NULL, JWKS_FOUND},     {JOSE_EDDSA, "", JWKS_UNKNOWN},
        {JOSE_RS256, NULL, JWKS_AMBIGUOUS}, {JOSE_HS256, NULL, JWKS_UNKNOWN},
        {JOSE_HS256, "r1", JWKS_UNKNOWN},
    };
    struct err e;
    struct jwks *set = jwks_parse(str_from(text), 1, &e);
    (void)state;
    assert_int_equal(jwks_size(set), 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct jose_key *key = NULL;
        enum jwks_result result = jwks_find(set, cases[i].alg, str_from(cases[i].kid), &key);
        if (result != cases[i].result)
            fail_msg("alg %d kid %s: %d", cases[i].alg, cases[i].kid, result);
        if (result == JWKS_FOUND)
            assert_int_equal(jose_key_alg(key), cases[i].alg);
    }
    jwks_release(set);
    assert_int_equal(jwks_find(NULL, JOSE_RS256, STR_NONE, &(const struct jose_key *){NULL}),
                     JWKS_UNKNOWN);
}

static void a_set_has_at_most_64_keys(void **state)
{
    struct str keys = arena_printf(&texts, "%s", jwk(ed25519, ""));
    struct err e;
    (void)state;
    for (int i = 0; i < 99; i++)
        keys = arena_printf(&texts, "%s,%s", keys.p, jwk(ed25519, ""));
    struct jwks *set = jwks_parse(str_from(key_set(keys.p)), 1, &e);
    assert_int_equal(jwks_size(set), 64);
    assert_int_equal(jwks_skipped(set), 36);
    jwks_release(set);
}

static void garbage_key_sets_do_no_harm(void **state)
{
    const char *good = key_set(arena_printf(&texts, "%s,%s,%s", jwk(rsa, ",\"kid\":\"r\""),
                                            jwk(p256, ",\"kid\":\"e\""), jwk(ed25519, ""))
                                   .p);
    size_t n = strlen(good);
    size_t usable = 0;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct err e = {0};
        char *text = malloc(n + 1);
        memcpy(text, good, n + 1);
        mutate(text, n);
        struct jwks *set = jwks_parse(str_from(text), 1, &e);
        if (set)
            usable++;
        else
            assert_int_equal(e.code, ERR_CONFIGURATION);
        jwks_release(set);
        free(text);
    }
    assert_true(usable > 0 && usable < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_keys_that_can_verify_are_taken),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(a_key_is_found_by_kid_and_type),
        cmocka_unit_test(a_set_has_at_most_64_keys),
        cmocka_unit_test(garbage_key_sets_do_no_harm),
    };
    return cmocka_run_group_tests_name("jwt_keys", tests, make_issuer, end_issuer);
}
