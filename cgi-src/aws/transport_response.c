/*
 * What is kept of an answer's header lines, whichever way the answer came: libcurl's easy interface
 * or the exchange on a connection. Pure: no I/O, no clock. What the values mean is the callers'.
 */
#include "aws/transport.h"

#include <strings.h>

#include "base/clock.h"

void transport_response_forget_headers(struct transport_response *r)
{
    r->date_s = -1;
    r->crc32 = -1;
    r->retry_after_ms = -1;
    r->content_type[0] = '\0';
    r->request_id[0] = '\0';
}

void transport_response_reset(struct transport_response *r)
{
    r->outcome = TRANSPORT_NOT_SENT;
    r->status = 0;
    r->name_not_resolved = false;
    r->timed_out = false;
    r->error[0] = '\0';
    buf_reset(&r->body);
    transport_response_forget_headers(r);
}

void transport_keep_text(char *out, size_t size, struct str value)
{
    size_t n = value.n < size - 1 ? value.n : size - 1;
    if (n > 0)
        memcpy(out, value.p, n);
    out[n] = '\0';
}

/* Digits alone, at most 18 of them; -1 for anything else. */
static int64_t number_of(struct str text)
{
    int64_t number = 0;
    if (text.n == 0 || text.n > 18)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        number = number * 10 + (text.p[i] - '0');
    }
    return number;
}

static int month_of(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (memcmp(names + 3 * (size_t)i, name, 3) == 0)
            return i + 1;
    }
    return 0;
}

/*
 * "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7: the one form that may be generated). Put into
 * the order of RFC 3339, whose reader checks every digit of it.
 */
static int64_t date_of(struct str text)
{
    char ordered[] = "0000-00-00T00:00:00Z";
    if (text.n != 29 || memcmp(text.p + 25, " GMT", 4) != 0 || text.p[3] != ',')
        return -1;
    int month = month_of(text.p + 8);
    memcpy(ordered, text.p + 12, 4);
    ordered[5] = (char)('0' + month / 10);
    ordered[6] = (char)('0' + month % 10);
    memcpy(ordered + 8, text.p + 5, 2);
    memcpy(ordered + 11, text.p + 17, 8);
    int64_t us = clock_parse_us(ordered, sizeof(ordered) - 1);
    return us < 0 ? -1 : us / 1000000;
}

static bool is_name(struct str name, const char *wanted)
{
    return strncasecmp(name.p, wanted, name.n) == 0;
}

/* The length tells most headers apart before a letter is compared. */
void transport_response_take_header(struct transport_response *r, struct str name, struct str value)
{
    switch (name.n) {
    case sizeof("date") - 1:
        if (is_name(name, "date"))
            r->date_s = date_of(value);
        break;
    case sizeof("x-amz-crc32") - 1:
        if (is_name(name, "x-amz-crc32"))
            r->crc32 = number_of(value);
        break;
    case sizeof("x-amz-retry-after") - 1:
        if (is_name(name, "x-amz-retry-after"))
            r->retry_after_ms = number_of(value);
        break;
    case sizeof("content-type") - 1:
        if (is_name(name, "content-type"))
            transport_keep_text(r->content_type, sizeof(r->content_type), value);
        break;
    case sizeof("x-amzn-requestid") - 1:
        if (is_name(name, "x-amzn-requestid"))
            transport_keep_text(r->request_id, sizeof(r->request_id), value);
        break;
    default:
        break;
    }
}
