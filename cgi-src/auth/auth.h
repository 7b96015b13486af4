/*
 * Finds out who asks, as AUTH_MODE says.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "auth/principal.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"

/* What the threads of a process share: keys of tokens, tokens that were found good. Made after
 * fork. */
struct auth;

/*
 * ERR_CONFIGURATION with AUTH_MODE=jwt if there is nothing to verify tokens with, or the file of
 * keys is no good. A URL of keys is not asked before auth_set_fetch, and that it does not answer is
 * a line in the log and no failure. config and clock must outlive the result.
 */
struct auth *auth_new(const struct config *config, const struct clock *clock, struct err *e);
/* Waits for a fetch that is under way. */
void auth_free(struct auth *auth);

/*
 * Fetches the document at url with GET into body (empty, with its cap), within about two seconds;
 * anything but a whole answer with status 200 is -1 with the reason in e. Called by one thread at
 * a time, which is none of the caller's.
 */
typedef int (*auth_fetch)(void *context, const char *url, struct buf *body, struct err *e);

/* Says how AUTH_JWT_JWKS_URL is fetched, and begins to if there is one. Once, before the first
 * request. context must outlive auth_free. */
void auth_set_fetch(struct auth *auth, auth_fetch fetch, void *context);

/*
 * authorization: the Authorization header's value; user_header: the value of the header that
 * AUTH_USER_HEADER names; each STR_NONE if absent. ERR_UNAUTHORIZED with what is wrong, and nothing
 * of a token in the text; ERR_ISSUER_UNAVAILABLE while no key could be read yet. The user's id is
 * in the arena or in user_header.
 */
int auth_authenticate(struct auth *auth, struct arena *a, struct str authorization,
                      struct str user_header, struct principal *out, struct err *e);

/* The CGI name of the header AUTH_USER_HEADER ("HTTP_X_USER_ID"); NULL unless AUTH_MODE=header. */
const char *auth_user_header(const struct auth *auth);

#endif
