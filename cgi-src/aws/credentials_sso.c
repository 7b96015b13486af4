/*
 * What SSO gives to a profile: the credentials of a role, for the token of the person who signed
 * in. Where the token comes from is sso_token.c's.
 * https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
 */
#include "aws/credentials_provider.h"

#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/region.h"
#include "aws/secret.h"
#include "aws/sso_token.h"

#define TIMEOUT_MS 5000
#define TOKEN_HEADER "x-amz-sso_bearer_token: "

static int check_profile(const struct credentials_sso *sso, struct err *e)
{
    const struct {
        const char *key;
        struct str value;
    } needed[] = {{"sso_start_url", sso->start_url},
                  {"sso_region", sso->region},
                  {"sso_account_id", sso->account_id},
                  {"sso_role_name", sso->role_name}};
    int n = (int)sso->profile.n;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!str_is_present(needed[i].value))
            return err_set(
                e, ERR_CREDENTIALS_NOT_CONFIGURED,
                "profile %.*s: %s is missing; `aws configure sso --profile %.*s` sets it", n,
                sso->profile.p, needed[i].key, n, sso->profile.p);
    }
    /* It becomes a part of a host's name, to which the token is sent. */
    if (!region_is_valid(sso->region))
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                       "profile %.*s: its sso_region is no region's name", n, sso->profile.p);
    return 0;
}

/* The request's two changing parts. */
struct question {
    struct buf url;
    struct buf token; /* the header line; secret */
};

static int write_url(const struct credentials_context *context, const struct credentials_sso *sso,
                     const struct sso_sign_in *sign_in, struct buf *url, struct err *e)
{
    char endpoint[ENDPOINT_SIZE];
    if (endpoint_find(context->config, ENDPOINT_SSO, sign_in->region, endpoint, e) < 0)
        return -1;
    size_t n = strlen(endpoint);
    buf_append(url, endpoint, endpoint[n - 1] == '/' ? n - 1 : n);
    buf_puts(url, "/federation/credentials?role_name=");
    credentials_put_escaped(url, sso->role_name);
    buf_puts(url, "&account_id=");
    credentials_put_escaped(url, sso->account_id);
    return buf_ok(url) ? 0
                       : err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                                 "profile %.*s: sso_role_name or sso_account_id is too long",
                                 (int)sso->profile.n, sso->profile.p);
}

/* A token that would end the header line is none. */
static int write_token(const struct credentials_context *context, const struct sso_sign_in *sign_in,
                       struct buf *line, struct err *e)
{
    buf_puts(line, TOKEN_HEADER);
    if (sso_token_get(context, sign_in, line, e) < 0)
        return -1;
    struct str text = buf_str(line);
    for (size_t i = sizeof TOKEN_HEADER - 1; i < text.n; i++) {
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return sso_token_ask_for_login(sign_in, "its SSO token is no token", e);
    }
    return buf_ok(line) ? 0 : sso_token_ask_for_login(sign_in, "its SSO token is too long", e);
}

static int sso_refused(const struct credentials_sso *sso, const struct sso_sign_in *sign_in,
                       const struct transport_response *response, struct err *e)
{
    char source[160];
    (void)snprintf(source, sizeof source, "profile %.*s: SSO", (int)sso->profile.n, sso->profile.p);
    if (response->outcome == TRANSPORT_ANSWERED && response->status == 401)
        return sso_token_ask_for_login(sign_in, "IAM Identity Center does not take its SSO token",
                                       e);
    if (response->outcome == TRANSPORT_ANSWERED &&
        (response->status == 403 || response->status == 404))
        return err_set(e, ERR_DYNAMODB_DENIED,
                       "%s: IAM Identity Center does not give the role %.*s in the account %.*s to "
                       "who signed in",
                       source, (int)sso->role_name.n, sso->role_name.p, (int)sso->account_id.n,
                       sso->account_id.p);
    return credentials_bad_response(source, response, e);
}

static int sso_ask_for_role(const struct credentials_context *context, const struct question *q,
                            struct transport_response *response)
{
    const char *const headers[] = {q->token.data, "Accept: application/json", NULL};
    const struct transport_request request = {
        .method = "GET",
        .url = q->url.data,
        .headers = headers,
        .body = STR(""),
        .connect_timeout_ms = TIMEOUT_MS,
        .timeout_ms = TIMEOUT_MS,
    };
    credentials_exchange(context, &request, CREDENTIALS_TRIES, response);
    return response->outcome == TRANSPORT_ANSWERED && response->status == 200 ? 0 : -1;
}

static int fetch(const struct credentials_context *context, const struct credentials_sso *sso,
                 const struct sso_sign_in *sign_in, const struct question *q,
                 struct credentials *out, struct err *e)
{
    static const struct credentials_dialect dialect = {
        .path = {"roleCredentials"},
        .key_id_name = "accessKeyId",
        .secret_name = "secretAccessKey",
        .token_name = "sessionToken",
        .expiry_name = "expiration",
        .temporary = true,
        .expiry_in_ms = true,
    };
    char source[sizeof out->source];
    struct transport_response response;
    (void)snprintf(source, sizeof source, "profile %.*s, SSO", (int)sso->profile.n, sso->profile.p);
    credentials_response_init(&response);
    int result = sso_ask_for_role(context, q, &response);
    if (result < 0)
        sso_refused(sso, sign_in, &response, e);
    else
        result =
            credentials_read_document(buf_str(&response.body), &dialect, source,
                                      context->clock->wall_us(context->clock->context), out, e);
    credentials_response_free(&response);
    return result;
}

int credentials_from_sso(const struct credentials_context *context,
                         const struct credentials_sso *sso, struct credentials *out, struct err *e)
{
    struct question q;
    struct sso_sign_in sign_in = {
        .profile = sso->profile, .session = sso->session, .start_url = sso->start_url};
    if (check_profile(sso, e) < 0)
        return -1;
    memcpy(sign_in.region, sso->region.p, sso->region.n); /* it fits: it is a region's name */
    buf_init(&q.url, 2048);
    secret_buf_init(&q.token, CREDENTIALS_BODY_MAX);
    int result = write_url(context, sso, &sign_in, &q.url, e);
    if (result == 0)
        result = write_token(context, &sign_in, &q.token, e);
    if (result == 0)
        result = fetch(context, sso, &sign_in, &q, out, e);
    buf_free(&q.url);
    secret_buf_free(&q.token);
    return result;
}
