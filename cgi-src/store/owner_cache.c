/*
 * A direct-mapped table: a session has one entry that it can be in, and replaces the session that
 * is there. That is simple and bounded, and good enough for a cache whose miss costs one read.
 */
#include "store/owner_cache.h"

#include <pthread.h>
#include <stdlib.h>

#define STRIPES 64

struct owner_entry {
    char *bytes; /* session id, then user id; owned; NULL: free */
    size_t session_n;
    size_t user_n;
    int64_t last_timestamp;
};

struct owner_cache {
    unsigned mask;
    pthread_mutex_t locks[STRIPES];
    struct owner_entry entries[];
};

struct owner_cache *owner_cache_new(unsigned entries)
{
    unsigned n = STRIPES;
    while (n < entries)
        n *= 2;
    struct owner_cache *c = calloc(1, sizeof(*c) + n * sizeof(c->entries[0]));
    if (!c)
        abort();
    c->mask = n - 1;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&c->locks[i], NULL);
    return c;
}

void owner_cache_free(struct owner_cache *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i <= c->mask; i++)
        free(c->entries[i].bytes);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&c->locks[i]);
    free(c);
}

static unsigned owner_cache_index(const struct owner_cache *c, struct str id)
{
    return (unsigned)str_hash(id) & c->mask;
}

static bool owner_entry_is_of(const struct owner_entry *entry, struct str session_id)
{
    return entry->bytes && entry->session_n == session_id.n &&
           memcmp(entry->bytes, session_id.p, session_id.n) == 0;
}

bool owner_cache_get(struct owner_cache *c, struct str session_id, struct arena *a,
                     struct str *user_id, int64_t *last_timestamp)
{
    unsigned index = owner_cache_index(c, session_id);
    const struct owner_entry *entry = &c->entries[index];

    pthread_mutex_lock(&c->locks[index % STRIPES]);
    bool found = owner_entry_is_of(entry, session_id);
    if (found) {
        *user_id = arena_str(a, (struct str){entry->bytes + entry->session_n, entry->user_n});
        *last_timestamp = entry->last_timestamp;
    }
    pthread_mutex_unlock(&c->locks[index % STRIPES]);
    return found;
}

void owner_cache_put(struct owner_cache *c, struct str session_id, struct str user_id,
                     int64_t last_timestamp)
{
    unsigned index = owner_cache_index(c, session_id);
    struct owner_entry *entry = &c->entries[index];

    pthread_mutex_lock(&c->locks[index % STRIPES]);
    if (owner_entry_is_of(entry, session_id)) {
        if (last_timestamp > entry->last_timestamp)
            entry->last_timestamp = last_timestamp;
    } else {
        char *bytes = malloc(session_id.n + user_id.n + 1);
        if (bytes) { /* without memory the owner is just not cached */
            memcpy(bytes, session_id.p, session_id.n);
            memcpy(bytes + session_id.n, user_id.p, user_id.n);
            free(entry->bytes);
            *entry = (struct owner_entry){bytes, session_id.n, user_id.n, last_timestamp};
        }
    }
    pthread_mutex_unlock(&c->locks[index % STRIPES]);
}

void owner_cache_remove(struct owner_cache *c, struct str session_id)
{
    unsigned index = owner_cache_index(c, session_id);
    struct owner_entry *entry = &c->entries[index];

    pthread_mutex_lock(&c->locks[index % STRIPES]);
    if (owner_entry_is_of(entry, session_id)) {
        free(entry->bytes);
        *entry = (struct owner_entry){0};
    }
    pthread_mutex_unlock(&c->locks[index % STRIPES]);
}
