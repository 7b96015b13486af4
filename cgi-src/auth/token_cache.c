/*
 * A table of 512 buckets with 8 places each; 16 locks share them. In a full bucket the entry that
 * expires first makes room. An entry that was verified with older keys is never returned.
 */
#include "auth/token_cache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#define BUCKETS 512
#define PLACES 8
#define LOCKS 16

struct token_entry {
    struct token_digest digest;
    uint64_t generation;
    int64_t expires_s;
    char *user; /* owned; NULL: the place is free */
    size_t user_n;
};

struct token_cache {
    EVP_MD *sha256; /* fetched once, since that takes longer than hashing a token */
    pthread_mutex_t locks[LOCKS];
    struct token_entry buckets[BUCKETS][PLACES];
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        return NULL;
    cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&cache->locks[i], NULL);
    return cache;
}

void token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (size_t j = 0; j < PLACES; j++)
            free(cache->buckets[i][j].user);
    }
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&cache->locks[i]);
    EVP_MD_free(cache->sha256);
    free(cache);
}

bool token_cache_digest(const struct token_cache *cache, struct str token, struct token_digest *out)
{
    return cache->sha256 &&
           EVP_Digest(token.p, token.n, out->bytes, NULL, cache->sha256, NULL) == 1;
}

/* Locks the bucket; the result is for unlock. */
static pthread_mutex_t *lock_bucket(struct token_cache *cache, const struct token_digest *digest,
                                    struct token_entry **bucket)
{
    size_t i = ((size_t)digest->bytes[0] << 8 | digest->bytes[1]) % BUCKETS;
    pthread_mutex_t *lock = &cache->locks[i % LOCKS];

    pthread_mutex_lock(lock);
    *bucket = cache->buckets[i];
    return lock;
}

static bool entry_is_for(const struct token_entry *entry, const struct token_digest *digest)
{
    return entry->user && memcmp(&entry->digest, digest, sizeof *digest) == 0;
}

struct str token_cache_get(struct token_cache *cache, const struct token_digest *digest,
                           uint64_t generation, int64_t now_s, struct arena *a)
{
    struct token_entry *bucket;
    struct str user = STR_NONE;
    pthread_mutex_t *lock = lock_bucket(cache, digest, &bucket);

    for (size_t i = 0; i < PLACES; i++) {
        const struct token_entry *entry = &bucket[i];
        if (entry_is_for(entry, digest) && entry->generation == generation &&
            now_s < entry->expires_s) {
            user = arena_str(a, (struct str){entry->user, entry->user_n});
            break;
        }
    }
    pthread_mutex_unlock(lock);
    return user;
}

/* The token's own place, else a free one, else one with older keys, else the one that expires
 * first. */
static struct token_entry *choose_place(struct token_entry *bucket,
                                        const struct token_digest *digest, uint64_t generation)
{
    struct token_entry *best = &bucket[0];

    for (size_t i = 0; i < PLACES; i++) {
        if (entry_is_for(&bucket[i], digest))
            return &bucket[i];
    }
    for (size_t i = 0; i < PLACES; i++) {
        if (!bucket[i].user || bucket[i].generation < generation)
            return &bucket[i];
        if (bucket[i].expires_s < best->expires_s)
            best = &bucket[i];
    }
    return best;
}

void token_cache_put(struct token_cache *cache, const struct token_digest *digest,
                     uint64_t generation, int64_t expires_s, struct str user)
{
    struct token_entry *bucket;
    char *copy = malloc(user.n + 1);

    if (!copy)
        return;
    memcpy(copy, user.p, user.n);
    copy[user.n] = '\0';
    pthread_mutex_t *lock = lock_bucket(cache, digest, &bucket);
    struct token_entry *entry = choose_place(bucket, digest, generation);
    char *old = entry->user;
    *entry = (struct token_entry){.digest = *digest,
                                  .generation = generation,
                                  .expires_s = expires_s,
                                  .user = copy,
                                  .user_n = user.n};
    pthread_mutex_unlock(lock);
    free(old);
}
