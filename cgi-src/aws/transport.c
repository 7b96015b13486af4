/*
 * One HTTP exchange through libcurl's easy interface: its options, its one send, and what became of
 * the request. Signing, repeating and the meaning of an answer belong to the files above it.
 */
#include "aws/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "aws/transport_shared.h"

#define HEADERS_MAX 24

struct curl_transport {
    struct transport base;
    const struct transport_shared *shared;
    CURL *curl;
    struct transport_response *response;  /* of the exchange under way */
    unsigned sends;                       /* of it */
    struct curl_slist lines[HEADERS_MAX]; /* its header lines; the text is the caller's */
    char error[CURL_ERROR_SIZE];
};

/* ---- what libcurl calls ---------------------------------------------------------------------- */

static bool anything_sent(CURL *curl)
{
    long bytes = 0;
    return curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0;
}

/*
 * A connection is there and the request is about to go out. When a kept-alive connection dies
 * before an answer, libcurl comes here again to send the same once more, though the server may have
 * carried the first one out. Whether to repeat is not for libcurl to say, unless nothing was sent.
 */
static int before_send(void *context, char *remote_ip, char *local_ip, int remote_port,
                       int local_port)
{
    struct curl_transport *t = context;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (t->sends > 0 && anything_sent(t->curl))
        return CURL_PREREQFUNC_ABORT;
    t->sends++;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
    const struct curl_transport *t = context;
    struct buf *body = &t->response->body;
    buf_append(body, data, size * n);
    return buf_ok(body) ? size * n : 0;
}

/* "Name: value" with its line's end, which libcurl leaves there. */
static size_t on_header(char *data, size_t size, size_t n, void *context)
{
    const struct curl_transport *t = context;
    const struct str line = {data, size * n};
    const char *colon = memchr(data, ':', line.n);
    if (str_starts_with(line, "HTTP/")) {
        transport_response_forget_headers(t->response); /* before it was a 100 Continue */
    } else if (colon) {
        const struct str name = {data, (size_t)(colon - data)};
        struct str value = {colon + 1, line.n - name.n - 1};
        while (value.n > 0 && strchr(" \t\r\n", value.p[value.n - 1]))
            value.n--;
        while (value.n > 0 && strchr(" \t", value.p[0]))
            value = (struct str){value.p + 1, value.n - 1};
        transport_response_take_header(t->response, name, value);
    }
    return size * n;
}

/* ---- one exchange ---------------------------------------------------------------------------- */

static bool has_content_type(const struct transport_request *request)
{
    static const char name[] = "content-type:";
    for (const char *const *line = request->headers; line && *line; line++) {
        if (strncasecmp(*line, name, sizeof(name) - 1) == 0)
            return true;
    }
    return false;
}

/* Strings that libcurl only reads, in nodes of ours: no copy of a token stays behind. */
static int set_headers(struct curl_transport *t, const struct transport_request *request)
{
    static char no_expect[] = "Expect:";     /* it would hold a large body back for up to 1 s */
    static char no_type[] = "Content-Type:"; /* libcurl's own would be that of a form */
    size_t n = 0;
    t->lines[n++].data = no_expect;
    if (!has_content_type(request))
        t->lines[n++].data = no_type;
    for (const char *const *line = request->headers; line && *line; line++) {
        if (n == HEADERS_MAX)
            return -1;
        t->lines[n++].data = (char *)*line;
    }
    for (size_t i = 0; i < n; i++)
        t->lines[i].next = i + 1 < n ? &t->lines[i + 1] : NULL;
    return curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->lines) == CURLE_OK ? 0 : -1;
}

static int set_method(CURL *curl, const struct transport_request *request)
{
    bool get = strcmp(request->method, "GET") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    const char *custom = get || post ? NULL : request->method;
    if (curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, custom) != CURLE_OK)
        return -1;
    if (get)
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK ? 0 : -1;
    if (curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n) ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.n ? request->body.p : ""))
        return -1;
    return 0;
}

static int set_request(struct curl_transport *t, const struct transport_request *request)
{
    bool proxied = !request->no_proxy && transport_is_https(request->url);
    if (curl_easy_setopt(t->curl, CURLOPT_URL, request->url) != CURLE_OK ||
        curl_easy_setopt(t->curl, CURLOPT_PROXY, proxied ? t->shared->proxy : "") != CURLE_OK ||
        set_headers(t, request) < 0 || set_method(t->curl, request) < 0)
        return -1;
    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS,
                     transport_to_ms(request->connect_timeout_ms));
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, transport_to_ms(request->timeout_ms));
    return 0;
}

static void curl_transport_explain(struct curl_transport *t, CURLcode code)
{
    struct transport_response *r = t->response;
    const char *text = t->error;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        text = "the connection was closed before an answer came";
    if (code == CURLE_WRITE_ERROR && !buf_ok(&r->body))
        text = "the answer is too large";
    transport_explain(r, code, text);
}

static void curl_transport_judge(struct curl_transport *t, CURLcode code)
{
    struct transport_response *r = t->response;
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status > 0) {
        r->outcome = TRANSPORT_ANSWERED;
        r->status = (int)status;
        return;
    }
    bool sent = t->sends > 0 && anything_sent(t->curl);
    curl_transport_explain(t, code);
    r->outcome = sent ? TRANSPORT_MAYBE_SENT : TRANSPORT_NOT_SENT;
    buf_reset(&r->body);
    transport_response_forget_headers(r);
}

static void curl_transport_perform(struct transport *base, const struct transport_request *request,
                                   struct transport_response *response)
{
    struct curl_transport *t = (struct curl_transport *)base;
    t->response = response;
    t->sends = 0;
    t->error[0] = '\0';
    transport_response_reset(response);
    if (set_request(t, request) < 0) {
        (void)snprintf(response->error, sizeof(response->error), "the request cannot be made");
        return;
    }
    curl_transport_judge(t, curl_easy_perform(t->curl));
}

/* ---- the handle ------------------------------------------------------------------------------ */

static void transport_free(struct transport *base)
{
    struct curl_transport *t = (struct curl_transport *)base;
    curl_easy_cleanup(t->curl);
    free(t);
}

static bool set_callbacks(struct curl_transport *t)
{
    CURL *c = t->curl;
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad |= curl_easy_setopt(c, option, value)
    SET(CURLOPT_PREREQFUNCTION, before_send);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
#undef SET
    return bad == CURLE_OK;
}

struct transport *transport_curl_new(struct transport_shared *shared, struct err *e)
{
    struct curl_transport *t = calloc(1, sizeof(*t));
    if (!t) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    t->base = (struct transport){.perform = curl_transport_perform, .free = transport_free};
    t->shared = shared;
    t->curl = transport_handle_new(shared, t->error);
    if (!t->curl || !set_callbacks(t)) {
        transport_free(&t->base);
        err_set(e, ERR_INTERNAL, "this libcurl lacks an option; 7.88 or later is needed");
        return NULL;
    }
    return &t->base;
}

#define KEY_SET_TIMEOUT_MS 2000

void transport_get_key_set(struct transport *t, const char *url,
                           struct transport_response *response)
{
    const char *const headers[] = {"Accept: application/jwk-set+json, application/json", NULL};
    const struct transport_request request = {.method = "GET",
                                              .url = url,
                                              .headers = headers,
                                              .connect_timeout_ms = KEY_SET_TIMEOUT_MS,
                                              .timeout_ms = KEY_SET_TIMEOUT_MS};

    t->perform(t, &request, response);
}
