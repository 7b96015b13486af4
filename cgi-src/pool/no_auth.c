/*
 * Where the web server listens is not known here, so the warning names the socket by which it
 * reaches the service.
 */
#include "pool/no_auth.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/str.h"

#define ADDRESS_SIZE 256

static void warn_of_address(const char *address)
{
    log_warning("AUTH_MODE=none: requests that come by %s are not authenticated, so whoever "
                "reaches the web server may use any session whose id is known; set AUTH_MODE to "
                "jwt or header",
                address);
}

static void listener_address(int listener, char out[ADDRESS_SIZE])
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof(address);
    char host[INET6_ADDRSTRLEN + 16];
    char port[NI_MAXSERV];

    snprintf(out, ADDRESS_SIZE, "its socket");
    if (getsockname(listener, (struct sockaddr *)&address, &n) < 0)
        return;
    if (address.ss_family == AF_UNIX) {
        const struct sockaddr_un *unix_address = (const struct sockaddr_un *)&address;
        if (unix_address->sun_path[0])
            snprintf(out, ADDRESS_SIZE, "%.*s", (int)sizeof(unix_address->sun_path),
                     unix_address->sun_path);
    } else if (getnameinfo((const struct sockaddr *)&address, n, host, sizeof(host), port,
                           sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        snprintf(out, ADDRESS_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    }
}

void no_auth_warn(const struct config *config, int listener)
{
    char address[ADDRESS_SIZE];

    if (config->auth_mode != AUTH_NONE)
        return;
    listener_address(listener, address);
    warn_of_address(address);
}

void no_auth_warn_cgi(const struct config *config, const char *address)
{
    struct str a = str_from(address);

    if (config->auth_mode != AUTH_NONE || a.n == 0 || str_starts_with(a, "127.") ||
        str_is(a, "::1") || str_starts_with(a, "unix:"))
        return;
    warn_of_address(address);
}
