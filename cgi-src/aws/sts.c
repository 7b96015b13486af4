/*
 * STS as a client needs it: form-encoded requests, signed where the call asks for it, a few tries,
 * and its errors as sentences. Where the source credentials come from is the providers' business.
 */
#include "aws/sts.h"

#include <stdio.h>
#include <string.h>

#include "aws/credentials_provider.h"
#include "aws/endpoint.h"
#include "aws/secret.h"
#include "aws/sigv4.h"
#include "aws/skew.h"
#include "base/json.h"

#define TRIES 3
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
struct endpoint {
    char url[ENDPOINT_SIZE + 1];
    struct str host; /* with the port, points into url */
    const char *region;
};

static int find_endpoint(const struct credentials_context *context, struct endpoint *out,
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

/* One call: what is sent, signed by whom (NULL: not signed), and whose name begins an error. */
struct call {
    const struct credentials_context *context;
    const struct credentials *with;
    const struct buf *form;
    const char *source;
};

/* The header lines of one try. */
struct headers {
    struct buf authorization;
    struct buf token;
    char date[48];
    const char *lines[7];
};

static int sign(const struct call *call, const struct endpoint *endpoint, int64_t wall_s,
                struct headers *h)
{
    const struct credentials *with = call->with;
    const struct sigv4_header content_type = {"content-type", STR(CONTENT_TYPE)};
    struct sigv4_request request = {
        .host = endpoint->host,
        .headers = &content_type,
        .header_count = 1,
        .body = buf_str(call->form),
        .wall_s = wall_s,
        .region = endpoint->region,
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

static int headers_make(const struct call *call, const struct endpoint *endpoint, int64_t wall_s,
                        struct headers *h)
{
    size_t n = 0;
    buf_init(&h->authorization, 8192);
    secret_buf_init(&h->token, CREDENTIALS_BODY_MAX);
    h->lines[n++] = "Content-Type: " CONTENT_TYPE;
    h->lines[n++] = "Accept: application/json";
    if (call->with) {
        if (sign(call, endpoint, wall_s, h) != 0)
            return -1;
        h->lines[n++] = h->date;
        h->lines[n++] = h->authorization.data;
        if (call->with->session_token)
            h->lines[n++] = h->token.data;
    }
    h->lines[n] = NULL;
    return 0;
}

static void headers_free(struct headers *h)
{
    buf_free(&h->authorization);
    secret_buf_free(&h->token);
}

/* The member "Code" or "Message" of an error document. */
static struct str error_member(struct json_object *tree, const char *name)
{
    return json_get_str(json_get(tree, "Error"), name);
}

static bool may_repeat(const struct transport_response *response)
{
    if (credentials_may_repeat(response))
        return true;
    if (response->status == 200)
        return false;
    struct json_object *tree = json_tree(buf_str(&response->body), NULL);
    struct str code = error_member(tree, "Code");
    /* IDPCommunicationError: STS could not reach the identity provider. */
    bool repeat = str_is(code, "IDPCommunicationError") || str_starts_with(code, "Throttling") ||
                  str_is(code, "RequestLimitExceeded");
    json_tree_free(tree);
    return repeat;
}

/* Up to the first control character: after it AWS may repeat what was signed, a token among it. */
static int first_line(struct str text)
{
    int n = 0;
    while ((size_t)n < text.n && n < 300 && (unsigned char)text.p[n] >= ' ')
        n++;
    return n;
}

/* What STS refused and why, in its own words. They name ARNs, never a key's secret. */
static int refused(const char *source, const struct transport_response *response, struct err *e)
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
                first_line(message), message.n ? message.p : "");
    json_tree_free(tree);
    return -1;
}

/* What has happened to a call so far. */
struct progress {
    struct skew *skew;
    struct skew own; /* where the context has none */
    bool clock_corrected;
    int64_t signed_skew_s; /* of the last try: what was added to our clock */
    int64_t clock_s;       /* of the last try: our clock between sending and answer */
};

static int perform_once(const struct call *call, const struct endpoint *endpoint,
                        struct progress *p, struct transport_response *response)
{
    const struct clock *clock = call->context->clock;
    struct headers headers;
    p->signed_skew_s = skew_get(p->skew);
    int result = headers_make(
        call, endpoint, clock->wall_us(clock->context) / 1000000 + p->signed_skew_s, &headers);
    if (result == 0) {
        const struct transport_request request = {
            .method = "POST",
            .url = endpoint->url,
            .headers = headers.lines,
            .body = buf_str(call->form),
            .connect_timeout_ms = 1000,
            .timeout_ms = 5000,
        };
        struct transport *transport = call->context->transport;
        struct skew_interval interval = skew_interval_begin(clock);
        transport->perform(transport, &request, response);
        p->clock_s = skew_interval_middle_s(clock, &interval);
    }
    headers_free(&headers);
    return result;
}

/* True if STS refused the signature for its time and the next one will have another. */
static bool correct_clock(const struct call *call, struct progress *p,
                          const struct transport_response *response)
{
    if (!call->with || p->clock_corrected || response->outcome != TRANSPORT_ANSWERED)
        return false;
    struct json_object *tree = json_tree(buf_str(&response->body), NULL);
    struct str message = error_member(tree, "Message");
    int64_t server_s = response->date_s >= 0 ? response->date_s : skew_time_in_message(message);
    p->clock_corrected = skew_is_named(error_member(tree, "Code"), message);
    if (p->clock_corrected)
        skew_correct(p->skew, server_s, p->clock_s, p->signed_skew_s);
    json_tree_free(tree);
    return p->clock_corrected;
}

/* Sends the form, signed anew on every try. 0 only with status 200. */
static int perform(const struct call *call, struct progress *p, struct transport_response *response,
                   struct err *e)
{
    struct endpoint endpoint = {0};
    *p = (struct progress){.skew = call->context->skew ? call->context->skew : &p->own};
    if (!buf_ok(call->form))
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s: the request is too large",
                       call->source);
    if (find_endpoint(call->context, &endpoint, e) != 0)
        return -1;
    for (unsigned n = 1;; n++) {
        if (perform_once(call, &endpoint, p, response) != 0)
            return err_set(e, ERR_INTERNAL, "%s: the request could not be signed", call->source);
        if (response->outcome == TRANSPORT_ANSWERED && response->status == 200)
            return 0;
        bool corrected = correct_clock(call, p, response);
        if (n >= TRIES || !(corrected || may_repeat(response)))
            return refused(call->source, response, e);
        if (!corrected)
            credentials_pause(call->context, n);
    }
}

