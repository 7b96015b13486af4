/*
 * As which user the pool runs (POOL_USER), and to whom its sockets and its log belong. For pool/
 * alone.
 */
#ifndef POOL_PRIVILEGES_H
#define POOL_PRIVILEGES_H

#include "base/config.h"
#include "base/err.h"

/*
 * Gives a socket's file to POOL_USER and to SOCKET_GROUP. Without SOCKET_GROUP, a group that the
 * file has from its directory (setgid) stays; else it becomes the user's own. Nothing happens where
 * neither is set. path NULL: the socket is not this program's.
 */
int privileges_give_socket(const struct config *config, const char *path, struct err *e);

/* Becomes POOL_USER and gives it the log, if it is set and root runs this; 0, or -1 with e. */
int privileges_drop(const struct config *config, struct err *e);

#endif
