/*
 * The DynamoDB client (API version 2012-08-10): one call with its attempts, retries, deadline and
 * classification. It knows nothing of the tables' meaning.
 */
#ifndef AWS_DYNAMO_H
#define AWS_DYNAMO_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

enum dynamo_operation {
    DYNAMO_GET_ITEM,
    DYNAMO_PUT_ITEM,
    DYNAMO_UPDATE_ITEM,
    DYNAMO_DELETE_ITEM,
    DYNAMO_QUERY,
    DYNAMO_SCAN,
    DYNAMO_TRANSACT_WRITE_ITEMS,
    DYNAMO_BATCH_WRITE_ITEM,
    DYNAMO_CREATE_TABLE,
    DYNAMO_DESCRIBE_TABLE,
    DYNAMO_UPDATE_TABLE,
    DYNAMO_UPDATE_CONTINUOUS_BACKUPS,
    DYNAMO_OPERATIONS
};

/* "GetItem", ...: for X-Amz-Target, metrics and logs. */
extern const char *const dynamo_operation_names[DYNAMO_OPERATIONS];

/* What DynamoDB said. All but OK are answers that the caller of dynamo_call must expect. */
enum dynamo_outcome {
    DYNAMO_OK,
    DYNAMO_CONDITION_FAILED,     /* ConditionalCheckFailedException */
    DYNAMO_TRANSACTION_CANCELED, /* see reasons; one is a failed condition or a rejection (pure
                                    conflicts and throttles were retried) */
    DYNAMO_TABLE_NOT_FOUND,      /* ResourceNotFoundException */
    DYNAMO_TABLE_IN_USE,         /* ResourceInUseException */
    DYNAMO_DENIED,               /* AccessDeniedException: this action is not permitted */
    DYNAMO_REJECTED, /* ValidationException and every other refusal: see type, message */
    DYNAMO_FAILED,   /* never returned in an answer; for metrics: dynamo_call gave -1 */
    DYNAMO_OUTCOMES
};

extern const char *const dynamo_outcome_names[DYNAMO_OUTCOMES]; /* for metrics */

/* Shared by the threads of a process: endpoint, region, connections, credential cache, retry quota,
 * TLS store. */
struct dynamo_shared;
/*
 * config and clock are borrowed and must outlive it. Make it after fork. NULL with e on a bad
 * endpoint, region or CA bundle. Where no region is set, the instance is asked for it, which takes
 * up to a second on a machine that is none; NULL with ERR_DYNAMODB_UNAVAILABLE if it is one and
 * fails to say. Missing credentials are no failure here.
 */
struct dynamo_shared *dynamo_shared_new(const struct config *config, const struct clock *clock,
                                        struct err *e);

/* The same with other parts, for tests; a NULL stands for the usual part. */
struct credentials_provider;
struct http_exchange;
struct transport;
struct dynamo_parts {
    const struct credentials_provider *chain;
    /* Make the transport for the credentials, and the exchange that all threads use. */
    struct transport *(*transport_new)(void *context, struct err *e);
    struct http_exchange *(*exchange_new)(void *context, struct err *e);
    void *context;
};
struct dynamo_shared *dynamo_shared_new_with(const struct config *config, const struct clock *clock,
                                             const struct dynamo_parts *parts, struct err *e);
void dynamo_shared_free(struct dynamo_shared *shared);
/* Where calls go, for the log and `check`. Borrowed. */
const char *dynamo_endpoint(const struct dynamo_shared *shared);
const char *dynamo_region(const struct dynamo_shared *shared);

/* How far DynamoDB's clock was ahead of this machine's at the last answer that had a Date, to the
 * second; false if there was none yet. Signatures are corrected only when they are refused. */
bool dynamo_clock_skew_s(const struct dynamo_shared *shared, int64_t *out);

/* One thread's client, which borrows its connections. Make it in the process that uses it. */
struct dynamo;
struct dynamo *dynamo_new(struct dynamo_shared *shared, struct err *e);
void dynamo_free(struct dynamo *d);

/* Begins an API request: zeroes the counts below and sets the deadline (monotonic clock,
 * microseconds) for all calls until the next dynamo_begin. */
void dynamo_begin(struct dynamo *d, int64_t deadline_us);

/* Sets another deadline and leaves the counts: for an operation that takes longer than others, or
 * is bound by each of its calls and not by all of them together. */
void dynamo_set_deadline(struct dynamo *d, int64_t deadline_us);

/* The deadline that was set last. */
int64_t dynamo_deadline(const struct dynamo *d);

struct dynamo_stats {
    unsigned calls;      /* dynamo_call */
    unsigned retries;    /* attempts beyond the first of each */
    unsigned refusals;   /* answers that are no success and no failed condition */
    int64_t us;          /* time inside dynamo_call */
    char request_id[64]; /* x-amzn-RequestId of the last answer, for AWS's support; "" if none */
};
struct dynamo_stats dynamo_stats(const struct dynamo *d);

struct dynamo_call {
    enum dynamo_operation operation;
    struct str body; /* the JSON request; every resend has identical bytes */
    /*
     * Of a write: true if repeating it is harmless even when an earlier send was perhaps carried
     * out: unconditional puts and deletes, and writes with a ClientRequestToken. If false, an
     * attempt that was maybe sent is not repeated. Reads always are.
     */
    bool repeatable;
};

/*
 * What came back. The text is the answer's own, for its reader to unescape in place; it stays as
 * long as the answer, also while another call is made.
 */
struct dynamo_answer {
    enum dynamo_outcome outcome;
    struct buf body;    /* OK: a JSON object. Checked already if it came without a checksum */
    struct str reasons; /* TRANSACTION_CANCELED: the text of CancellationReasons in body, or none */
    char type[64];      /* the exception's name without its namespace; "" when OK */
    char message[256];  /* DynamoDB's own words; may name an ARN: for the log, not for a client */
    bool repeated_after_maybe_sent; /* an earlier attempt of this call may have been carried out */
    struct dynamo *client;          /* takes the buffer back */
};

/*
 * 0 when DynamoDB answered (look at outcome), -1 with e when it did not in time:
 * ERR_CREDENTIALS_NOT_CONFIGURED, ERR_DYNAMODB_THROTTLED, ERR_DYNAMODB_UNAVAILABLE,
 * ERR_DYNAMODB_CONFLICT, ERR_DYNAMODB_DENIED (the signature or the key is refused),
 * ERR_DEADLINE_EXCEEDED (it may have been carried out). The answer must be freed in either case.
 */
int dynamo_call(struct dynamo *d, const struct dynamo_call *call, struct dynamo_answer *answer,
                struct err *e);
void dynamo_answer_free(struct dynamo_answer *answer);

#endif
