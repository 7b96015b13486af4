/*
 * One request's way: read, route, authenticate, handle, answer. account.c counts it afterwards and
 * writes its log line.
 */
#include "base/log.h"
#include "service/internal.h"

#define LONG_DEADLINE_US INT64_C(30000000) /* deletes go item by item */
/* A history of 16 MB is 40,000 write units, of which DynamoDB gives 1,000 a second to one session.
 */
#define HISTORY_DEADLINE_US INT64_C(50000000)
#define STUCK_MARGIN_US INT64_C(5000000)
/* Bodies above the usual limit, in a process: each takes several times its size while it is worked
 * on. */
#define LARGE_BODIES_MAX 4
/* nginx gives a request up sooner: a longer wait means that a clock was set. */
#define LONGEST_WAIT_US INT64_C(120000000)
#define STATUS_CLIENT_GONE 499 /* nginx's number for it; nobody receives it */
/* Clients seldom leave sooner: only for a request that waited this long is the system call made. */
#define CLIENT_MAY_HAVE_GONE_US INT64_C(100000)

static int exchange_authenticate(struct exchange *x, struct principal *out)
{
    struct auth *auth = x->thread->process->auth;
    const char *variable = auth_user_variable(auth);

    if (x->route->open) {
        *out = (struct principal){.authenticated = false};
        return 0;
    }
    return auth_authenticate(
        auth, x->request.arena, request_header(&x->request, "HTTP_AUTHORIZATION"),
        variable ? request_header(&x->request, variable) : STR_NONE, out, &x->err);
}

static void answer_options(struct exchange *x)
{
    struct response *response = &x->thread->response;
    char allow[64];

    route_allow(x->route, allow);
    response->status = 204;
    response_header(response, "Allow", str_from(allow));
    cors_preflight(&x->thread->process->cors, &x->request, response, allow);
}

static int refuse_method(struct exchange *x)
{
    char allow[64];

    route_allow(x->route, allow);
    response_header(&x->thread->response, "Allow", str_from(allow));
    return err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "this path allows only %s", allow);
}

/* A deadline of that length, or the usual one if that is longer; but never so long that the
 * watchdog would take the request for stuck. */
static int64_t deadline_of(const struct exchange *x, int64_t us)
{
    const struct config *config = x->thread->process->config;
    int64_t usual_us = config->request_deadline_ms * 1000;
    int64_t stuck_us = config->stuck_request_s * 1000000 - STUCK_MARGIN_US;

    if (config->stuck_request_s && us > stuck_us)
        us = stuck_us;
    return x->began_us - x->waited_us + (us > usual_us ? us : usual_us);
}

static void begin_deadline(struct exchange *x)
{
    int64_t us = x->request.method == HTTP_DELETE ? LONG_DEADLINE_US : 0;

    dynamo_begin(x->thread->dynamo, deadline_of(x, us));
}

/*
 * How long the request lay in the socket, from nginx's clock: REQUEST_RECEIVED is its $msec,
 * "1764000000.123". Without it, or with an impossible time, the request counts as one that has not
 * waited.
 */
static int64_t waited_us_of(const struct clock *clock, struct gateway *gateway)
{
    const char *text = gateway->param(gateway, "REQUEST_RECEIVED");
    int64_t ms = 0;
    size_t digits = 0;
    size_t point = 0;

    for (; text && *text && digits < 15; text++) {
        if (*text == '.' && !point && digits) {
            point = digits;
        } else if (*text >= '0' && *text <= '9') {
            ms = ms * 10 + (*text - '0');
            digits++;
        } else {
            return 0;
        }
    }
    if (!text || *text || digits != point + 3)
        return 0;
    int64_t waited = clock->wall_us(clock->context) - ms * 1000;
    return waited > 0 && waited <= LONGEST_WAIT_US ? waited : 0;
}

/* A client that waited this long has probably given up, and others wait behind it: no work is
 * done for it. */
static int check_wait(struct exchange *x, struct gateway *gateway)
{
    int64_t limit_us = x->thread->process->config->queue_timeout_ms * 1000;

    if (limit_us == 0 || x->waited_us <= limit_us)
        return 0;
    gateway->waited_too_long = true;
    return err_set(&x->err, ERR_OVERLOADED,
                   "the service is overloaded: the request waited too long; wait as long as "
                   "Retry-After says and try again");
}

static int exchange_take_large_body(struct exchange *x)
{
    struct service_process *p = x->thread->process;

    x->has_large_body = true;
    if (++p->large_bodies <= LARGE_BODIES_MAX)
        return 0;
    return err_set(&x->err, ERR_OVERLOADED,
                   "too many long histories are being written at once; wait as long as Retry-After "
                   "says and send this one again");
}

