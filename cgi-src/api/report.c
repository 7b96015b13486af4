/*
 * nginx's access log tells of every request; the program's log tells of those that somebody has to
 * look into.
 */
#include "api/report.h"

#include "base/metrics.h"
#include "http/response.h"

const unsigned short *report_error_statuses(void)
{
    static unsigned short statuses[ERR_CODES];

    for (int code = ERR_NONE + 1; code < ERR_CODES; code++)
        statuses[code] = (unsigned short)response_status_of((enum err_code)code);
    return statuses;
}

static unsigned context_fields(const struct log_context *log, struct log_field *out)
{
    const struct request *request = ((const struct report_context *)log)->request;
    struct trace trace;

    out[0] = (struct log_field){.name = "request_id", .text = str_from(request->request_id)};
    if (!trace_parse(request_header(request, "HTTP_TRACEPARENT"), &trace))
        return 1;
    out[1] = (struct log_field){.name = "trace_id", .text = trace.trace_id};
    out[2] = (struct log_field){.name = "parent_id", .text = trace.parent_id};
    return 3;
}

void report_begin(struct report_context *context, const struct request *request)
{
    *context = (struct report_context){.log = {context_fields}, .request = request};
    log_set_context(&context->log);
}

void report_end(void)
{
    log_set_context(NULL);
}

static bool is_slow(const struct report *r)
{
    return r->waited_us + r->us >= r->config->slow_request_ms * 1000;
}

static bool is_logged(const struct report *r, enum log_level level)
{
    return log_enabled(level) && (r->config->logged_requests == LOGGED_ALL || level > LOG_INFO ||
                                  r->dynamo.retries > 0 || r->dynamo.refusals > 0);
}

static struct str outcome_of(const struct report *r)
{
    if (r->status == REPORT_CLIENT_GONE)
        return STR("client_gone");
    return r->code ? str_from(err_code_name(r->code)) : STR("ok");
}

static void log_line(const struct report *r, enum log_level level)
{
    const char *method = http_method_names[r->request->method];
    const struct log_field fields[] = {
        {.name = "method", .text = str_from(method ? method : "?")},
        {.name = "route", .text = str_from(r->route)},
        {.name = "status", .number = r->status},
        {.name = "ms", .number = r->us, .thousandths = true},
        {.name = "waited_ms", .number = r->waited_us, .thousandths = true},
        {.name = "dynamodb_calls", .number = r->dynamo.calls},
        {.name = "dynamodb_retries", .number = r->dynamo.retries},
        {.name = "dynamodb_ms", .number = r->dynamo.us, .thousandths = true},
        {.name = "dynamodb_request_id", .text = str_from(r->dynamo.request_id)},
        {.name = "code", .text = outcome_of(r)},
    };
    log_fields(level, is_slow(r) ? "slow request" : "request", fields,
               sizeof(fields) / sizeof(fields[0]));
}

void report_request(const struct report *r)
{
    enum log_level level = is_slow(r) || r->status >= 500 ? LOG_WARNING : LOG_INFO;

    metrics_request(&(struct metrics_answer){.route = r->route_index,
                                             .method = (unsigned)r->request->method,
                                             .code = r->code,
                                             .status = (unsigned)r->status,
                                             .duration_us = r->us,
                                             .waited_us = r->waited_us});
    if (is_logged(r, level))
        log_line(r, level);
}