/* Credentials expire by STS's clock, which counts here, too, if this machine's is far from it. */
static int call_for_credentials(const struct call *call, const struct credentials_dialect *dialect,
                                struct credentials *out, struct err *e)
{
    const struct clock *clock = call->context->clock;
    struct transport_response response;
    struct progress p;
    credentials_response_init(&response);
    int result = perform(call, &p, &response, e);
    if (result == 0) {
        int64_t ahead_us = skew_between(response.date_s, p.clock_s) * 1000000;
        result = credentials_read_document(buf_str(&response.body), dialect, call->source,
                                           clock->wall_us(clock->context) + ahead_us, out, e);
        if (result == 0)
            out->expires_us -= ahead_us;
    }
    credentials_response_free(&response);
    return result;
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
    struct buf form;
    const struct call call = {context, from, &form, source};
    form_begin(&form, "AssumeRole");
    form_put_role(&form, context, role);
    int result = call_for_credentials(&call, &dialect, out, e);
    secret_buf_free(&form);
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
    struct buf form;
    const struct call call = {context, NULL, &form, source};
    form_begin(&form, "AssumeRoleWithWebIdentity");
    form_put_role(&form, context, role);
    form_put(&form, "WebIdentityToken", token);
    int result = call_for_credentials(&call, &dialect, out, e);
    secret_buf_free(&form);
    return result;
}

static void copy(struct str from, char *to, size_t size)
{
    (void)snprintf(to, size, "%.*s", (int)from.n, from.n ? from.p : "");
}

int sts_get_caller_identity(const struct credentials_context *context,
                            const struct credentials *who, struct sts_identity *out, struct err *e)
{
    struct buf form;
    struct transport_response response;
    struct progress p;
    const struct call call = {context, who, &form, "GetCallerIdentity"};
    *out = (struct sts_identity){0};
    form_begin(&form, "GetCallerIdentity");
    credentials_response_init(&response);
    int result = perform(&call, &p, &response, e);
    if (result == 0) {
        struct json_object *tree = json_tree(buf_str(&response.body), NULL);
        struct json_object *identity =
            json_get(json_get(tree, "GetCallerIdentityResponse"), "GetCallerIdentityResult");
        copy(json_get_str(identity, "Account"), out->account, sizeof out->account);
        copy(json_get_str(identity, "Arn"), out->arn, sizeof out->arn);
        copy(json_get_str(identity, "UserId"), out->user_id, sizeof out->user_id);
        json_tree_free(tree);
        if (!out->arn[0])
            result =
                err_set(e, ERR_DYNAMODB_UNAVAILABLE, "GetCallerIdentity: the answer names nobody");
    }
    credentials_response_free(&response);
    secret_buf_free(&form);
    return result;
}
