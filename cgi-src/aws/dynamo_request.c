/*
 * The URL of the endpoint taken apart, and the header lines of a call. Which credentials, and what
 * time it is, is dynamo's business; the signature is sigv4's.
 */
#include "aws/dynamo_request.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#define HEADER_CAP ((size_t)64 * 1024)
#define CONTENT_TYPE "application/x-amz-json-1.0"
#define TARGET "DynamoDB_20120810."
#define TARGET_LINE "X-Amz-Target: " TARGET

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
};

static const char *const target_lines[DYNAMO_OPERATIONS] = {
    [DYNAMO_GET_ITEM] = TARGET_LINE "GetItem",
    [DYNAMO_PUT_ITEM] = TARGET_LINE "PutItem",
    [DYNAMO_UPDATE_ITEM] = TARGET_LINE "UpdateItem",
    [DYNAMO_DELETE_ITEM] = TARGET_LINE "DeleteItem",
    [DYNAMO_QUERY] = TARGET_LINE "Query",
    [DYNAMO_SCAN] = TARGET_LINE "Scan",
    [DYNAMO_TRANSACT_WRITE_ITEMS] = TARGET_LINE "TransactWriteItems",
    [DYNAMO_BATCH_WRITE_ITEM] = TARGET_LINE "BatchWriteItem",
    [DYNAMO_CREATE_TABLE] = TARGET_LINE "CreateTable",
    [DYNAMO_DESCRIBE_TABLE] = TARGET_LINE "DescribeTable",
};

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
    memcpy(endpoint->host_line, "Host: ", 6);
    memcpy(endpoint->host_line + 6, host, n);
    endpoint->host_line[6 + n] = '\0';
    endpoint->host = (struct str){endpoint->host_line + 6, n};
    return 0;
}

void dynamo_headers_init(struct dynamo_headers *h)
{
    *h = (struct dynamo_headers){0};
    buf_init(&h->authorization, HEADER_CAP);
    buf_init(&h->token, HEADER_CAP);
}

static void cleanse_token(struct dynamo_headers *h)
{
    if (h->token.data)
        OPENSSL_cleanse(h->token.data, h->token.size);
    buf_free(&h->token);
}

void dynamo_headers_free(struct dynamo_headers *h)
{
    cleanse_token(h);
    buf_free(&h->authorization);
    sigv4_key_cache_clear(&h->keys);
}

int dynamo_headers_set_token(struct dynamo_headers *h, const char *session_token)
{
    static const char name[] = "X-Amz-Security-Token: ";
    cleanse_token(h);
    if (!session_token || !session_token[0])
        return 0;
    /* In one piece, so that growing leaves no copy behind. */
    (void)buf_reserve(&h->token, sizeof name + strlen(session_token));
    buf_puts(&h->token, name);
    buf_puts(&h->token, session_token);
    return buf_ok(&h->token) ? 0 : -1;
}

static void set_lines(struct dynamo_headers *h, const struct dynamo_endpoint *endpoint,
                      enum dynamo_operation operation)
{
    size_t n = 0;
    h->lines[n++] = endpoint->host_line;
    h->lines[n++] = "Content-Type: " CONTENT_TYPE;
    h->lines[n++] = target_lines[operation];
    h->lines[n++] = h->date;
    h->lines[n++] = h->authorization.data;
    h->lines[n++] = h->token.data; /* NULL if there is none */
    h->lines[n] = NULL;
}

int dynamo_headers_sign(struct dynamo_headers *h, const struct dynamo_endpoint *endpoint,
                        const struct dynamo_call *call, const struct credentials *credentials,
                        int64_t wall_s)
{
    static const char date_name[] = "X-Amz-Date: ";
    const struct sigv4_header headers[] = {
        {"content-type", STR(CONTENT_TYPE)},
        {"x-amz-target", str_from(target_lines[call->operation] + strlen("X-Amz-Target: "))},
    };
    const struct sigv4_request request = {
        .host = endpoint->host,
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .body = call->body,
        .wall_s = wall_s,
        .region = endpoint->region,
        .service = "dynamodb",
        .access_key_id = str_from(credentials->access_key_id),
        .secret_access_key = str_from(credentials->secret_access_key),
        .session_token = str_from(credentials->session_token),
    };
    memcpy(h->date, date_name, sizeof date_name);
    buf_reset(&h->authorization);
    buf_puts(&h->authorization, "Authorization: ");
    if (sigv4_sign(&h->keys, &request, h->date + sizeof date_name - 1, &h->authorization, NULL,
                   NULL) != 0)
        return -1;
    set_lines(h, endpoint, call->operation);
    return 0;
}
