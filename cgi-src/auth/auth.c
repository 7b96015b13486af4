/*
 * The modes, and the way of a token through the parts: cache, form, key, signature, claims. jwt.c
 * has the rules for tokens, keyring.c knows where keys come from.
 */
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "auth/jwt.h"
#include "auth/keyring.h"
#include "auth/token_cache.h"

#define SECRET_MIN_BYTES 32 /* RFC 7518 section 3.2: as long as the hash */
#define USER_MAX_BYTES 2048

struct auth {
    enum auth_mode mode;
    /* with AUTH_JWT: */
    const struct clock *clock;
    struct jwt_rules rules;
    struct jose_key *secret; /* for HS256; NULL: HS256 is refused */
    struct keyring *keyring; /* for everything else; NULL: only HS256 is accepted */
    struct token_cache *cache;
};

/* ---- AUTH_MODE=header ---------------------------------------------------------------------- */

/* C0, DEL, and C1 (U+0080 to U+009F, two bytes in UTF-8). */
static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7F)
            return true;
        if (c == 0xC2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xA0)
            return true;
    }
    return false;
}

static int authenticate_header(struct str user, struct principal *out, struct err *e)
{
    if (user.n == 0)
        return err_set(e, ERR_UNAUTHORIZED,
                       "the web server in front has not said who makes this request "
                       "(CHAT_SESSIONS_USER)");
    if (user.n > USER_MAX_BYTES)
        return err_set(e, ERR_UNAUTHORIZED,
                       "the name of the user that the proxy sent is longer than %d bytes",
                       USER_MAX_BYTES);
    if (!str_is_utf8(user) || has_control(user))
        return err_set(
            e, ERR_UNAUTHORIZED,
            "the name of the user that the proxy sent is not UTF-8 without control characters");
    *out = (struct principal){.authenticated = true, .user_id = user};
    return 0;
}

/* ---- AUTH_MODE=jwt ------------------------------------------------------------------------- */

/* The token of "Bearer TOKEN" (RFC 6750 section 2.1; the scheme's case does not matter). */
static int read_bearer_token(struct str authorization, struct str *out, struct err *e)
{
    static const char scheme[] = "Bearer ";
    const size_t n = sizeof scheme - 1;

    if (authorization.n < n || strncasecmp(authorization.p, scheme, n) != 0)
        return err_set(e, ERR_UNAUTHORIZED,
                       "send a token with the request: Authorization: Bearer TOKEN");
    struct str token = {authorization.p + n, authorization.n - n};
    while (token.n && token.p[0] == ' ')
        token = (struct str){token.p + 1, token.n - 1};
    while (token.n && token.p[token.n - 1] == ' ')
        token.n--;
    if (token.n == 0)
        return err_set(e, ERR_UNAUTHORIZED, "there is no token after Authorization: Bearer");
    *out = token;
    return 0;
}

static int unknown_key_error(const struct jwks *set, const struct jwt *jwt, enum jwks_result result,
                             struct err *e)
{
    if (!set)
        return err_set(e, ERR_ISSUER_UNAVAILABLE,
                       "tokens cannot be verified now: the issuer's keys could not be read; try "
                       "again in a moment");
    if (result == JWKS_AMBIGUOUS)
        return err_set(e, ERR_UNAUTHORIZED,
                       "the token does not say which of several keys signed it (kid)");
    if (!str_is_present(jwt->kid))
        return err_set(e, ERR_UNAUTHORIZED,
                       "the issuer has no key for the algorithm of this token");
    return err_set(e, ERR_UNAUTHORIZED, "the token is signed with an unknown key");
}

/* The key of the issuer that the token asks for. *set is replaced if newer keys were fetched. */
static int find_public_key(struct auth *auth, const struct jwt *jwt, struct jwks **set,
                           const struct jose_key **out, struct err *e)
{
    enum jwks_result result = jwks_find(*set, jwt->alg, jwt->kid, out);

    if (result == JWKS_UNKNOWN) {
        struct jwks *newer = keyring_look_again(auth->keyring, *set);
        jwks_release(*set);
        *set = newer;
        result = jwks_find(*set, jwt->alg, jwt->kid, out);
    }
    return result == JWKS_FOUND ? 0 : unknown_key_error(*set, jwt, result, e);
}

/* Each algorithm takes its own kind of key: the secret verifies HS256 alone, and the issuer's
 * public keys, which everybody knows, never do. */
static int auth_find_key(struct auth *auth, const struct jwt *jwt, struct jwks **set,
                         const struct jose_key **out, struct err *e)
{
    if (jwt->alg == JOSE_HS256) {
        *out = auth->secret;
        return auth->secret ? 0
                            : err_set(e, ERR_UNAUTHORIZED,
                                      "tokens must be signed with RS256, ES256 or EdDSA here");
    }
    if (!auth->keyring)
        return err_set(e, ERR_UNAUTHORIZED, "tokens must be signed with HS256 here");
    return find_public_key(auth, jwt, set, out, e);
}

/* Checks everything about a token that the cache does not know. */
static int check_token(struct auth *auth, struct arena *a, struct str token, struct jwks **set,
                       struct jwt_identity *out, struct err *e)
{
    struct jwt jwt;
    const struct jose_key *key = NULL;
    int64_t now_s = auth->clock->wall_us(auth->clock->context) / 1000000;

