/*
 * Typed parameters: from the query string or, for POST, PUT and PATCH, the members of the JSON
 * body. A member that is null counts as left out, but for objects, where the caller is told. Given
 * twice with different values, a parameter is ERR_INVALID_PARAMETER.
 */
#ifndef HTTP_PARAMETER_H
#define HTTP_PARAMETER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "http/request.h"

/* Where parameters are looked up. */
struct parameters {
    struct arena *arena;
    const struct uri_parameter *query;
    size_t query_count;
    const struct json_member *members;
    size_t member_count;
    char prefix[16]; /* of names in errors: "" or "[3]." for an element of an array */
};

/* Those of a request: query and, if the body is an object, its members. */
void parameters_of_request(const struct request *r, struct parameters *out);

/* The same for a request whose body, if there is one, must be an object: else
 * ERR_INVALID_PARAMETER. */
int parameters_of_object(const struct request *r, struct parameters *out, struct err *e);

/* Those of one element of an array, and the query, which is about each of them;
 * ERR_INVALID_PARAMETER if it is no object, or one with more than REQUEST_MAX_MEMBERS. */
int parameters_of_element(const struct request *r, struct json_value element, size_t index,
                          struct parameters *out, struct err *e);

struct parameter_limits {
    size_t min_bytes;
    size_t max_bytes;      /* 0: no limit */
    size_t max_characters; /* Unicode code points; 0: no limit */
    bool no_nul;           /* it becomes part of a key */
};

/* STR_NONE if left out. */
int parameter_string(const struct parameters *p, const char *name,
                     const struct parameter_limits *limits, struct str *out, struct err *e);

/* *out is untouched if left out, so that the caller sets the default first. */
int parameter_integer(const struct parameters *p, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *e);

/* The index of the value in names (ended by NULL); *out is untouched if left out. */
int parameter_choice(const struct parameters *p, const char *name, const char *const *names,
                     int *out, struct err *e);

enum parameter_presence { PARAMETER_LEFT_OUT, PARAMETER_NULL, PARAMETER_GIVEN };

/* The text of a JSON object as it was sent. */
int parameter_object(const struct parameters *p, const char *name,
                     enum parameter_presence *presence, struct str *text, struct err *e);

#endif
