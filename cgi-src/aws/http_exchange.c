/*
 * One exchange: 1. a connection is taken, an idle one or a new one 2. the request is sent 3. the
 * answer is read 4. the connection is given back, or closed if it cannot carry another exchange.
 * From the first byte that is handed to the kernel or to TLS, a failure leaves open whether the
 * request was carried out.
 */
#include "aws/http_exchange.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/http_answer.h"
#include "aws/transport_connection.h"
#include "base/clock.h"

/* A record of TLS, and more than most answers. Of a longer body the rest goes straight to where it
 * stays. */
#define PIECE_SIZE 16384

struct curl_exchange {
    struct http_exchange base;
    struct transport_shared *shared;
    struct transport_idle *idle;
    char url[];
};

/* An exchange under way, on the stack: nothing is kept between two. */
struct exchange_attempt {
    struct transport_connection *connection;
    struct transport_response *response;
    int64_t timeout_ms;
    int64_t until_us;
    bool handed_over; /* a byte of the request may have left */
    bool unsent;      /* not all of it was sent when the answer came */
    bool surplus;     /* more came than the answer */
    struct http_answer answer;
    char piece[PIECE_SIZE];
};

static int64_t exchange_now_us(void)
{
    return clock_system.mono_us(clock_system.context);
}

static int fail_timed_out(struct exchange_attempt *a, const char *what)
{
    a->response->timed_out = true;
    (void)snprintf(a->response->error, sizeof(a->response->error),
                   "timed out after %lld ms while %s", (long long)a->timeout_ms, what);
    return -1;
}

static int exchange_fail(struct exchange_attempt *a, const char *why)
{
    transport_keep_text(a->response->error, sizeof(a->response->error), str_from(why));
    return -1;
}

/* ---- 2. the request -------------------------------------------------------------------------- */

static void read_piece(struct exchange_attempt *a, size_t n)
{
    a->surplus = http_answer_read(&a->answer, a->piece, n) < n;
}

/*
 * The socket takes no more of the request at the moment. If the server speaks before it has all of
 * it, nobody reads the rest: the answer is what counts. TLS may only have had a message of its own.
 */
static int wait_to_send(struct exchange_attempt *a)
{
    size_t n;
    /* A call for each time that the socket is full, which only a large body makes it. */
    short events = transport_connection_wait(a->connection, POLLIN | POLLOUT, a->until_us);
    if (events == 0)
        return fail_timed_out(a, "the request was sent");
    if (!(events & POLLIN))
        return 0;
    switch (transport_connection_receive(a->connection, a->piece, PIECE_SIZE, &n)) {
    case TRANSPORT_MOVED:
        a->unsent = true;
        read_piece(a, n);
        return 0;
    case TRANSPORT_LATER:
        return 0;
    case TRANSPORT_ENDED:
        return exchange_fail(a, "the connection was closed while the request was sent");
    default:
        return exchange_fail(a, a->connection->error);
    }
}

static int send_bytes(struct exchange_attempt *a, struct str bytes)
{
    while (bytes.n > 0 && !a->unsent) {
        size_t sent;
        /* One call, of what a request is made for: it is in one piece if it is not large. */
        enum transport_progress progress = transport_connection_send(a->connection, bytes, &sent);
        /* TLS does not tell how much of what it failed with has left. */
        a->handed_over |= sent > 0 || a->connection->is_tls;
        bytes = (struct str){bytes.p + sent, bytes.n - sent};
        if (progress == TRANSPORT_FAILED)
            return exchange_fail(a, a->connection->error);
        if (sent == 0 && wait_to_send(a) < 0)
            return -1;
    }
    return 0;
}

/* ---- 3. the answer --------------------------------------------------------------------------- */

/* To the body, if nothing else can come and much of it does, or through the piece. *more: there may
 * be more at once. */
