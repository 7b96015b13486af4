/*
 * What one exchange with DynamoDB means: an answer for the caller, or a fault and what may be done
 * about it. Pure: no clock, no I/O.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
#ifndef AWS_DYNAMO_CLASSIFY_H
#define AWS_DYNAMO_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>
#include "aws/dynamo.h"
#include "aws/transport.h"

enum verdict_kind {
    VERDICT_ANSWER,        /* see outcome */
    VERDICT_TRANSIENT,     /* try again: a network or server fault */
    VERDICT_THROTTLED,     /* try again, more slowly */
    VERDICT_CONFLICT,      /* try again: another transaction was at the same items */
    VERDICT_EXPIRED,       /* the session token is too old: get others, then try again */
    VERDICT_CLOCK,         /* the signature is from another time: see server_s */
    VERDICT_KEY_UNKNOWN,   /* final: AWS does not know the access key or the token */
    VERDICT_BAD_SIGNATURE, /* final: the secret key is not the one of the access key */
    VERDICT_UNRESOLVED,    /* final: the endpoint's name is not known */
    VERDICT_STRANGE,       /* final: what answered is not DynamoDB */
};

struct dynamo_verdict {
    enum verdict_kind kind;
    enum dynamo_outcome outcome; /* VERDICT_ANSWER */
    bool maybe_done;             /* a fault after which the request may have been carried out */
    int64_t server_s;       /* the server's clock, seconds since the epoch, or SKEW_TIME_UNKNOWN */
    int64_t retry_after_ms; /* as the server asks; -1 if it does not */
    struct str reasons;     /* of a canceled transaction: their text in the response's body */
    char type[64];          /* the exception's name without its namespace; "" if none */
    char message[256];      /* DynamoDB's words up to the first line's end: what follows may be
                               the canonical request, which has the token. Or the transport's. */
};

/*
 * Judges a response. A good answer is left as it came: that it is JSON to its end is checked only
 * if no checksum says that it is what DynamoDB wrote. Of an error the name and the words are
 * unescaped in place.
 */
void dynamo_classify(struct transport_response *response, struct dynamo_verdict *out);

/* True for an answer that is neither a success nor a condition that failed: worth a line in the
 * log. */
bool dynamo_is_refusal(enum dynamo_outcome outcome);

#endif
