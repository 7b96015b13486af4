/*
 * The router: one const table of path templates with a handler a method. 404, 405, Allow and HEAD
 * follow from it.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stdbool.h>
#include "base/err.h"
#include "http/request.h"
#include "http/response.h"

/* What handlers work with; http/ passes it on and does not look into it. */
struct api;

/* 0, or -1 with e. */
typedef int (*route_handler)(struct api *api, struct request *request, struct response *response,
                             struct err *e);

struct route {
    const char *path; /* "/api/v1/sessions/{user_id}"; also the label in metrics and logs */
    route_handler get, post, put, patch, delete; /* NULL: not allowed */
    bool open;                                   /* answered without authentication */
    bool merge_patch;                            /* patch takes RFC 7396's media type, too */
    bool takes_history; /* its POST may have a body as large as a session with its history */
};

/*
 * The first row whose path fits, with what the request has of its route filled in; NULL if there is
 * none. A placeholder takes one segment that is not empty.
 */
const struct route *route_find(const struct route *routes, size_t count, struct request *request);

/* The row's handler for the request's method (GET's for HEAD); NULL if the method is not allowed.
 */
route_handler route_handler_of(const struct route *route, enum http_method method);

/* The value of Allow: "GET, HEAD, OPTIONS". Always the same for a row; out holds 64 bytes. */
void route_allow(const struct route *route, char out[64]);

#endif
