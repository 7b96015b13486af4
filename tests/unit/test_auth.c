/*
 * AUTH_MODE as the service sees it: what a request must bring, which key a token may be signed
 * with, what is refused at start-up, and that a sentence about a token holds nothing of it.
 */
#include "jwt_fixture.h"

#include <unistd.h>

#include "auth/auth.h"
#include "base/log.h"

static char jwks_path[] = "/tmp/test_auth.XXXXXX";
static int64_t wall_us;

static int64_t fake_wall(void *context)
{
    (void)context;
    return wall_us;
}

static int64_t fake_mono(void *context)
{
    (void)context;
    return 1;
}

static const struct clock clock_fake = {.wall_us = fake_wall, .mono_us = fake_mono};

static void write_keys(const char *text)
{
    FILE *f = fopen(jwks_path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* A configuration with nothing set but the mode. */
static struct config config_of(enum auth_mode mode)
{
    return (struct config){.auth_mode = mode,
                           .auth_jwt_jwks_url = "",
                           .auth_jwt_jwks_file = "",
                           .auth_jwt_secret = "",
                           .auth_jwt_issuer = "",
                           .auth_jwt_audience = "",
                           .auth_jwt_user_claim = "sub",
                           .auth_user_header = "X-User-Id"};
}

static struct auth *auth_of(const struct config *config)
{
    struct err e;
    struct auth *auth = auth_new(config, &clock_fake, &e);
    wall_us = NOW * 1000000;
    if (!auth)
        fail_msg("%s", e.detail);
    return auth;
}

/* Refused with that reason, or accepted for that user. */
static void expect(struct auth *auth, const char *authorization, const char *user,
                   const char *reason)
{
    struct principal principal = {0};
    struct err e = {0};
    int r = auth_authenticate(auth, &texts, str_from(authorization), STR_NONE, &principal, &e);

    if (reason && (r == 0 || e.code != ERR_UNAUTHORIZED || !strstr(e.detail, reason)))
        fail_msg("%s: wanted \"%s\", got %d \"%s\"", authorization, reason, r, e.detail);
    if (reason) {
        assert_false(principal.authenticated);
        return;
    }
    if (r != 0)
        fail_msg("%s: %s", authorization, e.detail);
    assert_true(principal.authenticated);
    if (!str_is(principal.user_id, user))
        fail_msg("user: %.*s", (int)principal.user_id.n, principal.user_id.p);
}

static const char *bearer(const char *token)
{
    return arena_printf(&texts, "Bearer %s", token).p;
}

/* ---- none and header --------------------------------------------------------------------------
 */

static void nobody_is_asked_in_mode_none(void **state)
{
    const struct config config = config_of(AUTH_NONE);
    struct auth *auth = auth_of(&config);
    struct principal principal = {.authenticated = true};
    struct err e;
    (void)state;
    assert_int_equal(auth_authenticate(auth, &texts, STR("Bearer x"), STR("bob"), &principal, &e),
                     0);
    assert_false(principal.authenticated);
    assert_null(auth_user_variable(auth));
    auth_free(auth);
}

static void the_header_names_the_user(void **state)
{
    static char long_name[2050];
    static const struct {
        struct str header;
        bool good;
    } cases[] = {
        {{"alice", 5}, true},
        {{"a b/c", 5}, true},
        {{"\xc3\xa9\xe2\x82\xac", 5}, true},
        {{"\xc2\xa0", 2}, true},
        {{long_name, 2048}, true},
        {{long_name, 2049}, false},
        {{NULL, 0}, false},
        {{"", 0}, false},
        {{"a\tb", 3}, false},
        {{"a\nb", 3}, false},
        {{"a\0b", 3}, false},
        {{"a\x7f", 2}, false},
        {{"a\xc2\x85", 3}, false},
        {{"\xff", 1}, false},
        {{"\xc3", 1}, false},
        {{"\xed\xa0\x80", 3}, false},
        {{"\xc0\x80", 2}, false},
    };
    struct config config = config_of(AUTH_HEADER);
    (void)state;
    memset(long_name, 'n', sizeof long_name);
    config.auth_user_header = "X-Signed-in-User";
    struct auth *auth = auth_of(&config);
    assert_string_equal(auth_user_variable(auth), "CHAT_SESSIONS_USER");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct principal principal = {0};
        struct err e = {0};
        int r = auth_authenticate(auth, &texts, STR("Bearer x"), cases[i].header, &principal, &e);
        if ((r == 0) != cases[i].good || principal.authenticated != cases[i].good)
            fail_msg("case %zu: %d %s", i, r, e.detail);
        if (cases[i].good)
            assert_true(str_equals(principal.user_id, cases[i].header));
        else
            assert_int_equal(e.code, ERR_UNAUTHORIZED);
    }
    auth_free(auth);
}

/* ---- jwt: what a request brings ---------------------------------------------------------------
 */

static void a_token_comes_in_the_authorization_header(void **state)
{
    struct config config = config_of(AUTH_JWT);
    config.auth_jwt_secret = SECRET;
    struct auth *auth = auth_of(&config);
    const char *token = token_hmac(header_of("HS256", NULL), claims_of("alice"), STR(SECRET));
    struct {
        const char *authorization;
        const char *reason;
    } cases[] = {
        {NULL, "Authorization: Bearer"},
        {"", "Authorization: Bearer"},
        {"Bearer", "Authorization: Bearer"},
        {"Bearer ", "no token after"},
        {"Bearer    ", "no token after"},
        {"Basic YTpi", "Authorization: Bearer"},
        {token, "Authorization: Bearer"},
        {arena_printf(&texts, "Bearer\t%s", token).p, "Authorization: Bearer"},
        {arena_printf(&texts, "Bearer %s x", token).p, "base64url"},
        {arena_printf(&texts, "Bearer %s,%s", token, token).p, "three parts"},
        {bearer(token), NULL},
        {arena_printf(&texts, "bearer %s", token).p, NULL},
        {arena_printf(&texts, "BEARER   %s  ", token).p, NULL},
    };
    char *huge = arena_alloc(&texts, 100001);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(auth, cases[i].authorization, "alice", cases[i].reason);
    memset(huge, 'a', 100000);
    expect(auth, bearer(huge), NULL, "longer than 16384 bytes");
    assert_null(auth_user_variable(auth));
    auth_free(auth);
}

/* ---- jwt: which key ---------------------------------------------------------------------------
 */

struct attack {
    const char *name;
    const char *token;
    const char *with_keys;   /* the reason if there is a key set alone; NULL: accepted */
    const char *with_secret; /* if there is a secret alone */
    const char *with_both;
};

/* rsa is k1, p256 is k2, ed25519 is k3, the only one of their type; rsa_other is nobody's. */
static void each_algorithm_takes_its_own_key(void **state)
{
    const char *alice = claims_of("alice");
    static const char unknown[] = "unknown key";
    static const char no_match[] = "signature does not match";
    static const char only_hmac[] = "must be signed with HS256 here";
    static const char only_public[] = "must be signed with RS256, ES256 or EdDSA here";
    static const char no_alg[] = "not signed with";
    const struct attack cases[] = {
        {"RS256", token_signed(header_of("RS256", "k1"), alice, rsa), NULL, only_hmac, NULL},
        {"ES256", token_signed(header_of("ES256", "k2"), alice, p256), NULL, only_hmac, NULL},
        {"EdDSA", token_signed(header_of("EdDSA", "k3"), alice, ed25519), NULL, only_hmac, NULL},
        {"no kid", token_signed(header_of("RS256", NULL), alice, rsa), NULL, only_hmac, NULL},
        {"HS256", token_hmac(header_of("HS256", NULL), alice, STR(SECRET)), only_public, NULL,
         NULL},
        {"HS256 with kid", token_hmac(header_of("HS256", "k1"), alice, STR(SECRET)), only_public,
         NULL, NULL},
        {"other RSA key", token_signed(header_of("RS256", "k1"), alice, rsa_other), no_match,
         only_hmac, no_match},
        {"unknown kid", token_signed(header_of("RS256", "k9"), alice, rsa), unknown, only_hmac,
         unknown},
        {"kid of another type", token_signed(header_of("RS256", "k2"), alice, rsa), unknown,
         only_hmac, unknown},
        {"kid with NUL", token_signed("{\"alg\":\"RS256\",\"kid\":\"k1\\u0000\"}", alice, rsa),
         unknown, only_hmac, unknown},
        {"kid as path", token_signed(header_of("RS256", "../../dev/null"), alice, rsa), unknown,
         only_hmac, unknown},
        {"HS256 with the PEM", token_hmac(header_of("HS256", "k1"), alice, public_pem(rsa)),
         only_public, no_match, no_match},
        {"HS256 with the DER", token_hmac(header_of("HS256", "k1"), alice, public_der(rsa)),
         only_public, no_match, no_match},
        {"HS256 with the JWK",
         token_hmac(header_of("HS256", "k1"), alice, str_from(jwk(rsa, ",\"kid\":\"k1\""))),
         only_public, no_match, no_match},
        {"HS256 with x", token_hmac(header_of("HS256", "k3"), alice, public_der(ed25519)),
         only_public, no_match, no_match},
        {"HS256 with nothing", token_hmac(header_of("HS256", NULL), alice, STR("")), only_public,
         no_match, no_match},
        {"none", arena_printf(&texts, "%s.", signing_input(header_of("none", NULL), alice)).p,
         no_alg, no_alg, no_alg},
        {"nOnE", arena_printf(&texts, "%s.", signing_input(header_of("nOnE", "k1"), alice)).p,
         no_alg, no_alg, no_alg},
        {"none, signed", token_signed(header_of("none", "k1"), alice, rsa), no_alg, no_alg, no_alg},
        {"crit", token_signed("{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":[\"x\"]}", alice, rsa),
         "crit", "crit", "crit"},
        {"own jwk",
         token_signed(arena_printf(&texts, "{\"alg\":\"RS256\",\"jwk\":%s}", jwk(rsa_other, "")).p,
                      alice, rsa_other),
         no_match, only_hmac, no_match},
        {"expired", token_signed(header_of("RS256", "k1"), "{\"sub\":\"alice\",\"exp\":7}", rsa),
         "expired", only_hmac, "expired"},
    };
    struct config keys = config_of(AUTH_JWT);
    struct config secret = keys;
    struct config both = keys;
    (void)state;
    write_keys(
        key_set(arena_printf(&texts, "%s,%s,%s,{\"kty\":\"oct\",\"kid\":\"k4\",\"k\":\"%s\"}",
                             jwk(rsa, ",\"kid\":\"k1\""), jwk(p256, ",\"kid\":\"k2\""),
                             jwk(ed25519, ",\"kid\":\"k3\""), base64url(SECRET, strlen(SECRET)))
                    .p));
    keys.auth_jwt_jwks_file = both.auth_jwt_jwks_file = jwks_path;
    secret.auth_jwt_secret = both.auth_jwt_secret = SECRET;
    struct auth *with_keys = auth_of(&keys);
    struct auth *with_secret = auth_of(&secret);
    struct auth *with_both = auth_of(&both);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* Twice: what is remembered must not change the verdict. */
        for (int round = 0; round < 2; round++) {
            expect(with_keys, bearer(cases[i].token), "alice", cases[i].with_keys);
            expect(with_secret, bearer(cases[i].token), "alice", cases[i].with_secret);
            expect(with_both, bearer(cases[i].token), "alice", cases[i].with_both);
        }
    }
    auth_free(with_keys);
    auth_free(with_secret);
    auth_free(with_both);
}

static void a_token_without_kid_needs_a_single_key(void **state)
{
    struct config config = config_of(AUTH_JWT);
    (void)state;
    write_keys(key_set(arena_printf(&texts, "%s,%s,%s", jwk(rsa, ",\"kid\":\"k1\""),
                                    jwk(rsa_other, ",\"kid\":\"k2\""), jwk(p256, ",\"kid\":\"k3\""))
                           .p));
    config.auth_jwt_jwks_file = jwks_path;
    struct auth *auth = auth_of(&config);
    expect(auth, bearer(token_signed(header_of("RS256", NULL), claims_of("a"), rsa)), NULL,
           "which of several keys");
    expect(auth, bearer(token_signed(header_of("ES256", NULL), claims_of("a"), p256)), "a", NULL);
    expect(auth, bearer(token_signed(header_of("EdDSA", NULL), claims_of("a"), ed25519)), NULL,
           "no key for the algorithm");
    auth_free(auth);
}

/* ---- jwt: Cognito, claims, the cache ----------------------------------------------------------
 */

#define POOL "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123"

/* An access token as Amazon Cognito writes it; use is its token_use. */
static const char *cognito_token(const char *use, const char *client)
{
    return token_signed(
        "{\"kid\":\"k1\",\"alg\":\"RS256\"}",
        arena_printf(&texts,
                     "{\"sub\":\"4a2b-11\",\"cognito:groups\":[\"g\"],\"iss\":\"%s\",\"version\":2,"
                     "\"client_id\":\"%s\",\"origin_jti\":\"1\",\"event_id\":\"2\",\"token_use\":"
                     "\"%s\",\"scope\":\"aws.cognito.signin.user.admin\",\"auth_time\":%lld,"
                     "\"exp\":%lld,\"iat\":%lld,\"jti\":\"3\",\"username\":\"alice\"}",
                     POOL, client, use, (long long)NOW, (long long)NOW + 3600, (long long)NOW)
            .p,
        rsa);
}

static void an_access_token_of_cognito_is_taken(void **state)
{
    struct config config = config_of(AUTH_JWT);
    (void)state;
    write_keys(key_set(jwk(rsa, ",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"k1\"")));
    config.auth_jwt_jwks_file = jwks_path;
    config.auth_jwt_issuer = POOL;
    config.auth_jwt_audience = "7h57kf5cpq17m0eml12EXAMPLE";
    struct auth *auth = auth_of(&config);
    expect(auth, bearer(cognito_token("access", "7h57kf5cpq17m0eml12EXAMPLE")), "4a2b-11", NULL);
    expect(auth, bearer(cognito_token("id", "7h57kf5cpq17m0eml12EXAMPLE")), NULL,
           "another audience");
    expect(auth, bearer(cognito_token("access", "other")), NULL, "another audience");
    auth_free(auth);
    config.auth_jwt_user_claim = "username";
    auth = auth_of(&config);
    expect(auth, bearer(cognito_token("access", "7h57kf5cpq17m0eml12EXAMPLE")), "alice", NULL);
    auth_free(auth);
    config.auth_jwt_issuer = POOL "x";
    auth = auth_of(&config);
    expect(auth, bearer(cognito_token("access", "7h57kf5cpq17m0eml12EXAMPLE")), NULL,
           "another issuer");
    auth_free(auth);
}

static void a_remembered_token_expires_as_well(void **state)
{
    struct config config = config_of(AUTH_JWT);
    config.auth_jwt_secret = SECRET;
    struct auth *auth = auth_of(&config);
    const char *token = token_hmac(header_of("HS256", NULL), claims_of("alice"), STR(SECRET));
    (void)state;
    expect(auth, bearer(token), "alice", NULL);
    expect(auth, bearer(token), "alice", NULL);
    wall_us = (NOW + 600 + 59) * 1000000;
    expect(auth, bearer(token), "alice", NULL);
    wall_us = (NOW + 600 + 60) * 1000000;
    expect(auth, bearer(token), NULL, "expired");
    auth_free(auth);
}

/* Far more tokens than are remembered: each still opens its own user's door. */
static void many_tokens_do_not_mix(void **state)
{
    struct config config = config_of(AUTH_JWT);
    config.auth_jwt_secret = SECRET;
    struct auth *auth = auth_of(&config);
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 6000; i++) {
            const char *user = arena_printf(&texts, "user-%d", i).p;
            const char *token = token_hmac(header_of("HS256", NULL), claims_of(user), STR(SECRET));
            expect(auth, bearer(token), user, NULL);
            expect(auth, bearer(token), user, NULL);
        }
    }
    auth_free(auth);
}

