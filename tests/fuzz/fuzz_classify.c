/*
 * What an exchange with DynamoDB means, whatever came back. The input: a line with the HTTP status
 * (0: no answer, -1: maybe sent), a line with the checksum ("good" or a number), the body.
 */
#include "fuzz.h"

#include <zlib.h>

#include "aws/dynamo_classify.h"
#include "base/log.h"

#define BODY_MAX 65536

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct err e;

    (void)argc, (void)argv;
    return log_open(LOG_ERROR, LOG_TEXT, "/dev/null", &e);
}

static void check_verdict(const struct dynamo_verdict *v, int status)
{
    FUZZ_MUST(v->kind <= VERDICT_STRANGE);
    FUZZ_MUST(strlen(v->type) < sizeof(v->type) && strlen(v->message) < sizeof(v->message));
    FUZZ_MUST(!strpbrk(v->message, "\r\n")); /* what follows may be the canonical request */
    /* Only a 200 is a success, and never does a server fault say "not done". */
    if (v->kind == VERDICT_ANSWER && v->outcome == DYNAMO_OK)
        FUZZ_MUST(status == 200);
    if (status >= 500)
        FUZZ_MUST(v->kind != VERDICT_ANSWER && (v->maybe_done || v->kind == VERDICT_THROTTLED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_input(data, size);
    char *status = fuzz_text(fuzz_line(&rest));
    struct str sum = fuzz_line(&rest);
    struct dynamo_verdict v;

    if (rest.n < BODY_MAX) {
        struct transport_response r = {.date_s = -1, .crc32 = -1, .retry_after_ms = -1};
        int code = (int)strtol(status, NULL, 10) % 1000;
        r.outcome = code > 0    ? TRANSPORT_ANSWERED
                    : code == 0 ? TRANSPORT_NOT_SENT
                                : TRANSPORT_MAYBE_SENT;
        r.status = code > 0 ? code : 0;
        buf_init(&r.body, BODY_MAX);
        buf_append_str(&r.body, rest);
        if (str_is(sum, "good"))
            r.crc32 = (int64_t)crc32(0, (const unsigned char *)rest.p, (unsigned)rest.n);
        else if (sum.n)
            r.crc32 = (int64_t)str_hash(sum) & 0xffffffff;
        dynamo_classify(&r, &v);
        check_verdict(&v, r.status);
        if (str_is_present(v.reasons))
            FUZZ_MUST(v.reasons.p >= r.body.data &&
                      v.reasons.p + v.reasons.n <= r.body.data + r.body.len);
        buf_free(&r.body);
    }
    free(status);
    return 0;
}
