/*
 * UUIDv7 (RFC 9562, section 5.7) and the kernel's random bytes. There is no state between calls, so
 * nothing needs care at a fork or between threads.
 */
#include "base/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void ids_random(void *out, size_t n)
{
    unsigned char *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

static void format(const unsigned char uuid[16], char out[IDS_UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[uuid[i] >> 4];
        *out++ = digits[uuid[i] & 15];
    }
    *out = '\0';
}

void ids_uuid7_from(int64_t wall_ms, const unsigned char random[10], char out[IDS_UUID_SIZE])
{
    unsigned char uuid[16];
    for (int i = 0; i < 6; i++)
        uuid[i] = (unsigned char)((uint64_t)wall_ms >> (40 - 8 * i));
    for (int i = 0; i < 10; i++)
        uuid[6 + i] = random[i];
    uuid[6] = (unsigned char)(0x70 | (uuid[6] & 0x0F)); /* version 7 */
    uuid[8] = (unsigned char)(0x80 | (uuid[8] & 0x3F)); /* variant of RFC 9562 */
    format(uuid, out);
}

void ids_uuid7(int64_t wall_ms, char out[IDS_UUID_SIZE])
{
    unsigned char random[10];
    ids_random(random, sizeof random);
    ids_uuid7_from(wall_ms, random, out);
}
