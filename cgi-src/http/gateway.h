/*
 * One request's way in and out: the same interface over FastCGI (libfcgi) and plain CGI. What
 * stands behind it is known here and in pool/ alone.
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
    /* True if whoever asked has gone away, so that the work would be for nobody. */
    bool (*client_gone)(struct gateway *g);
    /* Ends the answer without its proper end, after a part of it was written: over FastCGI the
     * connection is closed, so that the server closes the client's in the midst of the body. Plain
     * CGI has no such end: there the body must tell by itself that it is whole. */
    void (*break_off)(struct gateway *g);
    /* Set by whoever handles the request: it was refused because it had waited too long. Others
     * that wait are to be looked for. */
    bool waited_too_long;
};

/* Over one FCGX_Request that has been accepted. The request stays the caller's. */
struct FCGX_Request;
struct gateway_fcgi {
    struct gateway gateway;
    struct FCGX_Request *request;
    int connection; /* the request's descriptor if the pool told it, for client_gone; -1: unknown */
    bool broken_off; /* for the pool: the request is not to be finished, but dropped */
};
void gateway_fcgi_init(struct gateway_fcgi *g, struct FCGX_Request *request);

/* Over standard input and output and the environment, once per process. */
struct gateway *gateway_cgi(void);

#endif
