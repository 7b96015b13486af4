/*
 * Requests on connections that the pool has accepted itself. The workers decide when to read from
 * which connection.
 */
#include "pool/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

/* For each read and each write. nginx sends a request at once and takes answers as they come. */
#define IO_TIMEOUT_S 5
/* A body that was not read is read to its end up to this size; if it is longer, the connection
 * is closed. */
#define DRAIN_MAX ((size_t)16 * 1024 * 1024)

int connection_library_init(struct err *e)
{
    /* How long a close waits for the peer to close, in ms; by default a thread would wait two
     * seconds. */
    setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "100", 1);
    setenv("LIBFCGI_IS_AF_UNIX_KEEPER_POLL_TIMEOUT", "100", 1);
    if (FCGX_Init() != 0)
        return err_set(e, ERR_INTERNAL, "libfcgi cannot be initialised");
    return 0;
}

void connection_request_init(FCGX_Request *request)
{
    FCGX_InitRequest(request, -1, 0);
    request->ipcFd = -1;
}

void connection_prepare(int fd)
{
    struct timeval limit = {.tv_sec = IO_TIMEOUT_S};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

bool connection_is_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

bool connection_has_data(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void connection_ask_to_close(int fd)
{
    /* FCGI_STDERR of request 1, empty, as the FastCGI specification, section 5.3, ends the stream.
     */
    static const unsigned char record[8] = {1, 7, 0, 1, 0, 0, 0, 0};

    (void)send(fd, record, sizeof(record), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int connection_accept(FCGX_Request *request, int fd)
{
    request->ipcFd = fd;
    request->keepConnection = 1; /* the request's own flag replaces it */
    request->listen_sock = -1;   /* else the library would accept a connection when this one ends */
    if (FCGX_Accept_r(request) != 0)
        return -1;
    if (FCGX_GetError(request->in) == 0)
        return 0;
    /* The parameters broke off. The library would treat those that came as all of them. */
    connection_drop(request);
    return -1;
}

void connection_drop(FCGX_Request *request)
{
    FCGX_Free(request, 1);
    request->ipcFd = -1;
}

/* What is left unread beyond the library's buffer would be taken for the beginning of the next
 * request. */
static bool drain_body(FCGX_Stream *in)
{
    char rest[4096];
    size_t total = 0;
    int n;

    while ((n = FCGX_GetStr(rest, sizeof(rest), in)) > 0) {
        total += (size_t)n;
        if (total > DRAIN_MAX)
            return false;
    }
    return FCGX_GetError(in) == 0;
}

int connection_finish(FCGX_Request *request)
{
    if (!drain_body(request->in))
        request->keepConnection = 0;
    FCGX_Finish_r(request);
    int fd = request->ipcFd;
    request->ipcFd = -1; /* the pool has the connection again */
    return fd;
}
