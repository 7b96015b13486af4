/*
 * One HTTP exchange through libcurl: its options, its one send, and what became of the request.
 * Signing, repeating and the meaning of an answer are the business of the files above it.
 */
#include "aws/transport.h"

#include <curl/curl.h>
#include <limits.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#ifndef CHAT_SESSIONS_VERSION
#define CHAT_SESSIONS_VERSION "0"
#endif

#define HEADERS_MAX 24
#define URL_MAX 2048

/*
 * Servers close idle connections after 60 to 90 s. libcurl keeps them for 118 s, and a request on
 * one that has just been closed is one of which nobody knows whether it was sent.
 */
#define MAX_IDLE_S 50L

struct transport_shared {
    X509_STORE *store;
    char *proxy;    /* for https; "" if none */
    char *no_proxy; /* hosts that are asked directly; "" if none */
};

struct curl_transport {
    struct transport base;
    const struct transport_shared *shared;
    CURL *curl;
    struct transport_response *response;  /* of the exchange under way */
    unsigned sends;                       /* of it */
    struct curl_slist lines[HEADERS_MAX]; /* its header lines; the text is the caller's */
    char url[URL_MAX];                    /* the one that libcurl has */
    bool proxied;                         /* what libcurl has for a proxy */
    char error[CURL_ERROR_SIZE];
};

/* ---- what the handles of a process share ----------------------------------------------------- */

/*
 * libcurl would read the whole CA bundle for each handle, some 0.9 MB each. The default is
 * OpenSSL's own place, where a certificate is read when it is first needed.
 */
static int load_certificates(X509_STORE *store, const char *bundle, struct err *e)
{
    if (bundle && X509_STORE_load_file(store, bundle) != 1)
        return err_set(e, ERR_CONFIGURATION,
                       "AWS_CA_BUNDLE: no certificates in PEM format can be read from %s", bundle);
    if (!bundle && X509_STORE_set_default_paths(store) != 1)
        return err_set(e, ERR_CONFIGURATION, "the system's CA certificates cannot be read");
    /* As libcurl has it: a bundle may name an intermediate authority, or one server. */
    X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
    return 0;
}

static int check_proxy(const char *proxy, struct err *e)
{
    if (!proxy[0])
        return 0;
    CURLU *url = curl_url();
    CURLUcode code =
        url ? curl_url_set(url, CURLUPART_URL, proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME)
            : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(url);
    /* Not the text itself: it may have a password. */
    if (code != CURLUE_OK)
        return err_set(e, ERR_CONFIGURATION, "HTTPS_PROXY is not a URL");
    return 0;
}

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

static int fill_shared(struct transport_shared *shared, const struct config *config, struct err *e)
{
    shared->store = X509_STORE_new();
    shared->proxy = copy(config_get(config, "HTTPS_PROXY"));
    shared->no_proxy = copy(config_get(config, "NO_PROXY"));
    if (!shared->store || !shared->proxy || !shared->no_proxy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (load_certificates(shared->store, config_get(config, "AWS_CA_BUNDLE"), e) != 0)
        return -1;
    return check_proxy(shared->proxy, e);
}

struct transport_shared *transport_shared_new(const struct config *config, struct err *e)
{
    struct transport_shared *shared;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(e, ERR_INTERNAL, "libcurl cannot be initialised");
        return NULL;
    }
    shared = calloc(1, sizeof *shared);
    if (!shared)
        err_set(e, ERR_INTERNAL, "out of memory");
    if (!shared || fill_shared(shared, config, e) != 0) {
        if (shared)
            transport_shared_free(shared);
        else
            curl_global_cleanup();
        return NULL;
    }
    return shared;
}

void transport_shared_free(struct transport_shared *shared)
{
    if (!shared)
        return;
    X509_STORE_free(shared->store);
    free(shared->proxy);
    free(shared->no_proxy);
    free(shared);
    curl_global_cleanup();
}

/* ---- what libcurl calls ---------------------------------------------------------------------- */

