/*
 * How a call becomes an HTTP request: where it goes, and its header lines with their signature.
 * For aws/dynamo.c alone.
 */
#ifndef AWS_DYNAMO_REQUEST_H
#define AWS_DYNAMO_REQUEST_H

#include "aws/credentials.h"
#include "aws/dynamo.h"
#include "aws/region.h"
#include "aws/sigv4.h"
#include "base/buf.h"
#include "base/err.h"

struct dynamo_endpoint {
    char url[REGION_ENDPOINT_SIZE + 1];                     /* "https://host:port/" */
    char host_line[sizeof "Host: " + REGION_ENDPOINT_SIZE]; /* what is sent is what is signed */
    struct str host;                                        /* points into host_line */
    char region[REGION_SIZE];
};

/*
 * Takes an http or https URL without a path (a slash at the end is none), a user, a query or a
 * fragment; -1 with ERR_CONFIGURATION. The struct must not be moved afterwards. The region is left
 * alone.
 */
int dynamo_endpoint_set(struct dynamo_endpoint *endpoint, const char *url, struct err *e);

/* The header lines of an attempt, and what is kept between attempts. Of one thread. */
struct dynamo_headers {
    struct sigv4_key_cache keys;
    struct buf authorization;
    struct buf token;
    char date[sizeof "X-Amz-Date: " + SIGV4_DATE_SIZE];
    const char *lines[8];
};

void dynamo_headers_init(struct dynamo_headers *h);
void dynamo_headers_free(struct dynamo_headers *h);

/* Call when the credentials have changed. */
int dynamo_headers_set_token(struct dynamo_headers *h, const char *session_token);

/* Signs the call; h->lines is then what the transport takes, valid until the next call. Borrows
 * everything. -1 if OpenSSL or the memory failed. */
int dynamo_headers_sign(struct dynamo_headers *h, const struct dynamo_endpoint *endpoint,
                        const struct dynamo_call *call, const struct credentials *credentials,
                        int64_t wall_s);

#endif
