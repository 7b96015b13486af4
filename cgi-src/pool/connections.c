/*
 * Connections between the listener, this process's threads and the other processes. One epoll set
 * holds them all; of the threads that wait in it the kernel wakes the one that came last, so that a
 * few stay hot and the others' memory stays untouched.
 */
#include "pool/connections.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/connection.h"
#include "pool/table.h"

/* Longer than nginx keeps an idle connection (keepalive_timeout 30s), so that it is nginx that
 * closes: closed from here, a request may just be on its way. */
#define IDLE_MAX_US ((int64_t)60 * 1000000)
/* How long a client that was asked to close may take; nginx does at once. */
#define PART_TIME_US ((int64_t)1 * 1000000)
/* Connections taken in one go. With one only, each of those that wait would wait for a round. */
#define ACCEPT_BATCH 64
/* Places beyond the capacity: others may give at the same moment, and the one to make room may just
 * have got a request. */
#define SPARE 64
/* At the end of the pool so many of the listener's are still taken. */
#define LAST_TAKEN 256

/* Keys of the events that are not a connection's. */
enum event_key {
    EVENT_LISTENER,
    EVENT_INBOX,
    EVENT_TIMER,
    EVENT_STOP,
};

struct connections {
    struct connections_setup setup;
    unsigned capacity;
    struct table *table;
    int epoll_fd, stop_fd, drained_fd, timer_fd;
    atomic_bool draining;
    atomic_bool timer_armed;
    atomic_bool paused;          /* full: the listener is not in the epoll set */
    atomic_bool crowded;         /* it was full, and still has all that it is to have */
    pthread_mutex_t listen_lock; /* for changes of paused */
};

/* ---- start and end ---- */

static int watch_event(struct connections *c, int fd, enum event_key key, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = TABLE_KEY_OTHER + key};

    return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_descriptors(struct connections *c, struct err *e)
{
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->drained_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int inbox = scoreboard_inbox(c->setup.scoreboard, c->setup.place);
    if (c->epoll_fd < 0 || c->stop_fd < 0 || c->drained_fd < 0 || c->timer_fd < 0 ||
        watch_event(c, c->stop_fd, EVENT_STOP, EPOLLIN) < 0 ||
        watch_event(c, c->timer_fd, EVENT_TIMER, EPOLLIN) < 0 ||
        watch_event(c, inbox, EVENT_INBOX, EPOLLIN) < 0)
        return err_set(e, ERR_INTERNAL, "a worker process cannot open its descriptors: %s",
                       strerrordesc_np(errno));
    return 0;
}

struct connections *connections_new(const struct connections_setup *setup, struct err *e)
{
    struct connections *c = calloc(1, sizeof(*c));

    if (!c) {
        err_set(e, ERR_INTERNAL, "no memory for the connections");
        return NULL;
    }
    c->setup = *setup;
    c->capacity = scoreboard_capacity(setup->threads);
    pthread_mutex_init(&c->listen_lock, NULL);
    if (open_descriptors(c, e) == 0)
        c->table = table_new(c->epoll_fd, c->drained_fd, c->capacity + SPARE, e);
    if (c->table)
        return c;
    connections_free(c);
    return NULL;
}

void connections_free(struct connections *c)
{
    if (!c)
        return;
    table_free(c->table);
    close(c->epoll_fd);
    close(c->stop_fd);
    close(c->drained_fd);
    close(c->timer_fd);
    pthread_mutex_destroy(&c->listen_lock);
    free(c);
}

/* Exclusive: a connection wakes one of the processes that wait for it, not all. */
static int watch_listener(struct connections *c)
{
    return watch_event(c, c->setup.listener, EVENT_LISTENER, EPOLLIN | EPOLLEXCLUSIVE);
}

int connections_listen(struct connections *c, struct err *e)
{
    if (watch_listener(c) < 0)
        return err_set(e, ERR_INTERNAL, "cannot wait for connections: %s", strerrordesc_np(errno));
    return 0;
}

