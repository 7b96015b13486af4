/*
 * The issuer's public keys, kept fresh: from a file or from a URL. What is in a set is told in
 * jwks.h. Shared by the threads of a process; made after fork.
 */
#ifndef AUTH_KEYRING_H
#define AUTH_KEYRING_H

#include "auth/auth.h"
#include "auth/jwks.h"
#include "base/clock.h"

struct keyring;

/*
 * From a file: read at once, ERR_CONFIGURATION if it is no good; read again when it has changed,
 * which is looked at every KEYRING_LOOK_US.
 * From a URL: fetched by a thread of its own, begun with keyring_set_fetch and again after
 * KEYRING_REFRESH_US when there are requests, or for an unknown key, at most once in
 * KEYRING_AGAIN_US (KEYRING_FIRST_US as long as there are no keys at all). Nothing is fetched while
 * nobody asks. If it fails, the old keys stay and the log says so.
 * max_waiting: how many requests may wait for a fetch at a time; others go on with what there is.
 * Exactly one of file and url; the other is "". Owned by the caller: keyring_free.
 */
#define KEYRING_LOOK_US INT64_C(3000000)
#define KEYRING_REFRESH_US INT64_C(600000000)
#define KEYRING_AGAIN_US INT64_C(60000000)
#define KEYRING_FIRST_US INT64_C(2000000)
#define KEYRING_MAX_BYTES ((size_t)512 * 1024)
struct keyring *keyring_new(const char *file, const char *url, unsigned max_waiting,
                            const struct clock *clock, struct err *e);
/* Waits for a fetch that is under way. */
void keyring_free(struct keyring *keyring);

/* Says how to fetch and begins to; waits half a second at most for the first keys, so that the
 * first requests find them. Called once, before any other thread uses the keyring. */
void keyring_set_fetch(struct keyring *keyring, auth_fetch fetch, void *context);

/* The keys in force, NULL if there are none yet. Never waits. jwks_release. */
struct jwks *keyring_get(struct keyring *keyring);

/*
 * For a key that was not found in `seen` (which may be NULL): the keys after another look, if one
 * is due; waits a few seconds at most, and not at all behind max_waiting others. jwks_release.
 */
struct jwks *keyring_look_again(struct keyring *keyring, const struct jwks *seen);

#endif
