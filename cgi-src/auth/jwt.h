/*
 * The check of a JSON Web Token (RFC 7519, 8725): pure, with time, keys and rules as arguments. In
 * this order: jwt_read, the caller finds the key, jwt_verify, jwt_judge. Before the signature has
 * been verified, nothing that the token says counts, except which key is needed for that. Every
 * failure is ERR_UNAUTHORIZED with a sentence that holds nothing of the token.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include <stdint.h>
#include "auth/jose.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define JWT_MAX_BYTES ((size_t)16 * 1024)
#define JWT_LEEWAY_S 60         /* how far the clocks of issuer and service may be apart */
#define JWT_MAX_USER_BYTES 2048 /* what DynamoDB takes as a partition key */

struct jwt {
    enum jose_alg alg;
    struct str kid; /* STR_NONE if the token names no key */
    struct jose_signed jws;
    struct str claims; /* JSON text, decoded */
};

/* Takes a token apart and reads its header. The views point into the token and the arena. */
int jwt_read(struct str token, struct arena *a, struct jwt *out, struct err *e);

/* Checks the signature. A key of another algorithm is never accepted. */
int jwt_verify(const struct jwt *jwt, const struct jose_key *key, struct err *e);

struct jwt_rules {
    struct str issuer;     /* what iss must be; empty: not checked */
    struct str audience;   /* aud must be or contain this; without an aud, client_id must be this;
                              empty: not checked */
    struct str user_claim; /* which claim is the user */
};

struct jwt_identity {
    struct str user_id; /* in the arena */
    int64_t expires_s;  /* the token is refused from then on; the leeway is included */
};

/* Judges the claims of a token whose signature is good. now_s: seconds since the epoch. */
int jwt_judge(const struct jwt *jwt, const struct jwt_rules *rules, int64_t now_s, struct arena *a,
              struct jwt_identity *out, struct err *e);

#endif
