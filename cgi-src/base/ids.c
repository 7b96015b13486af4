/*
 * UUIDv7 (RFC 9562, section 5.7) and the kernel's random bytes. Each thread draws the bytes of its
 * ids in blocks, so that a request needs no system call for them. A block is never used on both
 * sides of a fork: two processes would make the same ids.
 */
#include "base/ids.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_SIZE 1280 /* 128 ids */

struct random_block {
    unsigned forks; /* of the process when the block was drawn */
    size_t left;    /* bytes that no id has used, at the end of the block */
    unsigned char bytes[BLOCK_SIZE];
};

static _Thread_local struct random_block block;
static atomic_uint fork_count; /* of forks between the first process and this one */
static pthread_once_t watch_forks_once = PTHREAD_ONCE_INIT;

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

static void count_fork(void)
{
    atomic_fetch_add(&fork_count, 1);
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, count_fork) != 0)
        abort();
}

/* The next n bytes of the thread's block, which keeps no copy of them. */
static void ids_draw(void *out, size_t n)
{
    pthread_once(&watch_forks_once, watch_forks);
    unsigned forks = atomic_load_explicit(&fork_count, memory_order_relaxed);
    if (block.left < n || block.forks != forks) {
        ids_random(block.bytes, sizeof(block.bytes));
        block.left = sizeof(block.bytes);
        block.forks = forks;
    }
    unsigned char *next = block.bytes + sizeof(block.bytes) - block.left;
    memcpy(out, next, n);
    explicit_bzero(next, n);
    block.left -= n;
}

static void uuid_format(const unsigned char uuid[16], char out[IDS_UUID_SIZE])
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
    uuid_format(uuid, out);
}

void ids_uuid7(int64_t wall_ms, char out[IDS_UUID_SIZE])
{
    unsigned char random[10];
    ids_draw(random, sizeof(random));
    ids_uuid7_from(wall_ms, random, out);
}
