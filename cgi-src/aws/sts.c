/*
 * STS as a client needs it: form-encoded requests, signed where the call asks for it, and its
 * errors as sentences. attempts decides when one is repeated, and the providers
 * bring the credentials that sign.
 */
#include "aws/sts.h"

#include <stdio.h>
#include <string.h>

#include "aws/attempts.h"
#include "aws/credentials_provider.h"
#include "aws/endpoint.h"
#include "aws/secret.h"
#include "aws/sigv4.h"
#include "aws/skew.h"
#include "base/json.h"

#define ATTEMPTS_MOST 3
#define FORM_MAX 131072 /* a token of CREDENTIALS_BODY_MAX, mostly unescaped, and the rest */
#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

static void form_put(struct buf *form, const char *name, struct str value)
{
    if (form->len > 0)
        buf_putc(form, '&');
    buf_puts(form, name);
    buf_putc(form, '=');
    credentials_put_escaped(form, value);
}

static void form_begin(struct buf *form, const char *action)
{
    secret_buf_init(form, FORM_MAX);
    form_put(form, "Action", str_from(action));
    form_put(form, "Version", STR("2011-06-15"));
}

static void form_put_role(struct buf *form, const struct credentials_context *context,
                          const struct sts_role *role)
{
    char name[64];
    const struct clock *clock = context->clock;
    (void)snprintf(name, sizeof name, "chat-sessions-%lld",
                   (long long)(clock->wall_us(clock->context) / 1000000));
    form_put(form, "RoleArn", str_from(role->role_arn));
    form_put(form, "RoleSessionName", str_from(role->session_name ? role->session_name : name));
    if (role->external_id)
        form_put(form, "ExternalId", str_from(role->external_id));
    if (role->duration_seconds)
        form_put(form, "DurationSeconds", str_from(role->duration_seconds));
}

/* Where STS is, and the region that it is asked in. */
struct sts_endpoint {
    char url[ENDPOINT_SIZE + 1];
    struct str host; /* with the port, points into url */
    const char *region;
};

static int sts_endpoint_find(const struct credentials_context *context, struct sts_endpoint *out,
                             struct err *e)
{
    out->region = context->region && context->region[0] ? context->region : "us-east-1";
    if (endpoint_find(context->config, ENDPOINT_STS, out->region, out->url, e) < 0)
        return -1;
    const char *host = strstr(out->url, "://");
    if (!host)
        return err_set(e, ERR_CONFIGURATION, "the endpoint of STS is not a URL");
    host += 3;
    out->host = (struct str){host, strcspn(host, "/")};
    /* Requests go to "/", whatever path the setting has. */
    size_t end = (size_t)(host - out->url) + out->host.n;
    out->url[end] = '/';
    out->url[end + 1] = '\0';
    return 0;
}

/* The header lines of one attempt. */
struct sts_headers {
    struct buf authorization;
    struct buf token;
    char date[48];
    const char *lines[7];
};

/* One call: what is sent, signed by whom (NULL: not signed), and whose name begins an error. */
struct sts_call {
    const struct credentials_context *context;
    const struct credentials *with;
    const char *source;
    struct buf form;
    struct sts_endpoint endpoint;
    struct sts_headers headers; /* of the attempt under way */
    struct transport_response response;
    struct skew own_skew; /* where the context has none */
    struct attempts attempts;
};

/* ---- one attempt ----------------------------------------------------------------------------- */

static int headers_put_signature(struct sts_call *call, int64_t wall_s)
{
    struct sts_headers *h = &call->headers;
    const struct credentials *with = call->with;
    const struct sigv4_header content_type = {"content-type", STR(CONTENT_TYPE)};
    struct sigv4_request request = {
        .host = call->endpoint.host,
        .headers = &content_type,
        .header_count = 1,
        .body = buf_str(&call->form),
        .wall_s = wall_s,
        .region = call->endpoint.region,
        .service = "sts",
        .access_key_id = str_from(with->access_key_id),
        .secret_access_key = str_from(with->secret_access_key),
        .session_token = str_from(with->session_token),
    };
    char date[SIGV4_DATE_SIZE] = "";
    struct buf value;
    buf_init(&value, 4096);
    int result = sigv4_sign(&request, date, &value, NULL, NULL);
    (void)snprintf(h->date, sizeof h->date, "X-Amz-Date: %s", date);
    buf_puts(&h->authorization, "Authorization: ");
    buf_append_str(&h->authorization, buf_str(&value));
    buf_free(&value);
    if (with->session_token)
        buf_printf(&h->token, "X-Amz-Security-Token: %s", with->session_token);
    return result == 0 && buf_ok(&h->authorization) && buf_ok(&h->token) ? 0 : -1;
}

