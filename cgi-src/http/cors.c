/*
 * Tells browsers which origins may call, and refuses changes from others. auth/ decides who may do
 * what.
 */
#include "http/cors.h"

#include <strings.h>

#define ASKED_MAX_BYTES 1024

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

static bool is_anybody(const struct cors_policy *policy)
{
    return is_listed(policy->origins, STR("*"));
}

static bool origin_is_allowed(const struct cors_policy *policy, struct str origin)
{
    return origin.p && (is_anybody(policy) || is_listed(policy->origins, origin));
}

void cors_apply(const struct cors_policy *policy, const struct request *request,
                struct response *response)
{
    struct str origin = request_header(request, "HTTP_ORIGIN");
    bool any = is_anybody(policy);

    if (!any)
        response_header(response, "Vary", STR("Origin"));
    if (!origin_is_allowed(policy, origin))
        return;
    response_header(response, "Access-Control-Allow-Origin", any ? STR("*") : origin);
    if (policy->credentials && !any)
        response_header(response, "Access-Control-Allow-Credentials", STR("true"));
    response_header(response, "Access-Control-Expose-Headers",
                    STR("ETag, Link, Location, Retry-After, Idempotent-Replayed, X-Request-Id"));
}

/* A list of header names (RFC 9110 section 5.6.1) of a reasonable length. */
static bool is_list_of_names(struct str list)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "!#$%&'*+-.^_`|~, \t";

    return list.n > 0 && list.n <= ASKED_MAX_BYTES && strspn(list.p, allowed) == list.n;
}

void cors_preflight(const struct cors_policy *policy, const struct request *request,
                    struct response *response, const char *allow)
{
    struct str asked = request_header(request, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS");

    if (!request_header(request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD").p)
        return;
    /* Whom the origin is allowed to, every header of its own is: those of tracing (baggage,
     * traceparent, sentry-trace) and of its libraries are nothing that this service could know. */
    if (!origin_is_allowed(policy, request_header(request, "HTTP_ORIGIN")) ||
        !is_list_of_names(asked))
        asked = STR("Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                    "X-Request-Id, traceparent, tracestate");
    response_header(response, "Access-Control-Allow-Methods", str_from(allow));
    response_header(response, "Access-Control-Allow-Headers", asked);
    response_header(response, "Access-Control-Max-Age", STR("7200"));
}

static bool changes_something(enum http_method method)
{
    return method == HTTP_POST || method == HTTP_PUT || method == HTTP_PATCH ||
           method == HTTP_DELETE;
}

/* Takes "http://" or "https://" off, and the port that the scheme implies. */
static struct str authority_of(struct str origin)
{
    static const struct {
        const char *scheme;
        struct str port;
    } schemes[] = {{"http://", {":80", 3}}, {"https://", {":443", 4}}};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t n = strlen(schemes[i].scheme);
        struct str port = schemes[i].port;
        if (!str_starts_with(origin, schemes[i].scheme))
            continue;
        struct str rest = {origin.p + n, origin.n - n};
        if (rest.n > port.n && memcmp(rest.p + rest.n - port.n, port.p, port.n) == 0)
            rest.n -= port.n;
        return rest;
    }
    return STR_NONE;
}

/*
 * True if the page came from the host that the request names. The scheme does not count: behind a
 * load balancer that ends TLS, the page's is https and the request's http. A page of another site
 * could pass only by letting its own name point to this server, and the web server answers to none
 * but its own names (server_name; the local configuration accepts only loopback names).
 */
static bool origin_is_own(const struct request *request, struct str origin)
{
    struct str host = request_header(request, "HTTP_HOST");
    struct str page = authority_of(origin);

    if (!page.n || !host.n || host.n < page.n || strncasecmp(host.p, page.p, page.n) != 0)
        return false;
    struct str rest = {host.p + page.n, host.n - page.n};
    return rest.n == 0 || str_is(rest, ":80") || str_is(rest, ":443");
}

int cors_check_change(const struct cors_policy *policy, const struct request *request,
                      struct err *e)
{
    struct str origin = request_header(request, "HTTP_ORIGIN");

    if (!origin.p || !changes_something(request->method) || origin_is_allowed(policy, origin) ||
        origin_is_own(request, origin))
        return 0;
    return err_set(e, ERR_ORIGIN_NOT_ALLOWED,
                   "a page of this origin may not change anything here: the origin has to be in "
                   "CORS_ORIGINS of the service");
}
