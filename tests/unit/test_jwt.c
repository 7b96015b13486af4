/*
 * The pure part of auth/: signatures against the RFCs' own examples, the form of tokens, every rule
 * about claims, which keys are taken, and input that is meant to do harm.
 */
#include "jwt_fixture.h"

#include "auth/jwks.h"
#include "auth/jwt.h"

static const struct jwt_rules no_rules = {
    .issuer = {"", 0}, .audience = {"", 0}, .user_claim = {"sub", 3}};

/* The whole way of a token with one key. 0, or -1 with e. */
static int check(const char *token, const struct jose_key *key, const struct jwt_rules *rules,
                 int64_t now_s, struct jwt_identity *out, struct err *e)
{
    struct jwt jwt;

    if (jwt_read(str_from(token), &texts, &jwt, e) < 0 || jwt_verify(&jwt, key, e) < 0)
        return -1;
    return jwt_judge(&jwt, rules, now_s, &texts, out, e);
}

static void expect(const char *what, int result, const struct err *e, const char *reason)
{
    if (!reason) {
        if (result != 0)
            fail_msg("%s: refused: %s", what, e->detail);
        return;
    }
    if (result == 0)
        fail_msg("%s: accepted", what);
    if (e->code != ERR_UNAUTHORIZED || !strstr(e->detail, reason))
        fail_msg("%s: wanted \"%s\", got %s \"%s\"", what, reason, err_code_name(e->code),
                 e->detail);
}

static struct str text_of(const char *json, const char *name)
{
    const char *start = strstr(json, arena_printf(&texts, "\"%s\":\"", name).p);

    if (!start)
        return STR_NONE;
    start += strlen(name) + 4;
    return (struct str){start, strcspn(start, "\"")};
}

static struct jose_key *key_from(const char *json, enum jose_alg alg)
{
    const struct jose_jwk jwk = {.n = text_of(json, "n"),
                                 .e = text_of(json, "e"),
                                 .x = text_of(json, "x"),
                                 .y = text_of(json, "y")};
    return jose_key_from_jwk(alg, &jwk);
}

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
        struct jwt_identity identity;
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

/* ---- form and header --------------------------------------------------------------------------
 */

