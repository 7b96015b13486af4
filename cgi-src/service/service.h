/*
 * The service as the pool runs it: what a process and a thread need, and the way of a request from
 * the gateway to a handler and back.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/config.h"
#include "base/err.h"
#include "base/metrics.h"
#include "http/gateway.h"

/* The functions of pool/pool.h's handler; the contracts are there. */
void *service_process_new(const struct config *config, struct err *e);
void service_process_free(void *process);
void *service_thread_new(void *process, struct err *e);
void service_thread_free(void *thread);
void service_handle(void *thread, struct gateway *gateway);

/* The names that metrics are labelled with. */
const struct metrics_labels *service_metrics_labels(void);

/* Answers one request with 500 where there is no service to answer it: a CGI program with a bad
 * configuration. The log says what is wrong. */
void service_refuse(struct gateway *gateway);

#endif
