/*
 * The conversation with the instance metadata service: the token, its header, the fall-back to
 * version 1. Callers decide what it is asked for.
 */
#include "aws/imds.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials_provider.h"
#include "aws/profile.h"
#include "aws/region.h"
#include "aws/secret.h"

#define SOURCE "instance metadata"
#define TIMEOUT_MS 1000
#define FIRST_TRIES 1 /* most machines that come here have no such service: each second counts */
#define TRIES 3
#define TOKEN_HEADER "X-aws-ec2-metadata-token: "
#define TTL_HEADER "X-aws-ec2-metadata-token-ttl-seconds: 21600"

static bool is_true(const struct config *config, const char *key)
{
    const char *value = config_get(config, key);
    return value && strcasecmp(value, "true") == 0;
}

/* ---- settings ---- */

/* Where the service is, if no URL says it. */
static int use_mode(const struct config *config, char *out, size_t size, struct err *e)
{
    static const struct profile_setting setting = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                                   "ec2_metadata_service_endpoint_mode"};
    char mode[16];
    if (profile_setting(config, &setting, mode, sizeof(mode), e) < 0)
        return -1;
    bool v6 = strcasecmp(mode, "IPv6") == 0;
    if (mode[0] && !v6 && strcasecmp(mode, "IPv4") != 0)
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s of the profile must be IPv4 or IPv6",
                       setting.profile_key);
    (void)snprintf(out, size, "%s", v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
    return 0;
}

static int imds_find_endpoint(const struct config *config, char *out, size_t size, struct err *e)
{
    static const struct profile_setting setting = {"AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                                   "ec2_metadata_service_endpoint"};
    if (profile_setting(config, &setting, out, size, e) < 0)
        return -1;
    if (!out[0])
        return use_mode(config, out, size, e);
    for (size_t n = strlen(out); n > 0 && out[n - 1] == '/'; n--)
        out[n - 1] = '\0';
    if (strncmp(out, "http://", 7) != 0 && strncmp(out, "https://", 8) != 0)
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s is not a URL", setting.config_key);
    return 0;
}

/* A number of the configuration (checked when it was read) or of the profile; 0 if there is none.
 */
static int find_number(const struct config *config, const struct profile_setting *setting,
                       int64_t most, int64_t *out, struct err *e)
{
    char text[16];
    if (profile_setting(config, setting, text, sizeof(text), e) < 0)
        return -1;
    *out = 0;
    for (const char *p = text; *p && *out <= most; p++)
        *out = *p >= '0' && *p <= '9' ? *out * 10 + (*p - '0') : most + 1;
    if (text[0] && (*out < 1 || *out > most))
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                       "%s of the profile must be a number from 1 to %lld", setting->profile_key,
                       (long long)most);
    return 0;
}

static int find_patience(struct imds *imds, struct err *e)
{
    static const struct profile_setting timeout = {"AWS_METADATA_SERVICE_TIMEOUT",
                                                   "metadata_service_timeout"};
    static const struct profile_setting attempts = {"AWS_METADATA_SERVICE_NUM_ATTEMPTS",
                                                    "metadata_service_num_attempts"};
    const struct config *config = imds->context->config;
    int64_t seconds;
    int64_t tries;
    if (find_number(config, &timeout, 60, &seconds, e) < 0 ||
        find_number(config, &attempts, 20, &tries, e) < 0)
        return -1;
    imds->timeout_ms = seconds ? seconds * 1000 : TIMEOUT_MS;
    imds->tries.unanswered = tries ? (unsigned)tries : FIRST_TRIES;
    imds->tries.once_answered = tries ? (unsigned)tries : TRIES;
    return 0;
}

/* ---- the conversation ---- */

struct imds_question {
    const char *method;
    const char *path;
    const char *header; /* "": none */
};

static void imds_ask(const struct imds *imds, const struct imds_question *q,
                     const struct credentials_tries *tries, struct transport_response *response)
{
    char url[512];
    (void)snprintf(url, sizeof url, "%s%s", imds->endpoint, q->path);
    const char *headers[] = {q->header[0] ? q->header : NULL, NULL};
    const struct transport_request request = {
        .method = q->method,
        .url = url,
        .headers = headers,
        .body = STR(""),
        .connect_timeout_ms = imds->timeout_ms,
        .timeout_ms = imds->timeout_ms,
        .no_proxy = true,
    };
    credentials_exchange(imds->context, &request, tries, response);
}

