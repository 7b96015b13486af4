/*
 * A request, read and checked: target, headers, body, parameters. Everything it holds lives in its
 * arena. Nothing here has a side effect beyond reading.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/versions.h"
#include "http/gateway.h"
#include "http/uri.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER,
    HTTP_METHODS
};

/* Names in the order of the enum; HTTP_OTHER has none. */
extern const char *const http_method_names[HTTP_METHODS];

#define REQUEST_ID_SIZE 129
#define REQUEST_MAX_SEGMENTS 8
/* Of an object in a body, unknown ones included. Objects within its members are the caller's own
 * and not taken apart. */
#define REQUEST_MAX_MEMBERS 1000

struct request {
    struct arena *arena;
    struct gateway *gateway;
    enum http_method method;
    char request_id[REQUEST_ID_SIZE]; /* the caller's X-Request-Id or one made here */

    struct str path;      /* raw, without the query */
    struct str query;     /* raw, without "?"; STR_NONE if there was none */
    struct str *segments; /* decoded */
    size_t segment_count;
    struct uri_parameter *query_parameters;
    size_t query_parameter_count;

    /* filled by the router: the values of the {placeholders}, by the placeholder's name */
    struct uri_parameter path_parameters[REQUEST_MAX_SEGMENTS];
    size_t path_parameter_count;
    bool takes_merge_patch; /* the route's PATCH also takes application/merge-patch+json */

    bool has_body;
    bool is_merge_patch;         /* the body is one: RFC 7396 */
    struct json_value body;      /* scanned; valid if has_body */
    struct json_member *members; /* of the body if it is an object */
    size_t member_count;
};

/* The id of a request: the caller's X-Request-Id if it is 1 to 128 visible ASCII characters, else a
 * new one. */
void request_id_choose(struct str given, char out[REQUEST_ID_SIZE]);

/* Method, request id and target. request_id is set even when this fails. */
int request_init(struct request *r, struct gateway *g, struct arena *a, struct err *e);

/* The length of the body; -1 if the request does not say it, or not as a number. */
int64_t request_body_bytes(const struct request *r);

/*
 * Reads the body and scans it as JSON. An empty body counts as no body. Errors: ERR_BODY_TOO_LARGE
 * (before reading it), ERR_INCOMPLETE_BODY, ERR_UNSUPPORTED_MEDIA_TYPE (also for one that is
 * compressed), ERR_INVALID_JSON, ERR_INVALID_ENCODING; ERR_INVALID_PARAMETER for an object with
 * more than REQUEST_MAX_MEMBERS.
 */
int request_read_body(struct request *r, int64_t max_bytes, struct err *e);

/* A request header by its CGI name ("HTTP_IF_MATCH"); STR_NONE if absent. */
struct str request_header(const struct request *r, const char *cgi_name);

/* The decoded value of a placeholder of the matched route; never absent. */
struct str request_path(const struct request *r, const char *name);

/*
 * The versions that If-Match or If-None-Match names; this API's ETags are "<version>" (RFC 9110
 * sections 8.8.3 and 13.1). A weak one counts as the strong one, also in If-Match, against section
 * 13.1.1: proxies that compress (nginx's gzip) weaken an ETag on its way, and the version in it
 * names the session's state, not the bytes of an answer.
 */
void request_versions(const struct request *r, const char *cgi_name, struct versions *out);

#endif
