/*
 * An issuer for the tests of auth/: keys, key sets and signed tokens, made with OpenSSL alone, so
 * that nothing is judged by the library that is tested.
 */
#ifndef TESTS_UNIT_JWT_FIXTURE_H
#define TESTS_UNIT_JWT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/arena.h"
#include "base/str.h"

#define SECRET "0123456789abcdef0123456789ABCDEF"
#define NOW INT64_C(1800000000)

static struct arena texts; /* what the functions below return lives here */
static EVP_PKEY *rsa, *rsa_other, *rsa_small, *p256, *p384, *ed25519;

static inline int make_issuer(void **state)
{
    (void)state;
    arena_init(&texts);
    rsa = EVP_RSA_gen(2048);
    rsa_other = EVP_RSA_gen(2048);
    rsa_small = EVP_RSA_gen(1024);
    p256 = EVP_EC_gen("P-256");
    p384 = EVP_EC_gen("P-384");
    ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return rsa && rsa_other && rsa_small && p256 && p384 && ed25519 ? 0 : -1;
}

static inline int end_issuer(void **state)
{
    EVP_PKEY *keys[] = {rsa, rsa_other, rsa_small, p256, p384, ed25519};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        EVP_PKEY_free(keys[i]);
    arena_free(&texts);
    return 0;
}

static inline const char *base64url(const void *data, size_t n)
{
    char *out = arena_alloc(&texts, n / 3 * 4 + 8);
    int length = EVP_EncodeBlock((unsigned char *)out, data, (int)n);

    while (length > 0 && out[length - 1] == '=')
        out[--length] = '\0';
    for (char *p = out; *p; p++)
        *p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
    return out;
}

/* ---- keys as JSON -----------------------------------------------------------------------------
 */

static inline const char *number_of(EVP_PKEY *key, const char *parameter, int bytes)
{
    unsigned char raw[1024];
    BIGNUM *n = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(key, parameter, &n), 1);
    int length = bytes ? BN_bn2binpad(n, raw, bytes) : BN_bn2bin(n, raw);
    BN_free(n);
    assert_true(length > 0);
    return base64url(raw, (size_t)length);
}

/* The public half; members: further ones, each with a comma before it. */
static inline const char *jwk(EVP_PKEY *key, const char *members)
{
    int type = EVP_PKEY_get_base_id(key);
    unsigned char raw[32];
    size_t n = sizeof raw;

    if (type == EVP_PKEY_RSA)
        return arena_printf(&texts, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}",
                            number_of(key, "n", 0), number_of(key, "e", 0), members)
            .p;
    if (type == EVP_PKEY_EC) {
        int bytes = (EVP_PKEY_get_bits(key) + 7) / 8;
        return arena_printf(&texts, "{\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"%s\",\"y\":\"%s\"%s}",
                            bytes * 8, number_of(key, "qx", bytes), number_of(key, "qy", bytes),
                            members)
            .p;
    }
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
    return arena_printf(&texts, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}",
                        base64url(raw, n), members)
        .p;
}

static inline const char *key_set(const char *keys)
{
    return arena_printf(&texts, "{\"keys\":[%s]}", keys).p;
}

/* The public key as files have it: what an attacker may take for a secret. */
static inline struct str public_pem(EVP_PKEY *key)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    long n = BIO_get_mem_data(bio, &text);
    struct str pem = arena_str(&texts, (struct str){text, (size_t)n});
    BIO_free(bio);
    return pem;
}

static inline struct str public_der(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);

    assert_true(n > 0);
    struct str copy = arena_str(&texts, (struct str){(char *)der, (size_t)n});
    OPENSSL_free(der);
    return copy;
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

/* ECDSA as JWS wants it: r and s side by side, not in ASN.1 (RFC 7518 section 3.4). */
static inline const char *raw_ecdsa(const unsigned char *der, size_t n, int bytes)
{
    unsigned char raw[132];
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);

    assert_non_null(sig);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, bytes);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + bytes, bytes);
    ECDSA_SIG_free(sig);
    return base64url(raw, (size_t)bytes * 2);
}

static inline const char *signature_of(const char *input, EVP_PKEY *key)
{
    unsigned char raw[512];
    size_t n = sizeof raw;
    const EVP_MD *md = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(context, NULL, md, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, raw, &n, (const unsigned char *)input, strlen(input)),
                     1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        return raw_ecdsa(raw, n, (EVP_PKEY_get_bits(key) + 7) / 8);
    return base64url(raw, n);
}

static inline const char *signing_input(const char *header, const char *claims)
{
    return arena_printf(&texts, "%s.%s", base64url(header, strlen(header)),
                        base64url(claims, strlen(claims)))
        .p;
}

static inline const char *token_signed(const char *header, const char *claims, EVP_PKEY *key)
{
    const char *input = signing_input(header, claims);
    return arena_printf(&texts, "%s.%s", input, signature_of(input, key)).p;
}

static inline const char *token_hmac(const char *header, const char *claims, struct str secret)
{
    const char *input = signing_input(header, claims);
    unsigned char mac[32];
    unsigned n = sizeof mac;

    HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)input, strlen(input), mac,
         &n);
    return arena_printf(&texts, "%s.%s", input, base64url(mac, n)).p;
}

/* {"alg":ALG,"kid":KID}; without kid if NULL. */
static inline const char *header_of(const char *alg, const char *kid)
{
    if (!kid)
        return arena_printf(&texts, "{\"alg\":\"%s\"}", alg).p;
    return arena_printf(&texts, "{\"typ\":\"JWT\",\"alg\":\"%s\",\"kid\":\"%s\"}", alg, kid).p;
}

/* Good claims of that user. */
static inline const char *claims_of(const char *user)
{
    return arena_printf(&texts, "{\"sub\":\"%s\",\"exp\":%lld}", user, (long long)NOW + 600).p;
}

#endif
