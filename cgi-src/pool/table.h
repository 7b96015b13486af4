/*
 * The connections of one process: which are idle (waited for in the epoll set) and which are in a
 * thread's hands. Every function may be called from any thread.
 */
#ifndef POOL_TABLE_H
#define POOL_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* Keys of events that are not a connection's are at least this. */
#define TABLE_KEY_OTHER 0xFFFFFFFFFFFFFF00u

struct table;

/* At most `size` connections; idle ones are watched in the epoll set. drained_fd: an eventfd that
 * is written to when the table is closed and its last connection has gone. */
struct table *table_new(int epoll_fd, int drained_fd, unsigned size, struct err *e);
void table_free(struct table *t);

/* Takes the connection in, in the caller's hands: its index, -1 if there is no room. */
int table_add(struct table *t, int fd);
/* Gives it back to the epoll set. -1: the table is closed, the connection stays with the caller. */
int table_idle(struct table *t, unsigned index, int64_t now_us);
/* The same even if the table is closed, for a connection whose request is on its way. */
void table_watch(struct table *t, unsigned index, int64_t now_us);
/* The connection of an event, now in the caller's hands; -1 if it has gone meanwhile. */
int table_take(struct table *t, uint64_t key, unsigned *index);
/* Takes the longest idle connection, if it has been idle since before_us or longer: its descriptor
 * and index, out of the epoll set; -1 if there is none. */
int table_take_oldest(struct table *t, int64_t before_us, unsigned *index);
/* Forgets a connection in the caller's hands; closing it or giving it away was the caller's. */
void table_remove(struct table *t, unsigned index);
/* Takes its descriptor out of the epoll set, before it is given to another process: the set would
 * hold on to it as long as it is open anywhere. */
void table_unwatch(struct table *t, unsigned index);

/* From now on connections are not idle any more: see table_idle. */
void table_close(struct table *t);
unsigned table_count(struct table *t);
/* When the longest idle connection became so; 0: none is idle. */
int64_t table_oldest(struct table *t);

#endif
