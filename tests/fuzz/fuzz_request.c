/*
 * A request as a stranger sends it: method, target, headers, body; through the reader, the router
 * and the typed parameters. The input: lines "NAME=value" of CGI variables up to an empty line,
 * then the body.
 */
#include "fuzz.h"

#include "../unit/fakes.h"

#include "http/parameter.h"
#include "http/route.h"

#define BODY_MAX 65536
#define VARIABLES_MAX 32

static int handler(struct api *api, struct request *request, struct response *response,
                   struct err *e)
{
    (void)api, (void)request, (void)response, (void)e;
    return 0;
}

static const struct route routes[] = {
    {.path = "/api/v1/sessions", .post = handler},
    {.path = "/api/v1/sessions/{session_id}/messages", .get = handler, .post = handler},
    {.path = "/api/v1/sessions/{session_id}/messages/{timestamp}", .get = handler},
    {.path = "/api/v1/sessions/{user_id}", .get = handler, .delete = handler},
    {.path = "/api/v1/sessions/{user_id}/{session_id}", .get = handler, .put = handler},
};

static void take_parameters(const struct parameters *p)
{
    static const char *const choices[] = {"user", "assistant", "system", "tool", NULL};
    static const struct parameter_limits limits = {
        .min_bytes = 1, .max_bytes = 100, .max_characters = 20, .no_nul = true};
    enum parameter_presence presence;
    struct str text;
    int64_t number = 7;
    int choice = -1;
    struct err e = {0};

    if (parameter_string(p, "user_id", &limits, &text, &e) < 0)
        fuzz_check_refusal(&e);
    else
        FUZZ_MUST(!str_is_present(text) || (text.n >= 1 && text.n <= 100 && str_is_utf8(text) &&
                                            !memchr(text.p, 0, text.n)));
    if (parameter_integer(p, "limit", 1, 1000, &number, &e) < 0)
        fuzz_check_refusal(&e);
    else
        FUZZ_MUST(number >= 1 && number <= 1000);
    if (parameter_choice(p, "role", choices, &choice, &e) < 0)
        fuzz_check_refusal(&e);
    else
        FUZZ_MUST(choice >= -1 && choice < 4);
    if (parameter_object(p, "metadata", &presence, &text, &e) < 0)
        fuzz_check_refusal(&e);
    else
        FUZZ_MUST(presence != PARAMETER_GIVEN || (text.n >= 2 && text.p[0] == '{'));
}

static void take_elements(struct request *r)
{
    struct json_value *elements;
    size_t n = json_elements(r->body, r->arena, &elements);

    for (size_t i = 0; i < n; i++) {
        struct parameters p;
        struct err e = {0};
        if (parameters_of_element(r, elements[i], i, &p, &e) < 0)
            fuzz_check_refusal(&e);
        else
            take_parameters(&p);
    }
}

static void take_request(struct request *r)
{
    struct err e = {0};
    struct versions versions;
    struct parameters p;

    for (size_t i = 0; i < r->segment_count; i++)
        FUZZ_MUST(str_is_utf8(r->segments[i]));
    const struct route *route = route_find(routes, sizeof(routes) / sizeof(routes[0]), r);
    if (route) {
        char allow[64];
        route_allow(route, allow);
        (void)route_handler_of(route, r->method);
        (void)request_path(r, "user_id");
    }
    request_versions(r, "HTTP_IF_MATCH", &versions);
    request_versions(r, "HTTP_IF_NONE_MATCH", &versions);
    if (request_read_body(r, BODY_MAX, &e) < 0) {
        fuzz_check_refusal(&e);
        return;
    }
    parameters_of_request(r, &p);
    take_parameters(&p);
    if (r->has_body && r->body.type == JSON_ARRAY)
        take_elements(r);
}

static void check_request_id(const struct request *r)
{
    size_t n = strlen(r->request_id);

    FUZZ_MUST(n >= 1 && n < REQUEST_ID_SIZE);
    for (size_t i = 0; i < n; i++)
        FUZZ_MUST(r->request_id[i] > ' ' && r->request_id[i] < 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_gateway f;
    char *variables[VARIABLES_MAX] = {NULL};
    size_t count = 0;
    struct str rest = fuzz_input(data, size);
    struct request r;
    struct arena arena;
    struct err e = {0};

    for (struct str line = fuzz_line(&rest); line.n && count < VARIABLES_MAX - 2;
         line = fuzz_line(&rest))
        variables[count++] = fuzz_text(line);
    fake_gateway_init(&f, (const char *const *)variables, "");
    f.body = rest;
    f.piece = 97;
    char length[40];
    if (!f.gateway.param(&f.gateway, "CONTENT_LENGTH")) {
        (void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu", rest.n);
        variables[count++] = fuzz_text(str_from(length));
    }
    arena_init(&arena);
    if (request_init(&r, &f.gateway, &arena, &e) < 0)
        fuzz_check_refusal(&e);
    else
        take_request(&r);
    check_request_id(&r);
    arena_free(&arena);
    for (size_t i = 0; i < count; i++)
        free(variables[i]);
    return 0;
}
