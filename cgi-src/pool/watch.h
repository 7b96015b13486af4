/*
 * A descriptor in the master's event loop, and what is done when it is ready. The master handles
 * one event at a time, so that a watch may be freed by another's event. For pool/ alone.
 */
#ifndef POOL_WATCH_H
#define POOL_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>

struct watch {
    int fd;
    void (*ready)(struct watch *w, uint32_t events);
};

/* 0 or -1 with errno. */
static inline int watch_add(int epoll_fd, struct watch *w, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = w};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &event);
}

static inline int watch_change(int epoll_fd, struct watch *w, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = w};
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, w->fd, &event);
}

static inline void watch_remove(int epoll_fd, struct watch *w)
{
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

#endif
