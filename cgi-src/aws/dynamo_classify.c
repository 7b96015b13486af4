/*
 * The tables of DynamoDB's errors and the order in which a response is looked at: was there one, is
 * it whole, its status, and only then its body, which may be anybody's HTML. attempts decides what
 * is done about a fault, and how often.
 */
#include "aws/dynamo_classify.h"

#include <stdio.h>
#include <string.h>

#include "aws/skew.h"
#include "base/crc32.h"
#include "base/json_reader.h"

/* ---- what the names mean --------------------------------------------------------------------- */

struct error_row {
    const char *type;
    enum verdict_kind kind;
    enum dynamo_outcome outcome; /* VERDICT_ANSWER */
};

/* A replica in another region was at the same item: not a conflict among our own requests, so the
 * limits of other faults hold for it. Unlike after those, nothing was written. */
#define REPLICATED_WRITE_CONFLICT "ReplicatedWriteConflictException"

/* Errors that are not here and have a name are answers: DYNAMO_REJECTED. Those about time are
 * known to skew. */
static const struct error_row error_rows[] = {
    {"ConditionalCheckFailedException", VERDICT_ANSWER, DYNAMO_CONDITION_FAILED},
    {"TransactionCanceledException", VERDICT_ANSWER, DYNAMO_TRANSACTION_CANCELED},
    {"ResourceNotFoundException", VERDICT_ANSWER, DYNAMO_TABLE_NOT_FOUND},
    {"ResourceInUseException", VERDICT_ANSWER, DYNAMO_TABLE_IN_USE},
    {"AccessDeniedException", VERDICT_ANSWER, DYNAMO_DENIED},
    {"AccessDenied", VERDICT_ANSWER, DYNAMO_DENIED},

    {"ProvisionedThroughputExceededException", VERDICT_THROTTLED, 0},
    {"ProvisionedThroughputExceeded", VERDICT_THROTTLED, 0},
    {"ThrottlingException", VERDICT_THROTTLED, 0},
    {"Throttling", VERDICT_THROTTLED, 0},
    {"ThrottledException", VERDICT_THROTTLED, 0},
    {"RequestThrottled", VERDICT_THROTTLED, 0},
    {"RequestThrottledException", VERDICT_THROTTLED, 0},
    {"TooManyRequestsException", VERDICT_THROTTLED, 0},
    {"RequestLimitExceeded", VERDICT_THROTTLED, 0},
    {"LimitExceededException", VERDICT_THROTTLED, 0},
    {"TransactionInProgressException", VERDICT_THROTTLED, 0},

    {"TransactionConflictException", VERDICT_CONFLICT, 0},

    {"InternalServerError", VERDICT_TRANSIENT, 0},
    {"InternalServerErrorException", VERDICT_TRANSIENT, 0},
    {"InternalFailure", VERDICT_TRANSIENT, 0},
    {"ServiceUnavailable", VERDICT_TRANSIENT, 0},
    {"ServiceUnavailableException", VERDICT_TRANSIENT, 0},
    {"RequestTimeout", VERDICT_TRANSIENT, 0},
    {"RequestTimeoutException", VERDICT_TRANSIENT, 0},
    {REPLICATED_WRITE_CONFLICT, VERDICT_TRANSIENT, 0},

    {"ExpiredTokenException", VERDICT_EXPIRED, 0},
    {"ExpiredToken", VERDICT_EXPIRED, 0},

    {"UnrecognizedClientException", VERDICT_KEY_UNKNOWN, 0},
    {"InvalidClientTokenId", VERDICT_KEY_UNKNOWN, 0},
    {"MissingAuthenticationToken", VERDICT_KEY_UNKNOWN, 0},
    {"MissingAuthenticationTokenException", VERDICT_KEY_UNKNOWN, 0},
    {"OptInRequired", VERDICT_KEY_UNKNOWN, 0},
    {"NotAuthorized", VERDICT_KEY_UNKNOWN, 0},
    {"AuthFailure", VERDICT_KEY_UNKNOWN, 0},

    {"InvalidSignatureException", VERDICT_BAD_SIGNATURE, 0},
    {"SignatureDoesNotMatch", VERDICT_BAD_SIGNATURE, 0},
    {"IncompleteSignature", VERDICT_BAD_SIGNATURE, 0},
    {"IncompleteSignatureException", VERDICT_BAD_SIGNATURE, 0},
};

