/*
 * What the readers and the writer of JSON strings share: finding the next byte that needs care, and
 * what escapes stand for. For base/json_*.c alone.
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* True for the bytes that RFC 8259 does not allow bare in a string: '"', '\' and below 0x20. */
static inline bool json_byte_is_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

#ifdef __SSE2__
/* Sixteen bytes at once: a bit for each that is special. */
static inline unsigned json_special_of_16(const char *p)
{
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)));
}
#endif

/* Eight bytes at once: the lowest bit that is set is the first special byte's highest (see "Bit
 * Twiddling Hacks", haszero and hasless); higher bits may be set for bytes that are not special. */
static inline uint64_t json_special_of_8(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, p, sizeof word);
    word = le64toh(word);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t hit = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                   ((backslash - ones) & ~backslash);
    return hit & (ones * 0x80);
}

/* The first special byte at or after p; end if there is none. */
static inline const char *json_next_special(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= 16; p += 16) {
        unsigned hit = json_special_of_16(p);
        if (hit)
            return p + __builtin_ctz(hit);
    }
#endif
    for (; end - p >= 8; p += 8) {
        uint64_t hit = json_special_of_8(p);
        if (hit)
            return p + __builtin_ctzll(hit) / 8;
    }
    while (p < end && !json_byte_is_special((unsigned char)*p))
        p++;
    return p;
}

static inline bool json_is_space(char c)
{
    return (unsigned char)c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

static inline bool json_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of four hexadecimal digits at p, -1 if they are not digits. */
static inline int json_hex4(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = json_is_digit(c)         ? c - '0'
                    : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                    : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                             : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static inline bool json_is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static inline bool json_is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* The bytes of a code point at `to`; where they end. */
static inline char *json_put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

#endif
