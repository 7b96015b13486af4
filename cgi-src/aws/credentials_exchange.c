/*
 * How the providers talk to an endpoint: a response that is cleansed, a few attempts without a
 * signature, and a sentence for what was not usable. What an answer means,
 * each provider knows.
 */
#include "aws/credentials_provider.h"

#include "aws/attempts.h"
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

void credentials_judge(const struct transport_response *response, struct attempt_report *report)
{
    report->retry_after_ms = response->retry_after_ms;
    if (response->outcome != TRANSPORT_ANSWERED)
        report->outcome = response->name_not_resolved ? ATTEMPT_HOPELESS : ATTEMPT_TRANSIENT;
    else if (response->status == 200)
        report->outcome = ATTEMPT_SUCCEEDED;
    else if (response->status == 429 || response->status >= 500)
        report->outcome = ATTEMPT_TRANSIENT;
    else
        report->outcome = ATTEMPT_HOPELESS;
}

struct credentials_call {
    struct transport *transport;
    const struct transport_request *request;
    struct transport_response *response;
    unsigned tries_once_answered;
    struct attempts attempts;
};

static void credentials_send(void *context, int64_t left_us)
{
    struct credentials_call *call = context;
    (void)left_us; /* there is no deadline, and the request has its own time */
    call->transport->perform(call->transport, call->request, call->response);
}

static void credentials_judge_attempt(void *context, struct attempt_report *report)
{
    struct credentials_call *call = context;
    if (call->response->outcome == TRANSPORT_ANSWERED)
        call->attempts.most = call->tries_once_answered;
    credentials_judge(call->response, report);
}

void credentials_exchange(const struct credentials_context *context,
                          const struct transport_request *request,
                          const struct credentials_tries *tries,
                          struct transport_response *response)
{
    static const struct attempt_service service = {.send = credentials_send,
                                                   .judge = credentials_judge_attempt};
    struct credentials_call call = {.transport = context->transport,
                                    .request = request,
                                    .response = response,
                                    .tries_once_answered = tries->once_answered};
    call.attempts = (struct attempts){.service = &service,
                                      .call = &call,
                                      .clock = context->clock,
                                      .deadline_us = INT64_MAX,
                                      .most = tries->unanswered,
                                      .transient = RETRY_CREDENTIALS,
                                      .throttled = RETRY_CREDENTIALS};
    (void)attempts_run(&call.attempts, NULL); /* the response tells how it ended */
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
