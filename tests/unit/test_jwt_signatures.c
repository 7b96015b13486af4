/*
 * Signatures: the RFCs' own examples, keys that do not fit, and tokens that are cut, changed or
 * garbage.
 */
#include "jwt_checks.h"

/* ---- the RFCs' examples -----------------------------------------------------------------------
 */

/* RFC 7515 appendices A.1, A.2 and A.3: one payload, three signatures. */
#define RFC_PAYLOAD                                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"     \
    "cnVlfQ"
#define RFC_NOW INT64_C(1300819000)
#define RFC_HS256                                                                                  \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"                                                     \
    "." RFC_PAYLOAD ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RFC_RS256                                                                                  \
    "eyJhbGciOiJSUzI1NiJ9." RFC_PAYLOAD                                                            \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8"     \
    "W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvk"     \
    "SjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCn"     \
    "vWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RFC_ES256                                                                                  \
    "eyJhbGciOiJFUzI1NiJ9." RFC_PAYLOAD                                                            \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

#define RFC_RSA_KEY                                                                                \
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W"  \
    "26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2j"    \
    "Z47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsm"    \
    "tdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz"    \
    "k2PAcDTW9gb54h4FRWyuXpoQ\"}"
#define RFC_EC_KEY                                                                                 \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define RFC_SECRET                                                                                 \
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"

/* RFC 8037 appendix A.4: its payload is no JSON, so only the signature can be checked. */
#define RFC_ED_KEY                                                                                 \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define RFC_EDDSA                                                                                  \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGC"                         \
    "jP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static void the_examples_of_the_rfcs_are_verified(void **state)
{
    static const struct jwt_rules rules = {.issuer = {"joe", 3}, .user_claim = {"iss", 3}};
    struct {
        const char *token;
        struct jose_key *key;
    } cases[] = {
        {RFC_RS256, key_from(RFC_RSA_KEY, JOSE_RS256)},
        {RFC_ES256, key_from(RFC_EC_KEY, JOSE_ES256)},
        {RFC_HS256, jose_key_from_secret(jose_base64url(STR(RFC_SECRET), &texts))},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct jwt_identity identity = {0};
        struct err e = {0};
        assert_non_null(cases[i].key);
        expect(cases[i].token, check(cases[i].token, cases[i].key, &rules, RFC_NOW, &identity, &e),
               &e, NULL);
        assert_true(str_is(identity.user_id, "joe"));
        assert_int_equal(identity.expires_s, 1300819380 + JWT_LEEWAY_S);
        jose_key_free(cases[i].key);
    }
    struct jwt jwt;
    struct err e;
    struct jose_key *key = key_from(RFC_ED_KEY, JOSE_EDDSA);
    assert_int_equal(jwt_read(STR(RFC_EDDSA), &texts, &jwt, &e), 0);
    assert_int_equal(jwt_verify(&jwt, key, &e), 0);
    jose_key_free(key);
}

/* ---- keys and signatures ----------------------------------------------------------------------
 */

