/*
 * STS's answers: to each of the three calls, with every try answered alike. The input: a line with
 * the HTTP status, then the body.
 */
#include "fuzz.h"

#include "aws/credentials_provider.h"
#include "aws/sts.h"
#include "base/log.h"

#define NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

static struct config config;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err e;

    (void)argc, (void)argv;
    (void)clearenv();
    (void)setenv("AWS_ENDPOINT_URL_STS", "https://sts.example/", 1);
    FUZZ_MUST(log_open(LOG_ERROR, LOG_TEXT, "/dev/null", &e) == 0);
    FUZZ_MUST(config_load(&config, NULL, false, &e) == 0);
    return 0;
}

static int64_t now_us(void *context)
{
    (void)context;
    return NOW_US;
}

static void sleep_us(void *context, int64_t us)
{
    (void)context, (void)us;
}

static double chance(void *context)
{
    (void)context;
    return 0.5;
}

static const struct clock still = {now_us, now_us, sleep_us, chance, NULL};

struct fuzz_transport {
    struct transport table;
    int status;
    struct str body;
    unsigned calls;
};

static void perform(struct transport *t, const struct transport_request *request,
                    struct transport_response *response)
{
    struct fuzz_transport *f = (struct fuzz_transport *)t;

    (void)request;
    FUZZ_MUST(++f->calls < 10); /* whatever is answered, it is not asked for ever */
    buf_reset(&response->body);
    buf_append_str(&response->body, f->body);
    response->outcome = TRANSPORT_ANSWERED;
    response->status = f->status;
    response->date_s = -1;
    response->crc32 = -1;
    response->retry_after_ms = -1;
    response->error[0] = '\0';
}

static void call_all(struct fuzz_transport *f)
{
    char key[] = "AKID";
    char secret[] = "SECRET";
    const struct credentials with = {.access_key_id = key, .secret_access_key = secret};
    const struct sts_role role = {.role_arn = "arn:aws:iam::123456789012:role/r"};
    const struct credentials_context context = {
        .config = &config, .clock = &still, .transport = &f->table, .region = "us-east-1"};
    struct credentials found = {0};
    struct sts_identity who;
    struct err e = {0};

    f->calls = 0;
    if (sts_assume_role(&context, &with, &role, "fuzz", &found, &e) < 0)
        fuzz_check_error(&e);
    credentials_clear(&found);
    f->calls = 0;
    found = (struct credentials){0};
    if (sts_assume_role_with_web_identity(&context, &role, STR("token"), "fuzz", &found, &e) < 0)
        fuzz_check_error(&e);
    credentials_clear(&found);
    f->calls = 0;
    if (sts_get_caller_identity(&context, &with, &who, &e) < 0)
        fuzz_check_error(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_input(data, size);
    char *status = fuzz_text(fuzz_line(&rest));
    struct fuzz_transport f = {.table = {.perform = perform},
                               .status = (int)strtoul(status, NULL, 10) % 1000,
                               .body = rest};

    free(status);
    if (rest.n < CREDENTIALS_BODY_MAX)
        call_all(&f);
    return 0;
}
