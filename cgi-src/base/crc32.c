/*
 * CRC-32 by carry-less multiplication where the processor has it, by zlib else. Every byte that
 * DynamoDB answers is summed; zlib's tables cost four instructions a byte, this a half.
 *
 * V. Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction",
 * Intel 2009: 64 bytes are folded at a time into four registers, these into one, and that is
 * reduced by Barrett's method. The constants are those of its section on the reflected polynomial.
 */
#include "base/crc32.h"

#include <zlib.h>

static uint32_t sum_by_table(uint32_t sum, const char *p, size_t n)
{
    return (uint32_t)crc32_z(sum, (const unsigned char *)p, n);
}

#ifdef __x86_64__
#include <immintrin.h>

#define CLMUL __attribute__((target("pclmul,sse4.1")))

CLMUL static inline __m128i load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* x moved on by as many bits as the constants are for, and what stands there. */
CLMUL static inline __m128i fold(__m128i x, __m128i constants, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(x, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(x, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* 128 bits to 32. */
CLMUL static uint32_t reduce(__m128i x)
{
    const __m128i fold_by_128 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i fold_by_64 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i low_32 = _mm_setr_epi32(-1, 0, -1, 0);

    __m128i t = _mm_clmulepi64_si128(x, fold_by_128, 0x10);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), t);
    t = _mm_srli_si128(x, 4);
    x = _mm_clmulepi64_si128(_mm_and_si128(x, low_32), fold_by_64, 0x00);
    x = _mm_xor_si128(x, t);
    t = _mm_clmulepi64_si128(_mm_and_si128(x, low_32), barrett, 0x10);
    t = _mm_clmulepi64_si128(_mm_and_si128(t, low_32), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

/* n: a multiple of 16, 64 at least. */
CLMUL static uint32_t sum_by_folding(const char *p, size_t n)
{
    const __m128i fold_by_512 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i fold_by_128 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    __m128i x[4];

    for (int i = 0; i < 4; i++)
        x[i] = load(p + (size_t)16 * (size_t)i);
    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128(-1)); /* the sum of nothing, inverted */
    for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], fold_by_512, load(p + (size_t)16 * (size_t)i));
    }
    for (int i = 1; i < 4; i++)
        x[0] = fold(x[0], fold_by_128, x[i]);
    for (; n >= 16; p += 16, n -= 16)
        x[0] = fold(x[0], fold_by_128, load(p));
    return ~reduce(x[0]);
}

uint32_t crc32_of(struct str bytes)
{
    size_t folded = bytes.n / 16 * 16;

    if (folded < 64 || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1"))
        return sum_by_table(0, bytes.p, bytes.n);
    return sum_by_table(sum_by_folding(bytes.p, folded), bytes.p + folded, bytes.n - folded);
}
#else
uint32_t crc32_of(struct str bytes)
{
    return sum_by_table(0, bytes.p, bytes.n);
}
#endif