static int exchange_read_body(struct exchange *x)
{
    const struct config *config = x->thread->process->config;
    struct request *request = &x->request;
    bool takes_history = request->method == HTTP_POST && x->route->takes_history;
    int64_t limit = takes_history ? config->max_history_bytes : config->max_body_bytes;
    int64_t size = request_body_bytes(request);

    if (size > config->max_body_bytes && size <= limit && exchange_take_large_body(x) < 0)
        return -1;
    return request_read_body(request, limit, &x->err);
}

static int exchange_handle(struct exchange *x, route_handler handler)
{
    struct service_thread *t = x->thread;
    struct request *request = &x->request;
    struct api api = {.store = t->store,
                      .clock = t->process->clock,
                      .cursor_key = &t->process->cursor_key,
                      .export_places = &t->process->export_places,
                      .history_deadline_us = deadline_of(x, HISTORY_DEADLINE_US)};

    if (exchange_authenticate(x, &api.principal) < 0)
        return -1;
    bool takes_body = request->method == HTTP_POST || request->method == HTTP_PUT ||
                      request->method == HTTP_PATCH;
    if (takes_body && exchange_read_body(x) < 0)
        return -1;
    return handler(&api, request, &t->response, &x->err);
}

static int exchange_dispatch(struct exchange *x, struct gateway *gateway)
{
    struct service_thread *t = x->thread;
    int r = request_init(&x->request, gateway, &t->arena, &x->err);

    exchange_begin_lines(x);
    response_header(&t->response, "X-Request-Id", str_from(x->request.request_id));
    cors_apply(&t->process->cors, &x->request, &t->response);
    if (r < 0)
        return -1;
    x->route = route_find(api_routes, api_route_count, &x->request);
    if (!x->route)
        return err_set(&x->err, ERR_NOT_FOUND, "there is nothing at this path");
    if (x->request.method == HTTP_OPTIONS) {
        answer_options(x);
        return 0;
    }
    route_handler handler = route_handler_of(x->route, x->request.method);
    if (!handler)
        return refuse_method(x);
    if (cors_check_change(&t->process->cors, &x->request, &x->err) < 0)
        return -1;
    begin_deadline(x);
    if (x->waited_us >= CLIENT_MAY_HAVE_GONE_US && gateway->client_gone(gateway)) {
        x->client_gone = true;
        t->response.status = STATUS_CLIENT_GONE;
        return 0;
    }
    return check_wait(x, gateway) < 0 ? -1 : exchange_handle(x, handler);
}

/* A thread may be idle for long: what the request took is given back when it is answered. */
static void rest_thread(struct service_thread *t)
{
    arena_reset(&t->arena);
    response_reset(&t->response);
}

/* An answer of which a part was sent can only be ended or broken off. */
static void end_stream(struct exchange *x, struct gateway *gateway, int result)
{
    struct response *r = &x->thread->response;

    if (result < 0 || response_send(r, gateway, x->request.method == HTTP_HEAD) < 0)
        gateway->break_off(gateway);
    x->client_gone = r->client_gone;
}

static void end_answer(struct exchange *x, struct gateway *gateway, int result)
{
    struct response *r = &x->thread->response;

    if (result < 0)
        response_error(r, &x->err, x->request.request_id);
    if (!buf_ok(&r->body)) {
        err_set(&x->err, ERR_INTERNAL, "the answer is too large; ask for fewer with limit");
        response_error(r, &x->err, x->request.request_id);
    }
    if (!x->client_gone)
        response_send(r, gateway, x->request.method == HTTP_HEAD);
}

void service_handle(void *thread, struct gateway *gateway)
{
    struct service_thread *t = thread;
    struct exchange x = {.thread = t,
                         .began_us = service_now_us(t->process),
                         .waited_us = waited_us_of(t->process->clock, gateway)};

    /* Forgets the counts of the last request; begin_deadline sets the deadline of this one. */
    dynamo_begin(t->dynamo, 0);
    int result = exchange_dispatch(&x, gateway);
    if (t->response.begun)
        end_stream(&x, gateway, result);
    else
        end_answer(&x, gateway, result);
    exchange_account(&x);
    rest_thread(t);
    if (x.has_large_body)
        t->process->large_bodies--;
}

void service_refuse(struct gateway *gateway)
{
    struct arena arena;
    struct request request;
    struct response response;
    struct err e = {0};

    arena_init(&arena);
    response_init(&response, SERVICE_RESPONSE_CAP);
    request_init(&request, gateway, &arena, &e); /* for its id alone */
    response_header(&response, "X-Request-Id", str_from(request.request_id));
    err_set(&e, ERR_INTERNAL, "the service cannot start here; its log says what is wrong");
    response_error(&response, &e, request.request_id);
    response_send(&response, gateway, request.method == HTTP_HEAD);
    response_free(&response);
    arena_free(&arena);
}
