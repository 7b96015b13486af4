/*
 * How a call becomes an HTTP request: where it goes, and its text with its signature. For
 * aws/dynamo.c alone.
 */
#ifndef AWS_DYNAMO_REQUEST_H
#define AWS_DYNAMO_REQUEST_H

#include "aws/credentials.h"
#include "aws/dynamo.h"
#include "aws/endpoint.h"
#include "aws/region.h"
#include "aws/sigv4.h"
#include "aws/user_agent.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* False for operations that change nothing. */
bool dynamo_writes(enum dynamo_operation operation);

struct dynamo_endpoint {
    char url[ENDPOINT_SIZE + 1]; /* "https://host:port/" */
    struct str host;             /* points into url; what is sent is what is signed */
    char region[REGION_SIZE];
    char user_agent[USER_AGENT_SIZE]; /* "": the program's name alone */
};

/*
 * Takes an http or https URL without a path (a slash at the end is none), a user, a query or a
 * fragment; -1 with ERR_CONFIGURATION. The struct must not be moved afterwards. The other members
 * are left alone.
 */
int dynamo_endpoint_set(struct dynamo_endpoint *endpoint, const char *url, struct err *e);

/*
 * The text of a request, of which most stays the same from one to the next: made once for an
 * endpoint and credentials, with places for what changes. Of one thread. Zero it to begin. It has
 * the session token in two places, taken in one piece each and cleansed.
 */
struct dynamo_request {
    struct sigv4_engine *engine;
    struct sigv4_key key; /* of the day */
    int64_t date_s;       /* what the dates in the texts say; -1: nothing yet */
    char date[SIGV4_DATE_SIZE];
    struct buf text; /* the request line and the header lines, then the body if it is not large */
    size_t text_date;
    size_t text_day;
    size_t text_signature;
    size_t text_end;      /* of what stays; the rest is the call's */
    struct buf canonical; /* the canonical request up to the operation's name */
    size_t canonical_date;
    size_t canonical_end;
    struct str signed_names;
    EVP_MD_CTX *string_to_sign; /* its hash has begun: all before the canonical request's hash */
    struct {
        EVP_MD_CTX *hash; /* of the canonical request, begun: all before the body's hash */
        int64_t date_s;   /* that it was begun for */
    } operations[DYNAMO_OPERATIONS];
    /* of the call under way */
    const struct dynamo_call *call;
    char body_hash[SIGV4_HEX_LENGTH];
    struct str rest; /* what of the body is not in text */
};

void dynamo_request_free(struct dynamo_request *r);

/* Makes the texts for credentials: call it when these have changed. -1 if they cannot be in a
 * header, or OpenSSL or the memory failed. */
int dynamo_request_prepare(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                           const struct credentials *credentials);

/* Begins a call, which is borrowed until the next: its body is hashed once, however often it is
 * signed. -1 if OpenSSL or the memory failed. */
int dynamo_request_begin(struct dynamo_request *r, const struct dynamo_call *call);

/* Signs the call for a moment, with the credentials that it was prepared for; r->text and r->rest
 * are then what is sent, valid until the next call. -1 if OpenSSL failed or the year is not one. */
int dynamo_request_sign(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                        const struct credentials *credentials, int64_t wall_s);

#endif
