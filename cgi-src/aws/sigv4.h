/*
 * AWS Signature Version 4 for POST / requests: pure, no clock, no environment, no I/O.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * sigv4_sign does all of it for one request. Who signs many (aws/dynamo_request.c) keeps what stays
 * the same between them, and puts a signature together from the parts below it.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/str.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_DATE_SIZE 17 /* "20150830T123600Z" and the NUL */
#define SIGV4_DAY_LENGTH 8 /* its beginning */
#define SIGV4_HASH_SIZE 32
#define SIGV4_HEX_LENGTH 64 /* a hash or a signature as it is written; no NUL */

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

/*
 * Writes the value of the Authorization header to `authorization` and x-amz-date to `date`.
 * canonical_request and string_to_sign, if not NULL, receive the intermediates (tests). Returns 0,
 * or -1 if a buffer failed or OpenSSL did.
 */
int sigv4_sign(const struct sigv4_request *request, char date[SIGV4_DATE_SIZE],
               struct buf *authorization, struct buf *canonical_request,
               struct buf *string_to_sign);

/* ---- the parts ------------------------------------------------------------------------------- */

/* x-amz-date; -1 if the year has not four digits. */
int sigv4_format_date(int64_t wall_s, char date[SIGV4_DATE_SIZE]);

void sigv4_to_hex(const unsigned char hash[SIGV4_HASH_SIZE], char out[SIGV4_HEX_LENGTH]);

/* What OpenSSL makes expensive to find or to make, for one thread. NULL if OpenSSL fails. */
struct sigv4_engine;
struct sigv4_engine *sigv4_engine_new(void);
void sigv4_engine_free(struct sigv4_engine *engine); /* takes NULL */

int sigv4_hash(struct sigv4_engine *engine, struct str text, unsigned char out[SIGV4_HASH_SIZE]);

/*
 * A hash that has begun, from which hashing goes on any number of times: *state is made if it is
 * NULL, and is the caller's (EVP_MD_CTX_free). begin starts with nothing if `from` is NULL.
 */
int sigv4_hash_begin(struct sigv4_engine *engine, EVP_MD_CTX **state, const EVP_MD_CTX *from,
                     struct str text);
int sigv4_hash_go_on(struct sigv4_engine *engine, const EVP_MD_CTX *state, struct str text,
                     unsigned char out[SIGV4_HASH_SIZE]);

/* A key of HMAC-SHA256, as the two hashes that have begun with it. Zero it to begin. */
struct sigv4_key {
    EVP_MD_CTX *inner;
    EVP_MD_CTX *outer;
};
/* Makes it the signing key for a day ("20150830"), a region and a service. */
int sigv4_key_derive(struct sigv4_engine *engine, struct sigv4_key *key, struct str secret,
                     const struct str scope[3]);
/* The signature of a text that `inner` (the key's, or one that has begun from it) goes on with. */
int sigv4_key_sign(struct sigv4_engine *engine, const struct sigv4_key *key,
                   const EVP_MD_CTX *inner, struct str text, unsigned char out[SIGV4_HASH_SIZE]);
void sigv4_key_clear(struct sigv4_key *key);

#endif
