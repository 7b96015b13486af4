/*
 * One HTTP exchange of the rare kind (credentials, the instance's metadata, key sets), behind a
 * function table that tests replace: libcurl does all of it. Calls to DynamoDB go by
 * aws/http_exchange.h, which gives the same response. Neither retries by itself, follows a redirect
 * or signs.
 */
#ifndef AWS_TRANSPORT_H
#define AWS_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

struct transport_request {
    const char *method; /* "GET", "POST", "PUT" */
    const char *url;
    const char *const *headers; /* "Name: value" lines, at most 20, ended by NULL */
    struct str body;
    int64_t connect_timeout_ms;
    int64_t timeout_ms; /* for the whole exchange */
    bool no_proxy;      /* link-local and container endpoints are never asked through a proxy */
};

enum transport_outcome {
    TRANSPORT_ANSWERED,   /* a whole answer was read */
    TRANSPORT_NOT_SENT,   /* not a byte of the request can have reached a server */
    TRANSPORT_MAYBE_SENT, /* it may have been received and carried out */
};

struct transport_response {
    enum transport_outcome outcome;
    int status;
    struct buf body;        /* init by the caller, with its cap; reset by perform */
    int64_t date_s;         /* the Date header, seconds since the epoch; -1 if absent */
    int64_t crc32;          /* x-amz-crc32; -1 if absent */
    int64_t retry_after_ms; /* x-amz-retry-after; -1 if absent */
    char content_type[64];
    char request_id[64]; /* x-amzn-RequestId, by which AWS's support finds a call; "" if absent */
    bool name_not_resolved; /* retrying will not help */
    bool timed_out;
    char error[160]; /* what went wrong, for the log; no secret */
};

/* As at the beginning of an exchange: not sent, and nothing known. The body keeps its memory. */
void transport_response_reset(struct transport_response *r);
/* Takes back what header lines have said, as when another answer follows. */
void transport_response_forget_headers(struct transport_response *r);
/* Keeps the header's value if it is one of the above. */
void transport_response_take_header(struct transport_response *r, struct str name,
                                    struct str value);
/* Copies what fits, and a NUL. */
void transport_keep_text(char *out, size_t size, struct str value);

struct transport {
    void (*perform)(struct transport *t, const struct transport_request *request,
                    struct transport_response *response);
    void (*free)(struct transport *t);
};

/* Fetches the key set (RFC 7517) of an issuer of tokens with GET, within about two seconds. */
void transport_get_key_set(struct transport *t, const char *url,
                           struct transport_response *response);

/*
 * What the handles and connections of a process share: the X509 store (AWS_CA_BUNDLE, else the
 * system's), the proxy (HTTPS_PROXY, NO_PROXY), and what connections have learnt: names and TLS
 * sessions. Made after fork. NULL with ERR_CONFIGURATION if a setting is unusable. Free it after
 * all that was made with it.
 */
struct transport_shared;
struct transport_shared *transport_shared_new(const struct config *config, struct err *e);
void transport_shared_free(struct transport_shared *shared);

/* One libcurl easy handle with kept-alive connections, for one thread at a time. */
struct transport *transport_curl_new(struct transport_shared *shared, struct err *e);

#endif