void connections_stop(struct connections *c)
{
    uint64_t one = 1;

    /* Nobody reads it: it stays ready until every thread has seen it. */
    while (write(c->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

int connections_drained_fd(const struct connections *c)
{
    return c->drained_fd;
}

/* ---- a full process leaves new connections to the listener's backlog ---- */

static void pause_listening(struct connections *c)
{
    pthread_mutex_lock(&c->listen_lock);
    if (!atomic_load(&c->paused) && !atomic_load(&c->draining)) {
        epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, c->setup.listener, NULL);
        atomic_store(&c->paused, true);
        atomic_store(&c->crowded, true);
    }
    pthread_mutex_unlock(&c->listen_lock);
}

/* Added anew, the listener is looked at: what waits there is told again. */
static void resume_listening(struct connections *c)
{
    if (!atomic_load_explicit(&c->paused, memory_order_relaxed))
        return;
    pthread_mutex_lock(&c->listen_lock);
    if (atomic_load(&c->paused) && !atomic_load(&c->draining)) {
        atomic_store(&c->paused, false);
        watch_listener(c);
    }
    pthread_mutex_unlock(&c->listen_lock);
}

/* ---- to and from other processes ---- */

void connections_forget(struct connections *c, unsigned index)
{
    table_remove(c->table, index);
    if (atomic_load(&c->crowded) && table_count(c->table) < c->capacity)
        atomic_store(&c->crowded, false);
    scoreboard_count(c->setup.scoreboard, c->setup.place, -1);
    resume_listening(c);
}

static void discard(struct connections *c, unsigned index, int fd)
{
    close(fd);
    connections_forget(c, index);
}

/* Gives a connection in hand to another process: true if one took it. */
static bool pass_on(struct connections *c, unsigned index, int fd)
{
    int target = scoreboard_least(c->setup.scoreboard, c->setup.place);

    if (target < 0)
        return false;
    table_unwatch(c->table, index);
    if (scoreboard_give(c->setup.scoreboard, (unsigned)target, fd) < 0)
        return false;
    connections_forget(c, index);
    return true;
}

static void arm_timer(struct connections *c, int64_t delay_us)
{
    struct itimerspec when = {.it_value = {.tv_sec = delay_us / 1000000 + 1}};

    if (!atomic_exchange(&c->timer_armed, true))
        timerfd_settime(c->timer_fd, 0, &when, NULL);
}

/* Has the client close a connection that the caller holds; a request that comes first is served.
 * Closed from here, that request would be lost, and its client could not know what became of it. */
static void part(struct connections *c, unsigned index, int fd)
{
    connection_ask_to_close(fd);
    table_watch(c->table, index, pool_now_us());
    arm_timer(c, PART_TIME_US);
}

void connections_give_back(struct connections *c, unsigned index, int fd)
{
    /* Whoever waits on the listener is to have its turn too: kept, this connection would have its
     * next request served before all of them, again and again. */
    if (atomic_load_explicit(&c->crowded, memory_order_relaxed) && !atomic_load(&c->draining))
        connection_ask_to_close(fd);
    if (table_idle(c->table, index, pool_now_us()) == 0) {
        if (!atomic_load_explicit(&c->timer_armed, memory_order_relaxed))
            arm_timer(c, IDLE_MAX_US);
        resume_listening(c); /* an idle one can make room */
    } else if (!pass_on(c, index, fd)) {
        part(c, index, fd); /* the pool stops */
    }
}

/* ---- room ---- */

/* Makes room by closing the longest idle connection on which nothing has arrived. */
static bool evict(struct connections *c)
{
    unsigned index;
    int fd = table_take_oldest(c->table, INT64_MAX, &index);

    if (fd < 0)
        return false;
    if (connection_has_data(fd)) {
        table_watch(c->table, index, pool_now_us());
        return false;
    }
    discard(c, index, fd);
    return true;
}

/* Whether another connection can be taken, perhaps in place of an idle one. */
static bool connections_have_room(struct connections *c)
{
    unsigned n = table_count(c->table);

    return n < c->capacity || (n < c->capacity + SPARE / 2 && table_oldest(c->table) != 0);
}

/* The descriptor is this process's from now on, counted already by the caller. */
static void connection_take_in(struct connections *c, int fd)
{
    if (table_count(c->table) >= c->capacity)
        evict(c);
    int index = table_add(c->table, fd);
    if (index < 0) {
        close(fd);
        scoreboard_count(c->setup.scoreboard, c->setup.place, -1);
        return;
    }
    connections_give_back(c, (unsigned)index, fd);
}

/* The kernel wakes the same process again and again while the load is low: connections, which stay
 * where they are, would pile up there. So each goes to the process that has the fewest. */
static bool give_to_least(struct connections *c, int fd)
{
    struct scoreboard *b = c->setup.scoreboard;
    int least = scoreboard_least(b, c->setup.place);

    return least >= 0 &&
           scoreboard_connections(b, (unsigned)least) < scoreboard_connections(b, c->setup.place) &&
           scoreboard_give(b, (unsigned)least, fd) == 0;
}

/* ---- accepting ---- */

static bool say_why_not(struct connections *c, int error)
{
    bool is_full = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;

    if (is_full && !evict(c)) {
        log_error("cannot accept a connection: %s", strerrordesc_np(error));
        clock_system.sleep_us(clock_system.context, 100000); /* it stays ready: no busy loop */
    }
    return error == EINTR || error == ECONNABORTED;
}

/* Accepts one. True if there may be more. */
static bool accept_one(struct connections *c)
{
    int fd = accept4(c->setup.listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return say_why_not(c, errno);
    connection_prepare(fd);
    if (!give_to_least(c, fd)) {
        scoreboard_count(c->setup.scoreboard, c->setup.place, 1);
        connection_take_in(c, fd);
    }
    return true;
}

static void accept_some(struct connections *c)
{
    for (int i = 0; i < ACCEPT_BATCH && !atomic_load(&c->draining); i++) {
        if (!connections_have_room(c) &&
            scoreboard_least(c->setup.scoreboard, c->setup.place) < 0) {
            pause_listening(c);
            if (connections_have_room(c)) /* made just before the pause */
                resume_listening(c);
            return;
        }
        if (!accept_one(c))
            return;
    }
}

static void adopt_some(struct connections *c)
{
    int fd;

    for (int i = 0; i < ACCEPT_BATCH; i++) {
        if ((fd = scoreboard_take(c->setup.scoreboard, c->setup.place)) < 0)
            return;
        connection_take_in(c, fd);
    }
}

void connections_look_for_more(struct connections *c)
{
    adopt_some(c);
    if (!atomic_load_explicit(&c->paused, memory_order_relaxed))
        accept_some(c);
}

/* Idle for longer than a web server keeps them, or takes to close when asked to. */
static void close_old(struct connections *c)
{
    uint64_t times;
    unsigned index;
    int fd;
    int64_t now = pool_now_us();
    int64_t limit_us = atomic_load(&c->draining) ? PART_TIME_US : IDLE_MAX_US;

    if (read(c->timer_fd, &times, sizeof(times)) < 0)
        return; /* another thread has done it */
    atomic_store(&c->timer_armed, false);
    while ((fd = table_take_oldest(c->table, now - limit_us, &index)) >= 0) {
        if (!connection_has_data(fd)) {
            discard(c, index, fd);
            continue;
        }
        table_watch(c->table, index, now);
    }
    int64_t oldest = table_oldest(c->table);
    if (oldest)
        arm_timer(c, oldest + limit_us - now);
}

/* ---- waiting ---- */

/* A connection that is ready: its descriptor if there is a request to read, else -1. */
static int take_ready(struct connections *c, const struct epoll_event *event, unsigned *index)
{
    int fd = table_take(c->table, event->data.u64, index);

    if (fd < 0)
        return -1; /* another thread has closed it in the meantime */
    if ((event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && connection_is_closed(fd)) {
        discard(c, *index, fd);
        return -1;
    }
    return fd;
}

int connections_next(struct connections *c, unsigned *index)
{
    struct epoll_event event;
    int fd;

    for (;;) {
        if (epoll_wait(c->epoll_fd, &event, 1, -1) != 1)
            continue;
        switch (event.data.u64 - TABLE_KEY_OTHER) {
        case EVENT_STOP:
            return -1;
        case EVENT_LISTENER:
            accept_some(c);
            break;
        case EVENT_INBOX:
            adopt_some(c);
            break;
        case EVENT_TIMER:
            close_old(c);
            break;
        default:
            if ((fd = take_ready(c, &event, index)) >= 0)
                return fd;
        }
    }
}

/* ---- draining ---- */

/* Idle connections go to another process; without one, their clients are asked to close them. */
static void give_up_idle(struct connections *c)
{
    unsigned index;

    for (unsigned left = table_count(c->table); left > 0; left--) {
        int fd = table_take_oldest(c->table, INT64_MAX, &index);
        if (fd < 0)
            return;
        if (!pass_on(c, index, fd))
            part(c, index, fd);
    }
}

/*
 * Those who wait on the listener: served here at the end of the pool itself, otherwise handed on,
 * since the kernel may have told this process alone of them. Where nobody is ready they are left
 * for whoever starts next and looks at the listener then.
 */
static void take_backlog(struct connections *c, bool last)
{
    for (unsigned i = 0; i < LAST_TAKEN; i++) {
        if (!last && scoreboard_least(c->setup.scoreboard, c->setup.place) < 0)
            return;
        if (!accept_one(c))
            return;
    }
}

void connections_drain(struct connections *c, bool last)
{
    /* First the threads are told: after take_backlog none of them takes a connection. */
    pthread_mutex_lock(&c->listen_lock);
    atomic_store(&c->draining, true);
    epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, c->setup.listener, NULL);
    pthread_mutex_unlock(&c->listen_lock);
    take_backlog(c, last);
    table_close(c->table);
    atomic_store(&c->timer_armed, false); /* from now on it is to ring sooner */
    give_up_idle(c);
}
