/*
 * UTF-8 checks for views of bytes. Everything that comes in passes through here, so the common
 * case, plain ASCII, goes eight bytes at a time. What the bytes mean is left to the callers.
 */
#include "base/str.h"

#include <stdint.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load8(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static bool in_range(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

/* Bytes of the well-formed character at p (RFC 3629, section 4), 0 if it is not one. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char lead = p[0];
    if (lead < 0x80)
        return 1;
    if (in_range(lead, 0xC2, 0xDF))
        return n >= 2 && in_range(p[1], 0x80, 0xBF) ? 2 : 0;
    if (in_range(lead, 0xE0, 0xEF)) {
        unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : 0xBF;
        return n >= 3 && in_range(p[1], low, high) && in_range(p[2], 0x80, 0xBF) ? 3 : 0;
    }
    if (in_range(lead, 0xF0, 0xF4)) {
        unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
        return n >= 4 && in_range(p[1], low, high) && in_range(p[2], 0x80, 0xBF) &&
                       in_range(p[3], 0x80, 0xBF)
                   ? 4
                   : 0;
    }
    return 0;
}

size_t str_utf8_prefix(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    while (i < s.n) {
        if (s.n - i >= 8 && !(load8(p + i) & HIGH_BITS)) {
            i += 8;
            continue;
        }
        size_t n = utf8_sequence(p + i, s.n - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

bool str_is_utf8(struct str s)
{
    return str_utf8_prefix(s) == s.n;
}

size_t str_utf8_length(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t count = 0;
    size_t i = 0;
    for (; s.n - i >= 8 && !(load8(p + i) & HIGH_BITS); i += 8)
        count += 8;
    for (; i < s.n; i++)
        count += (p[i] & 0xC0) != 0x80;
    return count;
}

uint64_t str_hash(struct str s)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 32;
}
