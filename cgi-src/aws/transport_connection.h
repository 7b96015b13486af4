/*
 * One connection that libcurl opens (names, proxies, TLS, certificates) and on which it carries
 * bytes, and the connections of a process that nobody uses at the moment. What the bytes mean is
 * aws/http_exchange.c's.
 */
#ifndef AWS_TRANSPORT_CONNECTION_H
#define AWS_TRANSPORT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "aws/transport.h"
#include "base/str.h"

struct transport_connection {
    void *curl; /* libcurl's handle; it owns the socket */
    int fd;
    bool is_tls;
    char *error; /* libcurl's words for the last failure; "" if it has none */
    /* while it is idle */
    struct transport_connection *older;
    struct transport_connection *newer;
    int64_t idle_since_us;
};

enum transport_progress {
    TRANSPORT_MOVED,  /* some bytes, see the count */
    TRANSPORT_LATER,  /* none now: wait for the socket */
    TRANSPORT_ENDED,  /* the other side has closed it properly */
    TRANSPORT_FAILED, /* see error */
};

/* Opens one to the URL's host, within both times. NULL, with response->error and what else is known
 * of the failure: nothing was sent. */
struct transport_connection *transport_connection_open(const struct transport_shared *shared,
                                                       const char *url, int64_t connect_timeout_ms,
                                                       int64_t timeout_ms,
                                                       struct transport_response *response);
void transport_connection_free(struct transport_connection *c); /* takes NULL */

/*
 * As much as there is room for. After TRANSPORT_LATER the same bytes must be given again, and on
 * TLS some of them may be gone all the same.
 */
enum transport_progress transport_connection_send(struct transport_connection *c, struct str bytes,
                                                  size_t *sent);
enum transport_progress transport_connection_receive(struct transport_connection *c, char *bytes,
                                                     size_t n, size_t *received);

/* Waits for the poll(2) events until the moment (monotonic clock). The events that came; 0 when the
 * time is over. */
short transport_connection_wait(const struct transport_connection *c, short events,
                                int64_t until_us);

/* True if it is open and nothing has come on it: between two exchanges anything else means its end,
 * a 408 as well as a close. */
bool transport_connection_is_quiet(struct transport_connection *c);

/* ---- those that are idle --------------------------------------------------------------------- */

/* The one used last is used next, so that a few stay busy and the others grow old. */
struct transport_idle;
struct transport_idle *transport_idle_new(unsigned keep); /* NULL when out of memory */
void transport_idle_free(struct transport_idle *idle);    /* closes all; takes NULL */

/* A connection that is open and quiet, now the caller's; NULL if there is none. Those that it finds
 * dead or too old are closed. */
struct transport_connection *transport_idle_take(struct transport_idle *idle);

/* Gives one back, which must be between two exchanges. The oldest is closed if there are too many.
 */
void transport_idle_put(struct transport_idle *idle, struct transport_connection *c);

#endif
