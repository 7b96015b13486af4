/*
 * What the transport offers before a byte of HTTP: the versions of TLS, the protocol inside it, and
 * the options of its socket. The machine's own settings allow more here than they should, and the
 * C library's setsockopt is replaced, for libcurl too.
 */
#include "transport_fixture.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* ---- socket options -------------------------------------------------------------------------- */

static struct {
    int keep_alive;
    int idle_s;
    int interval_s;
} options;

static void note(int *out, const void *value, socklen_t n)
{
    if (n == sizeof *out)
        memcpy(out, value, sizeof *out);
}

/* The C library's own names of the parameters are reserved ones. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
    if (level == SOL_SOCKET && name == SO_KEEPALIVE)
        note(&options.keep_alive, value, n);
    if (level == IPPROTO_TCP && name == TCP_KEEPIDLE)
        note(&options.idle_s, value, n);
    if (level == IPPROTO_TCP && name == TCP_KEEPINTVL)
        note(&options.interval_s, value, n);
    return (int)syscall(SYS_setsockopt, fd, level, name, value, n);
}

/* ---- a server that reads the hello and no more ----------------------------------------------- */

struct extension {
    unsigned char bytes[64];
    size_t n;
};

struct hello {
    int fd;
    char url[64];
    pthread_t thread;
    struct extension versions;
    struct extension protocols;
};

static void keep_extension(SSL *ssl, unsigned type, struct extension *out)
{
    const unsigned char *bytes;
    size_t n;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &n) == 1 && n <= sizeof out->bytes) {
        memcpy(out->bytes, bytes, n);
        out->n = n;
    }
}

static int on_hello(SSL *ssl, int *alert, void *context)
{
    struct hello *h = context;
    keep_extension(ssl, TLSEXT_TYPE_supported_versions, &h->versions);
    keep_extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &h->protocols);
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_CLIENT_HELLO_ERROR;
}

static void *read_hello(void *context)
{
    struct hello *h = context;
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_client_hello_cb(tls, on_hello, h);
    int fd = accept(h->fd, NULL, NULL);
    SSL *ssl = SSL_new(tls);
    SSL_set_fd(ssl, fd);
    SSL_accept(ssl);
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(tls);
    return NULL;
}

/* One exchange, which comes to nothing. */
static void exchange_hello(struct hello *h)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct client c;
    *h = (struct hello){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(h->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(h->fd, 1), 0);
    assert_int_equal(getsockname(h->fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(h->url, sizeof h->url, "https://127.0.0.1:%d/", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&h->thread, NULL, read_hello, h), 0);
    const struct transport_request request = request_to(h->url);
    client_init(&c, NULL);
    client_perform(&c, &request);
    assert_int_equal(c.response.outcome, TRANSPORT_NOT_SENT);
    client_free(&c);
    pthread_join(h->thread, NULL);
    close(h->fd);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* OpenSSL itself would offer 1.0 and 1.1 as well, as this machine is set. */
static void test_tls_1_2_and_later(void **state)
{
    static const unsigned char wanted[] = {4, 3, 4, 3, 3}; /* the length; 1.3; 1.2 */
    struct hello h;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    (void)state;
    assert_int_equal(SSL_CTX_get_min_proto_version(tls), TLS1_VERSION);
    SSL_CTX_free(tls);
    exchange_hello(&h);
    assert_int_equal(h.versions.n, sizeof wanted);
    assert_memory_equal(h.versions.bytes, wanted, sizeof wanted);
}

/* libcurl itself would offer h2, where all requests to a host share one connection. */
static void test_http_1_1_alone(void **state)
{
    static const unsigned char wanted[] = "\0\x09\x08http/1.1";
    struct hello h;
    (void)state;
    exchange_hello(&h);
    assert_int_equal(h.protocols.n, sizeof wanted - 1);
    assert_memory_equal(h.protocols.bytes, wanted, sizeof wanted - 1);
}

/* Something between that forgets idle connections is found out before a request is. */
static void test_tcp_keep_alive(void **state)
{
    struct hello h;
    (void)state;
    memset(&options, 0, sizeof options);
    exchange_hello(&h);
    assert_int_equal(options.keep_alive, 1);
    assert_int_equal(options.idle_s, 20);
    assert_int_equal(options.interval_s, 10);
}

/* ---- the machine's settings ------------------------------------------------------------------ */

static char settings_path[] = "/tmp/test_transport_hello.XXXXXX";

/* OpenSSL reads them when it is first used. */
static int allow_old_versions(void **state)
{
    static const char text[] = "openssl_conf = init\n"
                               "[init]\nssl_conf = ssl\n"
                               "[ssl]\nsystem_default = tls\n"
                               "[tls]\nMinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n";
    (void)state;
    int fd = mkstemp(settings_path);
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)(sizeof text - 1))
        return -1;
    close(fd);
    signal(SIGPIPE, SIG_IGN);
    return setenv("OPENSSL_CONF", settings_path, 1);
}

static int forget_settings(void **state)
{
    (void)state;
    return unlink(settings_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_tls_1_2_and_later),
        BOTH_WAYS(test_http_1_1_alone),
        BOTH_WAYS(test_tcp_keep_alive),
    };
    return cmocka_run_group_tests_name("transport_hello", tests, allow_old_versions,
                                       forget_settings);
}
