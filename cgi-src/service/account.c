/*
 * What is recorded of a request when it has been answered: the metrics and the log line.
 */
#include <stddef.h>

#include "http/response.h"
#include "http/trace.h"
#include "service/internal.h"

static const unsigned short *error_statuses(void)
{
    static unsigned short statuses[ERR_CODES];

    for (int code = ERR_NONE + 1; code < ERR_CODES; code++)
        statuses[code] = (unsigned short)response_status_of((enum err_code)code);
    return statuses;
}

const struct metrics_labels *service_metrics_labels(void)
{
    static const char *names[API_ROUTES_MAX + 1];
    static struct metrics_labels labels = {
        .routes = names,
        .methods = http_method_names,
        .method_count = HTTP_METHODS,
        .operations = dynamo_operation_names,
        .operation_count = DYNAMO_OPERATIONS,
        .outcomes = dynamo_outcome_names,
        .outcome_count = DYNAMO_OUTCOMES,
    };
    for (size_t i = 0; i < api_route_count; i++)
        names[i] = api_routes[i].path;
    names[api_route_count] = "none";
    labels.route_count = (unsigned)api_route_count + 1;
    labels.error_statuses = error_statuses();
    return &labels;
}

/* The headers are looked at for the lines that are written, not for each request. */
static unsigned line_context(const struct log_context *log, struct log_field out[LOG_CONTEXT_MAX])
{
    const struct exchange *x = (const void *)((const char *)log - offsetof(struct exchange, log));
    struct trace trace;

    out[0] = (struct log_field){.name = "request_id", .text = str_from(x->request.request_id)};
    if (!trace_parse(request_header(&x->request, "HTTP_TRACEPARENT"), &trace))
        return 1;
    out[1] = (struct log_field){.name = "trace_id", .text = trace.trace_id};
    out[2] = (struct log_field){.name = "parent_id", .text = trace.parent_id};
    return 3;
}

void exchange_begin_lines(struct exchange *x)
{
    x->log = (struct log_context){line_context};
    log_set_context(&x->log);
}

static struct str outcome_of(const struct exchange *x)
{
    if (x->client_gone)
        return STR("client_gone");
    return x->err.code ? str_from(err_code_name(x->err.code)) : STR("ok");
}

/* An answer that is sent in parts takes as long as it has bytes: that is not slow. */
static bool is_slow(const struct exchange *x, int64_t us)
{
    if (x->thread->response.begun)
        return false;
    return x->waited_us + us >= x->thread->process->config->slow_request_ms * 1000;
}

/* nginx's access log has every request; this log has those that somebody must look into. */
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
    const struct service_thread *t = x->thread;
    const char *method = http_method_names[x->request.method];
    const struct log_field fields[] = {
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

void exchange_account(const struct exchange *x)
{
    const struct service_thread *t = x->thread;
    int64_t us = service_now_us(t->process) - x->began_us;
    struct dynamo_stats stats = dynamo_stats(t->dynamo);
    size_t route = x->route ? (size_t)(x->route - api_routes) : api_route_count;
    bool broken_off = t->response.begun && x->err.code && !x->client_gone;
    enum log_level level =
        is_slow(x, us) || t->response.status >= 500 || broken_off ? LOG_WARNING : LOG_INFO;

    metrics_request(&(struct metrics_answer){.route = (unsigned)route,
                                             .method = (unsigned)x->request.method,
                                             .code = x->err.code,
                                             .status = (unsigned)t->response.status,
                                             .duration_us = us,
                                             .waited_us = x->waited_us});
    if (is_logged(x, &stats, level))
        log_request(x, &stats, us, level);
    log_set_context(NULL);
}
