/*
 * Where AWS credentials come from: a chain of providers, each a row and a file, and one cache
 * around the chain that all threads of a process share.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>
#include "aws/skew.h"
#include "aws/transport.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"

#define CREDENTIALS_NEVER_EXPIRE INT64_MAX
/* The source of keys that stand in the file that config_load has read. */
#define CREDENTIALS_FROM_FILE "configuration file"

/* A set of credentials. Strings are owned; credentials_clear cleanses and frees them. */
struct credentials {
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL if none */
    char source[128];    /* for logs and `check`: "environment", "profile work", ... no secret */
    int64_t expires_us;  /* wall clock; CREDENTIALS_NEVER_EXPIRE */
};
void credentials_clear(struct credentials *c);
int credentials_copy(struct credentials *to, const struct credentials *from); /* 0 or -1 */

/* What a provider may use. Borrowed. */
struct credentials_context {
    const struct config *config;
    const struct clock *clock;
    struct transport *transport; /* for STS, IMDS and the container endpoint */
    const char *region;
    struct skew *skew; /* for signatures; NULL: a call corrects its own alone */
};

enum credentials_result {
    CREDENTIALS_FOUND,
    CREDENTIALS_NOT_HERE, /* this provider is not configured: ask the next one */
    CREDENTIALS_FAILED,   /* configured, but it failed (e says how): the chain stops */
};

struct credentials_provider {
    const char *name;
    enum credentials_result (*fetch)(const struct credentials_context *context,
                                     struct credentials *out, struct err *e);
};

/* The chain in the order of AWS's SDKs, ended by a row whose name is NULL. */
extern const struct credentials_provider credentials_chain[];

/* Asks each provider in turn. NOT_HERE from all gives ERR_CREDENTIALS_NOT_CONFIGURED. */
int credentials_fetch(const struct credentials_provider *chain,
                      const struct credentials_context *context, struct credentials *out,
                      struct err *e);

/*
 * The cache: refreshed ahead of expiry, one refresh at a time, old ones used while they live. The
 * chain is asked by a thread of the cache's own, so a slow provider never holds a caller beyond its
 * deadline; transport is used by that thread alone. Errors are worded for the client of the API:
 * what a provider said is in the log (and in credentials_fetch's err).
 */
struct credentials_cache;
struct credentials_cache *credentials_cache_new(const struct credentials_provider *chain,
                                                const struct credentials_context *context);
void credentials_cache_free(struct credentials_cache *cache);

/*
 * Makes *held the set of this moment, copying only if *generation says that it changed. May wait
 * for a refresh (until deadline_us, monotonic). Begin with a zeroed set and generation 0; clear
 * *held at the end. On failure *held and *generation stay as they are.
 */
int credentials_cache_update(struct credentials_cache *cache, int64_t deadline_us,
                             struct credentials *held, uint64_t *generation, struct err *e);

enum credentials_renewal {
    CREDENTIALS_CHANGED,     /* it is worth trying with the new ones */
    CREDENTIALS_UNCHANGED,   /* their source goes on giving the same */
    CREDENTIALS_NOT_RENEWED, /* e says why */
};

/* DynamoDB said that these (by access key id and token) have expired: fetch anew. */
enum credentials_renewal credentials_cache_expired(struct credentials_cache *cache,
                                                   const struct credentials *old,
                                                   int64_t deadline_us, struct err *e);

#endif
