/*
 * Wires the layers for the pool and takes each request through them: read, route, authenticate,
 * handle, answer, count, log.
 */
#include "api/service.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/body.h"
#include "auth/auth.h"
#include "aws/transport.h"
#include "base/log.h"
#include "http/cors.h"

#define RESPONSE_CAP (16 * 1024 * 1024)    /* a page of a list has 4 MiB and one item more */
#define KEYS_TIMEOUT_MS 2000               /* auth_fetch's */
#define LONG_DEADLINE_US INT64_C(30000000) /* deletes go item by item */
/* A history of 16 MB is 40,000 write units, of which DynamoDB gives 1,000 a second to one session.
 */
#define HISTORY_DEADLINE_US INT64_C(50000000)
#define STUCK_MARGIN_US INT64_C(5000000)
/* nginx gives a request up before this: a longer wait is a clock that was set. */
#define LONGEST_WAIT_US INT64_C(120000000)
#define STATUS_CLIENT_GONE 499 /* nginx's number for it; nobody receives it */
/* A client seldom goes sooner: only a request that waited this long is worth the system call. */
#define CLIENT_MAY_HAVE_GONE_US INT64_C(100000)

static const struct route routes[] = {
    {.path = "/api/v1/sessions",
     .get = sessions_list,
     .post = sessions_create,
     .delete = sessions_erase,
     .takes_history = true},
    {.path = "/api/v1/sessions/{session_id}/messages",
     .get = messages_list,
     .post = messages_append},
    {.path = "/api/v1/sessions/{session_id}/messages/{timestamp}",
     .get = message_get,
     .put = message_update,
     .patch = message_update,
     .delete = message_delete},
    {.path = "/api/v1/sessions/{user_id}", .get = sessions_list, .delete = sessions_erase},
    {.path = "/api/v1/sessions/{user_id}/{session_id}",
     .get = session_get,
     .put = session_update,
     .patch = session_update,
     .delete = session_delete},
    {.path = "/api/v1/health", .get = health, .open = true},
    {.path = "/api/v1/health/ready", .get = health_ready, .open = true},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

struct process {
    const struct config *config;
    struct dynamo_shared *dynamo;
    struct store_shared *store;
    struct auth *auth;
    struct cors_policy cors;
    struct cursor_key cursor_key;
    _Atomic bool warned_of_no_auth;
    struct large_bodies large_bodies;
};

struct thread {
    struct process *process;
    struct dynamo *dynamo;
    struct arena arena;
    struct store *store;
    struct response response;
};

/* One request on its way. */
struct exchange {
    struct thread *thread;
    struct request request;
    const struct route *route; /* NULL: none fits */
    int64_t began_us;
    int64_t waited_us; /* for a worker, before that */
    bool client_gone;  /* before anything was done for it */
    bool has_large_body;
    struct err err;
};

const struct metrics_labels *service_metrics_labels(void)
{
    static const char *names[ROUTES + 1];
    static struct metrics_labels labels = {
        .routes = names,
        .route_count = ROUTES + 1,
        .operations = dynamo_operation_names,
        .operation_count = DYNAMO_OPERATIONS,
        .outcomes = dynamo_outcome_names,
        .outcome_count = DYNAMO_OUTCOMES,
    };
    for (size_t i = 0; i < ROUTES; i++)
        names[i] = routes[i].path;
    names[ROUTES] = "none";
    return &labels;
}

void service_process_free(void *process)
{
    struct process *p = process;

    if (!p)
        return;
    auth_free(p->auth);
    store_shared_free(p->store);
    dynamo_shared_free(p->dynamo);
    free(p);
}

static int fetch_with(struct transport *transport, const char *url, struct buf *body, struct err *e)
{
    const char *const headers[] = {"Accept: application/jwk-set+json, application/json", NULL};
    const struct transport_request request = {.method = "GET",
                                              .url = url,
                                              .headers = headers,
                                              .connect_timeout_ms = KEYS_TIMEOUT_MS,
                                              .timeout_ms = KEYS_TIMEOUT_MS};
    struct transport_response response = {0};
    int r = 0;

    buf_init(&response.body, body->cap);
    transport->perform(transport, &request, &response);
    if (response.outcome != TRANSPORT_ANSWERED)
        r = err_set(e, ERR_CONFIGURATION, "%s", response.error);
    else if (response.status != 200)
        r = err_set(e, ERR_CONFIGURATION, "the answer has status %d", response.status);
    else
        buf_append_str(body, buf_str(&response.body));
    buf_free(&response.body);
    return r;
}

/* The issuer's keys, for auth/. Once in minutes: nothing is kept for the next time. */
static int fetch_keys(void *context, const char *url, struct buf *body, struct err *e)
{
    const struct process *p = context;
    struct transport_shared *shared = transport_shared_new(p->config, e);
    struct transport *transport = shared ? transport_curl_new(shared, e) : NULL;
    int r = transport ? fetch_with(transport, url, body, e) : -1;

    if (transport)
        transport->free(transport);
    transport_shared_free(shared);
    return r;
}

void *service_process_new(const struct config *config, struct err *e)
{
    struct process *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    p->config = config;
    p->dynamo = dynamo_shared_new(config, &clock_system, e);
    p->auth = p->dynamo ? auth_new(config, &clock_system, e) : NULL;
    if (!p->auth) {
        service_process_free(p);
        return NULL;
    }
    auth_set_fetch(p->auth, fetch_keys, p);
    p->store = store_shared_new(config, &clock_system);
    p->cors = (struct cors_policy){config->cors_origins, config->cors_credentials};
    cursor_key_init(&p->cursor_key, config->sessions_table, config->messages_table);
    return p;
}

void service_thread_free(void *thread)
{
    struct thread *t = thread;

    if (!t)
        return;
    store_free(t->store);
    dynamo_free(t->dynamo);
    arena_free(&t->arena);
    response_free(&t->response);
    free(t);
}

void *service_thread_new(void *process, struct err *e)
{
    struct thread *t = calloc(1, sizeof(*t));

    if (!t)
        abort();
    t->process = process;
    arena_init(&t->arena);
    response_init(&t->response, RESPONSE_CAP);
    t->dynamo = dynamo_new(t->process->dynamo, e);
    if (!t->dynamo) {
        service_thread_free(t);
        return NULL;
    }
    t->store = store_new(t->process->store, t->dynamo, &t->arena);
    return t;
}

static int64_t mono_us(void)
{
    return clock_system.mono_us(clock_system.context);
}

static int authenticate(struct exchange *x, struct principal *out)
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

/* A deadline of that length, or the usual one if that is longer. Not so long that the watchdog
 * takes the request for stuck. */
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
 * "1764000000.123". Without it, or with a time that cannot be, the request has not waited.
 */
static int64_t time_waited(struct gateway *gateway)
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
    int64_t waited = clock_system.wall_us(clock_system.context) - ms * 1000;
    return waited > 0 && waited <= LONGEST_WAIT_US ? waited : 0;
}

