/*
 * The gateway over one accepted FCGX_Request. The pool accepts and finishes requests and owns the
 * connection.
 */
#include "http/gateway.h"

#include <fcgiapp.h>
#include <limits.h>
#include <poll.h>

static FCGX_Request *request_of(struct gateway *g)
{
    return ((struct gateway_fcgi *)g)->request;
}

static const char *fcgi_param(struct gateway *g, const char *name)
{
    return FCGX_GetParam(name, request_of(g)->envp);
}

static long fcgi_read(struct gateway *g, void *out, size_t n)
{
    FCGX_Stream *in = request_of(g)->in;
    int got = FCGX_GetStr(out, n < INT_MAX ? (int)n : INT_MAX, in);

    /* GetStr shows an end that came too early only in the stream's error. */
    if (got == 0 && n > 0 && FCGX_GetError(in) != 0)
        return -1;
    return got;
}

static int fcgi_write(struct gateway *g, const void *data, size_t n)
{
    FCGX_Stream *out = request_of(g)->out;
    const char *at = data;

    while (n > 0) {
        int part = n < INT_MAX ? (int)n : INT_MAX;
        if (FCGX_PutStr(at, part, out) != part)
            return -1;
        at += part;
        n -= (size_t)part;
    }
    return 0;
}

static bool fcgi_client_gone(struct gateway *g)
{
    struct pollfd connection = {.fd = ((struct gateway_fcgi *)g)->connection, .events = POLLRDHUP};

    if (connection.fd < 0)
        return false;
    return poll(&connection, 1, 0) > 0 &&
           (connection.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

static void fcgi_break_off(struct gateway *g)
{
    ((struct gateway_fcgi *)g)->broken_off = true;
}

void gateway_fcgi_init(struct gateway_fcgi *g, struct FCGX_Request *request)
{
    *g = (struct gateway_fcgi){
        .gateway = {.param = fcgi_param,
                    .read = fcgi_read,
                    .write = fcgi_write,
                    .client_gone = fcgi_client_gone,
                    .break_off = fcgi_break_off},
        .request = request,
        .connection = -1,
    };
}
