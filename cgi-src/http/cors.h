/*
 * Cross-origin resource sharing (the Fetch standard) for the origins of CORS_ORIGINS.
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include "http/request.h"
#include "http/response.h"

/* Adds the headers of an answer to an allowed origin. origins: comma-separated, or "*". */
void cors_apply(const char *origins, const struct request *request, struct response *response);

/* Adds what a preflight asks for. allow: the value of Allow. */
void cors_preflight(const struct request *request, struct response *response, const char *allow);

#endif
