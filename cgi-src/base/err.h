/*
 * The one error type of the program. A function that can fail returns 0 or -1 and fills a
 * struct err: a code from a closed list and one plain sentence for the caller of the API.
 * Only http/response turns a code into an HTTP status.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * The closed list of codes: the name here, the name in the API, the HTTP status, and the seconds of
 * Retry-After (0: no such header). A new one may stand anywhere; docs/openapi.yaml lists it too.
 */
/* clang-format off */
#define ERR_TABLE(X) \
    /* caused by the caller */ \
    X(ERR_INVALID_JSON, "invalid_json", 400, 0) /* the body is not JSON (RFC 8259) */ \
    X(ERR_INVALID_ENCODING, "invalid_encoding", 400, 0) /* a bad percent-escape or bad UTF-8 */ \
    X(ERR_INVALID_CURSOR, "invalid_cursor", 400, 0) \
    X(ERR_INCOMPLETE_BODY, "incomplete_body", 400, 0) /* the body ended before its Content-Length */ \
    X(ERR_UNAUTHORIZED, "unauthorized", 401, 0) \
    X(ERR_FORBIDDEN, "forbidden", 403, 0) \
    X(ERR_ORIGIN_NOT_ALLOWED, "origin_not_allowed", 403, 0) /* a change by a page of an origin that is not allowed */ \
    X(ERR_NOT_FOUND, "not_found", 404, 0) /* no such path */ \
    X(ERR_SESSION_NOT_FOUND, "session_not_found", 404, 0) \
    X(ERR_MESSAGE_NOT_FOUND, "message_not_found", 404, 0) \
    X(ERR_METHOD_NOT_ALLOWED, "method_not_allowed", 405, 0) \
    X(ERR_PRECONDITION_FAILED, "precondition_failed", 412, 0) \
    X(ERR_ITEM_TOO_LARGE, "item_too_large", 413, 0) /* the stored item would pass DynamoDB's 400 KB */ \
    X(ERR_BODY_TOO_LARGE, "body_too_large", 413, 0) \
    X(ERR_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, 0) \
    X(ERR_MISSING_PARAMETER, "missing_parameter", 422, 0) \
    X(ERR_INVALID_PARAMETER, "invalid_parameter", 422, 0) \
    X(ERR_IDEMPOTENCY_KEY_REUSED, "idempotency_key_reused", 422, 0) \
    /* caused by DynamoDB or by this service */ \
    X(ERR_CREDENTIALS_NOT_CONFIGURED, "credentials_not_configured", 503, 30) \
    X(ERR_DYNAMODB_THROTTLED, "dynamodb_throttled", 503, 2) \
    X(ERR_DYNAMODB_UNAVAILABLE, "dynamodb_unavailable", 503, 5) \
    X(ERR_DYNAMODB_CONFLICT, "dynamodb_conflict", 503, 1) /* transaction conflicts outlasted the retries */ \
    X(ERR_DYNAMODB_DENIED, "dynamodb_denied", 503, 30) /* the credentials are refused or lack a permission */ \
    X(ERR_OVERLOADED, "overloaded", 503, 1) /* the request waited too long for a worker */ \
    X(ERR_ISSUER_UNAVAILABLE, "issuer_unavailable", 503, 5) /* the keys that verify tokens could not be read */ \
    X(ERR_DEADLINE_EXCEEDED, "deadline_exceeded", 504, 0) /* the write may have happened */ \
    X(ERR_CONFIGURATION, "configuration", 500, 0) /* start-up only: a bad key, a table with other keys */ \
    X(ERR_INTERNAL, "internal", 500, 0) /* a bug */
/* clang-format on */

#define ERR_ENUMERATOR(code, name, status, retry_after_s) code,
enum err_code { ERR_NONE, ERR_TABLE(ERR_ENUMERATOR) ERR_CODES };
#undef ERR_ENUMERATOR

struct err {
    enum err_code code;
    unsigned retry_after_s; /* 0: the default of the code */
    /* One sentence of well-formed UTF-8 (a bad byte becomes "?"); truncated, never overrun. */
    char detail[512];
};

/*
 * Fills e (which may be NULL) and returns -1, so that a failing function can end in
 * `return err_set(e, ERR_..., "...")`. Never put a secret in the text.
 */
int err_set(struct err *e, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The code's name in the API, for example "invalid_parameter". Never NULL. */
const char *err_code_name(enum err_code code);

#endif
