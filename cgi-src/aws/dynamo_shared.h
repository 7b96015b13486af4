/*
 * What the threads of a process share for their calls of DynamoDB. For dynamo.c and dynamo_shared.c
 * alone; dynamo.h tells how it is made.
 */
#ifndef AWS_DYNAMO_SHARED_H
#define AWS_DYNAMO_SHARED_H

#include <stdatomic.h>
#include <stdint.h>
#include "aws/credentials.h"
#include "aws/dynamo.h"
#include "aws/dynamo_request.h"
#include "aws/http_exchange.h"
#include "aws/retry.h"
#include "aws/skew.h"
#include "aws/transport.h"

#define DYNAMO_SKEW_UNKNOWN INT64_MIN

struct dynamo_shared {
    const struct config *config;
    const struct clock *clock;
    struct dynamo_parts parts;
    struct transport_shared *transport_shared;
    struct transport *credentials_transport;
    struct http_exchange *exchange;
    struct credentials_cache *credentials;
    struct dynamo_endpoint endpoint;
    struct retry_quota quota;
    struct skew skew;                /* DynamoDB's or STS's, which are the same */
    _Atomic int64_t measured_skew_s; /* DYNAMO_SKEW_UNKNOWN: not yet */
};

#endif
