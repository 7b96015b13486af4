/*
 * The table of connections. An event of epoll names its connection by index and generation, so that
 * an event that was fetched just before another thread closed the connection finds nothing.
 */
#include "pool/connection_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NONE UINT32_MAX

enum entry_state { ENTRY_FREE, ENTRY_HELD, ENTRY_IDLE };

struct connection_table_entry {
    int fd;
    enum entry_state state;
    bool known; /* epoll has it */
    uint32_t generation;
    uint32_t before,
        after; /* neighbours in the list of idle ones; `after` also in that of free ones */
    int64_t idle_since_us;
};

struct connection_table {
    pthread_mutex_t lock;
    int epoll_fd, drained_fd;
    bool closed;
    unsigned size, used;
    uint32_t free_first;
    uint32_t oldest, newest; /* of the idle ones */
    struct connection_table_entry *entries;
};

struct connection_table *connection_table_new(int epoll_fd, int drained_fd, unsigned size,
                                              struct err *e)
{
    struct connection_table *t = calloc(1, sizeof(*t));
    struct connection_table_entry *entries = calloc(size, sizeof(*entries));

    if (!t || !entries) {
        free(t);
        free(entries);
        err_set(e, ERR_INTERNAL, "no memory for the table of connections");
        return NULL;
    }
    *t = (struct connection_table){.epoll_fd = epoll_fd,
                                   .drained_fd = drained_fd,
                                   .size = size,
                                   .free_first = 0,
                                   .oldest = NONE,
                                   .newest = NONE,
                                   .entries = entries};
    pthread_mutex_init(&t->lock, NULL);
    for (unsigned i = 0; i < size; i++)
        entries[i] =
            (struct connection_table_entry){.fd = -1, .after = i + 1 < size ? i + 1 : NONE};
    return t;
}

void connection_table_free(struct connection_table *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < t->size; i++) {
        if (t->entries[i].state != ENTRY_FREE)
            close(t->entries[i].fd);
    }
    pthread_mutex_destroy(&t->lock);
    free(t->entries);
    free(t);
}

/* ---- under the lock ---- */

static void link_newest(struct connection_table *t, uint32_t i)
{
    struct connection_table_entry *e = &t->entries[i];

    e->before = t->newest;
    e->after = NONE;
    *(t->newest == NONE ? &t->oldest : &t->entries[t->newest].after) = i;
    t->newest = i;
}

static void unlink_idle(struct connection_table *t, uint32_t i)
{
    struct connection_table_entry *e = &t->entries[i];

    *(e->before == NONE ? &t->oldest : &t->entries[e->before].after) = e->after;
    *(e->after == NONE ? &t->newest : &t->entries[e->after].before) = e->before;
}

static void connection_table_forget_entry(struct connection_table *t,
                                          struct connection_table_entry *e)
{
    if (e->known)
        epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, e->fd, NULL);
    e->known = false;
}

/* The epoll set is changed while the lock is held, so that no thread closes the descriptor in
 * between. */
static void entry_watch(struct connection_table *t, uint32_t i, int64_t now_us)
{
    struct connection_table_entry *e = &t->entries[i];
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT,
                                .data.u64 = (uint64_t)e->generation << 32 | i};

    e->state = ENTRY_IDLE;
    e->idle_since_us = now_us;
    link_newest(t, i);
    epoll_ctl(t->epoll_fd, e->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, e->fd, &event);
    e->known = true;
}

static void tell_if_drained(struct connection_table *t)
{
    uint64_t one = 1;

    if (t->closed && t->used == 0) {
        while (write(t->drained_fd, &one, sizeof(one)) < 0 && errno == EINTR)
            ;
    }
}

/* ---- for others ---- */

int connection_table_add(struct connection_table *t, int fd)
{
    pthread_mutex_lock(&t->lock);
    uint32_t i = t->free_first;
    if (i != NONE) {
        struct connection_table_entry *e = &t->entries[i];
        t->free_first = e->after;
        t->used++;
        e->fd = fd;
        e->state = ENTRY_HELD;
        e->known = false;
    }
    pthread_mutex_unlock(&t->lock);
    return i == NONE ? -1 : (int)i;
}

int connection_table_idle(struct connection_table *t, unsigned index, int64_t now_us)
{
    pthread_mutex_lock(&t->lock);
    bool closed = t->closed;
    if (!closed)
        entry_watch(t, index, now_us);
    pthread_mutex_unlock(&t->lock);
    return closed ? -1 : 0;
}

void connection_table_watch(struct connection_table *t, unsigned index, int64_t now_us)
{
    pthread_mutex_lock(&t->lock);
    entry_watch(t, index, now_us);
    pthread_mutex_unlock(&t->lock);
}

int connection_table_take(struct connection_table *t, uint64_t key, unsigned *index)
{
    uint32_t i = (uint32_t)key;
    int fd = -1;

    pthread_mutex_lock(&t->lock);
    if (i < t->size) {
        struct connection_table_entry *e = &t->entries[i];
        if (e->state == ENTRY_IDLE && e->generation == (uint32_t)(key >> 32)) {
            unlink_idle(t, i);
            e->state = ENTRY_HELD;
            fd = e->fd;
            *index = i;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return fd;
}

int connection_table_take_oldest(struct connection_table *t, int64_t before_us, unsigned *index)
{
    int fd = -1;

    pthread_mutex_lock(&t->lock);
    uint32_t i = t->oldest;
    if (i != NONE && t->entries[i].idle_since_us <= before_us) {
        unlink_idle(t, i);
        connection_table_forget_entry(t, &t->entries[i]);
        t->entries[i].state = ENTRY_HELD;
        fd = t->entries[i].fd;
        *index = i;
    }
    pthread_mutex_unlock(&t->lock);
    return fd;
}

void connection_table_unwatch(struct connection_table *t, unsigned index)
{
    pthread_mutex_lock(&t->lock);
    connection_table_forget_entry(t, &t->entries[index]);
    pthread_mutex_unlock(&t->lock);
}

void connection_table_remove(struct connection_table *t, unsigned index)
{
    pthread_mutex_lock(&t->lock);
    struct connection_table_entry *e = &t->entries[index];
    e->state = ENTRY_FREE;
    e->fd = -1;
    e->known = false;
    e->generation++;
    e->after = t->free_first;
    t->free_first = index;
    t->used--;
    tell_if_drained(t);
    pthread_mutex_unlock(&t->lock);
}

void connection_table_close(struct connection_table *t)
{
    pthread_mutex_lock(&t->lock);
    t->closed = true;
    tell_if_drained(t);
    pthread_mutex_unlock(&t->lock);
}

unsigned connection_table_count(struct connection_table *t)
{
    pthread_mutex_lock(&t->lock);
    unsigned n = t->used;
    pthread_mutex_unlock(&t->lock);
    return n;
}

int64_t connection_table_oldest(struct connection_table *t)
{
    pthread_mutex_lock(&t->lock);
    int64_t since = t->oldest == NONE ? 0 : t->entries[t->oldest].idle_since_us;
    pthread_mutex_unlock(&t->lock);
    return since;
}
