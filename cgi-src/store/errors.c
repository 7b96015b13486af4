/*
 * The errors that any operation may meet, so that they are worded alike everywhere; and what an
 * answer of DynamoDB that an operation did not expect means for the caller.
 */
#include <stdio.h>

#include "aws/dynamo_failure.h"
#include "base/log.h"
#include "store/internal.h"

/* ---- DynamoDB's answers ---------------------------------------------------------------------- */

/*
 * True if DynamoDB says that the request itself is wrong: that is a bug of this service. Anything
 * else that it says, now or in a later version (the key that encrypts a table is disabled, a table
 * is archived), is trouble on its side.
 */
static bool is_malformed_request(const struct dynamo_answer *answer)
{
    static const char *const types[] = {
        "ValidationException",
        TRANSACTION_VALIDATION_ERROR,
        "SerializationException",
        "UnknownOperationException",
        "IdempotentParameterMismatchException",
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(answer->type, types[i]) == 0)
            return true;
    }
    return false;
}

static void log_refusal(const char *name, const struct dynamo_answer *answer)
{
    char message[512];
    struct dynamo_stats stats = dynamo_stats(answer->client);
    const struct log_field id = {.name = "dynamodb_request_id", .text = str_from(stats.request_id)};

    snprintf(message, sizeof(message), "DynamoDB refused %s: %s %s: %s", name,
             dynamo_outcome_names[answer->outcome], answer->type, answer->message);
    log_fields(LOG_ERROR, message, &id, id.text.n > 0);
}

int store_unexpected(enum dynamo_operation operation, const struct dynamo_answer *answer,
                     struct err *e)
{
    const char *name = dynamo_operation_names[operation];

    log_refusal(name, answer);
    if (answer->repeated_after_maybe_sent)
        return dynamo_maybe_done(e);
    switch (answer->outcome) {
    case DYNAMO_TABLE_NOT_FOUND:
    case DYNAMO_TABLE_IN_USE:
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "a DynamoDB table of this service does not exist or is not ready; "
                       "`chat-sessions create-tables` makes it");
    case DYNAMO_DENIED:
        return err_set(e, ERR_DYNAMODB_DENIED,
                       "the AWS credentials of this service do not permit %s; its log says more",
                       name);
    default:
        if (is_malformed_request(answer))
            return err_set(e, ERR_INTERNAL,
                           "DynamoDB refused a call of this service; its log says more");
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB refused the call with %s; try again in a moment", answer->type);
    }
}

int store_unreadable(enum dynamo_operation operation, struct err *e)
{
    const char *name = dynamo_operation_names[operation];

    log_error("DynamoDB's answer to %s is not what its interface describes", name);
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                   "DynamoDB's answer to %s cannot be read; try again in a moment", name);
}

/* ---- what a caller asked for ----------------------------------------------------------------- */

int store_session_not_found(struct err *e)
{
    return err_set(e, ERR_SESSION_NOT_FOUND, "there is no such session");
}

int store_message_not_found(struct err *e)
{
    return err_set(e, ERR_MESSAGE_NOT_FOUND, "there is no such message in this session");
}

int store_key_reused(struct err *e)
{
    return err_set(e, ERR_IDEMPOTENCY_KEY_REUSED,
                   "this Idempotency-Key was used for another request; use a new key for a new "
                   "request");
}

int store_changed_unseen(struct err *e)
{
    if (e->code == ERR_SESSION_NOT_FOUND || e->code == ERR_MESSAGE_NOT_FOUND)
        return -1; /* it was deleted since, and that is the answer */
    return err_set(e, ERR_DEADLINE_EXCEEDED,
                   "the change was made, but the result could not be read in time; read it again");
}

int store_check_size(size_t size, const char *what, struct err *e)
{
    if (size <= ITEM_MAX_BYTES)
        return 0;
    return err_set(e, ERR_ITEM_TOO_LARGE,
                   "a %s must be at most %d bytes as DynamoDB counts them, this one has %zu", what,
                   ITEM_MAX_BYTES, size);
}
