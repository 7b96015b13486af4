/*
 * Matches decoded segments against templates. api/ knows what the handlers do.
 */
#include "http/route.h"

#include <stdio.h>

/* Takes the next segment of a template off *path. False at its end. */
static bool next_segment(const char **path, struct str *segment)
{
    if (**path != '/')
        return false;
    const char *start = *path + 1;
    size_t n = strcspn(start, "/");
    *segment = (struct str){start, n};
    *path = start + n;
    return true;
}

static bool route_matches(const char *path, struct request *request)
{
    struct str part;
    size_t i = 0;

    request->path_parameter_count = 0;
    for (; next_segment(&path, &part); i++) {
        if (i == request->segment_count)
            return false;
        struct str segment = request->segments[i];
        if (part.p[0] != '{') {
            if (!str_equals(part, segment))
                return false;
            continue;
        }
        if (segment.n == 0 || request->path_parameter_count == REQUEST_MAX_SEGMENTS)
            return false;
        request->path_parameters[request->path_parameter_count++] = (struct uri_parameter){
            .name = {part.p + 1, part.n - 2},
            .value = segment,
        };
    }
    return i == request->segment_count;
}

const struct route *route_find(const struct route *routes, size_t count, struct request *request)
{
    for (size_t i = 0; i < count; i++) {
        if (!route_matches(routes[i].path, request))
            continue;
        request->takes_merge_patch = routes[i].merge_patch && request->method == HTTP_PATCH;
        return &routes[i];
    }
    return NULL;
}

route_handler route_handler_of(const struct route *route, enum http_method method)
{
    switch (method) {
    case HTTP_GET:
    case HTTP_HEAD:
        return route->get;
    case HTTP_POST:
        return route->post;
    case HTTP_PUT:
        return route->put;
    case HTTP_PATCH:
        return route->patch;
    case HTTP_DELETE:
        return route->delete;
    case HTTP_OPTIONS:
    case HTTP_OTHER:
    case HTTP_METHODS:
        break;
    }
    return NULL;
}

void route_allow(const struct route *route, char out[64])
{
    int n = 0;

    for (int i = 0; i < HTTP_OPTIONS; i++) {
        if (route_handler_of(route, (enum http_method)i))
            n += snprintf(out + n, 64 - (size_t)n, "%s, ", http_method_names[i]);
    }
    snprintf(out + n, 64 - (size_t)n, "OPTIONS");
}
