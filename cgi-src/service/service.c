/*
 * Wires the layers for the pool: what a process has of each, and what each of its threads has.
 */
#include <stdlib.h>

#include "aws/transport.h"
#include "base/log.h"
#include "service/internal.h"

void service_process_free(void *process)
{
    struct service_process *p = process;

    if (!p)
        return;
    auth_free(p->auth);
    store_shared_free(p->store);
    dynamo_shared_free(p->dynamo);
    free(p);
}

static int key_set_fetch_with(struct transport *transport, const char *url, struct buf *body,
                              struct err *e)
{
    struct transport_response response = {0};
    int r = 0;

    buf_init(&response.body, body->cap);
    transport_get_key_set(transport, url, &response);
    if (response.outcome != TRANSPORT_ANSWERED)
        r = err_set(e, ERR_CONFIGURATION, "%s", response.error);
    else if (response.status != 200)
        r = err_set(e, ERR_CONFIGURATION, "the answer has status %d", response.status);
    else
        buf_append_str(body, buf_str(&response.body));
    buf_free(&response.body);
    return r;
}

/* Fetches the issuer's keys for auth/. That happens once in minutes, so nothing is kept for the
 * next time. */
static int key_set_fetch(void *context, const char *url, struct buf *body, struct err *e)
{
    const struct service_process *p = context;
    struct transport_shared *shared = transport_shared_new(p->config, e);
    struct transport *transport = shared ? transport_curl_new(shared, e) : NULL;
    int r = transport ? key_set_fetch_with(transport, url, body, e) : -1;

    if (transport)
        transport->free(transport);
    transport_shared_free(shared);
    return r;
}

/* An eighth of the threads, so that exports alone never hold all of them. */
static unsigned exports_at_once(int64_t threads)
{
    return threads < 16 ? 1 : (unsigned)(threads / 8);
}

void *service_process_new(const struct config *config, struct err *e)
{
    struct service_process *p = calloc(1, sizeof(*p));

    if (!p)
        abort();
    p->config = config;
    p->clock = &clock_system;
    p->dynamo = dynamo_shared_new(config, p->clock, e);
    p->auth = p->dynamo ? auth_new(config, p->clock, e) : NULL;
    if (!p->auth) {
        service_process_free(p);
        return NULL;
    }
    auth_set_fetch(p->auth, key_set_fetch, p);
    p->store = store_shared_new(config, p->clock);
    p->cors = (struct cors_policy){config->cors_origins, config->cors_credentials};
    cursor_key_init(&p->cursor_key, config->sessions_table, config->messages_table);
    p->export_places.max = exports_at_once(config->pool_threads);
    return p;
}

void service_thread_free(void *thread)
{
    struct service_thread *t = thread;

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
    struct service_thread *t = calloc(1, sizeof(*t));

    if (!t)
        abort();
    t->process = process;
    arena_init(&t->arena);
    response_init(&t->response, SERVICE_RESPONSE_CAP);
    t->dynamo = dynamo_new(t->process->dynamo, e);
    if (!t->dynamo) {
        service_thread_free(t);
        return NULL;
    }
    t->store = store_new(t->process->store, t->dynamo, &t->arena);
    return t;
}

int64_t service_now_us(const struct service_process *process)
{
    return process->clock->mono_us(process->clock->context);
}
