/*
 * A connection of libcurl's (CURLOPT_CONNECT_ONLY): 1. opened 2. written to and read from 3. looked
 * at before it is used again 4. closed. The idle ones are aws/transport_idle.c's.
 */
#include "aws/transport_connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "aws/transport_shared.h"
#include "base/clock.h"

/* ---- 1. opened, 4. closed -------------------------------------------------------------------- */

static CURL *make_handle(const struct transport_shared *shared, const char *url,
                         int64_t connect_timeout_ms, int64_t timeout_ms, char *error)
{
    CURLcode bad = CURLE_OK;
    CURL *curl = transport_handle_new(shared, error);
    if (!curl)
        return NULL;
#define SET(option, value) bad |= curl_easy_setopt(curl, option, value)
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_BUFFERSIZE, 16384L); /* the most that one read takes; never filled itself */
    SET(CURLOPT_SHARE, shared->learnt);
    SET(CURLOPT_PROXY, transport_is_https(url) ? shared->proxy : "");
    SET(CURLOPT_CONNECTTIMEOUT_MS, transport_to_ms(connect_timeout_ms));
    SET(CURLOPT_TIMEOUT_MS, transport_to_ms(timeout_ms));
#undef SET
    if (bad == CURLE_OK)
        return curl;
    curl_easy_cleanup(curl);
    return NULL;
}

static CURLcode connect_handle(struct transport_connection *c)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    CURLcode code = curl_easy_perform(c->curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &fd);
    if (code == CURLE_OK && fd == CURL_SOCKET_BAD)
        code = CURLE_COULDNT_CONNECT; /* it was closed in the same moment */
    c->fd = fd;
    return code;
}

struct transport_connection *transport_connection_open(const struct transport_shared *shared,
                                                       const char *url, int64_t connect_timeout_ms,
                                                       int64_t timeout_ms,
                                                       struct transport_response *response)
{
    struct transport_connection *c = calloc(1, sizeof(*c) + CURL_ERROR_SIZE);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (c) {
        c->error = (char *)(c + 1);
        c->is_tls = transport_is_https(url);
        c->curl = make_handle(shared, url, connect_timeout_ms, timeout_ms, c->error);
    }
    if (c && c->curl)
        code = connect_handle(c);
    if (code == CURLE_OK)
        return c;
    transport_explain(response, code, c ? c->error : "");
    transport_connection_free(c);
    return NULL;
}

void transport_connection_free(struct transport_connection *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl); /* closes it, with TLS's goodbye; takes NULL */
    free(c);
}

/* ---- 2. written to and read from ------------------------------------------------------------- */

static enum transport_progress progress_of(struct transport_connection *c, CURLcode code)
{
    if (code == CURLE_OK)
        return TRANSPORT_MOVED;
    if (code == CURLE_AGAIN)
        return TRANSPORT_LATER;
    if (!c->error[0])
        transport_keep_text(c->error, CURL_ERROR_SIZE, str_from(curl_easy_strerror(code)));
    return TRANSPORT_FAILED;
}

enum transport_progress transport_connection_send(struct transport_connection *c, struct str bytes,
                                                  size_t *sent)
{
    *sent = 0;
    c->error[0] = '\0';
    return progress_of(c, curl_easy_send(c->curl, bytes.p, bytes.n, sent));
}

enum transport_progress transport_connection_receive(struct transport_connection *c, char *bytes,
                                                     size_t n, size_t *received)
{
    *received = 0;
    c->error[0] = '\0';
    enum transport_progress progress = progress_of(c, curl_easy_recv(c->curl, bytes, n, received));
    return progress == TRANSPORT_MOVED && *received == 0 ? TRANSPORT_ENDED : progress;
}

short transport_connection_wait(const struct transport_connection *c, short events,
                                int64_t until_us)
{
    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = events};
        int64_t left_us = until_us - clock_system.mono_us(clock_system.context);
        if (left_us <= 0)
            return 0;
        int n = poll(&p, 1, (int)((left_us + 999) / 1000));
        if (n > 0)
            return p.revents;
        if (n < 0 && errno != EINTR)
            return POLLERR; /* the next read or write says what it is */
    }
}

/* ---- 3. looked at before it is used again ---------------------------------------------------- */

/* TLS has messages of its own: a session for later connections, which libcurl takes, or the other
 * side's goodbye. Only a read tells them apart, and it also finds what a look at the socket does
 * not, because TLS has it already. */
static bool has_nothing_for_us(struct transport_connection *c)
{
    char byte;
    size_t n;
    return transport_connection_receive(c, &byte, 1, &n) == TRANSPORT_LATER;
}

/*
 * This call costs each exchange less than a microsecond, and saves those that would be sent into a
 * connection which the server has closed: whether such a request was carried out cannot be known.
 */
bool transport_connection_is_quiet(struct transport_connection *c)
{
    char byte;
    if (c->is_tls)
        return has_nothing_for_us(c);
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}
