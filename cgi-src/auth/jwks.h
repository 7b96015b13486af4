/*
 * A set of public keys (JWK Set, RFC 7517 section 5), as an issuer publishes it. Immutable, shared
 * by the threads and counted; keyring knows where it comes from.
 */
#ifndef AUTH_JWKS_H
#define AUTH_JWKS_H

#include <stdint.h>
#include "auth/jose.h"
#include "base/err.h"
#include "base/str.h"

struct jwks;

/*
 * Reads the text of a set. Entries that cannot verify a token here (other types, curves or
 * algorithms, for encryption, symmetric, damaged, beyond the 64th usable one) are passed over.
 * generation tells this set from those before it. NULL with ERR_CONFIGURATION if it is no set, or
 * none of its keys is usable. Owned by the caller: jwks_release.
 */
struct jwks *jwks_parse(struct str text, uint64_t generation, struct err *e);

/* One more owner. NULL stays NULL. */
struct jwks *jwks_retain(struct jwks *set);
void jwks_release(struct jwks *set);

uint64_t jwks_generation(const struct jwks *set);
/* True if the set was made from exactly this text. */
bool jwks_is_text(const struct jwks *set, struct str text);
size_t jwks_size(const struct jwks *set);    /* usable keys */
size_t jwks_skipped(const struct jwks *set); /* entries passed over */

enum jwks_result { JWKS_FOUND, JWKS_UNKNOWN, JWKS_AMBIGUOUS };

/*
 * The key for an algorithm with that kid; without a kid (STR_NONE) the only key that fits the
 * algorithm: JWKS_AMBIGUOUS if several do. A key of another type is never found. *out is borrowed
 * from the set, which may be NULL (no keys).
 */
enum jwks_result jwks_find(const struct jwks *set, enum jose_alg alg, struct str kid,
                           const struct jose_key **out);

#endif