static void the_form_of_a_token_is_checked(void **state)
{
    static const struct {
        const char *header; /* NULL: token is the whole text */
        const char *token;
        const char *reason;
    } cases[] = {
        {NULL, "", "three parts"},
        {NULL, ".", "three parts"},
        {NULL, "..", "three parts"},
        {NULL, "abc", "three parts"},
        {NULL, "abc.def", "three parts"},
        {NULL, "a.b.c.d.e", "three parts"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9..AA", "three parts"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e30=.AA", "base64url"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e30.A+A", "base64url"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e30.A/A", "base64url"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e30.A A", "base64url"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e30.A", "base64url"},
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e30.AB", "base64url"}, /* loose last bits */
        {NULL, "eyJhbGciOiJIUzI1NiJ9.e3\xc3\xa9.AA", "base64url"},
        {"", NULL, "three parts"},
        {"[]", NULL, "not a JSON object"},
        {"null", NULL, "not a JSON object"},
        {"{\"alg\":\"RS256\"", NULL, "not a JSON object"},
        {"{\"alg\":\"RS256\"}x", NULL, "not a JSON object"},
        {"{\"alg\":\"none\",\"alg\":\"RS256\"}", NULL, "each member once"},
        {"{\"alg\":\"none\",\"\\u0061lg\":\"RS256\"}", NULL, "each member once"},
        {"{}", NULL, "not signed with"},
        {"{\"alg\":null}", NULL, "not signed with"},
        {"{\"alg\":[\"RS256\"]}", NULL, "not signed with"},
        {"{\"alg\":\"\"}", NULL, "not signed with"},
        {"{\"alg\":\"none\"}", NULL, "not signed with"},
        {"{\"alg\":\"None\"}", NULL, "not signed with"},
        {"{\"alg\":\"NONE\"}", NULL, "not signed with"},
        {"{\"alg\":\"nOnE\"}", NULL, "not signed with"},
        {"{\"alg\":\"none\\u0000\"}", NULL, "not signed with"},
        {"{\"alg\":\"RS256\\u0000\"}", NULL, "not signed with"},
        {"{\"alg\":\"rs256\"}", NULL, "not signed with"},
        {"{\"alg\":\" RS256\"}", NULL, "not signed with"},
        {"{\"alg\":\"RS384\"}", NULL, "not signed with"},
        {"{\"alg\":\"PS256\"}", NULL, "not signed with"},
        {"{\"alg\":\"ES384\"}", NULL, "not signed with"},
        {"{\"alg\":\"ES256K\"}", NULL, "not signed with"},
        {"{\"alg\":\"HS512\"}", NULL, "not signed with"},
        {"{\"alg\":\"RSA-OAEP\",\"enc\":\"A128GCM\"}", NULL, "not signed with"},
        {"{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", NULL, "crit"},
        {"{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", NULL, "crit"},
        {"{\"alg\":\"RS256\",\"crit\":[]}", NULL, "crit"},
        {"{\"alg\":\"RS256\",\"crit\":null}", NULL, "crit"},
        {"{\"alg\":\"RS256\",\"kid\":7}", NULL, "kid"},
        {"{\"alg\":\"RS256\",\"kid\":null}", NULL, "kid"},
        {"{\"alg\":\"RS256\",\"jku\":\"https://evil\",\"jwk\":{\"kty\":\"oct\"}}", NULL, NULL},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", NULL, NULL},
        {"{\"alg\":\"EdDSA\"}", NULL, NULL},
        {"{\"alg\":\"Ed25519\"}", NULL, NULL},
        {"{\"alg\":\"ES256\"}", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct jwt jwt;
        struct err e = {0};
        const char *token = cases[i].token;
        if (!token)
            token = arena_printf(&texts, "%s.AA", signing_input(cases[i].header, "{}")).p;
        expect(cases[i].header ? cases[i].header : token,
               jwt_read(str_from(token), &texts, &jwt, &e), &e, cases[i].reason);
    }
}

static void a_token_has_a_size_limit(void **state)
{
    struct jose_key *key = jose_key_from_secret(STR(SECRET));
    (void)state;
    for (size_t n = JWT_MAX_BYTES / 2; n < JWT_MAX_BYTES; n += 512) {
        struct jwt_identity identity;
        struct err e = {0};
        char *filler = arena_alloc(&texts, n + 1);
        memset(filler, 'x', n);
        const char *claims = arena_printf(&texts, "{\"sub\":\"a\",\"exp\":%lld,\"x\":\"%s\"}",
                                          (long long)NOW + 9, filler)
                                 .p;
        const char *token = token_hmac("{\"alg\":\"HS256\"}", claims, STR(SECRET));
        expect("size", check(token, key, &no_rules, NOW, &identity, &e), &e,
               strlen(token) > JWT_MAX_BYTES ? "longer than 16384 bytes" : NULL);
    }
    jose_key_free(key);
}

/* ---- claims -----------------------------------------------------------------------------------
 */

#define AT(seconds) "\"exp\":" #seconds
#define USER "\"sub\":\"alice\","
#define LATER AT(1800000600)

static const struct jwt_rules strict = {
    .issuer = {"https://issuer", 14}, .audience = {"app", 3}, .user_claim = {"sub", 3}};
static const struct jwt_rules email = {.user_claim = {"email", 5}};
#define ISS "\"iss\":\"https://issuer\","
static const struct {
    const char *claims;
    const struct jwt_rules *rules;
    const char *reason;
} claim_cases[] = {
    /* form */
    {"[]", &no_rules, "not a JSON object"},
    {"{" USER LATER, &no_rules, "not a JSON object"},
    {"{" USER "\"sub\":\"bob\"," LATER "}", &no_rules, "each member once"},
    {"{" USER "\"s\\u0075b\":\"bob\"," LATER "}", &no_rules, "each member once"},
    /* time; now is 1800000000 */
    {"{" USER LATER "}", &no_rules, NULL},
    {"{\"sub\":\"alice\"}", &no_rules, "no expiry"},
    {"{" USER "\"exp\":\"1900000000\"}", &no_rules, "no expiry"},
    {"{" USER "\"exp\":null}", &no_rules, "no expiry"},
    {"{" USER AT(1800000000) "}", &no_rules, NULL},
    {"{" USER AT(1799999941) "}", &no_rules, NULL},
    {"{" USER AT(1799999940) "}", &no_rules, "expired"},
    {"{" USER AT(1799999940.9) "}", &no_rules, "expired"},
    {"{" USER AT(1799999941.5) "}", &no_rules, NULL},
    {"{" USER AT(1.8e9) "}", &no_rules, NULL},
    {"{" USER AT(1e999) "}", &no_rules, NULL},
    {"{" USER AT(0) "}", &no_rules, "expired"},
    {"{" USER AT(-1e999) "}", &no_rules, "expired"},
    {"{" USER LATER ",\"nbf\":1800000000}", &no_rules, NULL},
    {"{" USER LATER ",\"nbf\":1800000060}", &no_rules, NULL},
    {"{" USER LATER ",\"nbf\":1800000061}", &no_rules, "not yet valid"},
    {"{" USER LATER ",\"nbf\":1e999}", &no_rules, "not yet valid"},
    {"{" USER LATER ",\"nbf\":\"1\"}", &no_rules, "nbf"},
    /* issuer */
    {"{" USER LATER ",\"iss\":\"anybody\"}", &no_rules, NULL},
    {"{" USER LATER ",\"aud\":\"app\"}", &strict, "another issuer"},
    {"{" USER LATER ",\"aud\":\"app\",\"iss\":\"https://issuer/\"}", &strict, "another issuer"},
    {"{" USER LATER ",\"aud\":\"app\",\"iss\":[\"https://issuer\"]}", &strict, "another issuer"},
    {"{" USER LATER ",\"aud\":\"app\",\"iss\":\"https://issuer\\u0000\"}", &strict,
     "another issuer"},
    {"{" ISS USER LATER ",\"aud\":\"app\"}", &strict, NULL},
    /* audience */
    {"{" ISS USER LATER "}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":\"App\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":\"\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":null}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":{\"app\":1}}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":[]}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":[\"other\",\"app\"]}", &strict, NULL},
    {"{" ISS USER LATER ",\"aud\":[\"other\",[\"app\"]]}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":[\"app\",7]}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"client_id\":\"app\"}", &strict, NULL},
    {"{" ISS USER LATER ",\"client_id\":\"other\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"client_id\":[\"app\"]}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"client_id\":\"app\",\"token_use\":\"access\"}", &strict, NULL},
    {"{" ISS USER LATER ",\"client_id\":\"app\",\"token_use\":\"id\"}", &strict,
     "another audience"},
    {"{" ISS USER LATER ",\"client_id\":\"app\",\"token_use\":1}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":\"app\",\"token_use\":\"id\"}", &strict, NULL},
    /* user */
    {"{" LATER "}", &no_rules, "does not name its user"},
    {"{\"sub\":\"\"," LATER "}", &no_rules, "does not name its user"},
    {"{\"sub\":7," LATER "}", &no_rules, "does not name its user"},
    {"{\"sub\":[\"alice\"]," LATER "}", &no_rules, "does not name its user"},
    {"{\"sub\":\"al\\u0000ice\"," LATER "}", &no_rules, "does not name its user"},
    {"{" USER LATER "}", &email, "does not name its user"},
    {"{\"email\":\"alice\",\"sub\":\"bob\"," LATER "}", &email, NULL},
};

