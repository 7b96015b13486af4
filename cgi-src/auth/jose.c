/*
 * libcjose verifies RS256, ES256 and HS256. The version in Debian 12 does not know EdDSA, so its
 * signatures are verified with one call of OpenSSL, in which there is nothing to choose and nothing
 * to parse.
 */
#include "auth/jose.h"

#include <cjose/cjose.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define RSA_MIN_BITS 2048 /* RFC 7518 section 3.3 */
#define RSA_MAX_BITS 8192 /* with a longer key a verification takes milliseconds */
#define RSA_MAX_EXPONENT_BYTES 8
#define P256_BYTES 32
#define ED25519_KEY_BYTES 32
#define ED25519_SIGNATURE_BYTES 64
#define ES256_SIGNATURE_BYTES 64

struct jose_key {
    enum jose_alg alg;
    cjose_jwk_t *jwk;  /* all but EdDSA */
    EVP_PKEY *ed25519; /* EdDSA */
};

bool jose_alg_from_name(struct str name, enum jose_alg *out)
{
    static const struct {
        const char *name;
        enum jose_alg alg;
    } names[] = {
        {"RS256", JOSE_RS256}, {"ES256", JOSE_ES256},   {"EdDSA", JOSE_EDDSA},
        {"HS256", JOSE_HS256}, {"Ed25519", JOSE_EDDSA},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_is(name, names[i].name)) {
            *out = names[i].alg;
            return true;
        }
    }
    return false;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The library's decoder also accepts '+', '/', padding and loose last bits; one token would then
 * have many spellings. */
struct str jose_base64url(struct str text, struct arena *a)
{
    unsigned char *out;
    size_t n = 0;
    unsigned bits = 0;
    unsigned have = 0;

    if (!str_is_present(text) || text.n % 4 == 1)
        return STR_NONE;
    out = arena_alloc(a, text.n / 4 * 3 + 3);
    for (size_t i = 0; i < text.n; i++) {
        int value = base64url_value(text.p[i]);
        if (value < 0)
            return STR_NONE;
        bits = bits << 6 | (unsigned)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (unsigned char)(bits >> have);
            bits &= (1U << have) - 1;
        }
    }
    return bits ? STR_NONE : (struct str){(char *)out, n};
}

/* ---- keys ---------------------------------------------------------------------------------- */

static struct jose_key *jose_key_new(enum jose_alg alg, cjose_jwk_t *jwk, EVP_PKEY *ed25519)
{
    struct jose_key *key = jwk || ed25519 ? calloc(1, sizeof(*key)) : NULL;

    /* A later TLS call would take what a failed call leaves in the thread's error queue for its
     * own error. */
    ERR_clear_error();
    if (!key) {
        cjose_jwk_release(jwk);
        EVP_PKEY_free(ed25519);
        return NULL;
    }
    *key = (struct jose_key){.alg = alg, .jwk = jwk, .ed25519 = ed25519};
    return key;
}

/* The library can read a JWK itself, but an assertion in its base64 decoder ends the process
 * when a member has an impossible length. So it is given decoded bytes. */
static struct jose_key *rsa_key(struct str n, struct str e)
{
    size_t first = 0;
    cjose_err err;

    while (first < n.n && n.p[first] == '\0')
        first++;
    size_t bits = (n.n - first) * 8;
    /* Whole bytes are exact enough: RFC 7518 demands 2048 bits, and keys are made in whole
     * bytes. */
    if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS || e.n == 0 || e.n > RSA_MAX_EXPONENT_BYTES)
        return NULL;
    const cjose_jwk_rsa_keyspec spec = {
        .n = (uint8_t *)n.p, .nlen = n.n, .e = (uint8_t *)e.p, .elen = e.n};
    return jose_key_new(JOSE_RS256, cjose_jwk_create_RSA_spec(&spec, &err), NULL);
}

static struct jose_key *p256_key(struct str x, struct str y)
{
    cjose_err err;

    if (x.n != P256_BYTES || y.n != P256_BYTES)
        return NULL;
    const cjose_jwk_ec_keyspec spec = {.crv = CJOSE_JWK_EC_P_256,
                                       .x = (uint8_t *)x.p,
                                       .xlen = x.n,
                                       .y = (uint8_t *)y.p,
                                       .ylen = y.n};
    return jose_key_new(JOSE_ES256, cjose_jwk_create_EC_spec(&spec, &err), NULL);
}

static struct jose_key *ed25519_key(struct str x)
{
    if (x.n != ED25519_KEY_BYTES)
        return NULL;
    return jose_key_new(
        JOSE_EDDSA, NULL,
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n));
}

struct jose_key *jose_key_from_jwk(enum jose_alg alg, const struct jose_jwk *jwk)
{
    struct jose_key *key = NULL;
    struct arena a;

    arena_init(&a);
    struct str x = jose_base64url(jwk->x, &a);
    if (alg == JOSE_RS256)
        key = rsa_key(jose_base64url(jwk->n, &a), jose_base64url(jwk->e, &a));
    else if (alg == JOSE_ES256)
        key = p256_key(x, jose_base64url(jwk->y, &a));
    else if (alg == JOSE_EDDSA)
        key = ed25519_key(x);
    arena_free(&a);
    return key;
}

struct jose_key *jose_key_from_secret(struct str secret)
{
    cjose_err err;

    return jose_key_new(JOSE_HS256,
                        cjose_jwk_create_oct_spec((const uint8_t *)secret.p, secret.n, &err), NULL);
}

void jose_key_free(struct jose_key *key)
{
    if (!key)
        return;
    cjose_jwk_release(key->jwk);
    EVP_PKEY_free(key->ed25519);
    free(key);
}

enum jose_alg jose_key_alg(const struct jose_key *key)
{
    return key->alg;
}

/* ---- signatures ---------------------------------------------------------------------------- */

static bool verify_ed25519(EVP_PKEY *pkey, const struct jose_signed *s)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = s->signature.n == ED25519_SIGNATURE_BYTES && context &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1 &&
                EVP_DigestVerify(context, (const unsigned char *)s->signature.p, s->signature.n,
                                 (const unsigned char *)s->input.p, s->input.n) == 1;

    EVP_MD_CTX_free(context);
    return good;
}

static bool verify_cjose(const cjose_jwk_t *jwk, const struct jose_signed *s)
{
    cjose_err err;
    cjose_jws_t *jws = cjose_jws_import(s->token.p, s->token.n, &err);
    bool good = jws && cjose_jws_verify(jws, jwk, &err);

    cjose_jws_release(jws);
    return good;
}

bool jose_verify(const struct jose_key *key, const struct jose_signed *s)
{
    bool good = false;

    if (key->alg == JOSE_EDDSA)
        good = verify_ed25519(key->ed25519, s);
    else if (key->alg != JOSE_ES256 || s->signature.n == ES256_SIGNATURE_BYTES)
        good = verify_cjose(key->jwk, s);
    ERR_clear_error(); /* as in jose_key_new */
    return good;
}