static void headers_free(struct sts_headers *h)
{
    buf_free(&h->authorization);
    secret_buf_free(&h->token);
}

static int sts_sign(void *context, int64_t wall_s, struct err *e)
{
    struct sts_call *call = context;
    struct sts_headers *h = &call->headers;
    size_t n = 0;
    headers_free(h);
    buf_init(&h->authorization, 8192);
    secret_buf_init(&h->token, CREDENTIALS_BODY_MAX);
    h->lines[n++] = "Content-Type: " CONTENT_TYPE;
    h->lines[n++] = "Accept: application/json";
    if (call->with) {
        if (headers_put_signature(call, wall_s) < 0)
            return err_set(e, ERR_INTERNAL, "%s: the request could not be signed", call->source);
        h->lines[n++] = h->date;
        h->lines[n++] = h->authorization.data;
        if (call->with->session_token)
            h->lines[n++] = h->token.data;
    }
    h->lines[n] = NULL;
    return 0;
}

static void sts_send(void *context, int64_t left_us)
{
    struct sts_call *call = context;
    struct transport *transport = call->context->transport;
    const struct transport_request request = {
        .method = "POST",
        .url = call->endpoint.url,
        .headers = call->headers.lines,
        .body = buf_str(&call->form),
        .connect_timeout_ms = 1000,
        .timeout_ms = 5000,
    };
    (void)left_us; /* there is no deadline */
    transport->perform(transport, &request, &call->response);
}

/* The member "Code" or "Message" of an error document. */
static struct str error_member(struct json_object *tree, const char *name)
{
    return json_get_str(json_get(tree, "Error"), name);
}

static bool is_worth_repeating(struct str code)
{
    /* IDPCommunicationError: STS could not reach the identity provider. */
    return str_is(code, "IDPCommunicationError") || str_starts_with(code, "Throttling") ||
           str_is(code, "RequestLimitExceeded");
}

static void sts_judge(void *context, struct attempt_report *report)
{
    const struct sts_call *call = context;
    const struct transport_response *response = &call->response;
    credentials_judge(response, report);
    if (response->outcome != TRANSPORT_ANSWERED || response->status == 200)
        return;
    struct json_object *tree = json_tree(buf_str(&response->body), NULL);
    struct str code = error_member(tree, "Code");
    struct str message = error_member(tree, "Message");
    if (call->with && skew_is_named(code, message)) {
        report->outcome = ATTEMPT_CLOCK;
        report->server_s = response->date_s >= 0 ? response->date_s : skew_time_in_message(message);
    } else if (is_worth_repeating(code)) {
        report->outcome = ATTEMPT_TRANSIENT;
    }
    json_tree_free(tree);
}

/* ---- a call ---------------------------------------------------------------------------------- */

/* Up to the first control character: after it AWS may repeat what was signed, a token among it. */
static int length_to_show(struct str text)
{
    int n = 0;
    while ((size_t)n < text.n && n < 300 && (unsigned char)text.p[n] >= ' ')
        n++;
    return n;
}

/* What STS refused and why, in its own words. They name ARNs, never a key's secret. */
static int sts_refused(const char *source, const struct transport_response *response, struct err *e)
{
    if (response->outcome != TRANSPORT_ANSWERED || response->status >= 500)
        return credentials_bad_response(source, response, e);
    struct json_object *tree = json_tree(buf_str(&response->body), NULL);
    struct str code = error_member(tree, "Code");
    struct str message = error_member(tree, "Message");
    if (code.n == 0)
        credentials_bad_response(source, response, e);
    else
        err_set(e, ERR_DYNAMODB_DENIED, "%s: STS says %.*s: %.*s", source, (int)code.n, code.p,
                length_to_show(message), message.n ? message.p : "");
    json_tree_free(tree);
    return -1;
}

