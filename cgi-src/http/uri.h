/*
 * Request targets (RFC 3986, RFC 9112 section 3.2): split first, decode after, so that a segment
 * may contain any character, %2F too.
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct uri_parameter {
    struct str name;
    struct str value;
};

/*
 * The segments of a path, percent-decoded; views into the arena. "/a//b/" has the segments "a", "",
 * "b", "". ERR_INVALID_ENCODING on a bad escape, bad UTF-8 or NUL.
 */
int uri_segments(struct str path, struct arena *a, struct str **out, size_t *count, struct err *e);

/*
 * The parameters of a query string (application/x-www-form-urlencoded: "+" is a blank), in order,
 * equal names all listed. Errors as above, but NUL is allowed: it is refused where it matters.
 */
int uri_parameters(struct str query, struct arena *a, struct uri_parameter **out, size_t *count,
                   struct err *e);

/* Appends s with everything but unreserved characters percent-encoded. */
void uri_encode(struct buf *out, struct str s);

#endif
