/*
 * The URL of the endpoint taken apart, and the text of a call: 1. prepared for credentials 2.
 * dated, once a second 3. begun for a call 4. signed for an attempt. Which credentials, and what
 * time it is, dynamo decides; hashes and the key are sigv4's.
 */
#include "aws/dynamo_request.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "aws/secret.h"
#include "aws/transport.h"

#define CONTENT_TYPE "application/x-amz-json-1.0"
#define TARGET "DynamoDB_20120810."

/* A body up to this size is copied behind the header lines, and goes out with them in one piece.
 * That is room which each thread keeps. */
#define BODY_IN_TEXT ((size_t)8 * 1024)
#define TEXT_ROOM ((size_t)1024) /* for all that is not host, key, region or token */

const char *const dynamo_operation_names[DYNAMO_OPERATIONS] = {
    [DYNAMO_GET_ITEM] = "GetItem",
    [DYNAMO_PUT_ITEM] = "PutItem",
    [DYNAMO_UPDATE_ITEM] = "UpdateItem",
    [DYNAMO_DELETE_ITEM] = "DeleteItem",
    [DYNAMO_QUERY] = "Query",
    [DYNAMO_SCAN] = "Scan",
    [DYNAMO_TRANSACT_WRITE_ITEMS] = "TransactWriteItems",
    [DYNAMO_BATCH_WRITE_ITEM] = "BatchWriteItem",
    [DYNAMO_CREATE_TABLE] = "CreateTable",
    [DYNAMO_DESCRIBE_TABLE] = "DescribeTable",
    [DYNAMO_UPDATE_TABLE] = "UpdateTable",
    [DYNAMO_UPDATE_CONTINUOUS_BACKUPS] = "UpdateContinuousBackups",
};

bool dynamo_writes(enum dynamo_operation operation)
{
    return operation != DYNAMO_GET_ITEM && operation != DYNAMO_QUERY && operation != DYNAMO_SCAN &&
           operation != DYNAMO_DESCRIBE_TABLE;
}

static bool is_host_character(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-._:[]", c));
}

static int bad_endpoint(struct err *e)
{
    return err_set(e, ERR_CONFIGURATION,
                   "the endpoint of DynamoDB must be http or https, a host and perhaps a port, for "
                   "example http://127.0.0.1:8001");
}

int dynamo_endpoint_set(struct dynamo_endpoint *endpoint, const char *url, struct err *e)
{
    size_t scheme = strncasecmp(url, "https://", 8) == 0  ? 8
                    : strncasecmp(url, "http://", 7) == 0 ? 7
                                                          : 0;
    const char *host = url + scheme;
    size_t n = 0;
    while (is_host_character(host[n]))
        n++;
    const char *rest = host + n;
    bool ends = rest[0] == '\0' || strcmp(rest, "/") == 0;
    if (scheme == 0 || n == 0 || !ends || scheme + n + 2 > sizeof endpoint->url)
        return bad_endpoint(e);
    memcpy(endpoint->url, url, scheme + n);
    memcpy(endpoint->url + scheme + n, "/", 2);
    endpoint->host = (struct str){endpoint->url + scheme, n};
    return 0;
}

/* ---- 1. prepared for credentials ------------------------------------------------------------- */

static void release_texts(struct dynamo_request *r)
{
    secret_buf_free(&r->text);
    secret_buf_free(&r->canonical);
    r->date_s = -1;
    for (size_t i = 0; i < DYNAMO_OPERATIONS; i++)
        r->operations[i].date_s = -1;
}

void dynamo_request_free(struct dynamo_request *r)
{
    release_texts(r);
    for (size_t i = 0; i < DYNAMO_OPERATIONS; i++)
        EVP_MD_CTX_free(r->operations[i].hash);
    EVP_MD_CTX_free(r->string_to_sign);
    sigv4_key_clear(&r->key);
    sigv4_engine_free(r->engine);
    *r = (struct dynamo_request){0};
}

/* What stands in a header line must not end it, and what is signed must be what the server reads.
 */
static bool is_header_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    }
    return true;
}

/* Leaves room for n bytes that change, and returns where it is. */
static size_t put_place(struct buf *b, size_t n)
{
    size_t at = b->len;
    for (size_t i = 0; i < n; i++)
        buf_putc(b, '0');
    return at;
}