static void every_rule_about_claims_holds(void **state)
{
    struct jose_key *key = jose_key_from_secret(STR(SECRET));
    (void)state;
    for (size_t i = 0; i < sizeof claim_cases / sizeof claim_cases[0]; i++) {
        struct jwt_identity identity = {0};
        struct err e = {0};
        const char *token = token_hmac("{\"alg\":\"HS256\"}", claim_cases[i].claims, STR(SECRET));
        int r = check(token, key, claim_cases[i].rules, NOW, &identity, &e);
        expect(claim_cases[i].claims, r, &e, claim_cases[i].reason);
        if (r == 0)
            assert_true(str_is(identity.user_id, "alice"));
    }
    jose_key_free(key);
}

static void a_user_has_at_most_2048_bytes(void **state)
{
    struct jose_key *key = jose_key_from_secret(STR(SECRET));
    char user[JWT_MAX_USER_BYTES + 2];
    (void)state;
    memset(user, 'u', sizeof user);
    for (size_t n = JWT_MAX_USER_BYTES; n <= JWT_MAX_USER_BYTES + 1; n++) {
        struct jwt_identity identity;
        struct err e = {0};
        user[n] = '\0';
        const char *token = token_hmac("{\"alg\":\"HS256\"}", claims_of(user), STR(SECRET));
        expect("user", check(token, key, &no_rules, NOW, &identity, &e), &e,
               n > JWT_MAX_USER_BYTES ? "1 to 2048 bytes" : NULL);
        user[n] = 'u';
    }
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
        struct jwt_identity identity;
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
            struct jwt_identity identity;
            struct err e = {0};
            const char *token = arena_printf(&texts, "%s.%s", input, signatures[j]).p;
            expect(algs[i], check(token, keys[i], &no_rules, NOW, &identity, &e), &e,
                   "signature does not match");
        }
        /* r = s = 0: what some ECDSA verifiers have taken for good */
        char zeros[87];
        memset(zeros, 'A', 86);
        zeros[86] = '\0';
        struct jwt_identity identity;
        struct err e = {0};
        const char *token = arena_printf(&texts, "%s.%s", input, zeros).p;
        expect("zeros", check(token, keys[i], &no_rules, NOW, &identity, &e), &e,
               "signature does not match");
        jose_key_free(keys[i]);
    }
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
            struct jwt_identity identity;
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
            struct jwt_identity identity;
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

