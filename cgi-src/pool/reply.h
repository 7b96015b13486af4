/*
 * An answer that the master gives by itself, on a socket that it never waits for.
 */
#ifndef POOL_REPLY_H
#define POOL_REPLY_H

#include <stddef.h>

#include "base/buf.h"

enum reply_progress {
    REPLY_SENT,   /* all of it is with the kernel */
    REPLY_LATER,  /* the socket is full: go on when it can be written */
    REPLY_BROKEN, /* the client has gone */
};

/* Sends what of out comes after its first *sent bytes, and adds to *sent what was taken. */
enum reply_progress reply_send(int fd, const struct buf *out, size_t *sent);

#endif