static CURLcode use_store(CURL *curl, void *ssl_context, void *context)
{
    const struct curl_transport *t = context;
    (void)curl;
    SSL_CTX_set1_cert_store(ssl_context, t->shared->store);
    return CURLE_OK;
}

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

/* The value of a header line if it has that name (any case); STR_NONE if not. */
static struct str header_value(struct str line, const char *name)
{
    size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
        return STR_NONE;
    struct str value = {line.p + n + 1, line.n - n - 1};
    while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
        value.p++;
        value.n--;
    }
    while (value.n > 0 && strchr(" \t\r\n", value.p[value.n - 1]))
        value.n--;
    return value;
}

/* Digits alone, at most 18 of them; -1 for anything else. */
static int64_t number_of(struct str text)
{
    int64_t number = 0;
    if (text.n == 0 || text.n > 18)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        number = number * 10 + (text.p[i] - '0');
    }
    return number;
}

static void keep(char *out, size_t size, struct str value)
{
    size_t n = value.n < size - 1 ? value.n : size - 1;
    if (n > 0)
        memcpy(out, value.p, n);
    out[n] = '\0';
}

static void take_header(struct transport_response *r, struct str line)
{
    struct str value;
    char date[64];
    if (str_is_present(value = header_value(line, "date"))) {
        keep(date, sizeof date, value);
        r->date_s = (int64_t)curl_getdate(date, NULL);
    } else if (str_is_present(value = header_value(line, "x-amz-crc32"))) {
        r->crc32 = number_of(value);
    } else if (str_is_present(value = header_value(line, "x-amz-retry-after"))) {
        r->retry_after_ms = number_of(value);
    } else if (str_is_present(value = header_value(line, "content-type"))) {
        keep(r->content_type, sizeof r->content_type, value);
    }
}

static void forget_headers(struct transport_response *r)
{
    r->date_s = -1;
    r->crc32 = -1;
    r->retry_after_ms = -1;
    r->content_type[0] = '\0';
}

static size_t on_header(char *data, size_t size, size_t n, void *context)
{
    const struct curl_transport *t = context;
    const struct str line = {data, size * n};
    if (str_starts_with(line, "HTTP/"))
        forget_headers(t->response); /* what came before was a 100 Continue or the like */
    else
        take_header(t->response, line);
    return size * n;
}

/* ---- one exchange ---------------------------------------------------------------------------- */

static bool has_header(const struct transport_request *request, const char *name)
{
    for (const char *const *line = request->headers; line && *line; line++) {
        if (str_is_present(header_value(str_from(*line), name)))
            return true;
    }
    return false;
}

/* Strings that libcurl only reads, in nodes of ours: nothing is allocated. */
static int set_headers(struct curl_transport *t, const struct transport_request *request)
{
    static char no_expect[] = "Expect:";     /* it would hold a large body back for up to 1 s */
    static char no_type[] = "Content-Type:"; /* libcurl's own would be that of a form */
    size_t n = 0;
    t->lines[n++].data = no_expect;
    if (!has_header(request, "content-type"))
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

static int set_url(struct curl_transport *t, const char *url)
{
    size_t n = strlen(url);
    if (n >= sizeof t->url)
        return -1;
    if (strcmp(url, t->url) == 0)
        return 0;
    memcpy(t->url, url, n + 1);
    return curl_easy_setopt(t->curl, CURLOPT_URL, url) == CURLE_OK ? 0 : -1;
}

/* HTTPS_PROXY is for https alone, as everywhere. */
static int set_proxy(struct curl_transport *t, const struct transport_request *request)
{
    bool wanted = !request->no_proxy && strncasecmp(request->url, "https:", 6) == 0;
    if (wanted == t->proxied)
        return 0;
    t->proxied = wanted;
    return curl_easy_setopt(t->curl, CURLOPT_PROXY, wanted ? t->shared->proxy : "") == CURLE_OK
               ? 0
               : -1;
}

static long to_ms(int64_t ms)
{
    /* 0 would mean "for ever". */
    return ms < 1 ? 1L : ms > INT_MAX ? (long)INT_MAX : (long)ms;
}

static int set_request(struct curl_transport *t, const struct transport_request *request)
{
    if (set_url(t, request->url) || set_proxy(t, request) || set_headers(t, request) ||
        set_method(t->curl, request))
        return -1;
    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, to_ms(request->connect_timeout_ms));
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, to_ms(request->timeout_ms));
    return 0;
}

