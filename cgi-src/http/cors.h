/*
 * Cross-origin resource sharing (the Fetch standard) for the origins of CORS_ORIGINS, and the
 * refusal of changes that a page of any other origin makes.
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "http/request.h"
#include "http/response.h"

struct cors_policy {
    const char *origins; /* comma-separated, or "*" */
    bool credentials;    /* pages may send cookies along; never together with "*" */
};

/* Adds the headers of an answer to an allowed origin. */
void cors_apply(const struct cors_policy *policy, const struct request *request,
                struct response *response);

/* Adds the headers that answer a preflight. allow: the value of Allow. */
void cors_preflight(const struct cors_policy *policy, const struct request *request,
                    struct response *response, const char *allow);

/*
 * ERR_ORIGIN_NOT_ALLOWED for a request that changes something (POST, PUT, PATCH, DELETE) and comes
 * from a page of an origin that is neither this host's own nor allowed; "null" is such an origin.
 * Without this, any page could change something: a browser sends a POST that has no body without
 * asking first, and only keeps the answer from the page. Requests without Origin come from
 * programs, not from pages.
 */
int cors_check_change(const struct cors_policy *policy, const struct request *request,
                      struct err *e);

#endif
