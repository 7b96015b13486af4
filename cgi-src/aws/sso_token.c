/*
 * Decides whether the cached token is good, renews it with CreateToken if it is not for long, and
 * keeps the new one for the AWS CLI and the other processes. The files are sso_cache.c's.
 */
#include "aws/sso_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_provider.h"
#include "aws/endpoint.h"
#include "aws/secret.h"
#include "aws/sso_cache.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "base/log.h"

#define RENEW_BEFORE_US (INT64_C(5) * 60 * 1000000) /* its expiry */
#define TIMEOUT_MS 5000

int sso_token_ask_for_login(const struct sso_sign_in *sign_in, const char *why, struct err *e)
{
    int n = (int)sign_in->profile.n;
    return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                   "profile %.*s: %s: run `aws sso login --profile %.*s` as the user and with the "
                   "HOME of this service",
                   n, sign_in->profile.p, why, n, sign_in->profile.p);
}

/* The cache's file, and who asks for the token in it. */
struct token_request {
    const struct credentials_context *context;
    const struct sso_sign_in *sign_in;
    char path[SSO_CACHE_PATH_SIZE];
};

static int64_t sso_now_us(const struct credentials_context *context)
{
    return context->clock->wall_us(context->clock->context);
}

/* How long the token lives, microseconds; one without a time of expiry is dead. */
static int64_t life_us(const struct token_request *r, const struct sso_token *token)
{
    int64_t until = sso_cache_time_us(token->expires_at);
    return until < 0 ? -1 : until - sso_now_us(r->context);
}

/* ---- renewing -------------------------------------------------------------------------------- */

/* The older form has no refresh token. */
static bool can_renew(const struct token_request *r, const struct sso_token *token)
{
    return str_is_present(r->sign_in->session) && token->refresh_token.n > 0 &&
           token->client_id.n > 0 && token->client_secret.n > 0 &&
           sso_cache_time_us(token->registration_expires_at) > sso_now_us(r->context);
}

static void write_question(struct buf *body, const struct sso_token *token)
{
    struct json_writer w;
    json_writer_init(&w, body);
    json_begin_object(&w);
    json_put_string(&w, "grantType", STR("refresh_token"));
    json_put_string(&w, "clientId", token->client_id);
    json_put_string(&w, "clientSecret", token->client_secret);
    json_put_string(&w, "refreshToken", token->refresh_token);
    json_end_object(&w);
}

/* What CreateToken has answered; views into the answer. */
struct renewal {
    struct str access_token;
    struct str refresh_token;
    int64_t seconds; /* that it lives */
};

/* The text ends with a NUL, and a number with what follows it. */
static int64_t read_seconds(struct json_reader *r)
{
    struct str number = json_read_number(r);
    return str_is_present(number) ? strtoll(number.p, NULL, 10) : 0;
}

static bool read_answer(struct buf *body, struct renewal *out)
{
    struct json_reader r;
    struct str name;
    *out = (struct renewal){0};
    json_reader_init(&r, body->data, body->len);
    if (json_enter_object(&r)) {
        while (json_next_member(&r, &name)) {
            if (str_is(name, "accessToken"))
                out->access_token = json_read_string(&r);
            else if (str_is(name, "refreshToken"))
                out->refresh_token = json_read_string(&r);
            else if (str_is(name, "expiresIn"))
                out->seconds = read_seconds(&r);
            else
                json_skip(&r);
        }
    }
    return json_reader_end(&r) && out->access_token.n > 0 && out->seconds > 0 &&
           out->seconds < INT64_C(1000000000);
}

static int sso_ask_for_token(const struct token_request *r, const struct sso_token *token,
                             struct transport_response *response, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char url[ENDPOINT_SIZE + 16];
    struct buf body;
    if (endpoint_find(r->context->config, ENDPOINT_SSO_OIDC, r->sign_in->region, url, e) < 0)
        return -1;
    size_t n = strlen(url);
    n -= url[n - 1] == '/';
    (void)snprintf(url + n, sizeof(url) - n, "/token");
    secret_buf_init(&body, CREDENTIALS_BODY_MAX);
    write_question(&body, token);
    const struct transport_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = buf_str(&body),
        .connect_timeout_ms = TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
    };
    if (buf_ok(&body))
        credentials_exchange(r->context, &request, CREDENTIALS_TRIES, response);
    secret_buf_free(&body);
    return 0;
}

