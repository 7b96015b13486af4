/*
 * The connections of one process: which are idle (the epoll set waits for them) and which a thread
 * holds. Every function may be called from any thread.
 */
#ifndef POOL_CONNECTION_TABLE_H
#define POOL_CONNECTION_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* Keys of events that are not a connection's are at least this. */
#define TABLE_KEY_OTHER 0xFFFFFFFFFFFFFF00u

struct connection_table;

/* At most `size` connections; idle ones are watched in the epoll set. drained_fd: an eventfd that
 * is written to when the table is closed and its last connection has gone. */
struct connection_table *connection_table_new(int epoll_fd, int drained_fd, unsigned size,
                                              struct err *e);
void connection_table_free(struct connection_table *t);

/* Adds a connection, which the caller holds from then on. Returns its index, or -1 if there is
 * no room. */
int connection_table_add(struct connection_table *t, int fd);
/* Gives it back to the epoll set. -1: the table is closed, the connection stays with the caller. */
int connection_table_idle(struct connection_table *t, unsigned index, int64_t now_us);
/* The same even if the table is closed, for a connection whose request is on its way. */
void connection_table_watch(struct connection_table *t, unsigned index, int64_t now_us);
/* The connection of an event, which the caller holds from then on; -1 if it has gone meanwhile. */
int connection_table_take(struct connection_table *t, uint64_t key, unsigned *index);
/* Takes the longest idle connection, if it has been idle since before_us or longer: its descriptor
 * and index, out of the epoll set; -1 if there is none. */
int connection_table_take_oldest(struct connection_table *t, int64_t before_us, unsigned *index);
/* Forgets a connection that the caller holds and has closed or given away. */
void connection_table_remove(struct connection_table *t, unsigned index);
/* Takes its descriptor out of the epoll set, before it is given to another process: else the set
 * would keep it as long as it is open in any process. */
void connection_table_unwatch(struct connection_table *t, unsigned index);

/* From now on connections are not idle any more: see connection_table_idle. */
void connection_table_close(struct connection_table *t);
unsigned connection_table_count(struct connection_table *t);
/* When the longest idle connection became so; 0: none is idle. */
int64_t connection_table_oldest(struct connection_table *t);

#endif