static void sts_begin(struct sts_call *call, const struct credentials_context *context,
                      const struct credentials *with, const char *source, const char *action)
{
    static const struct attempt_service service = {
        .sign = sts_sign, .send = sts_send, .judge = sts_judge};
    *call = (struct sts_call){.context = context, .with = with, .source = source};
    credentials_response_init(&call->response);
    form_begin(&call->form, action);
    call->attempts = (struct attempts){.service = &service,
                                       .call = call,
                                       .clock = context->clock,
                                       .skew = context->skew ? context->skew : &call->own_skew,
                                       .deadline_us = INT64_MAX,
                                       .most = ATTEMPTS_MOST,
                                       .transient = RETRY_CREDENTIALS,
                                       .throttled = RETRY_CREDENTIALS};
}

/* 0 only with status 200. */
static int sts_perform(struct sts_call *call, struct err *e)
{
    if (!buf_ok(&call->form))
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s: the request is too large",
                       call->source);
    if (sts_endpoint_find(call->context, &call->endpoint, e) < 0)
        return -1;
    switch (attempts_run(&call->attempts, e)) {
    case ATTEMPTS_ANSWERED:
        return 0;
    case ATTEMPTS_FAILED:
        return sts_refused(call->source, &call->response, e);
    default:
        return -1;
    }
}

static void sts_end(struct sts_call *call)
{
    headers_free(&call->headers);
    secret_buf_free(&call->form);
    credentials_response_free(&call->response);
}

/* Credentials expire by STS's clock, which counts here, too, if this machine's is far from it. */
static int sts_get_credentials(struct sts_call *call, const struct credentials_dialect *dialect,
                               struct credentials *out, struct err *e)
{
    const struct clock *clock = call->context->clock;
    if (sts_perform(call, e) < 0)
        return -1;
    int64_t ahead_us = skew_between(call->response.date_s, call->attempts.clock_s) * 1000000;
    if (credentials_read_document(buf_str(&call->response.body), dialect, call->source,
                                  clock->wall_us(clock->context) + ahead_us, out, e) < 0)
        return -1;
    out->expires_us -= ahead_us;
    return 0;
}

int sts_assume_role(const struct credentials_context *context, const struct credentials *from,
                    const struct sts_role *role, const char *source, struct credentials *out,
                    struct err *e)
{
    static const struct credentials_dialect dialect = {
        .path = {"AssumeRoleResponse", "AssumeRoleResult", "Credentials"},
        .token_name = "SessionToken",
        .temporary = true,
    };
    struct sts_call call;
    sts_begin(&call, context, from, source, "AssumeRole");
    form_put_role(&call.form, context, role);
    int result = sts_get_credentials(&call, &dialect, out, e);
    sts_end(&call);
    return result;
}

int sts_assume_role_with_web_identity(const struct credentials_context *context,
                                      const struct sts_role *role, struct str token,
                                      const char *source, struct credentials *out, struct err *e)
{
    static const struct credentials_dialect dialect = {
        .path = {"AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult",
                 "Credentials"},
        .token_name = "SessionToken",
        .temporary = true,
    };
    struct sts_call call;
    sts_begin(&call, context, NULL, source, "AssumeRoleWithWebIdentity");
    form_put_role(&call.form, context, role);
    form_put(&call.form, "WebIdentityToken", token);
    int result = sts_get_credentials(&call, &dialect, out, e);
    sts_end(&call);
    return result;
}

static void identity_keep(struct str from, char *to, size_t size)
{
    (void)snprintf(to, size, "%.*s", (int)from.n, from.n ? from.p : "");
}

static int sts_read_identity(struct str text, struct sts_identity *out, struct err *e)
{
    struct json_object *tree = json_tree(text, NULL);
    struct json_object *identity =
        json_get(json_get(tree, "GetCallerIdentityResponse"), "GetCallerIdentityResult");
    identity_keep(json_get_str(identity, "Account"), out->account, sizeof out->account);
    identity_keep(json_get_str(identity, "Arn"), out->arn, sizeof out->arn);
    identity_keep(json_get_str(identity, "UserId"), out->user_id, sizeof out->user_id);
    json_tree_free(tree);
    if (!out->arn[0])
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "GetCallerIdentity: the answer names nobody");
    return 0;
}

int sts_get_caller_identity(const struct credentials_context *context,
                            const struct credentials *who, struct sts_identity *out, struct err *e)
{
    struct sts_call call;
    *out = (struct sts_identity){0};
    sts_begin(&call, context, who, "GetCallerIdentity", "GetCallerIdentity");
    int result = sts_perform(&call, e);
    if (result == 0)
        result = sts_read_identity(buf_str(&call.response.body), out, e);
    sts_end(&call);
    return result;
}
