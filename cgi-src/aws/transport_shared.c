/*
 * What is the same for all handles of libcurl in a process: certificates, proxy, options, and what
 * connections learn from each other. Exchanges are aws/transport.c's and aws/http_exchange.c's.
 */
#include "aws/transport_shared.h"

#include <limits.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <strings.h>

/* ---- certificates and proxy ------------------------------------------------------------------ */

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

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

/* ---- what connections have learnt ------------------------------------------------------------ */

static void lock_learnt(CURL *curl, curl_lock_data what, curl_lock_access access, void *context)
{
    struct transport_shared *shared = context;
    (void)curl;
    (void)access;
    pthread_mutex_lock(&shared->locks[what]);
}

static void unlock_learnt(CURL *curl, curl_lock_data what, void *context)
{
    struct transport_shared *shared = context;
    (void)curl;
    pthread_mutex_unlock(&shared->locks[what]);
}

/* A new connection need not ask for the name again within a minute, and its handshake takes up the
 * session of an earlier one. */
static int share_learnt(struct transport_shared *shared)
{
    CURLSH *s = shared->learnt = curl_share_init();
    if (!s || curl_share_setopt(s, CURLSHOPT_LOCKFUNC, lock_learnt) != CURLSHE_OK ||
        curl_share_setopt(s, CURLSHOPT_UNLOCKFUNC, unlock_learnt) != CURLSHE_OK ||
        curl_share_setopt(s, CURLSHOPT_USERDATA, shared) != CURLSHE_OK ||
        curl_share_setopt(s, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
        curl_share_setopt(s, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
        return -1;
    return 0;
}

/* ---- both -------------------------------------------------------------------------------------
 */

static int transport_shared_fill(struct transport_shared *shared, const struct config *config,
                                 struct err *e)
{
    shared->store = X509_STORE_new();
    shared->proxy = copy_text(config_get(config, "HTTPS_PROXY"));
    shared->no_proxy = copy_text(config_get(config, "NO_PROXY"));
    user_agent_make(config, shared->user_agent);
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&shared->locks[i], NULL);
    if (!shared->store || !shared->proxy || !shared->no_proxy || share_learnt(shared) < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (load_certificates(shared->store, config_get(config, "AWS_CA_BUNDLE"), e) < 0)
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
    shared = calloc(1, sizeof(*shared));
    if (!shared)
        err_set(e, ERR_INTERNAL, "out of memory");
    if (!shared || transport_shared_fill(shared, config, e) < 0) {
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
    curl_share_cleanup(shared->learnt); /* which takes NULL, and locks */
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_destroy(&shared->locks[i]);
    X509_STORE_free(shared->store);
    free(shared->proxy);
    free(shared->no_proxy);
    free(shared);
    curl_global_cleanup();
}

/* ---- handles --------------------------------------------------------------------------------- */

static CURLcode use_store(CURL *curl, void *ssl_context, void *context)
{
    const struct transport_shared *shared = context;
    (void)curl;
    SSL_CTX_set1_cert_store(ssl_context, shared->store);
    return CURLE_OK;
}

/* False if libcurl lacks one. */
static bool set_options(CURL *c, const struct transport_shared *shared, char *error)
{
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad |= curl_easy_setopt(c, option, value)
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, shared->user_agent);
    SET(CURLOPT_ERRORBUFFER, error);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A name server that does not answer must not hold the request beyond its time: libcurl would
     * wait for its resolving thread. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, 20L);
    SET(CURLOPT_TCP_KEEPINTVL, 10L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    /* TLS: certificates come from the shared store, so libcurl itself loads none */
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAINFO, NULL);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_PROXY_CAINFO, NULL);
    SET(CURLOPT_PROXY_CAPATH, NULL);
    SET(CURLOPT_SSL_CTX_FUNCTION, use_store);
    SET(CURLOPT_SSL_CTX_DATA, shared);
    /* the proxy: as the configuration has it; libcurl would read the environment */
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, shared->no_proxy);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#undef SET
    return bad == CURLE_OK;
}

CURL *transport_handle_new(const struct transport_shared *shared, char error[CURL_ERROR_SIZE])
{
    CURL *curl = curl_easy_init();
    if (curl && !set_options(curl, shared, error)) {
        curl_easy_cleanup(curl);
        return NULL;
    }
    return curl;
}

bool transport_is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

long transport_to_ms(int64_t ms)
{
    return ms < 1 ? 1L : ms > INT_MAX ? (long)INT_MAX : (long)ms;
}

void transport_explain(struct transport_response *r, CURLcode code, const char *error)
{
    r->name_not_resolved =
        code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
    r->timed_out = code == CURLE_OPERATION_TIMEDOUT;
    transport_keep_text(r->error, sizeof(r->error),
                        str_from(error[0] ? error : curl_easy_strerror(code)));
}
