/*
 * A worker thread: takes whichever connection is ready, does one request from reading to answer,
 * and gives the connection back. What a request means is the handler's.
 */
#include "pool/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "pool/connection.h"

/* Longer than nginx keeps an idle connection (keepalive_timeout 30s), so that it is nginx that
 * closes: closed from here, a request may just be on its way. */
#define IDLE_MAX_US ((int64_t)60 * 1000000)

/* How long a client that was asked to close may take; nginx does at once. */
#define PART_TIME_US ((int64_t)1 * 1000000)
/* Connections taken in one go. With one only, those that wait would come behind a whole round of
 * those that are there already, again and again. */
#define ACCEPT_BATCH 64

struct worker {
    struct process *process;
    unsigned slot;
    void *context; /* the handler's */
    FCGX_Request request;
};

/* ---- connections ---- */

static void forget(struct process *p, unsigned index)
{
    table_remove(p->table, index);
    board_count(p->setup.board, p->setup.place, -1);
}

void worker_discard(struct process *p, unsigned index, int fd)
{
    close(fd);
    forget(p, index);
}

bool worker_pass_on(struct process *p, unsigned index, int fd)
{
    int target = board_least(p->setup.board, p->setup.place);

    if (target < 0)
        return false;
    table_unwatch(p->table, index);
    if (board_give(p->setup.board, (unsigned)target, fd) < 0)
        return false;
    forget(p, index);
    return true;
}

static void arm_timer(struct process *p, int64_t delay_us)
{
    struct itimerspec when = {.it_value = {.tv_sec = delay_us / 1000000 + 1}};

    if (!atomic_exchange(&p->timer_armed, true))
        timerfd_settime(p->timer_fd, 0, &when, NULL);
}

/* Closed from here, a request that is just on its way would be lost: its client cannot know whether
 * it was carried out. */
void worker_part(struct process *p, unsigned index, int fd)
{
    connection_ask_to_close(fd);
    table_watch(p->table, index, pool_now_us());
    arm_timer(p, PART_TIME_US);
}

/* The caller has ended its work on the connection. */
static void give_back(struct process *p, unsigned index, int fd)
{
    if (table_idle(p->table, index, pool_now_us()) == 0) {
        if (!atomic_load_explicit(&p->timer_armed, memory_order_relaxed))
            arm_timer(p, IDLE_MAX_US);
    } else if (!worker_pass_on(p, index, fd)) {
        worker_part(p, index, fd); /* the pool stops */
    }
}

/* Makes room by closing the longest idle connection on which nothing has arrived. */
static bool evict(struct process *p)
{
    unsigned index;
    int fd = table_take_oldest(p->table, INT64_MAX, &index);

    if (fd < 0)
        return false;
    if (connection_has_data(fd)) {
        table_watch(p->table, index, pool_now_us());
        return false;
    }
    worker_discard(p, index, fd);
    return true;
}

/* The descriptor is this process's from now on, counted already by the caller. */
static void take_in(struct process *p, int fd)
{
    int index = table_add(p->table, fd);

    if (index < 0 && evict(p))
        index = table_add(p->table, fd);
    if (index < 0) {
        close(fd);
        board_count(p->setup.board, p->setup.place, -1);
        return;
    }
    give_back(p, (unsigned)index, fd);
}

/* The kernel wakes the same process again and again while the load is low: connections, which stay
 * where they are, would pile up there. So each goes to the process that has the fewest. */
static bool give_to_least(struct process *p, int fd)
{
    struct board *b = p->setup.board;
    int least = board_least(b, p->setup.place);

    return least >= 0 &&
           board_connections(b, (unsigned)least) < board_connections(b, p->setup.place) &&
           board_give(b, (unsigned)least, fd) == 0;
}

bool worker_accept(struct process *p)
{
    int fd = accept4(p->setup.listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        int error = errno;
        if ((error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) &&
            !evict(p)) {
            log_error("cannot accept a connection: %s", strerrordesc_np(error));
            clock_system.sleep_us(clock_system.context, 100000); /* it stays ready: no busy loop */
        }
        return error == EINTR || error == ECONNABORTED;
    }
    connection_prepare(fd);
    if (!give_to_least(p, fd)) {
        board_count(p->setup.board, p->setup.place, 1);
        take_in(p, fd);
    }
    return true;
}

