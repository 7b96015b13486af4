/*
 * Tells browsers which origins may call. It protects nothing by itself: who may do what is auth/'s.
 */
#include "http/cors.h"

static bool is_listed(const char *origins, struct str origin)
{
    while (*origins) {
        origins += strspn(origins, ", \t");
        size_t n = strcspn(origins, ", \t");
        struct str one = {origins, n};
        if (n && str_equals(one, origin))
            return true;
        origins += n;
    }
    return false;
}

void cors_apply(const char *origins, const struct request *request, struct response *response)
{
    struct str origin = request_header(request, "HTTP_ORIGIN");
    bool any = is_listed(origins, STR("*"));

    if (!any)
        response_header(response, "Vary", STR("Origin"));
    if (!origin.p || !(any || is_listed(origins, origin)))
        return;
    response_header(response, "Access-Control-Allow-Origin", any ? STR("*") : origin);
    response_header(response, "Access-Control-Expose-Headers",
                    STR("ETag, Link, Location, Retry-After, Idempotent-Replayed, X-Request-Id"));
}

void cors_preflight(const struct request *request, struct response *response, const char *allow)
{
    if (!request_header(request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD").p)
        return;
    response_header(response, "Access-Control-Allow-Methods", str_from(allow));
    response_header(response, "Access-Control-Allow-Headers",
                    STR("Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                        "X-Request-Id"));
    response_header(response, "Access-Control-Max-Age", STR("7200"));
}
