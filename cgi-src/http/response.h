/*
 * An answer being built, and the only place where an error becomes an HTTP status (RFC 9110) and a
 * problem document (RFC 9457).
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "http/gateway.h"

struct response {
    int status;
    struct buf headers; /* whole lines, CRLF-ended */
    struct buf body;
    const char *content_type; /* NULL: no body */
    bool begun;               /* a part has been sent: see response_flush */
    bool client_gone;         /* a part could not be sent */
};

void response_init(struct response *r, size_t body_cap);
void response_free(struct response *r);
/* Empties it; at most 8 KB of its memory are kept for the next answer. */
void response_reset(struct response *r);

/* Adds a header line. A value with a control character is left out: it could end the header. */
void response_header(struct response *r, const char *name, struct str value);

/* Opens `{"status":"success"` with the given status; members follow through w. */
void response_begin(struct response *r, int status, struct json_writer *w);
/* Closes it with `"timestamp":"…Z"}` of the given time. */
void response_end(struct json_writer *w, int64_t wall_us);

/* Makes it the problem document of e, with Retry-After and WWW-Authenticate where the status
 * demands them. Header lines that were added stay. */
void response_error(struct response *r, const struct err *e, const char *request_id);

/* The status that the code gives, for the labels of metrics. */
int response_status_of(enum err_code code);

/*
 * Sends what there is of an answer whose length is not known yet (the headers with the first part),
 * and empties the body for the next part. From then on status and headers stay as they are, and an
 * error can only break the answer off. 0; -1 when the client is gone (client_gone) or the body has
 * passed its cap.
 */
int response_flush(struct response *r, struct gateway *g);

/* Writes status line, headers and body (none for HEAD, but its length), or the last part
 * of an answer that has begun. Over FastCGI they go into libfcgi's buffer, which the pool sends
 * when it ends the request. 0, or -1 when the client is gone. */
int response_send(struct response *r, struct gateway *g, bool head);

#endif