static void put_all(struct buf *b, const struct str *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_append_str(b, pieces[i]);
}
#define PUT(buffer, ...)                                                                           \
    put_all((buffer), (const struct str[]){__VA_ARGS__},                                           \
            sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* All header lines that are signed, and some that are not; the target's comes last, because its end
 * is the call's. */
static void write_text(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                       struct str key_id, struct str token)
{
    struct buf *b = &r->text;
    struct str agent = str_from(endpoint->user_agent[0] ? endpoint->user_agent : USER_AGENT);
    PUT(b, STR("POST / HTTP/1.1\r\nHost: "), endpoint->host, STR("\r\nUser-Agent: "), agent,
        STR("\r\nAccept-Encoding: identity\r\nContent-Type: " CONTENT_TYPE "\r\n"));
    if (token.n > 0)
        PUT(b, STR("X-Amz-Security-Token: "), token, STR("\r\n"));
    buf_puts(b, "X-Amz-Date: ");
    r->text_date = put_place(b, SIGV4_DATE_SIZE - 1);
    PUT(b, STR("\r\nAuthorization: " SIGV4_ALGORITHM " Credential="), key_id, STR("/"));
    r->text_day = put_place(b, SIGV4_DAY_LENGTH);
    PUT(b, STR("/"), str_from(endpoint->region), STR("/dynamodb/aws4_request, SignedHeaders="),
        r->signed_names, STR(", Signature="));
    r->text_signature = put_place(b, SIGV4_HEX_LENGTH);
    buf_puts(b, "\r\nX-Amz-Target: " TARGET);
    r->text_end = b->len;
}

static void write_canonical(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                            struct str token)
{
    struct buf *b = &r->canonical;
    PUT(b, STR("POST\n/\n\ncontent-type:" CONTENT_TYPE "\nhost:"), endpoint->host,
        STR("\nx-amz-date:"));
    r->canonical_date = put_place(b, SIGV4_DATE_SIZE - 1);
    if (token.n > 0)
        PUT(b, STR("\nx-amz-security-token:"), token);
    buf_puts(b, "\nx-amz-target:" TARGET);
    r->canonical_end = b->len;
}

int dynamo_request_prepare(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                           const struct credentials *credentials)
{
    struct str key_id = secret_trim(str_from(credentials->access_key_id));
    struct str token = secret_trim(str_from(credentials->session_token));
    size_t room = TEXT_ROOM + USER_AGENT_SIZE + endpoint->host.n + key_id.n + token.n +
                  strlen(endpoint->region);
    release_texts(r);
    if (!is_header_word(key_id) || !is_header_word(token))
        return -1;
    r->signed_names = token.n > 0
                          ? STR("content-type;host;x-amz-date;x-amz-security-token;x-amz-target")
                          : STR("content-type;host;x-amz-date;x-amz-target");
    secret_buf_init(&r->text, room + BODY_IN_TEXT);
    secret_buf_init(&r->canonical, room);
    write_text(r, endpoint, key_id, token);
    write_canonical(r, endpoint, token);
    if (!r->engine)
        r->engine = sigv4_engine_new();
    return r->engine && buf_ok(&r->text) && buf_ok(&r->canonical) ? 0 : -1;
}

/* ---- 2. dated -------------------------------------------------------------------------------- */

static int begin_string_to_sign(struct dynamo_request *r, const struct dynamo_endpoint *endpoint)
{
    struct buf b;
    buf_init(&b, TEXT_ROOM);
    PUT(&b, STR(SIGV4_ALGORITHM "\n"), str_from(r->date), STR("\n"),
        (struct str){r->date, SIGV4_DAY_LENGTH}, STR("/"), str_from(endpoint->region),
        STR("/dynamodb/aws4_request\n"));
    int result = buf_ok(&b)
                     ? sigv4_hash_begin(r->engine, &r->string_to_sign, r->key.inner, buf_str(&b))
                     : -1;
    buf_free(&b);
    return result;
}

/* Writes the moment into the texts. The key is that of the day, and of the credentials, whose
 * change has forgotten the date. */
static int set_date(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                    const struct credentials *credentials, int64_t wall_s)
{
    char before[SIGV4_DAY_LENGTH];
    bool has_key = r->date_s >= 0;
    if (r->date_s == wall_s)
        return 0;
    memcpy(before, r->date, sizeof(before));
    r->date_s = -1;
    if (sigv4_format_date(wall_s, r->date) < 0)
        return -1;
    const struct str day = {r->date, SIGV4_DAY_LENGTH};
    const struct str scope[] = {day, str_from(endpoint->region), STR("dynamodb")};
    if (!(has_key && memcmp(before, r->date, sizeof(before)) == 0) &&
        sigv4_key_derive(r->engine, &r->key, str_from(credentials->secret_access_key), scope) < 0)
        return -1;
    memcpy(r->text.data + r->text_date, r->date, SIGV4_DATE_SIZE - 1);
    memcpy(r->text.data + r->text_day, r->date, SIGV4_DAY_LENGTH);
    memcpy(r->canonical.data + r->canonical_date, r->date, SIGV4_DATE_SIZE - 1);
    if (begin_string_to_sign(r, endpoint) < 0)
        return -1;
    r->date_s = wall_s;
    return 0;
}

/* ---- 3. begun for a call --------------------------------------------------------------------- */

int dynamo_request_begin(struct dynamo_request *r, const struct dynamo_call *call)
{
    unsigned char hash[SIGV4_HASH_SIZE];
    r->call = call;
    if (!r->engine)
        r->engine = sigv4_engine_new();
    if (!r->engine || sigv4_hash(r->engine, call->body, hash) < 0)
        return -1;
    sigv4_to_hex(hash, r->body_hash);
    return 0;
}

/* ---- 4. signed for an attempt ---------------------------------------------------------------- */

/* The hash of the canonical request up to the body's: the same for a second. */
static const EVP_MD_CTX *begin_canonical_hash(struct dynamo_request *r)
{
    enum dynamo_operation operation = r->call->operation;
    struct buf *b = &r->canonical;
    if (r->operations[operation].date_s == r->date_s)
        return r->operations[operation].hash;
    r->operations[operation].date_s = -1;
    b->len = r->canonical_end;
    PUT(b, str_from(dynamo_operation_names[operation]), STR("\n\n"), r->signed_names, STR("\n"));
    if (!buf_ok(b) ||
        sigv4_hash_begin(r->engine, &r->operations[operation].hash, NULL, buf_str(b)) < 0)
        return NULL;
    r->operations[operation].date_s = r->date_s;
    return r->operations[operation].hash;
}

static void request_put_number(struct buf *b, size_t number)
{
    char digits[24];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_append(b, digits + at, sizeof(digits) - at);
}

static void write_call(struct dynamo_request *r)
{
    struct buf *b = &r->text;
    struct str body = r->call->body;
    size_t n = body.n < BODY_IN_TEXT ? body.n : BODY_IN_TEXT;
    b->len = r->text_end;
    PUT(b, str_from(dynamo_operation_names[r->call->operation]), STR("\r\nContent-Length: "));
    request_put_number(b, body.n);
    PUT(b, STR("\r\n\r\n"), (struct str){body.p, n});
    r->rest = (struct str){body.p + n, body.n - n};
}

int dynamo_request_sign(struct dynamo_request *r, const struct dynamo_endpoint *endpoint,
                        const struct credentials *credentials, int64_t wall_s)
{
    unsigned char hash[SIGV4_HASH_SIZE];
    char hex[SIGV4_HEX_LENGTH];
    if (set_date(r, endpoint, credentials, wall_s) < 0)
        return -1;
    const EVP_MD_CTX *canonical = begin_canonical_hash(r);
    if (!canonical || sigv4_hash_go_on(r->engine, canonical,
                                       (struct str){r->body_hash, sizeof(r->body_hash)}, hash) < 0)
        return -1;
    sigv4_to_hex(hash, hex);
    if (sigv4_key_sign(r->engine, &r->key, r->string_to_sign, (struct str){hex, sizeof(hex)},
                       hash) < 0)
        return -1;
    sigv4_to_hex(hash, r->text.data + r->text_signature);
    write_call(r);
    return buf_ok(&r->text) ? 0 : -1;
}