static const struct error_row *find_error(const char *type)
{
    for (size_t i = 0; i < sizeof error_rows / sizeof error_rows[0]; i++) {
        if (strcmp(error_rows[i].type, type) == 0)
            return &error_rows[i];
    }
    return NULL;
}

bool dynamo_is_refusal(enum dynamo_outcome outcome)
{
    return outcome != DYNAMO_OK && outcome != DYNAMO_CONDITION_FAILED &&
           outcome != DYNAMO_TRANSACTION_CANCELED;
}

/* ---- a canceled transaction ------------------------------------------------------------------ */

static bool is_code(struct str raw, const char *code)
{
    return raw.n == strlen(code) + 2 && memcmp(raw.p + 1, code, raw.n - 2) == 0;
}

/* The code of the reason that is read next, as it stands there. */
static struct str read_code(struct json_reader *r)
{
    struct str code = STR_NONE;
    struct str name;
    if (!json_enter_object(r))
        return code;
    while (json_next_member(r, &name)) {
        struct str value = json_read_raw(r);
        if (str_is(name, "Code"))
            code = value;
    }
    return code;
}

/* Retried only if nothing but conflicts and throttles stood in its way; anything else would be
 * there the next time too. VERDICT_ANSWER if it is not to be retried. */
static enum verdict_kind judge_reasons(struct str reasons)
{
    enum verdict_kind kind = VERDICT_ANSWER;
    struct json_reader r;
    /* Whoever reads the items finds the text as it came: no value is unescaped here. */
    json_reader_init(&r, (char *)(uintptr_t)reasons.p, reasons.n);
    if (!json_enter_array(&r))
        return kind;
    while (json_next_element(&r)) {
        struct str code = read_code(&r);
        if (is_code(code, "None"))
            continue;
        if (is_code(code, "ThrottlingError") || is_code(code, "ProvisionedThroughputExceeded"))
            kind = VERDICT_THROTTLED;
        else if (!is_code(code, "TransactionConflict"))
            return VERDICT_ANSWER;
        else if (kind != VERDICT_THROTTLED)
            kind = VERDICT_CONFLICT;
    }
    return kind;
}

/* ---- words ----------------------------------------------------------------------------------- */

static void keep(char *out, size_t size, struct str text)
{
    size_t n = text.n < size ? text.n : size - 1;
    if (n < text.n)
        n = str_utf8_prefix((struct str){text.p, n});
    if (n > 0)
        memcpy(out, text.p, n);
    out[n] = '\0';
}

/* "com.amazonaws.dynamodb.v20120810#ThrottlingException" without what stands before the '#'. */
static struct str without_namespace(struct str type)
{
    const char *mark = type.n ? memrchr(type.p, '#', type.n) : NULL;
    if (!mark)
        return type;
    return (struct str){mark + 1, type.n - (size_t)(mark + 1 - type.p)};
}

static struct str message_first_line(struct str text)
{
    size_t n = 0;
    while (n < text.n && (unsigned char)text.p[n] >= ' ')
        n++;
    text.n = n;
    return text;
}

/* A body that is no JSON to its end, somebody's HTML perhaps, names nothing. */
static void read_error(struct buf *body, struct dynamo_verdict *v)
{
    struct str type = STR_NONE;
    struct str message = STR_NONE;
    struct json_reader r;
    struct str name;
    json_reader_init(&r, body->data, body->len);
    if (!json_is_object_text(buf_str(body)) || !json_enter_object(&r))
        return;
    while (json_next_member(&r, &name)) {
        if (str_is(name, "__type"))
            type = json_read_string(&r);
        else if (str_is(name, "message") || (str_is(name, "Message") && !str_is_present(message)))
            message = json_read_string(&r);
        else if (str_is(name, "CancellationReasons"))
            v->reasons = json_read_raw(&r);
        else
            json_skip(&r);
    }
    keep(v->type, sizeof v->type, without_namespace(type));
    keep(v->message, sizeof v->message, message_first_line(message));
}

/* ---- judging --------------------------------------------------------------------------------- */

static void judge_failure(const struct transport_response *r, struct dynamo_verdict *v)
{
    v->maybe_done = r->outcome == TRANSPORT_MAYBE_SENT;
    v->kind = r->name_not_resolved && !v->maybe_done ? VERDICT_UNRESOLVED : VERDICT_TRANSIENT;
    keep(v->message, sizeof v->message, str_from(r->error));
}

