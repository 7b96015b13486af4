/*
 * One request's way in and out: the same interface over FastCGI (libfcgi) and plain CGI. Only the
 * gateways and pool/ know which of the two it is.
 */
#ifndef HTTP_GATEWAY_H
#define HTTP_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>

struct gateway {
    /* A CGI variable (RFC 3875) such as "REQUEST_METHOD" or "HTTP_ORIGIN"; NULL if absent. Borrowed
     * until the request ends. */
    const char *(*param)(struct gateway *g, const char *name);
    /* Reads up to n bytes of the body: bytes read, 0 at its end, -1 when the connection broke. */
    long (*read)(struct gateway *g, void *out, size_t n);
    /* Writes all n bytes of the answer (CGI headers, then the body): 0 or -1. */
    int (*write)(struct gateway *g, const void *data, size_t n);
    /* True if the client has gone, so that nobody would get the answer. */
    bool (*client_gone)(struct gateway *g);
    /* Breaks off an answer of which a part was written. Over FastCGI the connection is closed,
     * so that the server closes the client's in the middle of the body. Plain CGI has no way to
     * do that: there the body itself must show whether it is complete. */
    void (*break_off)(struct gateway *g);
    /* Set by the handler: the request was refused because it had waited too long, so the pool
     * should look at once for others that wait. */
    bool waited_too_long;
};

/* Over one FCGX_Request that has been accepted. The request stays the caller's. */
struct FCGX_Request;
struct gateway_fcgi {
    struct gateway gateway;
    struct FCGX_Request *request;
    int connection; /* the request's descriptor, for client_gone, if the pool set it; -1: unknown */
    bool broken_off; /* for the pool: the request must be dropped, not finished */
};
void gateway_fcgi_init(struct gateway_fcgi *g, struct FCGX_Request *request);

/* Over standard input and output and the environment, once per process. */
struct gateway *gateway_cgi(void);

#endif