/* Whoever waited that long has lost patience, and behind it others wait: no work for it. */
static int check_wait(struct exchange *x)
{
    int64_t limit_us = x->thread->process->config->queue_timeout_ms * 1000;

    if (limit_us == 0 || x->waited_us <= limit_us)
        return 0;
    return err_set(&x->err, ERR_OVERLOADED,
                   "the service is overloaded: the request waited too long; wait as long as "
                   "Retry-After says and try again");
}

static int run_handler(struct exchange *x, route_handler handler)
{
    struct thread *t = x->thread;
    struct request *request = &x->request;
    struct api api = {.store = t->store,
                      .clock = &clock_system,
                      .cursor_key = &t->process->cursor_key,
                      .history_deadline_us = deadline_of(x, HISTORY_DEADLINE_US)};

    if (authenticate(x, &api.principal) < 0)
        return -1;
    bool takes_body = request->method == HTTP_POST || request->method == HTTP_PUT ||
                      request->method == HTTP_PATCH;
    const struct body_rules rules = {x->route, t->process->config, &t->process->large_bodies};
    if (takes_body && body_read(request, &rules, &x->has_large_body, &x->err) < 0)
        return -1;
    return handler(&api, request, &t->response, &x->err);
}

/* Whoever reaches an open service may use every session whose id is known: said once a process. */
static void warn_of_no_auth(struct exchange *x)
{
    struct process *p = x->thread->process;
    struct str address = request_header(&x->request, "SERVER_ADDR");

    if (p->config->auth_mode != AUTH_NONE || p->warned_of_no_auth || address.n == 0 ||
        str_starts_with(address, "127.") || str_is(address, "::1") ||
        str_starts_with(address, "unix:"))
        return;
    p->warned_of_no_auth = true;
    log_warning("AUTH_MODE=none on %.*s: whoever reaches this address may use any session whose "
                "id is known; set AUTH_MODE",
                (int)address.n, address.p);
}

static int dispatch(struct exchange *x, struct gateway *gateway)
{
    struct thread *t = x->thread;
    int r = request_init(&x->request, gateway, &t->arena, &x->err);

    response_header(&t->response, "X-Request-Id", str_from(x->request.request_id));
    cors_apply(&t->process->cors, &x->request, &t->response);
    warn_of_no_auth(x);
    if (r < 0)
        return -1;
    x->route = route_find(routes, ROUTES, &x->request);
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
    return check_wait(x) < 0 ? -1 : run_handler(x, handler);
}