static void a_signature_fits_its_own_key_alone(void **state)
{
    struct {
        const char *alg;
        EVP_PKEY *signer;
        enum jose_alg key_alg;
        EVP_PKEY *key;
        bool good;
    } cases[] = {
        {"RS256", rsa, JOSE_RS256, rsa, true},
        {"RS256", rsa_other, JOSE_RS256, rsa, false},
        {"ES256", p256, JOSE_ES256, p256, true},
        {"EdDSA", ed25519, JOSE_EDDSA, ed25519, true},
        {"Ed25519", ed25519, JOSE_EDDSA, ed25519, true},
        /* the header names another algorithm than the key's */
        {"ES256", p256, JOSE_RS256, rsa, false},
        {"RS256", rsa, JOSE_ES256, p256, false},
        {"EdDSA", ed25519, JOSE_RS256, rsa, false},
        {"RS256", ed25519, JOSE_EDDSA, ed25519, false},
        {"ES256", p384, JOSE_ES256, p256, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct jwt_identity identity = {0};
        struct err e = {0};
        struct jose_key *key = key_from(jwk(cases[i].key, ""), cases[i].key_alg);
        const char *token =
            token_signed(header_of(cases[i].alg, NULL), claims_of("alice"), cases[i].signer);
        assert_non_null(key);
        expect(cases[i].alg, check(token, key, &no_rules, NOW, &identity, &e), &e,
               cases[i].good ? NULL : "signature does not match");
        jose_key_free(key);
    }
}

static void a_token_without_a_signature_is_refused(void **state)
{
    static const char *const algs[] = {"RS256", "ES256", "EdDSA", "HS256"};
    struct jose_key *keys[] = {
        key_from(jwk(rsa, ""), JOSE_RS256), key_from(jwk(p256, ""), JOSE_ES256),
        key_from(jwk(ed25519, ""), JOSE_EDDSA), jose_key_from_secret(STR(SECRET))};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        static const char *const signatures[] = {"", "AA", "AAAA"};
        const char *input = signing_input(header_of(algs[i], NULL), claims_of("alice"));
        for (size_t j = 0; j < 3; j++) {
            struct jwt_identity identity = {0};
            struct err e = {0};
            const char *token = arena_printf(&texts, "%s.%s", input, signatures[j]).p;
            expect(algs[i], check(token, keys[i], &no_rules, NOW, &identity, &e), &e,
                   "signature does not match");
        }
        /* r = s = 0: what some ECDSA verifiers have taken for good */
        char zeros[87];
        memset(zeros, 'A', 86);
        zeros[86] = '\0';
        struct jwt_identity identity = {0};
        struct err e = {0};
        const char *token = arena_printf(&texts, "%s.%s", input, zeros).p;
        expect("zeros", check(token, keys[i], &no_rules, NOW, &identity, &e), &e,
               "signature does not match");
        jose_key_free(keys[i]);
    }
}

/* r and s are 32 bytes each, never fewer or more: one signature has one spelling. */
static void an_es256_signature_has_64_bytes(void **state)
{
    const char *good = token_signed(header_of("ES256", NULL), claims_of("alice"), p256);
    const char *dot = strrchr(good, '.');
    struct str raw = jose_base64url(str_from(dot + 1), &texts);
    unsigned char longer[66] = {0};
    struct jose_key *key = key_from(jwk(p256, ""), JOSE_ES256);
    struct jwt_identity identity = {0};
    struct err e = {0};
    (void)state;
    assert_int_equal(raw.n, 64);
    memcpy(longer + 1, raw.p, 32);
    memcpy(longer + 34, raw.p + 32, 32);
    const char *token =
        arena_printf(&texts, "%.*s.%s", (int)(dot - good), good, base64url(longer, sizeof longer))
            .p;
    expect("64 bytes", check(good, key, &no_rules, NOW, &identity, &e), &e, NULL);
    expect("66 bytes", check(token, key, &no_rules, NOW, &identity, &e), &e,
           "signature does not match");
    jose_key_free(key);
}

/* One character after the other: nothing of it may be changed unnoticed. */
static void every_byte_is_covered_by_the_signature(void **state)
{
    EVP_PKEY *signers[] = {rsa, p256, ed25519};
    static const char *const algs[] = {"RS256", "ES256", "EdDSA"};
    static const enum jose_alg kinds[] = {JOSE_RS256, JOSE_ES256, JOSE_EDDSA};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct jose_key *key = key_from(jwk(signers[i], ""), kinds[i]);
        const char *good = token_signed(header_of(algs[i], NULL), claims_of("alice"), signers[i]);
        size_t n = strlen(good);
        for (size_t at = 0; at < n; at++) {
            struct jwt_identity identity = {0};
            struct err e = {0};
            char *bad = (char *)arena_str(&texts, (struct str){good, n}).p;
            bad[at] = (char)(bad[at] == 'A' ? 'B' : 'A');
            if (check(bad, key, &no_rules, NOW, &identity, &e) == 0)
                fail_msg("%s: byte %zu of %zu changed, still accepted", algs[i], at, n);
        }
        jose_key_free(key);
    }
}

