/*
 * A worker thread: takes whichever connection is ready, does one request from reading to answer,
 * and gives the connection back. What a request means is the handler's.
 */
#include "pool/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pool/connection.h"
#include "pool/process.h"

/*
 * A thread's stack. Nothing recurses without bound and no large array lies on it:
 * `tests/pool/memory` tells how much of it was ever touched. The C library's default of 8 MB would
 * be address space alone, but that is limited in some places. The sanitizers need more for each
 * call.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE ((size_t)2 * 1024 * 1024)
#else
#define STACK_SIZE ((size_t)256 * 1024)
#endif

struct worker {
    struct workers *all;
    pthread_t thread;
    unsigned number;
    void *context; /* the handler's */
    FCGX_Request request;
};

struct workers {
    struct workers_setup setup;
    atomic_ulong served;
    unsigned long serve_limit; /* 0: none */
    /* how the threads' start went */
    pthread_mutex_t start_lock;
    pthread_cond_t start_changed;
    unsigned started, failed;
    struct worker workers[];
};

/* ---- requests ---- */

static void count_request(struct workers *all)
{
    char message = CONTROL_RECYCLE;

    if (all->serve_limit == 0)
        return;
    unsigned long served = atomic_fetch_add_explicit(&all->served, 1, memory_order_relaxed) + 1;
    if (served == all->serve_limit && all->setup.control >= 0)
        send(all->setup.control, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Returns the descriptor if the connection stays open, else -1. */
static int serve(struct worker *w, int fd)
{
    struct workers *all = w->all;
    struct gateway_fcgi gateway;

    if (connection_accept(&w->request, fd) < 0)
        return -1;
    gateway_fcgi_init(&gateway, &w->request);
    gateway.connection = fd;
    all->setup.handler->handle(w->context, &gateway.gateway);
    if (gateway.broken_off) {
        connection_drop(&w->request);
        fd = -1;
    } else {
        fd = connection_finish(&w->request);
    }
    count_request(all);
    if (gateway.gateway.waited_too_long)
        connections_look_for_more(all->setup.connections);
    return fd;
}

static void work(struct worker *w)
{
    struct connections *connections = w->all->setup.connections;
    unsigned slot = scoreboard_metrics_slot(w->all->setup.place, w->number);
    unsigned index;
    int fd;

    while ((fd = connections_next(connections, &index)) >= 0) {
        metrics_slot_busy(slot, pool_now_us());
        fd = serve(w, fd);
        metrics_slot_idle(slot);
        if (fd >= 0)
            connections_give_back(connections, index, fd);
        else
            connections_forget(connections, index);
    }
}

/* ---- start and end ---- */

static void report_start(struct workers *all, bool good)
{
    pthread_mutex_lock(&all->start_lock);
    if (good)
        all->started++;
    else
        all->failed++;
    pthread_cond_signal(&all->start_changed);
    pthread_mutex_unlock(&all->start_lock);
}

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    const struct pool_handler *handler = w->all->setup.handler;
    struct err e = {.code = ERR_NONE};
    char name[16];

    snprintf(name, sizeof(name), "worker-%u", w->number);
    pthread_setname_np(pthread_self(), name);
    log_queue_lines_of_this_thread();
    metrics_thread_slot(scoreboard_metrics_slot(w->all->setup.place, w->number));
    connection_request_init(&w->request);
    w->context = handler->thread_new(w->all->setup.context, &e);
    if (!w->context)
        log_error("a worker thread cannot start: %s", e.detail);
    report_start(w->all, w->context != NULL);
    if (!w->context)
        return NULL;
    work(w);
    handler->thread_free(w->context);
    return NULL;
}

/* Processes that started together should not all be replaced together: a tenth more or less. */
static unsigned long serve_limit(int64_t max_requests)
{
    uint32_t chance;

    if (max_requests <= 0)
        return 0;
    unsigned long max = (unsigned long)max_requests;
    ids_random(&chance, sizeof(chance));
    return max - max / 10 + chance % (max / 5 + 1);
}

static unsigned create_threads(struct workers *all)
{
    pthread_attr_t attributes;
    unsigned created = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (; created < all->setup.count; created++) {
        struct worker *w = &all->workers[created];
        w->all = all;
        w->number = created;
        if (pthread_create(&w->thread, &attributes, worker_main, w) != 0)
            break;
    }
    pthread_attr_destroy(&attributes);
    return created;
}

struct workers *workers_start(const struct workers_setup *setup, struct err *e)
{
    struct workers *all = calloc(1, sizeof(*all) + setup->count * sizeof(all->workers[0]));

    if (!all) {
        err_set(e, ERR_INTERNAL, "no memory for the worker threads");
        return NULL;
    }
    all->setup = *setup;
    all->serve_limit = serve_limit(setup->max_requests);
    pthread_mutex_init(&all->start_lock, NULL);
    pthread_cond_init(&all->start_changed, NULL);
    unsigned created = create_threads(all);
    pthread_mutex_lock(&all->start_lock);
    while (all->started + all->failed < created)
        pthread_cond_wait(&all->start_changed, &all->start_lock);
    unsigned started = all->started;
    pthread_mutex_unlock(&all->start_lock);
    if (started == setup->count)
        return all;
    err_set(e, ERR_INTERNAL, "only %u of %u worker threads could start", started, setup->count);
    return NULL; /* threads that run use it until the process exits */
}

void workers_join(struct workers *all)
{
    for (unsigned i = 0; i < all->setup.count; i++)
        pthread_join(all->workers[i].thread, NULL);
    pthread_mutex_destroy(&all->start_lock);
    pthread_cond_destroy(&all->start_changed);
    free(all);
}
