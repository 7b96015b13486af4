/*
 * How the providers talk to an endpoint: a response that is cleansed, a few tries with short
 * pauses, and a sentence for what was not usable. The answer's meaning is the providers' business.
 */
#include "aws/credentials_provider.h"

#include "aws/secret.h"

void credentials_response_init(struct transport_response *response)
{
    *response = (struct transport_response){
        .outcome = TRANSPORT_NOT_SENT, .date_s = -1, .crc32 = -1, .retry_after_ms = -1};
    secret_buf_init(&response->body, CREDENTIALS_BODY_MAX);
}

void credentials_response_free(struct transport_response *response)
{
    secret_buf_free(&response->body);
}

bool credentials_may_repeat(const struct transport_response *response)
{
    if (response->outcome != TRANSPORT_ANSWERED)
        return !response->name_not_resolved;
    return response->status == 429 || response->status >= 500;
}

void credentials_pause(const struct credentials_context *context, unsigned n)
{
    double most = 100e3 * (double)(1U << n);
    context->clock->sleep_us(context->clock->context,
                             (int64_t)(context->clock->chance(context->clock->context) * most));
}

void credentials_exchange(const struct credentials_context *context,
                          const struct transport_request *request, unsigned tries,
                          struct transport_response *response)
{
    for (unsigned n = 1;; n++) {
        context->transport->perform(context->transport, request, response);
        if (n >= tries || !credentials_may_repeat(response))
            return;
        credentials_pause(context, n);
    }
}

void credentials_put_escaped(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            buf_putc(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

int credentials_bad_response(const char *source, const struct transport_response *response,
                             struct err *e)
{
    if (response->outcome != TRANSPORT_ANSWERED)
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: no answer: %s", source,
                       response->timed_out ? "timed out" : response->error);
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: answered with status %d", source,
                   response->status);
}