static bool has_good_crc(const struct transport_response *r)
{
    return r->crc32 < 0 || (int64_t)crc32_of(buf_str(&r->body)) == r->crc32;
}

static void judge_broken(struct dynamo_verdict *v, const char *why)
{
    v->kind = VERDICT_TRANSIENT;
    v->maybe_done = true;
    keep(v->message, sizeof v->message, str_from(why));
}

/* The header is nearer to now than the words. */
static void judge_time(struct dynamo_verdict *v)
{
    v->kind = VERDICT_CLOCK;
    if (v->server_s == SKEW_TIME_UNKNOWN)
        v->server_s = skew_time_in_message(str_from(v->message));
}

static void judge_named_error(struct dynamo_verdict *v)
{
    const struct error_row *row = find_error(v->type);
    v->kind = row ? row->kind : VERDICT_ANSWER;
    v->outcome = row ? row->outcome : DYNAMO_REJECTED;
    if (v->outcome == DYNAMO_TRANSACTION_CANCELED && v->kind == VERDICT_ANSWER)
        v->kind = judge_reasons(v->reasons);
    if (skew_is_named(str_from(v->type), str_from(v->message)))
        judge_time(v);
    v->maybe_done = v->kind == VERDICT_TRANSIENT && strcmp(v->type, REPLICATED_WRITE_CONFLICT) != 0;
}

/* 500, 502, 503, 504: the body may name a throttle, else it does not matter what it is. */
static void judge_server_error(const struct transport_response *r, struct dynamo_verdict *v)
{
    const struct error_row *row = find_error(v->type);
    bool throttled = row && row->kind == VERDICT_THROTTLED;
    v->kind = throttled ? VERDICT_THROTTLED : VERDICT_TRANSIENT;
    v->maybe_done = !throttled;
    if (!v->message[0])
        (void)snprintf(v->message, sizeof v->message, "status %d", r->status);
}

static void judge_nameless_error(const struct transport_response *r, struct dynamo_verdict *v)
{
    v->kind = r->status == 429   ? VERDICT_THROTTLED
              : r->status == 408 ? VERDICT_TRANSIENT
                                 : VERDICT_STRANGE;
    v->maybe_done = v->kind == VERDICT_TRANSIENT;
    (void)snprintf(v->message, sizeof v->message, "status %d, content type \"%s\"", r->status,
                   r->content_type);
}

/* Worth another try. */
static bool is_passing_server_error(int status)
{
    return status == 500 || status == 502 || status == 503 || status == 504;
}

/* Not DynamoDB's own, and nothing that its body says can be believed: something on the way
 * answered, perhaps after DynamoDB did. */
static void judge_other_server_error(const struct transport_response *r, struct dynamo_verdict *v)
{
    v->kind = VERDICT_STRANGE;
    v->maybe_done = true;
    if (!v->message[0])
        (void)snprintf(v->message, sizeof(v->message), "status %d", r->status);
}

static void judge_error(struct transport_response *r, struct dynamo_verdict *v)
{
    read_error(&r->body, v);
    if (is_passing_server_error(r->status))
        judge_server_error(r, v);
    else if (r->status >= 500)
        judge_other_server_error(r, v);
    else if (v->type[0])
        judge_named_error(v);
    else
        judge_nameless_error(r, v);
}

/* A checksum vouches for all of it: then its reader checks the rest, as it reads. */
static bool is_object(const struct transport_response *r)
{
    struct str text = buf_str(&r->body);
    if (r->crc32 < 0)
        return json_is_object_text(text);
    return json_begins_object(text);
}

void dynamo_classify(struct transport_response *r, struct dynamo_verdict *out)
{
    *out = (struct dynamo_verdict){.kind = VERDICT_ANSWER,
                                   .outcome = DYNAMO_OK,
                                   .server_s = r->date_s >= 0 ? r->date_s : SKEW_TIME_UNKNOWN,
                                   .retry_after_ms = r->retry_after_ms};
    if (r->outcome != TRANSPORT_ANSWERED)
        judge_failure(r, out);
    else if (!has_good_crc(r))
        judge_broken(out, "the answer does not have the checksum that it came with");
    else if (r->status != 200)
        judge_error(r, out);
    else if (!is_object(r))
        judge_broken(out, "the answer is not a JSON object");
}