static enum credentials_result keep_token(struct imds *imds, struct str token, struct err *e)
{
    bool ok = token.n > 0 && token.n < sizeof imds->token_header - sizeof TOKEN_HEADER;
    for (size_t i = 0; ok && i < token.n; i++)
        ok = token.p[i] > ' ' && token.p[i] < 0x7f;
    if (!ok) {
        err_set(e, ERR_DYNAMODB_UNAVAILABLE, SOURCE ": the metadata service gave no usable token");
        return CREDENTIALS_FAILED;
    }
    (void)snprintf(imds->token_header, sizeof imds->token_header, TOKEN_HEADER "%.*s", (int)token.n,
                   token.p);
    return CREDENTIALS_FOUND;
}

static enum credentials_result fall_back(const struct imds *imds, struct err *e)
{
    if (!is_true(imds->context->config, "AWS_EC2_METADATA_V1_DISABLED"))
        return CREDENTIALS_FOUND;
    err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
            SOURCE ": the metadata service has no version 2, and AWS_EC2_METADATA_V1_DISABLED "
                   "forbids version 1");
    return CREDENTIALS_FAILED;
}

static enum credentials_result judge_token(struct imds *imds,
                                           const struct transport_response *response, struct err *e)
{
    if (response->outcome == TRANSPORT_NOT_SENT)
        return CREDENTIALS_NOT_HERE;
    if (response->outcome == TRANSPORT_MAYBE_SENT) {
        /* In a container with a hop limit of 1 the answer to this very request gets lost. */
        err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                SOURCE ": the metadata service took the request for a token and did not answer; in "
                       "a container, raise the instance's HttpPutResponseHopLimit to 2");
        return CREDENTIALS_FAILED;
    }
    switch (response->status) {
    case 200:
        return keep_token(imds, secret_trim(buf_str(&response->body)), e);
    case 403:
    case 404:
    case 405:
        return fall_back(imds, e);
    default:
        credentials_bad_response(SOURCE, response, e);
        return CREDENTIALS_FAILED;
    }
}

enum credentials_result imds_open(struct imds *imds, const struct credentials_context *context,
                                  struct err *e)
{
    static const struct imds_question question = {"PUT", "/latest/api/token", TTL_HEADER};
    *imds = (struct imds){.context = context};
    if (is_true(context->config, "AWS_EC2_METADATA_DISABLED"))
        return CREDENTIALS_NOT_HERE;
    if (imds_find_endpoint(context->config, imds->endpoint, sizeof imds->endpoint, e) != 0 ||
        find_patience(imds, e) != 0)
        return CREDENTIALS_FAILED;
    struct transport_response response;
    credentials_response_init(&response);
    imds_ask(imds, &question, &imds->tries, &response);
    enum credentials_result result = judge_token(imds, &response, e);
    credentials_response_free(&response);
    return result;
}

void imds_close(struct imds *imds)
{
    OPENSSL_cleanse(imds->token_header, sizeof imds->token_header);
}

enum credentials_result imds_get(struct imds *imds, const char *path,
                                 struct transport_response *response, struct err *e)
{
    const struct imds_question question = {"GET", path, imds->token_header};
    const struct credentials_tries known = {imds->tries.once_answered, imds->tries.once_answered};
    imds_ask(imds, &question, &known, response);
    if (response->outcome == TRANSPORT_ANSWERED && response->status == 200)
        return CREDENTIALS_FOUND;
    if (response->outcome == TRANSPORT_ANSWERED &&
        (response->status == 403 || response->status == 404))
        return CREDENTIALS_NOT_HERE;
    credentials_bad_response(SOURCE, response, e);
    return CREDENTIALS_FAILED;
}

enum credentials_result imds_region(const struct credentials_context *context,
                                    char out[IMDS_REGION_SIZE], struct err *e)
{
    struct imds imds;
    struct transport_response response;
    out[0] = '\0';
    credentials_response_init(&response);
    enum credentials_result result = imds_open(&imds, context, e);
    if (result == CREDENTIALS_FOUND)
        result = imds_get(&imds, "/latest/meta-data/placement/region", &response, e);
    if (result == CREDENTIALS_FOUND) {
        struct str region = secret_trim(buf_str(&response.body));
        if (region_is_valid(region)) {
            memcpy(out, region.p, region.n);
            out[region.n] = '\0';
        } else {
            err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                    SOURCE ": the metadata service gave no usable region");
            result = CREDENTIALS_FAILED;
        }
    }
    credentials_response_free(&response);
    imds_close(&imds);
    return result;
}