static void a_refusal_holds_nothing_of_the_token(void **state)
{
    struct config config = config_of(AUTH_JWT);
    config.auth_jwt_secret = SECRET;
    config.auth_jwt_issuer = "the-issuer";
    config.auth_jwt_audience = "the-audience";
    struct auth *auth = auth_of(&config);
    const char *mark = "PRIVATE";
    const char *header = "{\"alg\":\"HS256\",\"kid\":\"PRIVATE\"}";
    const char *tokens[] = {
        "PRIVATE",
        "PRIVATE.PRIVATE.PRIVATE",
        token_hmac("{\"alg\":\"PRIVATE\"}", "{}", STR(SECRET)),
        token_hmac("{\"alg\":\"HS256\",\"crit\":[\"PRIVATE\"]}", "{}", STR(SECRET)),
        token_hmac(header, "{\"PRIVATE\":1,\"PRIVATE\":2}", STR(SECRET)),
        token_hmac(header, "{\"sub\":\"PRIVATE\"}", STR(SECRET)),
        token_hmac(header, "{\"exp\":1900000000,\"iss\":\"PRIVATE\"}", STR(SECRET)),
        token_hmac(header, "{\"exp\":1900000000,\"iss\":\"the-issuer\",\"aud\":\"PRIVATE\"}",
                   STR(SECRET)),
    };
    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        struct principal principal = {0};
        struct err e = {0};
        assert_int_equal(
            auth_authenticate(auth, &texts, str_from(bearer(tokens[i])), STR_NONE, &principal, &e),
            -1);
        if (strstr(e.detail, mark) || strstr(e.detail, "the-") || strstr(e.detail, SECRET))
            fail_msg("%s", e.detail);
    }
    auth_free(auth);
}

