/*
 * What is told of a request once it is answered: its counters, and its line in the log if it is one
 * that somebody has to look into.
 */
#ifndef API_REPORT_H
#define API_REPORT_H

#include <stdint.h>
#include "aws/dynamo.h"
#include "base/config.h"
#include "base/err.h"
#include "base/log.h"
#include "http/request.h"
#include "http/trace.h"

/* The statuses of the error codes, for the counters' labels. */
const unsigned short *report_error_statuses(void);

/* nginx's number for a client that has gone; nobody receives it. */
#define REPORT_CLIENT_GONE 499

struct report {
    const struct config *config;
    const struct request *request;
    const char *route;    /* its template */
    unsigned route_index; /* as in the counters' labels */
    int status;
    enum err_code code;
    int64_t us;        /* from the first byte of the request to the last of its answer */
    int64_t waited_us; /* for a worker, before that */
    struct dynamo_stats dynamo;
};

void report_request(const struct report *report);

/* What every line of the thread has while it works for a request: its id, and its place in a trace
 * if the caller has one. */
struct report_context {
    struct log_context log; /* first */
    const struct request *request;
};

/* From here on. The context and the request must live until report_end. */
void report_begin(struct report_context *context, const struct request *request);
void report_end(void);

#endif
