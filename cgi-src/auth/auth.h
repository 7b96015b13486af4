/*
 * Finds out who makes a request, in the way that AUTH_MODE names.
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
 * Fails with ERR_CONFIGURATION if AUTH_MODE is jwt and there is nothing to verify tokens with, or
 * the file of keys cannot be used. The URL of keys is not fetched before auth_set_fetch; if it does
 * not answer then, the log says so, and that is no failure. config and clock must outlive the
 * result.
 */
struct auth *auth_new(const struct config *config, const struct clock *clock, struct err *e);
/* Waits for a fetch that is under way. */
void auth_free(struct auth *auth);

/*
 * Fetches the document at url with GET into body (empty, with its cap), within about two seconds;
 * anything but a whole answer with status 200 is -1 with the reason in e. It is called by one
 * thread at a time, which is a thread of auth/.
 */
typedef int (*auth_fetch)(void *context, const char *url, struct buf *body, struct err *e);

/* Sets how AUTH_JWT_JWKS_URL is fetched. If there is such a URL, the first fetch begins, and
 * this call waits for it, half a second at most. To be called once, before the first request.
 * context must outlive auth_free. */
void auth_set_fetch(struct auth *auth, auth_fetch fetch, void *context);

/*
 * authorization: the Authorization header's value; user: the value of the variable that
 * auth_user_variable names; each STR_NONE if absent. Fails with ERR_UNAUTHORIZED and a text that
 * says what is wrong but holds nothing of a token, or with ERR_ISSUER_UNAVAILABLE while no key
 * could be read yet. The user's id is in the arena or in user.
 */
int auth_authenticate(struct auth *auth, struct arena *a, struct str authorization, struct str user,
                      struct principal *out, struct err *e);

/*
 * The CGI variable in which the web server names the user that it, or the proxy before it, has
 * authenticated; NULL unless AUTH_MODE=header. It is not the header AUTH_USER_HEADER itself: what a
 * client sends becomes a variable that begins with HTTP_, and this one does not, so a web server
 * that was not told about it names nobody.
 */
const char *auth_user_variable(const struct auth *auth);

#endif
