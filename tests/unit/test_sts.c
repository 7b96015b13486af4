/* STS: signatures against an independent signer's values, who the caller is, and, over a real
 * socket and libcurl, what arrives at STS and at the metadata service. */
#include "fake_aws.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "aws/imds.h"
#include "aws/sts.h"

#define STS "POST https://sts.eu-central-1.amazonaws.com/"
#define IDENTITY                                                                                   \
    "{\"GetCallerIdentityResponse\":{\"GetCallerIdentityResult\":{\"Account\":\"123456789012\","   \
    "\"Arn\":\"arn:aws:iam::123456789012:user/me\",\"UserId\":\"AIDA\"},"                          \
    "\"ResponseMetadata\":{\"RequestId\":\"x\"}}}"

/* Copies in memory of their own, which credentials_clear can free. */
static void make_credentials(const char *token, struct credentials *out)
{
    const struct credentials_strings strings = {STR("AKID"), STR("HUSH/+key"), str_from(token),
                                                CREDENTIALS_NEVER_EXPIRE};
    assert_int_equal(credentials_set(out, "test", &strings, NULL), 0);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;
    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
        n++;
    return n;
}

/* ---- signatures and answers --------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const char *token;
    struct fake_answer script[4];
    const char *seen[3];
    const char *arn;   /* NULL: an error */
    const char *words; /* of the error */
} identity_cases[] = {
    {"signed",
     NULL,
     {{STS, 0, 200, IDENTITY, 0}},
     {"\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/sts/aws4_request, "
      "SignedHeaders=content-type;host;x-amz-date, "
      "Signature=35be277083c9c9afed840fdaa53e93e6925ab72fb6764c82bc164b9af92880f4\n",
      "\n\nAction=GetCallerIdentity&Version=2011-06-15\n"},
     "arn:aws:iam::123456789012:user/me",
     NULL},
    {"signed with a token",
     "HUSH/token==",
     {{STS, 0, 200, IDENTITY, 0}},
     {"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
      "Signature=17cb274119446920c123725ee8b90fb3b37dd944d098d3aad9b0171598858019\n",
      "\nX-Amz-Security-Token: HUSH/token==\n"},
     "arn:aws:iam::123456789012:user/me",
     NULL},
    {"a wrong key",
     NULL,
     {{STS, 0, 403,
       "{\"Error\":{\"Code\":\"InvalidClientTokenId\",\"Message\":\"The token is invalid.\"}}", 0}},
     {NULL},
     NULL,
     "GetCallerIdentity: STS says InvalidClientTokenId: The token is invalid."},
    {"names nobody", NULL, {{STS, 0, 200, "{}", 0}}, {NULL}, NULL, "names nobody"},
    {"not there",
     NULL,
     {{STS, TRANSPORT_NOT_SENT, 0, NULL, 0},
      {STS, TRANSPORT_NOT_SENT, 0, NULL, 0},
      {STS, TRANSPORT_NOT_SENT, 0, NULL, 0}},
     {NULL},
     NULL,
     "no answer"},
};

static void check_identity(size_t i)
{
    static const char *const settings[] = {NULL};
    struct config config;
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct credentials who = {0};
    struct sts_identity identity;
    struct err e = {0};
    print_message("  %s\n", identity_cases[i].name);
    fake_config(&config, settings);
    fake_transport_init(&transport, identity_cases[i].script);
    make_credentials(identity_cases[i].token, &who);
    const struct credentials_context context = {&config, &table, &transport.table, "eu-central-1",
                                                NULL};
    int result = sts_get_caller_identity(&context, &who, &identity, &e);
    assert_int_equal(result, identity_cases[i].arn ? 0 : -1);
    if (identity_cases[i].arn) {
        assert_string_equal(identity.arn, identity_cases[i].arn);
        assert_string_equal(identity.account, "123456789012");
        assert_string_equal(identity.user_id, "AIDA");
    } else if (!strstr(e.detail, identity_cases[i].words)) {
        fail_msg("the error says: %s", e.detail);
    }
    for (size_t k = 0; k < COUNT(identity_cases[i].seen) && identity_cases[i].seen[k]; k++) {
        if (!strstr(transport.transcript.data, identity_cases[i].seen[k]))
            fail_msg("no \"%s\" in\n%s", identity_cases[i].seen[k], transport.transcript.data);
    }
    credentials_clear(&who);
    buf_free(&transport.transcript);
    config_free(&config);
}

static void test_identity(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(identity_cases); i++)
        check_identity(i);
}

#define OLD_SIGNATURE                                                                              \
    "{\"Error\":{\"Code\":\"SignatureDoesNotMatch\",\"Message\":\"Signature expired: a\"}}"

