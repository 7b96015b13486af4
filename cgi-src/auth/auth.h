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

/* Says how AUTH_JWT_JWKS_URL is fetched, and begins to if there is one; waits half a second at most
 * for the first keys. Once, before the first request. context must outlive auth_free. */
void auth_set_fetch(struct auth *auth, auth_fetch fetch, void *context);

/*
 * authorization: the Authorization header's value; user: the value of the variable that
 * auth_user_variable names; each STR_NONE if absent. ERR_UNAUTHORIZED with what is wrong, and
 * nothing of a token in the text; ERR_ISSUER_UNAVAILABLE while no key could be read yet. The user's
 * id is in the arena or in user.
 */
int auth_authenticate(struct auth *auth, struct arena *a, struct str authorization, struct str user,
                      struct principal *out, struct err *e);

/*
 * The CGI variable in which the web server names the user that it, or the proxy before it, has
 * authenticated; NULL unless AUTH_MODE=header. Not the header AUTH_USER_HEADER itself: what a
 * client sends becomes variables that begin with HTTP_, and this one does not, so a web server that
 * was not told about it names nobody.
 */
const char *auth_user_variable(const struct auth *auth);

#endif