static struct str outcome_of(const struct exchange *x)
{
    if (x->client_gone)
        return STR("client_gone");
    return x->err.code ? str_from(err_code_name(x->err.code)) : STR("ok");
}

static bool is_slow(const struct exchange *x, int64_t us)
{
    return x->waited_us + us >= x->thread->process->config->slow_request_ms * 1000;
}

/* nginx's access log tells of every request; this log of those that somebody has to look into. */
static bool is_logged(const struct exchange *x, const struct dynamo_stats *stats,
                      enum log_level level)
{
    const struct config *config = x->thread->process->config;

    return log_enabled(level) && (config->logged_requests == LOGGED_ALL || level > LOG_INFO ||
                                  stats->retries > 0 || stats->refusals > 0);
}

static void log_request(const struct exchange *x, const struct dynamo_stats *stats, int64_t us,
                        enum log_level level)
{
    const struct thread *t = x->thread;
    const char *method = http_method_names[x->request.method];
    const struct log_field fields[] = {
        {.name = "request_id", .text = str_from(x->request.request_id)},
        {.name = "method", .text = str_from(method ? method : "?")},
        {.name = "route", .text = str_from(x->route ? x->route->path : "none")},
        {.name = "status", .number = t->response.status},
        {.name = "ms", .number = us, .thousandths = true},
        {.name = "waited_ms", .number = x->waited_us, .thousandths = true},
        {.name = "dynamodb_calls", .number = stats->calls},
        {.name = "dynamodb_retries", .number = stats->retries},
        {.name = "dynamodb_ms", .number = stats->us, .thousandths = true},
        {.name = "dynamodb_request_id", .text = str_from(stats->request_id)},
        {.name = "code", .text = outcome_of(x)},
    };
    log_fields(level, is_slow(x, us) ? "slow request" : "request", fields,
               sizeof(fields) / sizeof(fields[0]));
}

static void account(const struct exchange *x)
{
    const struct thread *t = x->thread;
    int64_t us = mono_us() - x->began_us;
    struct dynamo_stats stats = dynamo_stats(t->dynamo);
    size_t route = x->route ? (size_t)(x->route - routes) : ROUTES;
    enum log_level level = is_slow(x, us) || t->response.status >= 500 ? LOG_WARNING : LOG_INFO;

    metrics_request((unsigned)route, (unsigned)t->response.status, us);
    if (is_logged(x, &stats, level))
        log_request(x, &stats, us, level);
}

/* A thread may be idle for long: what the request took is given back when it is answered. */
static void rest(struct thread *t)
{
    arena_reset(&t->arena);
    response_reset(&t->response);
}

void service_handle(void *thread, struct gateway *gateway)
{
    struct thread *t = thread;
    struct exchange x = {.thread = t, .began_us = mono_us(), .waited_us = time_waited(gateway)};

    dynamo_begin(t->dynamo, 0);
    if (dispatch(&x, gateway) < 0)
        response_error(&t->response, &x.err, x.request.request_id);
    if (!buf_ok(&t->response.body)) {
        err_set(&x.err, ERR_INTERNAL, "the answer is too large; ask for fewer with limit");
        response_error(&t->response, &x.err, x.request.request_id);
    }
    if (!x.client_gone)
        response_send(&t->response, gateway, x.request.method == HTTP_HEAD);
    account(&x);
    rest(t);
    if (x.has_large_body)
        large_body_done(&t->process->large_bodies);
}

void service_refuse(struct gateway *gateway)
{
    struct arena arena;
    struct request request;
    struct response response;
    struct err e = {0};

    arena_init(&arena);
    response_init(&response, RESPONSE_CAP);
    request_init(&request, gateway, &arena, &e); /* for its id alone */
    response_header(&response, "X-Request-Id", str_from(request.request_id));
    err_set(&e, ERR_INTERNAL, "the service cannot start here; its log says what is wrong");
    response_error(&response, &e, request.request_id);
    response_send(&response, gateway, request.method == HTTP_HEAD);
    response_free(&response);
    arena_free(&arena);
}

int service_create_tables(const struct config *config, int64_t deadline_ms, struct err *e)
{
    struct process *process = service_process_new(config, e);
    struct thread *thread = process ? service_thread_new(process, e) : NULL;
    int r = -1;

    if (thread) {
        char endpoint[512];
        config_hide_password(dynamo_endpoint(process->dynamo), endpoint, sizeof(endpoint));
        log_info("DynamoDB in region %s at %s", dynamo_region(process->dynamo), endpoint);
        dynamo_begin(thread->dynamo, mono_us() + deadline_ms * 1000);
        r = store_tables_ensure(thread->store, e);
    }
    service_thread_free(thread);
    service_process_free(process);
    return r;
}