/* What one call has learned counts from the next one's first try on, and in DynamoDB's too. */
static void test_a_corrected_clock_stays_corrected(void **state)
{
    static const char *const settings[] = {NULL};
    static const struct fake_answer script[] = {{STS, 0, 403, OLD_SIGNATURE, 0},
                                                {STS, 0, 200, IDENTITY, 0},
                                                {STS, 0, 200, IDENTITY, 0},
                                                {0}};
    struct config config;
    struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
    struct clock table = fake_clock_table(&clock);
    struct fake_transport transport;
    struct skew skew = {0};
    struct credentials who = {0};
    struct sts_identity identity;
    struct err e = {0};
    (void)state;
    fake_config(&config, settings);
    fake_transport_init(&transport, script);
    transport.server_ahead_s = -3600;
    make_credentials(NULL, &who);
    const struct credentials_context context = {&config, &table, &transport.table, "eu-central-1",
                                                &skew};
    for (int i = 0; i < 2; i++) {
        if (sts_get_caller_identity(&context, &who, &identity, &e) != 0)
            fail_msg("%s", e.detail);
    }
    assert_int_equal(transport.requests, 3);
    assert_int_equal(skew_get(&skew), -3600);
    assert_int_equal(count(transport.transcript.data, "X-Amz-Date: 20260101T000000Z\n"), 1);
    assert_int_equal(count(transport.transcript.data, "X-Amz-Date: 20251231T230000Z\n"), 2);
    assert_int_equal(clock.slept_us, 0);
    credentials_clear(&who);
    buf_free(&transport.transcript);
    config_free(&config);
}

/* The clocks agree: the process was held up after it had signed. Once, that is tried again. */
static void test_a_signature_that_grew_old(void **state)
{
    static const char *const settings[] = {NULL};
    static const struct fake_answer scripts[][3] = {
        {{STS, 0, 403, OLD_SIGNATURE, 0}, {STS, 0, 200, IDENTITY, 0}, {0}},
        {{STS, 0, 403, OLD_SIGNATURE, 0}, {STS, 0, 403, OLD_SIGNATURE, 0}, {0}}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct config config;
        struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
        struct clock table = fake_clock_table(&clock);
        struct fake_transport transport;
        struct skew skew = {0};
        struct credentials who = {0};
        struct sts_identity identity;
        struct err e = {0};
        fake_config(&config, settings);
        fake_transport_init(&transport, scripts[i]);
        make_credentials(NULL, &who);
        const struct credentials_context context = {&config, &table, &transport.table,
                                                    "eu-central-1", &skew};
        assert_int_equal(sts_get_caller_identity(&context, &who, &identity, &e), -i);
        assert_int_equal(transport.requests, 2);
        assert_int_equal(skew_get(&skew), 0);
        credentials_clear(&who);
        buf_free(&transport.transcript);
        config_free(&config);
    }
}

static const struct {
    const char *region;
    const char *url;
} region_cases[] = {
    {"us-east-1", "POST https://sts.us-east-1.amazonaws.com/"},
    {"cn-north-1", "POST https://sts.cn-north-1.amazonaws.com.cn/"},
    {"cn-northwest-1", "POST https://sts.cn-northwest-1.amazonaws.com.cn/"},
    {"", "POST https://sts.us-east-1.amazonaws.com/"},
    {NULL, "POST https://sts.us-east-1.amazonaws.com/"},
};

static void test_regions(void **state)
{
    (void)state;
    static const char *const settings[] = {NULL};
    for (size_t i = 0; i < COUNT(region_cases); i++) {
        const struct fake_answer script[] = {{region_cases[i].url, 0, 200, IDENTITY, 0}, {0}};
        struct config config;
        struct fake_clock clock = {.wall_us = FAKE_NOW_US, .chance = 0.5};
        struct clock table = fake_clock_table(&clock);
        struct fake_transport transport;
        struct credentials who = {0};
        struct sts_identity identity;
        struct err e = {0};
        fake_config(&config, settings);
        fake_transport_init(&transport, script);
        make_credentials(NULL, &who);
        const struct credentials_context context = {&config, &table, &transport.table,
                                                    region_cases[i].region, NULL};
        assert_int_equal(sts_get_caller_identity(&context, &who, &identity, &e), 0);
        credentials_clear(&who);
        buf_free(&transport.transcript);
        config_free(&config);
    }
}

/* ---- over a socket -----------------------------------------------------------------------------
 */

/* Answers one connection after the other, each with the next body, and keeps what it read. */
struct server {
    int fd;
    unsigned port;
    const char *const *bodies; /* ended by NULL */
    struct buf seen;
    pthread_t thread;
};

static size_t body_length(const char *head)
{
    const char *field = strstr(head, "Content-Length: ");
    return field ? strtoul(field + 16, NULL, 10) : 0;
}

/* Until head and body are whole. */
static void read_request(int fd, struct buf *seen)
{
    size_t start = seen->len;
    for (;;) {
        char piece[2048];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n <= 0)
            return;
        buf_append(seen, piece, (size_t)n);
        const char *end = strstr(seen->data + start, "\r\n\r\n");
        if (end && strlen(end + 4) >= body_length(seen->data + start))
            return;
    }
}