/* For the AWS CLI and the other processes: a refresh token may be good for one time only. */
static void sso_token_keep(const struct token_request *r, const struct sso_token *old,
                           const struct renewal *renewal)
{
    char until[CLOCK_TIME_SIZE];
    struct sso_token token = *old;
    clock_format_us(sso_now_us(r->context) + renewal->seconds * 1000000, until);
    token.access_token = renewal->access_token;
    token.expires_at = str_from(until);
    if (renewal->refresh_token.n > 0)
        token.refresh_token = renewal->refresh_token;
    int error = sso_cache_write(r->path, &token);
    if (error)
        log_warning("the renewed SSO token cannot be kept in %s: %s", r->path, strerror(error));
}

enum renewal_result { RENEWAL_DONE, RENEWAL_REFUSED, RENEWAL_FAILED };

static enum renewal_result renew(const struct token_request *r, const struct sso_token *token,
                                 struct buf *out, struct err *e)
{
    struct transport_response response;
    struct renewal renewal;
    enum renewal_result result = RENEWAL_FAILED;
    credentials_response_init(&response);
    if (sso_ask_for_token(r, token, &response, e) < 0) {
        /* e says it */
    } else if (response.outcome != TRANSPORT_ANSWERED || response.status == 429 ||
               response.status >= 500) {
        credentials_bad_response("SSO token", &response, e);
    } else if (response.status != 200 || !read_answer(&response.body, &renewal)) {
        credentials_bad_response("SSO token", &response, e);
        result = RENEWAL_REFUSED;
    } else {
        buf_append_str(out, renewal.access_token);
        sso_token_keep(r, token, &renewal);
        result = RENEWAL_DONE;
    }
    credentials_response_free(&response);
    return result;
}

/* ---- the decision ---------------------------------------------------------------------------- */

/* Another process may have been here, whose renewal made our refresh token void. */
static bool take_renewed_by_other(const struct token_request *r, struct buf *out)
{
    struct sso_token token;
    bool good = sso_cache_read(r->path, &token, NULL) == SSO_CACHE_FOUND &&
                life_us(r, &token) > RENEW_BEFORE_US;
    if (good)
        buf_append_str(out, token.access_token);
    sso_token_free(&token);
    return good;
}

/* DONE: *out has a new one. Otherwise e says why not, or nothing if there is no way to get one. */
static enum renewal_result get_new(const struct token_request *r, const struct sso_token *token,
                                   struct buf *out, struct err *e)
{
    if (!can_renew(r, token))
        return RENEWAL_REFUSED;
    enum renewal_result result = renew(r, token, out, e);
    if (result == RENEWAL_REFUSED && take_renewed_by_other(r, out))
        result = RENEWAL_DONE;
    if (result != RENEWAL_DONE)
        log_warning("the SSO token of the profile %.*s could not be renewed: %s",
                    (int)r->sign_in->profile.n, r->sign_in->profile.p, e->detail);
    return result;
}

static int use_token(const struct token_request *r, const struct sso_token *token, struct buf *out,
                     struct err *e)
{
    struct err why = {0};
    int64_t life = life_us(r, token);
    enum renewal_result result = RENEWAL_REFUSED;
    if (life <= RENEW_BEFORE_US)
        result = get_new(r, token, out, &why);
    if (result == RENEWAL_DONE)
        return 0;
    if (life > 0) {
        buf_append_str(out, token->access_token);
        return 0;
    }
    if (result == RENEWAL_FAILED)
        return err_set(e, why.code,
                       "profile %.*s: its SSO token has expired and could not be renewed: %s",
                       (int)r->sign_in->profile.n, r->sign_in->profile.p, why.detail);
    return sso_token_ask_for_login(r->sign_in, "its SSO token has expired", e);
}

int sso_token_get(const struct credentials_context *context, const struct sso_sign_in *sign_in,
                  struct buf *out, struct err *e)
{
    struct token_request r = {.context = context, .sign_in = sign_in};
    struct sso_token token;
    struct str name = str_is_present(sign_in->session) ? sign_in->session : sign_in->start_url;
    if (sso_cache_path(context->config, name, r.path, e) < 0)
        return -1;
    int result = -1;
    switch (sso_cache_read(r.path, &token, e)) {
    case SSO_CACHE_FOUND:
        result = use_token(&r, &token, out, e);
        break;
    case SSO_CACHE_EMPTY:
        sso_token_ask_for_login(sign_in, "nobody has signed in with SSO", e);
        break;
    case SSO_CACHE_FAILED:
        break;
    }
    sso_token_free(&token);
    return result;
}