/* ---- start-up ---------------------------------------------------------------------------------
 */

static void a_bad_configuration_is_found_at_start_up(void **state)
{
    static const struct {
        const char *url, *file, *secret, *content;
        const char *reason;
    } cases[] = {
        {"", "", "", NULL, "needs AUTH_JWT_JWKS_URL"},
        {"", "", "short", NULL, "at least 32 bytes"},
        {"https://issuer/keys", jwks_path, "", "{}", "not both"},
        {"", "/nonexistent/keys.json", "", NULL, "No such file"},
        {"", "/tmp", "", NULL, "is not a file"},
        {"", jwks_path, "", "", "not JSON"},
        {"", jwks_path, "", "<html>", "not JSON"},
        {"", jwks_path, "", "{\"keys\":[]}", "none of the 0 keys"},
        {"", jwks_path, SECRET, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
         "none of the 1 keys"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config = config_of(AUTH_JWT);
        struct err e = {0};
        if (cases[i].content)
            write_keys(cases[i].content);
        config.auth_jwt_jwks_url = cases[i].url;
        config.auth_jwt_jwks_file = cases[i].file;
        config.auth_jwt_secret = cases[i].secret;
        assert_null(auth_new(&config, &clock_fake, &e));
        if (e.code != ERR_CONFIGURATION || !strstr(e.detail, cases[i].reason))
            fail_msg("case %zu: %s", i, e.detail);
        /* In another mode nobody looks at it. */
        config.auth_mode = AUTH_HEADER;
        auth_free(auth_of(&config));
    }
    char *big = arena_alloc(&texts, 600001);
    struct config config = config_of(AUTH_JWT);
    struct err e = {0};
    memset(big, ' ', 600000);
    write_keys(big);
    config.auth_jwt_jwks_file = jwks_path;
    assert_null(auth_new(&config, &clock_fake, &e));
    assert_non_null(strstr(e.detail, "larger than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_asked_in_mode_none),
        cmocka_unit_test(the_header_names_the_user),
        cmocka_unit_test(a_token_comes_in_the_authorization_header),
        cmocka_unit_test(each_algorithm_takes_its_own_key),
        cmocka_unit_test(a_token_without_kid_needs_a_single_key),
        cmocka_unit_test(an_access_token_of_cognito_is_taken),
        cmocka_unit_test(a_remembered_token_expires_as_well),
        cmocka_unit_test(many_tokens_do_not_mix),
        cmocka_unit_test(a_refusal_holds_nothing_of_the_token),
        cmocka_unit_test(a_bad_configuration_is_found_at_start_up),
    };
    log_open(LOG_ERROR, LOG_TEXT, "", NULL);
    int fd = mkstemp(jwks_path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests_name("auth", tests, make_issuer, end_issuer);
    unlink(jwks_path);
    return failed;
}
