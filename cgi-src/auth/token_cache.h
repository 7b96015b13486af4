/*
 * Tokens that were found good lately, so that each is verified once and not with every request.
 * Bounded, shared by the threads. Tokens themselves are not kept, only their SHA-256.
 */
#ifndef AUTH_TOKEN_CACHE_H
#define AUTH_TOKEN_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"

struct token_cache;

/* NULL if there is no memory. */
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);

struct token_digest {
    unsigned char bytes[32];
};
/* False if OpenSSL fails; the cache must not be used then. */
bool token_cache_digest(const struct token_cache *cache, struct str token,
                        struct token_digest *out);

/* The user of a token that was put under the same generation of keys and has not expired; STR_NONE
 * if there is none. The text is copied to the arena. */
struct str token_cache_get(struct token_cache *cache, const struct token_digest *digest,
                           uint64_t generation, int64_t now_s, struct arena *a);

/* Remembers a good token until expires_s; another token may have to make room for it. */
void token_cache_put(struct token_cache *cache, const struct token_digest *digest,
                     uint64_t generation, int64_t expires_s, struct str user);

#endif
