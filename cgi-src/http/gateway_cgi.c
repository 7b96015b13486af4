/*
 * The gateway over plain CGI (RFC 3875): the environment, standard input and standard output. The
 * environment is read here because in CGI it is the request, not configuration.
 */
#include "http/gateway.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct gateway_cgi_state {
    struct gateway gateway;
    uint64_t
        body_left; /* of CONTENT_LENGTH: a server need not close standard input behind the body */
};

static const char *cgi_param(struct gateway *g, const char *name)
{
    (void)g;
    return getenv(name);
}

static long cgi_read(struct gateway *g, void *out, size_t n)
{
    struct gateway_cgi_state *s = (struct gateway_cgi_state *)g;
    ssize_t got;

    if (n > s->body_left)
        n = (size_t)s->body_left;
    if (n == 0)
        return 0;
    do
        got = read(STDIN_FILENO, out, n);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        s->body_left -= (uint64_t)got;
    return got < 0 ? -1 : got;
}

static int cgi_write(struct gateway *g, const void *data, size_t n)
{
    const char *at = data;

    (void)g;
    while (n > 0) {
        ssize_t written = write(STDOUT_FILENO, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return -1;
        at += written;
        n -= (size_t)written;
    }
    return 0;
}

/* True for a pipe without a reader and for a connection that is gone. A peer that has only ended
 * its half (mod_cgid does, after the body) still waits for the answer, so POLLRDHUP says nothing
 * here. */
static bool cgi_client_gone(struct gateway *g)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = 0};

    (void)g;
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

static void cgi_break_off(struct gateway *g)
{
    (void)g;
}

static uint64_t cgi_content_length(void)
{
    const char *text = getenv("CONTENT_LENGTH");
    char *end;

    if (!text || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0 ? n : 0;
}

struct gateway *gateway_cgi(void)
{
    static struct gateway_cgi_state state;

    state = (struct gateway_cgi_state){
        .gateway = {.param = cgi_param,
                    .read = cgi_read,
                    .write = cgi_write,
                    .client_gone = cgi_client_gone,
                    .break_off = cgi_break_off},
        .body_left = cgi_content_length(),
    };
    return &state.gateway;
}
