/*
 * What the files of service/ share: what a process and a thread hold, and one request on its way.
 */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include "api/api.h"
#include "auth/auth.h"
#include "base/log.h"
#include "http/cors.h"
#include "service/service.h"

/* An answer may have this many bytes: a page of a list has 4 MiB and one item more. */
#define SERVICE_RESPONSE_CAP (16 * 1024 * 1024)

struct service_process {
    const struct config *config;
    const struct clock *clock;
    struct dynamo_shared *dynamo;
    struct store_shared *store;
    struct auth *auth;
    struct cors_policy cors;
    struct cursor_key cursor_key;
    struct export_places export_places;
    _Atomic unsigned large_bodies; /* being worked on */
};

struct service_thread {
    struct service_process *process;
    struct dynamo *dynamo;
    struct arena arena;
    struct store *store;
    struct response response;
};

/* One request on its way. */
struct exchange {
    struct service_thread *thread;
    struct request request;
    const struct route *route; /* NULL: none fits */
    int64_t began_us;
    int64_t waited_us;   /* how long it waited for a worker before began_us */
    bool client_gone;    /* before anything was done for it, or in the middle of a long answer */
    bool has_large_body; /* it is one of the process's large_bodies */
    struct err err;
    struct log_context log; /* see exchange_begin_lines */
};

/* Microseconds of the process's clock that only goes forward. */
int64_t service_now_us(const struct service_process *process);

/*
 * From here on every line of this thread has the request's id, and its place in a trace if the
 * caller has one. The exchange must live until exchange_account, which ends it.
 */
void exchange_begin_lines(struct exchange *x);

/* Counts the request for the metrics and writes its line to the log, if it is to have one. To be
 * called once, when the request has been answered. */
void exchange_account(const struct exchange *x);

#endif
