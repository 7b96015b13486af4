/*
 * Which user a session belongs to, and the last of its timestamps that is known. The cache is
 * bounded and shared by the threads of a process. An owner never changes, so an entry is never
 * wrong; it may outlive its session, which the append's transaction notices.
 */
#ifndef STORE_OWNER_CACHE_H
#define STORE_OWNER_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"

struct owner_cache;

/* entries: how many are kept at most; rounded up to a power of two. */
struct owner_cache *owner_cache_new(unsigned entries);
void owner_cache_free(struct owner_cache *c);

/* True with a copy of the owner in the arena and the last timestamp known. */
bool owner_cache_get(struct owner_cache *c, struct str session_id, struct arena *a,
                     struct str *user_id, int64_t *last_timestamp);

/* Adds or refreshes an entry, perhaps in the place of another. A last timestamp never goes back. */
void owner_cache_put(struct owner_cache *c, struct str session_id, struct str user_id,
                     int64_t last_timestamp);

void owner_cache_remove(struct owner_cache *c, struct str session_id);

#endif
