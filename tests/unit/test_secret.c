/*
 * That secrets are gone from memory when their owners are done with them. Each scenario handles a
 * secret with the letters of MARK in it; every block of the heap is searched for them when it is
 * freed, and the stack of the thread that the scenario ran in afterwards. (Sanitizers have a heap
 * and, for locals, a stack of their own: under them the scenarios only run.)
 */
#include "fake_aws.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>

#include "aws/dynamo_request.h"
#include "aws/imds.h"
#include "aws/secret.h"
#include "aws/sigv4.h"

#define MARK "HUSHHUSH"
#define MARKS MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK

/* ---- the heap and the stack ------------------------------------------------------------------ */

static _Thread_local bool watching;
static _Thread_local unsigned found; /* freed blocks with the mark in them, above all */

static char *stack; /* of the thread of a scenario */
#define STACK_SIZE ((size_t)4 * 1024 * 1024)
static _Thread_local unsigned cleansed; /* pieces of it that had the mark */

void OPENSSL_cleanse(void *p, size_t n)
{
    bool on_stack = (char *)p >= stack && (char *)p < stack + STACK_SIZE;
    if (watching && on_stack && memmem(p, n, MARK, sizeof MARK - 1))
        cleansed++;
    explicit_bzero(p, n);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WATCHES 1

/* The C library's own names are reserved ones. */
/* NOLINTBEGIN(bugprone-*,cert-*,readability-*) */

/* glibc's own, below the ones that are replaced here. */
extern void __libc_free(void *p);

static void look_at(void *p, size_t n)
{
    if (watching && p && memmem(p, n, MARK, sizeof MARK - 1))
        found++;
}

void free(void *p)
{
    look_at(p, p ? malloc_usable_size(p) : 0);
    __libc_free(p);
}

/* Always moves, so that what stays behind is seen. */
void *realloc(void *p, size_t n)
{
    void *moved = malloc(n ? n : 1);
    size_t old = p ? malloc_usable_size(p) : 0;
    if (!moved)
        return NULL;
    if (p)
        memcpy(moved, p, old < n ? old : n);
    free(p);
    return moved;
}

/* NOLINTEND(bugprone-*,cert-*,readability-*) */
#else
#define WATCHES 0
#endif

struct scenario {
    const char *name;
    void (*run)(void);
};

struct run {
    const struct scenario *scenario;
    unsigned found;
};

static void *run_in_thread(void *context)
{
    struct run *run = context;
    watching = true;
    run->scenario->run();
    watching = false;
    run->found = found;
    return NULL;
}

static void check(const struct scenario *scenario)
{
    struct run run = {.scenario = scenario};
    pthread_attr_t attributes;
    pthread_t thread;
    stack = aligned_alloc(4096, STACK_SIZE);
    print_message("  %s\n", scenario->name);
    assert_non_null(stack);
    memset(stack, 0, STACK_SIZE);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK_SIZE);
    assert_int_equal(pthread_create(&thread, &attributes, run_in_thread, &run), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    if (run.found)
        fail_msg("%s: the secret stays in %u places", scenario->name, run.found);
    if (WATCHES && memmem(stack, STACK_SIZE, MARK, sizeof MARK - 1))
        fail_msg("%s: the secret is on the stack", scenario->name);
    free(stack);
    stack = NULL;
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static const char secret[] = "x/" MARK "+y";

static void copy_a_string(void)
{
    secret_free(secret_dup(STR(secret)));
    secret_free(NULL);
}

static void fill_a_buffer(void)
{
    struct buf b;
    secret_buf_init(&b, 20000);
    for (int i = 0; i < 1000; i++)
        buf_puts(&b, secret);
    secret_buf_free(&b);
}

static void read_file_up_to(size_t cap)
{
    char path[96];
    struct buf b;
    (void)snprintf(path, sizeof path, "%s/token", fake_home);
    (void)secret_read_file(path, cap, &b);
    secret_buf_free(&b);
}

static void read_a_file(void)
{
    read_file_up_to(4096);
}

static void read_a_file_that_is_too_long(void)
{
    read_file_up_to(4);
}

static void make_credentials(struct credentials *out)
{
    const struct credentials_strings strings = {STR(MARK "I"), STR(secret), STR(MARK "T"), 1};
    (void)credentials_set(out, "test", &strings, NULL);
}

static void copy_credentials(void)
{
    struct credentials a = {0};
    struct credentials b = {0};
    make_credentials(&a);
    (void)credentials_copy(&b, &a);
    credentials_clear(&a);
    credentials_clear(&b);
}

/* The escapes make the decoded strings copies. */
static void read_a_document(void)
{
    static const char text[] =
        "{\"AccessKeyId\":\"\\u0041" MARK "\",\"SecretAccessKey\":\"\\u0041" MARK "\","
        "\"Token\":\"\\u0041" MARK "\",\"Expiration\":\"" FAKE_HOUR "\"}";
    static const struct credentials_dialect dialect = {.token_name = "Token", .temporary = true};
    struct credentials c = {0};
    (void)credentials_read_document(STR(text), &dialect, "test", FAKE_NOW_US, &c, NULL);
    credentials_clear(&c);
}

static void sign_a_request(void)
{
    const struct sigv4_request request = {
        .host = STR("h"),
        .body = STR("{}"),
        .wall_s = FAKE_NOW_US / 1000000,
        .region = "us-east-1",
        .service = "dynamodb",
        .access_key_id = STR("AK"),
        .secret_access_key = STR(MARKS MARKS),
        .session_token = STR("t" MARKS),
    };
    char date[SIGV4_DATE_SIZE];
    struct buf authorization;
    buf_init(&authorization, 4096);
    (void)sigv4_sign(&request, date, &authorization, NULL, NULL);
    /* What follows writes over the stack, which would tell nothing later. */
    found += WATCHES && cleansed != 1;
    buf_free(&authorization);
}

/* With the tokens of two generations, and a body behind each. */
static void send_a_token(void)
{
    struct dynamo_endpoint endpoint = {.region = "us-east-1"};
    struct dynamo_request request = {0};
    char body[20000];
    const struct dynamo_call call = {DYNAMO_QUERY, {body, sizeof(body)}, true};
    memset(body, 'b', sizeof(body));
    (void)dynamo_endpoint_set(&endpoint, "http://h", NULL);
    for (int i = 0; i < 3; i++) {
        struct credentials c = {0};
        make_credentials(&c);
        (void)dynamo_request_prepare(&request, &endpoint, &c);
        (void)dynamo_request_begin(&request, &call);
        found += dynamo_request_sign(&request, &endpoint, &c, FAKE_NOW_US / 1000000 + i) != 0;
        credentials_clear(&c);
    }
    dynamo_request_free(&request);
}

static void give_secret(struct transport *t, const struct transport_request *request,
                        struct transport_response *response)
{
    (void)t;
    (void)request;
    response->outcome = TRANSPORT_ANSWERED;
    response->status = 200;
    buf_reset(&response->body);
    buf_puts(&response->body, secret);
}

static void talk_to_the_metadata_service(void)
{
    struct fake_clock clock = {.wall_us = FAKE_NOW_US};
    struct clock table = fake_clock_table(&clock);
    struct transport transport = {.perform = give_secret};
    struct config config = {0};
    const struct credentials_context context = {
        .config = &config, .clock = &table, .transport = &transport};
    struct imds imds;
    struct transport_response response;
    credentials_response_init(&response);
    if (imds_open(&imds, &context, NULL) == CREDENTIALS_FOUND)
        (void)imds_get(&imds, "/x", &response, NULL);
    credentials_response_free(&response);
    imds_close(&imds);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_nothing_stays(void **state)
{
    static const struct scenario scenarios[] = {
        {"a string", copy_a_string},
        {"a buffer", fill_a_buffer},
        {"a file", read_a_file},
        {"a file that is too long", read_a_file_that_is_too_long},
        {"credentials", copy_credentials},
        {"a document", read_a_document},
        {"a signature", sign_a_request},
        {"a request", send_a_token},
        {"the metadata service", talk_to_the_metadata_service},
    };
    (void)state;
    fake_file_write("token", secret);
    for (size_t i = 0; i < COUNT(scenarios); i++)
        check(&scenarios[i]);
}

/* What this file's checks are worth: they see what an ordinary string and buffer leave. */
static void leave_a_block(void)
{
    free(strdup(secret));
}

static void leave_a_copy(void)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_puts(&b, secret);
    (void)buf_reserve(&b, 4000);
    OPENSSL_cleanse(b.data, b.size);
    buf_free(&b);
}

static void test_the_checks_see(void **state)
{
    static const struct scenario leaks[] = {{"a block", leave_a_block}, {"a copy", leave_a_copy}};
    (void)state;
    for (size_t i = 0; WATCHES && i < COUNT(leaks); i++) {
        struct run run = {.scenario = &leaks[i]};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_in_thread, &run), 0);
        pthread_join(thread, NULL);
        assert_int_equal(run.found, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_stays),
        cmocka_unit_test(test_the_checks_see),
    };
    return cmocka_run_group_tests_name("secret", tests, fake_home_make, fake_home_remove);
}
