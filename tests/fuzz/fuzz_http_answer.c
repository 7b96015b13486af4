/*
 * Any bytes as an HTTP answer, read in one piece and in pieces that the first bytes choose: where
 * they are cut must change nothing. The first byte seeds the cuts, the second says whether the
 * connection ends after the last one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/http_answer.h"

#define BODY_CAP ((size_t)64 * 1024)

struct reading {
    struct http_answer answer;
    struct transport_response response;
    size_t taken;
};

static struct reading whole;
static struct reading pieces;

static void reading_init(struct reading *r)
{
    buf_free(&r->response.body);
    buf_init(&r->response.body, BODY_CAP);
    transport_response_reset(&r->response);
    http_answer_init(&r->answer, &r->response);
    r->taken = 0;
}

/* As the exchange does it: the rest of a body goes straight to its place. */
static void read_straight(struct reading *r, const char *bytes, size_t n)
{
    size_t left = http_answer_body_left(&r->answer);
    size_t direct = n < left ? n : left;
    memcpy(buf_reserve(&r->response.body, direct), bytes, direct);
    http_answer_body_added(&r->answer, direct);
    r->taken += direct;
    r->taken += http_answer_read(&r->answer, bytes + direct, n - direct);
}

static void read_in_pieces(struct reading *r, const char *bytes, size_t n, uint32_t random)
{
    while (n > 0) {
        random = random * 1664525 + 1013904223;
        size_t piece = 1 + (random >> 16) % 40;
        if (piece > n)
            piece = n;
        char *copy = malloc(piece); /* so that a byte behind it is seen */
        memcpy(copy, bytes, piece);
        if (random & 0x8000 && http_answer_body_left(&r->answer) > 0)
            read_straight(r, copy, piece);
        else
            r->taken += http_answer_read(&r->answer, copy, piece);
        free(copy);
        bytes += piece;
        n -= piece;
    }
}

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void compare(const struct reading *a, const struct reading *b)
{
    const struct str x = buf_str(&a->response.body);
    const struct str y = buf_str(&b->response.body);
    expect(a->answer.state == b->answer.state);
    expect(a->answer.error == b->answer.error);
    expect(a->answer.keep_alive == b->answer.keep_alive);
    if (a->answer.state == HTTP_ANSWER_BROKEN)
        return;
    expect(a->taken == b->taken);
    expect(str_equals(x, y));
    expect(a->response.status == b->response.status);
    expect(a->response.date_s == b->response.date_s);
    expect(a->response.crc32 == b->response.crc32);
    expect(a->response.retry_after_ms == b->response.retry_after_ms);
    expect(strcmp(a->response.content_type, b->response.content_type) == 0);
    expect(strcmp(a->response.request_id, b->response.request_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2)
        return 0;
    const char *bytes = (const char *)data + 2;
    reading_init(&whole);
    reading_init(&pieces);
    whole.taken = http_answer_read(&whole.answer, bytes, n - 2);
    read_in_pieces(&pieces, bytes, n - 2, data[0]);
    if (data[1] & 1) {
        http_answer_end(&whole.answer);
        http_answer_end(&pieces.answer);
    }
    compare(&whole, &pieces);
    if (whole.answer.state == HTTP_ANSWER_COMPLETE) {
        expect(whole.response.status >= 200 && whole.response.status <= 599);
        expect(whole.response.body.len <= BODY_CAP);
    } else {
        expect(!whole.answer.keep_alive);
    }
    return 0;
}
