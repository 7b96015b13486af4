/*
 * The one error type of the program. A function that can fail returns 0 or -1 and fills a
 * struct err: a code from a closed list and one plain sentence for the caller of the API.
 * Only http/response turns a code into an HTTP status.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
    ERR_NONE,
    /* caused by the caller */
    ERR_INVALID_JSON,     /* the body is not JSON (RFC 8259) */
    ERR_INVALID_ENCODING, /* a bad percent-escape or bad UTF-8 */
    ERR_INVALID_CURSOR,
    ERR_INCOMPLETE_BODY, /* the body ended before its Content-Length */
    ERR_UNAUTHORIZED,
    ERR_FORBIDDEN,
    ERR_ORIGIN_NOT_ALLOWED, /* a change by a page of an origin that is not allowed */
    ERR_NOT_FOUND,          /* no such path */
    ERR_SESSION_NOT_FOUND,
    ERR_MESSAGE_NOT_FOUND,
    ERR_METHOD_NOT_ALLOWED,
    ERR_PRECONDITION_FAILED,
    ERR_ITEM_TOO_LARGE, /* the stored item would pass DynamoDB's 400 KB */
    ERR_BODY_TOO_LARGE,
    ERR_UNSUPPORTED_MEDIA_TYPE,
    ERR_MISSING_PARAMETER,
    ERR_INVALID_PARAMETER,
    ERR_IDEMPOTENCY_KEY_REUSED,
    /* caused by DynamoDB or by this service */
    ERR_CREDENTIALS_NOT_CONFIGURED,
    ERR_DYNAMODB_THROTTLED,
    ERR_DYNAMODB_UNAVAILABLE,
    ERR_DYNAMODB_CONFLICT,  /* transaction conflicts outlasted the retries */
    ERR_DYNAMODB_DENIED,    /* the credentials are refused or lack a permission */
    ERR_OVERLOADED,         /* the request waited too long for a worker */
    ERR_ISSUER_UNAVAILABLE, /* the keys that verify tokens could not be read */
    ERR_DEADLINE_EXCEEDED,  /* the write may have happened */
    ERR_CONFIGURATION,      /* start-up only: a bad key, a table with other keys */
    ERR_INTERNAL,           /* a bug */
    ERR_CODES
};

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
