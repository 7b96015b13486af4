/*
 * The form of tokens, and every rule about their headers and claims.
 */
#include "jwt_checks.h"

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
        struct jwt_identity identity = {0};
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
    /* What has an aud is for those in it alone, whoever asked for it. */
    {"{" ISS USER LATER ",\"aud\":\"other\",\"client_id\":\"app\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":[\"other\"],\"client_id\":\"app\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":[],\"client_id\":\"app\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":null,\"client_id\":\"app\"}", &strict, "another audience"},
    {"{" ISS USER LATER ",\"aud\":7,\"client_id\":\"app\",\"token_use\":\"access\"}", &strict,
     "another audience"},
    {"{" ISS USER LATER ",\"aud\":\"app\",\"client_id\":\"other\"}", &strict, NULL},
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
        struct jwt_identity identity = {0};
        struct err e = {0};
        user[n] = '\0';
        const char *token = token_hmac("{\"alg\":\"HS256\"}", claims_of(user), STR(SECRET));
        expect("user", check(token, key, &no_rules, NOW, &identity, &e), &e,
               n > JWT_MAX_USER_BYTES ? "1 to 2048 bytes" : NULL);
        user[n] = 'u';
    }
    jose_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_of_a_token_is_checked),
        cmocka_unit_test(a_token_has_a_size_limit),
        cmocka_unit_test(every_rule_about_claims_holds),
        cmocka_unit_test(a_user_has_at_most_2048_bytes),
    };
    return cmocka_run_group_tests_name("jwt", tests, make_issuer, end_issuer);
}
