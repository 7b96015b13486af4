/*
 * The scoreboard and the inboxes. The workers decide which process gets a connection, the master
 * which process runs.
 */
#include "pool/scoreboard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"

/* More than the kernel keeps waiting in one of the sockets. */
#define INBOX_MAX 1024

struct scoreboard_place {
    _Alignas(64) atomic_int state;
    atomic_uint threads;
    atomic_int connections;
};

struct scoreboard {
    unsigned places;
    struct scoreboard_place *place; /* shared */
    int (*inbox)[2]; /* [0] is read by the place's process, [1] is written by the others */
};

static int open_inboxes(struct scoreboard *b)
{
    for (unsigned i = 0; i < b->places; i++) {
        /* A socket pair with packets: one message is one connection, whole or not at all. */
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b->inbox[i]) <
            0) {
            b->inbox[i][0] = b->inbox[i][1] = -1;
            return -1;
        }
    }
    return 0;
}

struct scoreboard *scoreboard_new(unsigned places, struct err *e)
{
    size_t size = places * sizeof(struct scoreboard_place);
    struct scoreboard *b = calloc(1, sizeof(*b));

    if (!b)
        goto fail;
    // cppcheck-suppress invalidFunctionArg ; MAP_ANONYMOUS wants -1
    b->place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b->place == MAP_FAILED) {
        b->place = NULL;
        goto fail;
    }
    b->places = places;
    b->inbox = malloc(places * sizeof(*b->inbox));
    if (!b->inbox)
        goto fail;
    memset(b->inbox, -1, places * sizeof(*b->inbox)); /* every descriptor is -1: none */
    if (open_inboxes(b) < 0)
        goto fail;
    return b;
fail:
    err_set(e, ERR_INTERNAL, "cannot set up the pool's scoreboard: %s", strerrordesc_np(errno));
    scoreboard_free(b);
    return NULL;
}

void scoreboard_free(struct scoreboard *b)
{
    if (!b)
        return;
    for (unsigned i = 0; b->inbox && i < b->places; i++) {
        if (b->inbox[i][0] >= 0)
            close(b->inbox[i][0]);
        if (b->inbox[i][1] >= 0)
            close(b->inbox[i][1]);
    }
    free(b->inbox);
    if (b->place)
        munmap(b->place, b->places * sizeof(*b->place));
    free(b);
}

unsigned scoreboard_places(const struct scoreboard *b)
{
    return b->places;
}

void scoreboard_set(struct scoreboard *b, unsigned place, enum scoreboard_state state,
                    unsigned threads)
{
    atomic_store(&b->place[place].threads, threads);
    atomic_store(&b->place[place].state, (int)state);
}

bool scoreboard_change(struct scoreboard *b, unsigned place, enum scoreboard_state from,
                       enum scoreboard_state to)
{
    int expected = (int)from;
    return atomic_compare_exchange_strong(&b->place[place].state, &expected, (int)to);
}

enum scoreboard_state scoreboard_state(const struct scoreboard *b, unsigned place)
{
    return (enum scoreboard_state)atomic_load(&b->place[place].state);
}

unsigned scoreboard_threads(const struct scoreboard *b, unsigned place)
{
    return atomic_load(&b->place[place].threads);
}

void scoreboard_count(struct scoreboard *b, unsigned place, int change)
{
    atomic_fetch_add(&b->place[place].connections, change);
}

unsigned scoreboard_connections(const struct scoreboard *b, unsigned place)
{
    int n = atomic_load(&b->place[place].connections);
    return n > 0 ? (unsigned)n : 0;
}

static bool has_room(const struct scoreboard *b, unsigned place)
{
    return scoreboard_connections(b, place) < scoreboard_capacity(scoreboard_threads(b, place));
}

int scoreboard_least(const struct scoreboard *b, unsigned except)
{
    int best = -1;

    for (unsigned i = 0; i < b->places; i++) {
        if (i == except || scoreboard_state(b, i) != SCOREBOARD_READY || !has_room(b, i))
            continue;
        if (best < 0 || scoreboard_connections(b, i) < scoreboard_connections(b, (unsigned)best))
            best = (int)i;
    }
    return best;
}

int scoreboard_inbox(const struct scoreboard *b, unsigned place)
{
    return b->inbox[place][0];
}

union fd_message {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int scoreboard_give(struct scoreboard *b, unsigned place, int fd)
{
    union fd_message control = {.space = {0}};
    char byte = 'c';
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(int));
    /* It is counted first: else all of a burst would go to the process that is still empty. */
    scoreboard_count(b, place, 1);
    if (sendmsg(b->inbox[place][1], &message, MSG_DONTWAIT | MSG_NOSIGNAL) != 1) {
        scoreboard_count(b, place, -1);
        return -1;
    }
    close(fd);
    /* Its process may have ended since the caller looked, and the master may have emptied the
     * inbox already: then the connection would wait there until the next process has the place. */
    if (scoreboard_state(b, place) == SCOREBOARD_FREE)
        scoreboard_forward(b, place);
    return 0;
}

/* 1: a message was there; *fd is -1 if its connection could not be received. 0: the inbox is empty.
 */
static int inbox_receive(int inbox, int *fd)
{
    union fd_message control;
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};

    *fd = -1;
    if (recvmsg(inbox, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
        return 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof(int));
    return 1;
}

int scoreboard_take(struct scoreboard *b, unsigned place)
{
    int fd;

    while (inbox_receive(b->inbox[place][0], &fd)) {
        if (fd >= 0)
            return fd;
        /* The kernel has closed it: this process has no descriptor left for it. */
        log_error("a connection that another process handed on is lost: too many open files");
        scoreboard_count(b, place, -1);
    }
    return -1;
}

void scoreboard_forward(struct scoreboard *b, unsigned place)
{
    int target;
    int fd;

    while ((target = scoreboard_least(b, place)) >= 0 && (fd = scoreboard_take(b, place)) >= 0) {
        scoreboard_count(b, place, -1);
        if (scoreboard_give(b, (unsigned)target, fd) < 0)
            close(fd);
    }
}

void scoreboard_forward_free(struct scoreboard *b)
{
    for (unsigned i = 0; i < b->places; i++) {
        if (scoreboard_state(b, i) == SCOREBOARD_FREE)
            scoreboard_forward(b, i);
    }
}

void scoreboard_clear(struct scoreboard *b, unsigned place)
{
    int left[INBOX_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < scoreboard_threads(b, place); i++)
        metrics_slot_off(scoreboard_metrics_slot(place, i));
    scoreboard_set(b, place, SCOREBOARD_FREE, 0);
    while (n < INBOX_MAX && (left[n] = scoreboard_take(b, place)) >= 0)
        n++;
    /* The kernel has closed what its process had; those in the inbox are counted again when they
     * are given on. */
    atomic_store(&b->place[place].connections, 0);
    for (unsigned i = 0; i < n; i++) {
        int target = scoreboard_least(b, place);
        if (scoreboard_give(b, target < 0 ? place : (unsigned)target, left[i]) < 0)
            close(left[i]);
    }
}

unsigned scoreboard_busy(const struct scoreboard *b, unsigned place, long long *since_us)
{
    unsigned busy = 0;

    *since_us = 0;
    for (unsigned i = 0; i < scoreboard_threads(b, place); i++) {
        long long since = metrics_slot_since(scoreboard_metrics_slot(place, i));
        if (since == 0)
            continue;
        busy++;
        if (*since_us == 0 || since < *since_us)
            *since_us = since;
    }
    return busy;
}
