/*
 * HTTP/1.1 exchanges with DynamoDB on connections that belong to the process: one POST each, behind
 * a function table that tests replace. It never retries, never sends anything twice, never signs.
 */
#ifndef AWS_HTTP_EXCHANGE_H
#define AWS_HTTP_EXCHANGE_H

#include <stdint.h>
#include "aws/transport.h"
#include "base/err.h"
#include "base/str.h"

/* What is sent, byte for byte: both pieces, one after the other. */
struct http_exchange_request {
    struct str
        text; /* the request line, the header lines, and as much of the body as is with them */
    struct str rest; /* of the body; empty if there is none */
    int64_t connect_timeout_ms;
    int64_t timeout_ms; /* for the whole exchange */
};

struct http_exchange {
    /* Fills response, whose body was initialised by the caller. Any thread may call it. */
    void (*perform)(struct http_exchange *x, const struct http_exchange_request *request,
                    struct transport_response *response);
    void (*free)(struct http_exchange *x);
};

/*
 * Exchanges with the server of the URL (copied). At most `keep` connections are held open while
 * they are idle. shared is borrowed. NULL with ERR_INTERNAL when out of memory.
 */
struct http_exchange *http_exchange_new(struct transport_shared *shared, const char *url,
                                        unsigned keep, struct err *e);

#endif
