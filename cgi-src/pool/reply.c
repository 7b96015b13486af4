/*
 * Sending without waiting. The caller knows who the client is and what becomes of the connection.
 */
#include "pool/reply.h"

#include <errno.h>
#include <sys/socket.h>

enum reply_progress reply_send(int fd, const struct buf *out, size_t *sent)
{
    while (*sent < out->len) {
        ssize_t n = send(fd, out->data + *sent, out->len - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return REPLY_LATER;
        if (n <= 0)
            return REPLY_BROKEN;
        *sent += (size_t)n;
    }
    return REPLY_SENT;
}
