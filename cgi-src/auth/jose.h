/*
 * Keys and signatures of JSON Web Signatures (RFC 7515, 7517, 7518, 8037): the only place that sees
 * libcjose. jwt.h and jwks.h say which tokens are accepted, and with which key.
 */
#ifndef AUTH_JOSE_H
#define AUTH_JOSE_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/str.h"

/* The algorithms that are accepted. Every other one is unknown, "none" above all. */
enum jose_alg { JOSE_RS256, JOSE_ES256, JOSE_EDDSA, JOSE_HS256, JOSE_ALGS };

/* The name as tokens spell it, compared exactly. EdDSA is also called Ed25519 (RFC 9864). */
bool jose_alg_from_name(struct str name, enum jose_alg *out);

/* Strict base64url without padding (RFC 7515 section 2); STR_NONE if it is anything else. */
struct str jose_base64url(struct str text, struct arena *a);

/* A key for one algorithm. Never changed once made: any number of threads may verify with it. */
struct jose_key;

/* The members of a JWK that make a public key, each as the JWK has it; STR_NONE if absent. */
struct jose_jwk {
    struct str n, e; /* RSA */
    struct str x, y; /* elliptic curves; Ed25519 has x alone */
};

/*
 * RS256 needs an RSA key of 2048 to 8192 bits, ES256 a point on P-256, EdDSA the bytes of an
 * Ed25519 key; the caller has seen that the JWK's type and curve are those. NULL if the members do
 * not make such a key.
 */
struct jose_key *jose_key_from_jwk(enum jose_alg alg, const struct jose_jwk *jwk);

/* The shared secret of HS256; NULL if there is no memory. */
struct jose_key *jose_key_from_secret(struct str secret);
void jose_key_free(struct jose_key *key);

enum jose_alg jose_key_alg(const struct jose_key *key);

/* A token taken apart at its dots. */
struct jose_signed {
    struct str token;     /* all of it */
    struct str input;     /* what is signed: header, dot, payload */
    struct str signature; /* decoded */
};

/* True if the signature is the key's. The token's header must already have been found to name
 * exactly the key's algorithm. */
bool jose_verify(const struct jose_key *key, const struct jose_signed *s);

#endif
