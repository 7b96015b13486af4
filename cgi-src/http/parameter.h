/*
 * Typed parameters: from the query string or, for POST, PUT and PATCH, the members of the JSON
 * body. A member that is null counts as left out, except where the caller is told of it (enum
 * parameter_presence). A parameter that is given twice with different values is
 * ERR_INVALID_PARAMETER.
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
    char prefix[32]; /* of names in errors: "", or "[3]." for an element of an array */
};

/* The parameters of a request: its query and, if the body is an object, the members. */
void parameters_of_request(const struct request *r, struct parameters *out);

/* The same for a request whose body, if there is one, must be an object; ERR_INVALID_PARAMETER
 * if it is not. */
int parameters_of_object(const struct request *r, struct parameters *out, struct err *e);

/* The members of one element of an array, and the query, which applies to each element.
 * ERR_INVALID_PARAMETER if the element is not an object or has more than REQUEST_MAX_MEMBERS. */
int parameters_of_element(const struct request *r, struct json_value element, size_t index,
                          struct parameters *out, struct err *e);

/* The members of one element of the array that is the value of a parameter; the query does not
 * apply to it. The names of members go to the arena. Errors are as above, with a name such as
 * "messages[3]". */
struct element {
    const char *parameter;
    size_t index;
    struct json_value value;
};
int parameters_of_member_element(const struct element *element, struct arena *a,
                                 struct parameters *out, struct err *e);

struct parameter_limits {
    size_t min_bytes;
    size_t max_bytes;      /* 0: no limit */
    size_t max_characters; /* Unicode code points; 0: no limit */
    size_t max_count;      /* of an array's strings */
    bool no_nul;           /* a NUL is refused: the value becomes part of a key */
};

/* STR_NONE if left out or null. */
int parameter_string(const struct parameters *p, const char *name,
                     const struct parameter_limits *limits, struct str *out, struct err *e);

/* *out is untouched if left out, so that the caller sets the default first. */
int parameter_integer(const struct parameters *p, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *e);

/* The index of the value in names (ended by NULL); *out is untouched if left out. */
int parameter_choice(const struct parameters *p, const char *name, const char *const *names,
                     int *out, struct err *e);

enum parameter_presence { PARAMETER_LEFT_OUT, PARAMETER_NULL, PARAMETER_GIVEN };

struct parameter_text {
    enum parameter_presence presence;
    struct str text; /* STR_NONE if not given */
};

/* parameter_string for a caller to whom null is not left out. */
int parameter_string_or_null(const struct parameters *p, const char *name,
                             const struct parameter_limits *limits, struct parameter_text *out,
                             struct err *e);

/* A value of any type, for callers that accept several. With PARAMETER_GIVEN *out is its type
 * and its text as it was sent, but of a string the decoded one. In a query everything is a
 * string. */
int parameter_any(const struct parameters *p, const char *name, enum parameter_presence *presence,
                  struct json_value *out, struct err *e);

/* The text of a JSON object as it was sent. */
int parameter_object(const struct parameters *p, const char *name,
                     enum parameter_presence *presence, struct str *text, struct err *e);

/* true or false. *out is untouched if left out or null. */
int parameter_boolean(const struct parameters *p, const char *name,
                      enum parameter_presence *presence, bool *out, struct err *e);

/* An array of strings, or its text in the query: the text of a JSON array of them in their order,
 * equal ones once. The limits apply to each string, max_count to the array. */
int parameter_strings(const struct parameters *p, const char *name,
                      const struct parameter_limits *limits, struct parameter_text *out,
                      struct err *e);

#endif