    if (jwt_read(token, a, &jwt, e) < 0 || auth_find_key(auth, &jwt, set, &key, e) < 0 ||
        jwt_verify(&jwt, key, e) < 0)
        return -1;
    return jwt_judge(&jwt, &auth->rules, now_s, a, out, e);
}

static int authenticate_token(struct auth *auth, struct arena *a, struct str token,
                              struct str *user, struct err *e)
{
    struct jwks *set = auth->keyring ? keyring_get(auth->keyring) : NULL;
    struct token_digest digest;
    struct jwt_identity identity;
    int64_t now_s = auth->clock->wall_us(auth->clock->context) / 1000000;
    bool known = token_cache_digest(auth->cache, token, &digest);
    int r = 0;

    *user =
        known ? token_cache_get(auth->cache, &digest, jwks_generation(set), now_s, a) : STR_NONE;
    if (!str_is_present(*user)) {
        r = check_token(auth, a, token, &set, &identity, e);
        if (r == 0) {
            *user = identity.user_id;
            if (known)
                token_cache_put(auth->cache, &digest, jwks_generation(set), identity.expires_s,
                                *user);
        }
    }
    jwks_release(set);
    return r;
}

static int authenticate_bearer(struct auth *auth, struct arena *a, struct str authorization,
                               struct principal *out, struct err *e)
{
    struct str token = STR_NONE;
    struct str user = STR_NONE;

    if (read_bearer_token(authorization, &token, e) < 0)
        return -1;
    if (token.n > JWT_MAX_BYTES) /* before it is hashed */
        return err_set(e, ERR_UNAUTHORIZED, "the token is longer than %zu bytes", JWT_MAX_BYTES);
    if (authenticate_token(auth, a, token, &user, e) < 0)
        return -1;
    *out = (struct principal){.authenticated = true, .user_id = user};
    return 0;
}

/* ---- making -------------------------------------------------------------------------------- */

static int check_jwt_config(const struct config *config, struct err *e)
{
    const char *secret = config->auth_jwt_secret;

    if (*config->auth_jwt_jwks_url && *config->auth_jwt_jwks_file)
        return err_set(e, ERR_CONFIGURATION,
                       "set AUTH_JWT_JWKS_URL or AUTH_JWT_JWKS_FILE, not both");
    if (!*config->auth_jwt_jwks_url && !*config->auth_jwt_jwks_file && !*secret)
        return err_set(e, ERR_CONFIGURATION,
                       "AUTH_MODE=jwt needs AUTH_JWT_JWKS_URL, AUTH_JWT_JWKS_FILE or "
                       "AUTH_JWT_SECRET");
    if (*secret && strlen(secret) < SECRET_MIN_BYTES)
        return err_set(e, ERR_CONFIGURATION, "AUTH_JWT_SECRET must have at least %d bytes",
                       SECRET_MIN_BYTES);
    return 0;
}

/* How many threads may wait for an issuer: an eighth, 8 at most, so that the process goes on
 * working while an issuer hangs. */
static unsigned waiting_threads_max(const struct config *config)
{
    int64_t threads = config->pool_threads / 8;

    return threads < 1 ? 1 : threads > 8 ? 8 : (unsigned)threads;
}

static int prepare_jwt(struct auth *auth, const struct config *config, struct err *e)
{
    const char *url = config->auth_jwt_jwks_url;
    const char *file = config->auth_jwt_jwks_file;

    if (check_jwt_config(config, e) < 0)
        return -1;
    auth->rules = (struct jwt_rules){
        .issuer = str_from(config->auth_jwt_issuer),
        .audience = str_from(config->auth_jwt_audience),
        .user_claim = str_from(config->auth_jwt_user_claim),
    };
    auth->cache = token_cache_new();
    if (*config->auth_jwt_secret)
        auth->secret = jose_key_from_secret(str_from(config->auth_jwt_secret));
    if (!auth->cache || (*config->auth_jwt_secret && !auth->secret))
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (*url || *file) {
        auth->keyring = keyring_new(file, url, waiting_threads_max(config), auth->clock, e);
        return auth->keyring ? 0 : -1;
    }
    return 0;
}

struct auth *auth_new(const struct config *config, const struct clock *clock, struct err *e)
{
    struct auth *auth = calloc(1, sizeof(*auth));

    if (!auth) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    auth->mode = config->auth_mode;
    auth->clock = clock;
    if (auth->mode == AUTH_JWT && prepare_jwt(auth, config, e) < 0) {
        auth_free(auth);
        return NULL;
    }
    return auth;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    keyring_free(auth->keyring);
    jose_key_free(auth->secret);
    token_cache_free(auth->cache);
    free(auth);
}

void auth_set_fetch(struct auth *auth, auth_fetch fetch, void *context)
{
    if (auth->keyring)
        keyring_set_fetch(auth->keyring, fetch, context);
}

/* ---- for requests -------------------------------------------------------------------------- */

const char *auth_user_variable(const struct auth *auth)
{
    return auth->mode == AUTH_HEADER ? "CHAT_SESSIONS_USER" : NULL;
}

int auth_authenticate(struct auth *auth, struct arena *a, struct str authorization, struct str user,
                      struct principal *out, struct err *e)
{
    *out = (struct principal){.authenticated = false};
    switch (auth->mode) {
    case AUTH_NONE:
        return 0;
    case AUTH_HEADER:
        return authenticate_header(user, out, e);
    case AUTH_JWT:
        return authenticate_bearer(auth, a, authorization, out, e);
    }
    return err_set(e, ERR_INTERNAL, "unknown AUTH_MODE");
}