static void explain(struct curl_transport *t, CURLcode code)
{
    struct transport_response *r = t->response;
    const char *text = t->error[0] ? t->error : curl_easy_strerror(code);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        text = "the connection was closed before an answer came";
    if (code == CURLE_WRITE_ERROR && !buf_ok(&r->body))
        text = "the answer is too large";
    keep(r->error, sizeof r->error, str_from(text));
}

static void judge(struct curl_transport *t, CURLcode code)
{
    struct transport_response *r = t->response;
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status > 0) {
        r->outcome = TRANSPORT_ANSWERED;
        r->status = (int)status;
        return;
    }
    r->outcome = t->sends > 0 && anything_sent(t->curl) ? TRANSPORT_MAYBE_SENT : TRANSPORT_NOT_SENT;
    r->name_not_resolved =
        code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
    r->timed_out = code == CURLE_OPERATION_TIMEDOUT;
    explain(t, code);
    buf_reset(&r->body);
    forget_headers(r);
}

static void begin_response(struct transport_response *r)
{
    r->outcome = TRANSPORT_NOT_SENT;
    r->status = 0;
    r->name_not_resolved = false;
    r->timed_out = false;
    r->error[0] = '\0';
    buf_reset(&r->body);
    forget_headers(r);
}

static void perform(struct transport *base, const struct transport_request *request,
                    struct transport_response *response)
{
    struct curl_transport *t = (struct curl_transport *)base;
    t->response = response;
    t->sends = 0;
    t->error[0] = '\0';
    begin_response(response);
    if (set_request(t, request) != 0) {
        (void)snprintf(response->error, sizeof response->error, "the request cannot be made");
        return;
    }
    judge(t, curl_easy_perform(t->curl));
}

/* ---- the handle ------------------------------------------------------------------------------ */

static void transport_free(struct transport *base)
{
    struct curl_transport *t = (struct curl_transport *)base;
    curl_easy_cleanup(t->curl);
    free(t);
}

/* The options that are the same for every exchange; false if libcurl lacks one. */
static bool set_options(struct curl_transport *t)
{
    CURL *c = t->curl;
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad |= curl_easy_setopt(c, option, value)
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, "chat-sessions/" CHAT_SESSIONS_VERSION);
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A name server that does not answer must not hold the request beyond its time: libcurl would
     * wait for its resolving thread. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    /* connections */
    SET(CURLOPT_MAXAGE_CONN, MAX_IDLE_S);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, 20L);
    SET(CURLOPT_TCP_KEEPINTVL, 10L);
    /* TLS: certificates come from the shared store, so libcurl itself loads none */
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_PROXY_CAINFO, NULL);
    SET(CURLOPT_PROXY_CAPATH, NULL);
    SET(CURLOPT_SSL_CTX_FUNCTION, use_store);
    SET(CURLOPT_SSL_CTX_DATA, t);
    /* the proxy: as the configuration has it; libcurl would read the environment */
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, t->shared->no_proxy);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    /* callbacks */
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
    struct curl_transport *t = calloc(1, sizeof *t);
    if (t)
        t->curl = curl_easy_init();
    if (!t || !t->curl) {
        free(t);
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    t->base = (struct transport){.perform = perform, .free = transport_free};
    t->shared = shared;
    if (!set_options(t)) {
        transport_free(&t->base);
        err_set(e, ERR_INTERNAL, "this libcurl lacks an option; 7.88 or later is needed");
        return NULL;
    }
    return &t->base;
}