static void accept_some(struct process *p)
{
    for (int i = 0; i < ACCEPT_BATCH && !atomic_load(&p->draining); i++) {
        if (!worker_accept(p))
            return;
    }
}

static void adopt(struct process *p)
{
    int fd;

    for (int i = 0; i < ACCEPT_BATCH; i++) {
        if ((fd = board_take(p->setup.board, p->setup.place)) < 0)
            return;
        take_in(p, fd);
    }
}

/* ---- requests ---- */

static void count_request(struct process *p)
{
    char message = CONTROL_RECYCLE;
    unsigned long served = atomic_fetch_add_explicit(&p->served, 1, memory_order_relaxed) + 1;

    if (p->serve_limit && served == p->serve_limit && p->setup.control >= 0)
        send(p->setup.control, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void serve(struct worker *w, uint64_t key, uint32_t events)
{
    struct process *p = w->process;
    struct gateway_fcgi gateway;
    unsigned index;
    int fd = table_take(p->table, key, &index);

    if (fd < 0)
        return; /* another thread has closed it in the meantime */
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && connection_is_closed(fd)) {
        worker_discard(p, index, fd);
        return;
    }
    metrics_slot_busy(w->slot, pool_now_us());
    if (connection_accept(&w->request, fd) == 0) {
        gateway_fcgi_init(&gateway, &w->request);
        gateway.connection = fd;
        p->setup.handler->handle(w->context, &gateway.gateway);
        fd = connection_finish(&w->request, true);
        count_request(p);
    } else {
        fd = -1;
    }
    metrics_slot_idle(w->slot);
    if (fd >= 0)
        give_back(p, index, fd);
    else
        forget(p, index);
}

/* Idle for longer than any web server keeps them: nobody will use them again. */
static void close_old(struct process *p)
{
    uint64_t times;
    unsigned index;
    int fd;
    int64_t now = pool_now_us();
    int64_t limit_us = atomic_load(&p->draining) ? PART_TIME_US : IDLE_MAX_US;

    if (read(p->timer_fd, &times, sizeof(times)) < 0)
        return; /* another thread has done it */
    atomic_store(&p->timer_armed, false);
    while ((fd = table_take_oldest(p->table, now - limit_us, &index)) >= 0) {
        if (!connection_has_data(fd)) {
            worker_discard(p, index, fd);
            continue;
        }
        table_watch(p->table, index, now);
    }
    int64_t oldest = table_oldest(p->table);
    if (oldest)
        arm_timer(p, oldest + limit_us - now);
}

static void work(struct worker *w)
{
    struct process *p = w->process;
    struct epoll_event event;

    for (;;) {
        if (epoll_wait(p->epoll_fd, &event, 1, -1) != 1)
            continue;
        switch (event.data.u64 - TABLE_KEY_OTHER) {
        case EVENT_STOP:
            return;
        case EVENT_LISTENER:
            accept_some(p);
            break;
        case EVENT_INBOX:
            adopt(p);
            break;
        case EVENT_TIMER:
            close_old(p);
            break;
        default:
            serve(w, event.data.u64, event.events);
        }
    }
}

static void report_start(struct process *p, bool good)
{
    pthread_mutex_lock(&p->start_lock);
    if (good)
        p->started++;
    else
        p->failed++;
    pthread_cond_signal(&p->start_changed);
    pthread_mutex_unlock(&p->start_lock);
}

void *worker_main(void *start)
{
    struct worker_start *s = start;
    struct worker w = {.process = s->process,
                       .slot = board_metrics_slot(s->process->setup.place, s->thread)};
    struct err e = {.code = ERR_NONE};
    char name[16];

    snprintf(name, sizeof(name), "worker-%u", s->thread);
    pthread_setname_np(pthread_self(), name);
    metrics_thread_slot(w.slot);
    connection_request_init(&w.request);
    w.context = w.process->setup.handler->thread_new(w.process->context, &e);
    if (!w.context)
        log_error("a worker thread cannot start: %s", e.detail);
    report_start(w.process, w.context != NULL);
    if (!w.context)
        return NULL;
    work(&w);
    w.process->setup.handler->thread_free(w.context);
    return NULL;
}