static void *serve(void *argument)
{
    struct server *s = argument;
    for (const char *const *body = s->bodies; *body; body++) {
        char head[128];
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, 20000) != 1)
            return NULL;
        int fd = accept(s->fd, NULL, NULL);
        read_request(fd, &s->seen);
        int n = snprintf(head, sizeof head,
                         "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                         strlen(*body));
        if (write(fd, head, (size_t)n) != n ||
            write(fd, *body, strlen(*body)) != (ssize_t)strlen(*body))
            buf_puts(&s->seen, "(the answer was not written)");
        close(fd);
    }
    return NULL;
}

static void server_start(struct server *s, const char *const *bodies)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .bodies = bodies};
    buf_init(&s->seen, 1 << 16);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
}

struct wire {
    struct config config;
    struct transport_shared *shared;
    struct transport *transport;
    struct credentials_context context;
};

static void wire_begin(struct wire *w, const char *const *settings)
{
    struct err e = {0};
    fake_config(&w->config, settings);
    w->shared = transport_shared_new(&w->config, &e);
    assert_non_null(w->shared);
    w->transport = transport_curl_new(w->shared, &e);
    assert_non_null(w->transport);
    w->context =
        (struct credentials_context){&w->config, &clock_system, w->transport, "eu-central-1", NULL};
}

static void wire_end(struct wire *w)
{
    w->transport->free(w->transport);
    transport_shared_free(w->shared);
    config_free(&w->config);
}

static void expect_once(const struct server *s, const char *word)
{
    if (count(s->seen.data, word) != 1)
        fail_msg("not once \"%s\" in\n%s", word, s->seen.data);
}

static void test_sts_on_the_wire(void **state)
{
    (void)state;
    static const char *const bodies[] = {IDENTITY, NULL};
    struct server server;
    struct wire w;
    struct credentials who = {0};
    struct sts_identity identity;
    struct err e = {0};
    char setting[64];
    char host[64];
    server_start(&server, bodies);
    (void)snprintf(setting, sizeof setting, "AWS_ENDPOINT_URL_STS=http://127.0.0.1:%u",
                   server.port);
    (void)snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%u\r\n", server.port);
    const char *const settings[] = {setting, NULL};
    wire_begin(&w, settings);
    make_credentials("HUSHT", &who);
    if (sts_get_caller_identity(&w.context, &who, &identity, &e) != 0)
        fail_msg("%s", e.detail);
    assert_string_equal(identity.account, "123456789012");
    server_end(&server);
    expect_once(&server, "POST / HTTP/1.1\r\n");
    expect_once(&server, host); /* as it was signed */
    expect_once(&server, "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n");
    expect_once(&server, "Accept: application/json\r\n");
    expect_once(&server, "Accept:");
    expect_once(&server, "X-Amz-Date: ");
    expect_once(&server, "X-Amz-Security-Token: HUSHT\r\n");
    expect_once(&server, "\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15");
    buf_free(&server.seen);
    credentials_clear(&who);
    wire_end(&w);
}

static void test_imds_on_the_wire(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "TOKEN==", "app-role",
        "{\"Code\":\"Success\",\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"HUSH\","
        "\"Token\":\"T\",\"Expiration\":\"2099-01-01T00:00:00Z\"}",
        NULL};
    struct server server;
    struct wire w;
    struct credentials c = {0};
    struct err e = {0};
    char setting[80];
    server_start(&server, bodies);
    (void)snprintf(setting, sizeof setting,
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%u/", server.port);
    /* A proxy that would not answer: it must not be asked. */
    const char *const settings[] = {setting, "HTTP_PROXY=http://127.0.0.1:1",
                                    "http_proxy=http://127.0.0.1:1", NULL};
    wire_begin(&w, settings);
    if (credentials_imds(&w.context, &c, &e) != CREDENTIALS_FOUND)
        fail_msg("%s", e.detail);
    assert_string_equal(c.access_key_id, "AK");
    server_end(&server);
    expect_once(&server, "PUT /latest/api/token HTTP/1.1\r\n");
    expect_once(&server, "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
    expect_once(&server, "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n");
    expect_once(&server, "GET /latest/meta-data/iam/security-credentials/app-role HTTP/1.1\r\n");
    assert_int_equal(count(server.seen.data, "X-aws-ec2-metadata-token: TOKEN==\r\n"), 2);
    buf_free(&server.seen);
    credentials_clear(&c);
    wire_end(&w);
}

/* A port where nobody listens: the first answer of most machines, and it must be quick. */
static void test_nobody_on_the_wire(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct wire w;
    struct credentials c = {0};
    struct err e = {0};
    char setting[80];
    int fd =
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, so that nobody else gets it */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(setting, sizeof setting, "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    const char *const settings[] = {setting, NULL};
    wire_begin(&w, settings);
    assert_int_equal(credentials_imds(&w.context, &c, &e), CREDENTIALS_NOT_HERE);
    wire_end(&w);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_a_corrected_clock_stays_corrected),
        cmocka_unit_test(test_a_signature_that_grew_old),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_sts_on_the_wire),
        cmocka_unit_test(test_imds_on_the_wire),
        cmocka_unit_test(test_nobody_on_the_wire),
    };
    return cmocka_run_group_tests_name("sts", tests, fake_home_make, fake_home_remove);
}