static void a_token_cut_anywhere_is_refused(void **state)
{
    EVP_PKEY *signers[] = {rsa, p256, ed25519};
    static const char *const algs[] = {"RS256", "ES256", "EdDSA"};
    static const enum jose_alg kinds[] = {JOSE_RS256, JOSE_ES256, JOSE_EDDSA};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct jose_key *key = key_from(jwk(signers[i], ""), kinds[i]);
        const char *good = token_signed(header_of(algs[i], NULL), claims_of("alice"), signers[i]);
        for (size_t n = 0; n < strlen(good); n++) {
            struct jwt_identity identity = {0};
            struct err e = {0};
            /* An allocation of its own, so that reading past the end is seen. */
            char *cut = malloc(n + 1);
            memcpy(cut, good, n);
            cut[n] = '\0';
            if (check(cut, key, &no_rules, NOW, &identity, &e) == 0)
                fail_msg("%s: accepted with %zu bytes", algs[i], n);
            assert_int_equal(e.code, ERR_UNAUTHORIZED);
            free(cut);
        }
        jose_key_free(key);
    }
}

/* ---- garbage ----------------------------------------------------------------------------------
 */

/* A header or claims that are JSON, but mutated before they are signed: these come past the
 * signature. */
static const char *mutant_token(uint32_t kind)
{
    char header[] = "{\"alg\":\"HS256\",\"kid\":\"k\",\"crit\":[\"x\"]}";
    char claims[] = "{\"sub\":\"alice\",\"exp\":1800000600,\"nbf\":1,\"aud\":[\"a\",\"b\"]}";

    if (kind == 0)
        mutate(header, sizeof header - 1);
    mutate(claims, sizeof claims - 1);
    return token_hmac(kind == 0 ? header : "{\"alg\":\"HS256\"}", claims, STR(SECRET));
}

static const char *garbage_token(const char *good)
{
    size_t n = strlen(good);
    char *text = (char *)arena_str(&texts, (struct str){good, n}).p;

    switch (any(3)) {
    case 0:
        mutate(text, n);
        break;
    case 1:
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(any(255) + 1);
        break;
    default:
        memmove(text, text + any((uint32_t)n / 2), n / 2);
        text[any((uint32_t)n)] = '\0';
    }
    return text;
}

static void ten_thousand_garbage_tokens_do_no_harm(void **state)
{
    const char *good = token_signed(header_of("RS256", "k"), claims_of("alice"), rsa);
    struct jose_key *keys[] = {key_from(jwk(rsa, ""), JOSE_RS256),
                               jose_key_from_secret(STR(SECRET))};
    int accepted = 0;
    (void)state;
    for (int i = 0; i < 12000; i++) {
        struct jwt_identity identity = {0};
        struct err e = {0};
        bool mutant = i % 4 == 0;
        const char *token = mutant ? mutant_token(any(2)) : garbage_token(good);
        size_t n = strlen(token);
        char *exact = malloc(n + 1);
        memcpy(exact, token, n + 1);
        if (check(exact, keys[mutant], &no_rules, NOW, &identity, &e) == 0) {
            accepted++;
            assert_true(mutant || strcmp(token, good) == 0);
            assert_true(identity.user_id.n > 0 && str_is_utf8(identity.user_id));
        } else {
            assert_int_equal(e.code, ERR_UNAUTHORIZED);
        }
        free(exact);
        if (i % 1000 == 0)
            good = token_signed(header_of("RS256", "k"), claims_of("alice"), rsa);
    }
    /* Some mutants are harmless (another letter in the name): else nothing was really tried. */
    assert_true(accepted > 0 && accepted < 3000);
    jose_key_free(keys[0]);
    jose_key_free(keys[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfcs_are_verified),
        cmocka_unit_test(a_signature_fits_its_own_key_alone),
        cmocka_unit_test(a_token_without_a_signature_is_refused),
        cmocka_unit_test(an_es256_signature_has_64_bytes),
        cmocka_unit_test(every_byte_is_covered_by_the_signature),
        cmocka_unit_test(a_token_cut_anywhere_is_refused),
        cmocka_unit_test(ten_thousand_garbage_tokens_do_no_harm),
    };
    return cmocka_run_group_tests_name("jwt_signatures", tests, make_issuer, end_issuer);
}
