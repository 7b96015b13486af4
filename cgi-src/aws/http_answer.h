/*
 * A strict reader of one HTTP/1.1 answer to a POST (RFC 9110, RFC 9112): bytes in, state out. Pure:
 * no I/O, no clock, nothing allocated but the body. However the bytes are split, the result is the
 * same. What is not as the specification has it is refused, not mended: behind a wrong length there
 * is the next answer, which another caller would get.
 */
#ifndef AWS_HTTP_ANSWER_H
#define AWS_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "aws/transport.h"

/* Bytes, with the line's end; DynamoDB's lines have less than 100. */
#define HTTP_ANSWER_LINE_MAX 8192
#define HTTP_ANSWER_HEAD_MAX 65536 /* of all lines of one head, or of all trailers */
#define HTTP_ANSWER_CHUNK_LINE_MAX 256
#define HTTP_ANSWER_HEADERS_MAX 100 /* lines of one head, or of all trailers */
#define HTTP_ANSWER_INTERIM_MAX 8   /* answers 1xx before the one that counts */

enum http_answer_state {
    HTTP_ANSWER_STATUS_LINE,
    HTTP_ANSWER_HEADERS,
    HTTP_ANSWER_BODY,        /* as long as Content-Length says */
    HTTP_ANSWER_BODY_TO_END, /* as long as the connection lives */
    HTTP_ANSWER_CHUNK_SIZE,
    HTTP_ANSWER_CHUNK,
    HTTP_ANSWER_CHUNK_END, /* the line's end after a chunk */
    HTTP_ANSWER_TRAILERS,
    HTTP_ANSWER_COMPLETE,
    HTTP_ANSWER_BROKEN, /* see error */
};

struct http_answer {
    struct transport_response *response; /* borrowed: status, headers and body go there */
    enum http_answer_state state;
    const char *error; /* what is wrong with it; a static text */
    bool keep_alive;   /* valid when complete: the connection can carry another exchange */
    /* of the head under way */
    bool is_1_0;
    bool chunked;
    bool has_length;
    bool close;
    unsigned headers;
    unsigned interim;
    size_t head_bytes;
    uint64_t left; /* bytes that the body, or the chunk, still has */
    /* the beginning of a line whose end has not come yet */
    size_t line_n;
    char line[HTTP_ANSWER_LINE_MAX];
};

/* response must have been reset, and its body's cap is the limit for the answer's. */
void http_answer_init(struct http_answer *a, struct transport_response *response);

/*
 * Takes n bytes. Returns how many of them belong to the answer: fewer than n if it became complete
 * before (the rest is surplus) or broken.
 */
size_t http_answer_read(struct http_answer *a, const char *bytes, size_t n);

/* The connection has ended: that completes an answer that lasts until then, and breaks any other
 * that is not complete. */
void http_answer_end(struct http_answer *a);

/*
 * How many bytes come next that are nothing but body; 0 in a head, or if the body has no known
 * length. So many may be put straight behind response->body (buf_reserve) and told to
 * http_answer_body_added instead of being copied by http_answer_read.
 */
size_t http_answer_body_left(const struct http_answer *a);
void http_answer_body_added(struct http_answer *a, size_t n);

#endif
