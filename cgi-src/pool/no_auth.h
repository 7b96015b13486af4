/*
 * The warning that requests are not authenticated (AUTH_MODE=none). Those who start the service
 * should see it at once and not when the first request comes. For pool/ alone.
 */
#ifndef POOL_NO_AUTH_H
#define POOL_NO_AUTH_H

#include "base/config.h"

/* Writes the warning with the address that this socket listens on; nothing in any other mode. */
void no_auth_warn(const struct config *config, int listener);

/*
 * The same for plain CGI, which has no start but the request itself: each one warns, but none that
 * came in on a loopback address or a unix socket. address: SERVER_ADDR; NULL: not known, no
 * warning.
 */
void no_auth_warn_cgi(const struct config *config, const char *address);

#endif