/* ---- garbage ----------------------------------------------------------------------------------
 */

static uint32_t seed = 20260101;
static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)(seed >> 8) * below) >> 24);
}

static void mutate(char *text, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
                                   "_.=+/ \"{}[],:\\\x01\x7f\xff";
    for (uint32_t i = any(8) + 1; i > 0 && n > 0; i--)
        text[any((uint32_t)n)] = alphabet[any(sizeof alphabet - 1)];
}

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
        cmocka_unit_test(the_examples_of_the_rfcs_are_verified),
        cmocka_unit_test(the_form_of_a_token_is_checked),
        cmocka_unit_test(a_token_has_a_size_limit),
        cmocka_unit_test(every_rule_about_claims_holds),
        cmocka_unit_test(a_user_has_at_most_2048_bytes),
        cmocka_unit_test(a_signature_fits_its_own_key_alone),
        cmocka_unit_test(a_token_without_a_signature_is_refused),
        cmocka_unit_test(every_byte_is_covered_by_the_signature),
        cmocka_unit_test(a_token_cut_anywhere_is_refused),
        cmocka_unit_test(only_keys_that_can_verify_are_taken),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(a_key_is_found_by_kid_and_type),
        cmocka_unit_test(a_set_has_at_most_64_keys),
        cmocka_unit_test(ten_thousand_garbage_tokens_do_no_harm),
        cmocka_unit_test(garbage_key_sets_do_no_harm),
    };
    return cmocka_run_group_tests_name("jwt", tests, make_issuer, end_issuer);
}
