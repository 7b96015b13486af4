/*
 * Which error code a fault ends in, and its sentence. attempts decides when a call has to end.
 */
#include "aws/dynamo_failure.h"

#include <stdio.h>

#define MAYBE "; it may have been carried out: repeat the request, a POST with its Idempotency-Key"

static int throttled(const struct dynamo_verdict *v, struct err *e)
{
    err_set(e, ERR_DYNAMODB_THROTTLED, "DynamoDB asks for fewer requests; try again in a moment");
    if (e && v->retry_after_ms > 0 && v->retry_after_ms <= 3600000)
        e->retry_after_s = (unsigned)((v->retry_after_ms + 999) / 1000);
    return -1;
}

int dynamo_too_late(bool maybe_done, struct err *e)
{
    return err_set(e, ERR_DEADLINE_EXCEEDED, "the time for this request is over%s",
                   maybe_done ? MAYBE : "");
}

/* A 503 would say that nothing was written, and a client that obeys its Retry-After would write
 * twice. */
int dynamo_maybe_done(struct err *e)
{
    return err_set(e, ERR_DEADLINE_EXCEEDED, "DynamoDB did not answer in time" MAYBE);
}

int dynamo_failure(const struct dynamo_verdict *v, bool maybe_done, struct err *e)
{
    if (maybe_done)
        return dynamo_maybe_done(e);
    switch (v->kind) {
    case VERDICT_THROTTLED:
        return throttled(v, e);
    case VERDICT_CONFLICT:
        return err_set(e, ERR_DYNAMODB_CONFLICT,
                       "too many requests change the same session at once; try again in a moment");
    case VERDICT_EXPIRED:
        return err_set(
            e, ERR_DYNAMODB_DENIED,
            "the AWS credentials of this service have expired; renew them, or use a role "
            "that renews them by itself");
    case VERDICT_CLOCK:
        return err_set(
            e, ERR_DYNAMODB_DENIED,
            "AWS refuses the time of the signature; check the clock of the machine of this "
            "service");
    case VERDICT_KEY_UNKNOWN:
        return err_set(
            e, ERR_DYNAMODB_DENIED,
            "AWS does not know the credentials of this service; check AWS_ACCESS_KEY_ID, "
            "AWS_SESSION_TOKEN and the region");
    case VERDICT_BAD_SIGNATURE:
        return err_set(
            e, ERR_DYNAMODB_DENIED,
            "AWS refuses the signature of this service; check AWS_SECRET_ACCESS_KEY and the "
            "region");
    case VERDICT_UNRESOLVED:
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "the name of DynamoDB's endpoint is not known; check the region and "
                       "AWS_ENDPOINT_URL_DYNAMODB");
    case VERDICT_STRANGE:
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "what answers at DynamoDB's endpoint is not DynamoDB; check "
                       "AWS_ENDPOINT_URL_DYNAMODB and the proxy");
    default:
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB cannot be reached or fails; try again in a moment");
    }
}

void dynamo_log_fault(enum log_level level, enum dynamo_operation operation, const char *what,
                      const struct dynamo_verdict *v, const char *request_id)
{
    char message[512];
    const struct log_field id = {.name = "dynamodb_request_id", .text = str_from(request_id)};

    if (!log_enabled(level))
        return;
    snprintf(message, sizeof(message), "DynamoDB %s %s: %s%s%s", dynamo_operation_names[operation],
             what, v->type, v->type[0] ? ": " : "", v->message);
    log_fields(level, message, &id, id.text.n > 0);
}