static int receive(struct exchange_attempt *a, bool *more)
{
    size_t left = http_answer_body_left(&a->answer);
    bool straight = left > PIECE_SIZE;
    size_t room = straight ? left : PIECE_SIZE;
    char *at = straight ? buf_reserve(&a->response->body, left) : a->piece;
    size_t n;
    /* One call for most answers, which is what they are awaited for. */
    enum transport_progress progress = transport_connection_receive(a->connection, at, room, &n);
    /* A socket that did not fill the room is empty. TLS may hold what poll does not see. */
    *more = progress == TRANSPORT_MOVED && (n == room || a->connection->is_tls);
    if (progress == TRANSPORT_FAILED)
        return exchange_fail(a, a->connection->error);
    if (progress == TRANSPORT_ENDED)
        http_answer_end(&a->answer);
    else if (straight)
        http_answer_body_added(&a->answer, n);
    else
        read_piece(a, n);
    return 0;
}

static int receive_answer(struct exchange_attempt *a)
{
    bool more = false;
    while (a->answer.state != HTTP_ANSWER_COMPLETE && a->answer.state != HTTP_ANSWER_BROKEN) {
        /* One call: the thread sleeps in it until the answer comes. A read before it would only be
         * told that nothing is there in the moment in which the request has been sent. */
        if (!more && transport_connection_wait(a->connection, POLLIN, a->until_us) == 0)
            return fail_timed_out(a, "the answer was awaited");
        if (receive(a, &more) < 0)
            return -1;
    }
    return a->answer.state == HTTP_ANSWER_COMPLETE ? 0 : exchange_fail(a, a->answer.error);
}

/* ---- 1. the connection, 4. where it goes ----------------------------------------------------- */

static int exchange_take_connection(struct curl_exchange *x,
                                    const struct http_exchange_request *request,
                                    struct exchange_attempt *a)
{
    a->connection = transport_idle_take(x->idle);
    if (!a->connection)
        a->connection = transport_connection_open(x->shared, x->url, request->connect_timeout_ms,
                                                  request->timeout_ms, a->response);
    return a->connection ? 0 : -1;
}

static void leave_connection(struct curl_exchange *x, struct exchange_attempt *a, bool complete)
{
    if (complete && a->answer.keep_alive && !a->unsent && !a->surplus)
        transport_idle_put(x->idle, a->connection);
    else
        transport_connection_free(a->connection);
}

static bool run_attempt(const struct http_exchange_request *request, struct exchange_attempt *a)
{
    return send_bytes(a, request->text) == 0 && send_bytes(a, request->rest) == 0 &&
           receive_answer(a) == 0;
}

static void note_outcome(struct exchange_attempt *a, bool complete)
{
    struct transport_response *r = a->response;
    r->outcome = complete         ? TRANSPORT_ANSWERED
                 : a->handed_over ? TRANSPORT_MAYBE_SENT
                                  : TRANSPORT_NOT_SENT;
    if (complete)
        return;
    r->status = 0;
    buf_reset(&r->body);
    transport_response_forget_headers(r);
}

static void exchange_perform(struct http_exchange *base,
                             const struct http_exchange_request *request,
                             struct transport_response *response)
{
    struct curl_exchange *x = (struct curl_exchange *)base;
    struct exchange_attempt a; /* not zeroed: its buffers are large */
    transport_response_reset(response);
    a.response = response;
    a.timeout_ms = request->timeout_ms;
    a.until_us = exchange_now_us() + request->timeout_ms * 1000;
    a.handed_over = a.unsent = a.surplus = false;
    http_answer_init(&a.answer, response);
    if (exchange_take_connection(x, request, &a) < 0)
        return;
    bool complete = run_attempt(request, &a);
    note_outcome(&a, complete);
    leave_connection(x, &a, complete);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void curl_exchange_free(struct http_exchange *base)
{
    struct curl_exchange *x = (struct curl_exchange *)base;
    transport_idle_free(x->idle);
    free(x);
}

struct http_exchange *http_exchange_new(struct transport_shared *shared, const char *url,
                                        unsigned keep, struct err *e)
{
    size_t size = strlen(url) + 1;
    struct curl_exchange *x = calloc(1, sizeof(*x) + size);
    struct transport_idle *idle = transport_idle_new(keep);
    if (!x || !idle) {
        transport_idle_free(idle);
        free(x);
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    x->base = (struct http_exchange){.perform = exchange_perform, .free = curl_exchange_free};
    x->shared = shared;
    x->idle = idle;
    memcpy(x->url, url, size);
    return &x->base;
}
