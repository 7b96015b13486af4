/*
 * base64url (RFC 4648 section 5, no padding) over a check sum and the position.
 */
#include "http/cursor.h"

#include <openssl/evp.h>
#include <stdint.h>

#define SUM_SIZE 8

static void check_sum(struct str scope, struct str position, unsigned char out[SUM_SIZE])
{
    uint64_t h = str_hash(scope) * 31 + str_hash(position);

    for (int i = 0; i < SUM_SIZE; i++)
        out[i] = (unsigned char)(h >> (8 * i));
}

static void translate(char *text, size_t n, const char *from, const char *to)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == from[0])
            text[i] = to[0];
        else if (text[i] == from[1])
            text[i] = to[1];
    }
}

struct str cursor_encode(struct arena *a, struct str scope, struct str position)
{
    size_t n = SUM_SIZE + position.n;
    unsigned char *raw = arena_alloc(a, n);
    char *text = arena_alloc(a, n / 3 * 4 + 8);

    check_sum(scope, position, raw);
    memcpy(raw + SUM_SIZE, position.p, position.n);
    int length = EVP_EncodeBlock((unsigned char *)text, raw, (int)n);
    while (length > 0 && text[length - 1] == '=')
        length--;
    translate(text, (size_t)length, "+/", "-_");
    return (struct str){text, (size_t)length};
}

static bool is_base64url(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return s.n > 0 && s.n % 4 != 1 && s.n < 64 * 1024;
}

int cursor_decode(struct arena *a, struct str scope, struct str text, struct str *position,
                  struct err *e)
{
    unsigned char sum[SUM_SIZE];
    size_t padded = (text.n + 3) / 4 * 4;

    if (!is_base64url(text))
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    char *copy = arena_alloc(a, padded + 1);
    memset(copy, '=', padded);
    memcpy(copy, text.p, text.n);
    translate(copy, text.n, "-_", "+/");
    unsigned char *raw = arena_alloc(a, padded / 4 * 3 + 1);
    int length = EVP_DecodeBlock(raw, (unsigned char *)copy, (int)padded);
    length -= (int)(padded - text.n);
    if (length >= SUM_SIZE) {
        *position = (struct str){(char *)raw + SUM_SIZE, (size_t)length - SUM_SIZE};
        check_sum(scope, *position, sum);
    }
    if (length < SUM_SIZE || memcmp(sum, raw, SUM_SIZE) != 0)
        return err_set(e, ERR_INVALID_CURSOR,
                       "cursor is not one that this API gave for this list and order");
    return 0;
}
