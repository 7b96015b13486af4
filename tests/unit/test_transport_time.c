/*
 * What takes longer than a test may: connections that grow old and name servers that do not answer.
 * The C library's clock and name lookup are replaced here, for libcurl too.
 */
#include "transport_server.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

/* ---- the clock ------------------------------------------------------------------------------- */

static atomic_long ahead_s;

/* The C library's own names of the parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* Every reader in this process sees the monotonic clock ahead by that much. */
int clock_gettime(clockid_t id, struct timespec *out)
{
    long result = syscall(SYS_clock_gettime, id, out);
    if (id == CLOCK_MONOTONIC && result == 0)
        out->tv_sec += ahead_s;
    return (int)result;
}

/* ---- names ----------------------------------------------------------------------------------- */

enum name_server { NAMES_KNOWN, NAMES_UNKNOWN, NAMES_SILENT };

static atomic_int name_server;
static atomic_int lookups;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static int waiting; /* lookups that have no answer yet */

static void set_name_server(enum name_server how)
{
    pthread_mutex_lock(&mutex);
    name_server = how;
    pthread_cond_broadcast(&answered);
    pthread_mutex_unlock(&mutex);
}

static void wait_while_silent(void)
{
    pthread_mutex_lock(&mutex);
    waiting++;
    while (name_server == NAMES_SILENT)
        pthread_cond_wait(&answered, &mutex);
    waiting--;
    pthread_cond_broadcast(&answered);
    pthread_mutex_unlock(&mutex);
}

/* Every name is 127.0.0.1's. In the same shape that the C library's freeaddrinfo expects: one piece
 * of memory. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)node;
    lookups++;
    wait_while_silent();
    if (name_server == NAMES_UNKNOWN)
        return EAI_NONAME;
    struct addrinfo *found = calloc(1, sizeof(struct addrinfo) + sizeof(struct sockaddr_in));
    *out = found;
    if (!found)
        return EAI_MEMORY;
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)(found + 1);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address->sin_port = htons((uint16_t)strtoul(service ? service : "0", NULL, 10));
    found->ai_family = AF_INET;
    found->ai_socktype = hints && hints->ai_socktype ? hints->ai_socktype : SOCK_STREAM;
    found->ai_addrlen = sizeof *address;
    found->ai_addr = (struct sockaddr *)address;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

/* ---- tests ----------------------------------------------------------------------------------- */

static void url_for(const char *name, char *out, size_t size)
{
    (void)snprintf(out, size, "http://%s:%d/", name, server.port);
}

static int before(void **state)
{
    (void)state;
    ahead_s = 0;
    lookups = 0;
    set_name_server(NAMES_KNOWN);
    server_answer_all();
    by_exchange = false;
    return 0;
}

static int before_exchange(void **state)
{
    (void)before(state);
    return go_by_exchange(state);
}

/* Servers close after 60 to 90 s of idleness; libcurl's own limit would be 118 s. */
static void test_idle_connections_are_left_after_50_s(void **state)
{
    static const struct {
        long idle_s;
        int connections;
    } rows[] = {{0, 1}, {48, 1}, {48, 1}, {52, 2}, {1, 2}, {52, 3}};
    struct client c;
    (void)state;
    client_init(&c, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        ahead_s += rows[i].idle_s;
        client_expect_answer(&c, server.url);
        assert_int_equal(aws_server_count(&server, "connections"), rows[i].connections);
    }
    client_free(&c);
}

static void test_a_name_that_does_not_resolve(void **state)
{
    char url[64];
    struct client c;
    (void)state;
    url_for("no-such-host.example", url, sizeof url);
    const struct transport_request request = request_to(url);
    client_init(&c, NULL);
    set_name_server(NAMES_UNKNOWN);
    client_perform(&c, &request);
    assert_int_equal(c.response.outcome, TRANSPORT_NOT_SENT);
    assert_true(c.response.name_not_resolved);
    client_free(&c);
}

/* 40 s between requests: the connection lives, but what libcurl knew of the name is too old. */
static void test_a_healthy_connection_outlives_its_name(void **state)
{
    char url[64];
    char other[64];
    struct client c;
    (void)state;
    url_for("dynamodb.example", url, sizeof url);
    url_for("other.example", other, sizeof other);
    const struct transport_request elsewhere = request_to(other);
    client_init(&c, NULL);
    client_expect_answer(&c, url);
    set_name_server(NAMES_UNKNOWN);
    for (int i = 0; i < 3; i++) {
        ahead_s += 40;
        client_perform(&c, &elsewhere);
        assert_true(c.response.name_not_resolved);
        client_expect_answer(&c, url);
    }
    assert_int_equal(aws_server_count(&server, "connections"), 1);
    client_free(&c);
}

/* An idle connection needs no name; one that is opened within a minute has it from the one before.
 */
static void test_connections_share_their_names(void **state)
{
    char url[64];
    struct client c;
    (void)state;
    url_for("dynamodb.example", url, sizeof url);
    client_init(&c, NULL);
    client_expect_answer(&c, url);
    set_name_server(NAMES_UNKNOWN);
    client_expect_answer(&c, url);
    assert_int_equal(aws_server_count(&server, "connections"), 1);
    aws_server_do(&server, "{\"close_idle\":true}");
    client_expect_answer(&c, url);
    assert_int_equal(aws_server_count(&server, "connections"), 2);
    assert_int_equal(lookups, 1);
    client_free(&c);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_a_silent_name_server_holds_nobody(void **state)
{
    char url[64];
    struct client c;
    (void)state;
    url_for("dynamodb.example", url, sizeof url);
    struct transport_request request = request_to(url);
    request.connect_timeout_ms = 100;
    client_init(&c, NULL);
    set_name_server(NAMES_SILENT);
    int64_t began = now_ms();
    client_perform(&c, &request);
    /* It would wait for good: nobody answers before this line. */
    assert_true(now_ms() - began < 4000);
    assert_int_equal(c.response.outcome, TRANSPORT_NOT_SENT);
    assert_true(c.response.timed_out);
    assert_int_equal(lookups, 1);
    client_free(&c);
    /* The thread that asked ends by itself, without the handle that it asked for. */
    set_name_server(NAMES_KNOWN);
    pthread_mutex_lock(&mutex);
    while (waiting > 0)
        pthread_cond_wait(&answered, &mutex);
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_idle_connections_are_left_after_50_s, before_exchange),
        cmocka_unit_test_setup(test_a_name_that_does_not_resolve, before),
        cmocka_unit_test_setup(test_a_name_that_does_not_resolve, before_exchange),
        cmocka_unit_test_setup(test_a_healthy_connection_outlives_its_name, before),
        cmocka_unit_test_setup(test_connections_share_their_names, before_exchange),
        cmocka_unit_test_setup(test_a_silent_name_server_holds_nobody, before),
        cmocka_unit_test_setup(test_a_silent_name_server_holds_nobody, before_exchange),
    };
    return cmocka_run_group_tests_name("transport_time", tests, server_start, server_stop);
}
