/*
 * AWS Signature Version 4 for POST / requests: pure, no clock, no environment, no I/O.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/str.h"

#define SIGV4_DATE_SIZE 17 /* "20150830T123600Z" and the NUL */

/* Extra header to sign, besides the ones below. Name in lower case. */
struct sigv4_header {
    const char *name;
    struct str value;
};

struct sigv4_request {
    struct str host;                    /* with ":port" if the URL has one */
    const struct sigv4_header *headers; /* distinct names: content-type, x-amz-target, ... */
    size_t header_count;
    struct str body;
    int64_t wall_s; /* seconds since the epoch, corrected for skew */
    const char *region;
    const char *service; /* "dynamodb" or "sts" */
    struct str access_key_id;
    struct str secret_access_key;
    struct str session_token; /* absent or empty: none */
};

/* The signing key of a (secret, date, region, service), kept between calls. One per thread. Zero it
 * to begin. */
struct sigv4_key_cache {
    unsigned char fingerprint[32]; /* SHA-256 over secret, date, region, service */
    unsigned char key[32];
    int valid;
    void *mac; /* OpenSSL's contexts, which are costly to make; owned */
};
void sigv4_key_cache_clear(struct sigv4_key_cache *cache); /* cleanses the key, frees mac */

/*
 * Writes the value of the Authorization header to `authorization` and x-amz-date to `date`.
 * canonical_request and string_to_sign, if not NULL, receive the intermediates (tests). Returns 0,
 * or -1 if a buffer failed or OpenSSL did.
 */
int sigv4_sign(struct sigv4_key_cache *cache, const struct sigv4_request *request,
               char date[SIGV4_DATE_SIZE], struct buf *authorization, struct buf *canonical_request,
               struct buf *string_to_sign);

#endif
