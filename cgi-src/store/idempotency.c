/*
 * Idempotency markers: where they lie, and what they are compared by. The operations write a marker
 * in the same transaction as what it guards.
 *
 * The marker of an append lies in the session's partition of the messages table, below the owner
 * item. The marker of a creation lies in the user's partition of the sessions table, below any
 * session id ('!' sorts before every hexadecimal digit); the session names it, so that a delete can
 * remove it.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "store/internal.h"

__extension__ typedef unsigned __int128 uint128;

static void sha256_digest(struct str s, unsigned char out[32])
{
    if (!EVP_Digest(s.p, s.n, out, NULL, EVP_sha256(), NULL))
        abort();
}

static void hex_write(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

/* 120 bits are at most 37 digits, and DynamoDB takes 38. */
struct str store_marker_timestamp(struct store *s, struct str key)
{
    unsigned char digest[32];
    uint128 n = 0;
    char reversed[48];
    char digits[48];
    size_t len = 0;

    sha256_digest(key, digest);
    for (int i = 0; i < 15; i++)
        n = n << 8 | digest[i];
    do {
        reversed[len++] = (char)('0' + (int)(n % 10));
        n /= 10;
    } while (n);
    reversed[len++] = '-';
    for (size_t i = 0; i < len; i++)
        digits[i] = reversed[len - 1 - i];
    return arena_str(s->arena, (struct str){digits, len});
}

struct str store_marker_session(struct store *s, struct str key)
{
    unsigned char digest[32];
    char text[65];

    sha256_digest(key, digest);
    hex_write(digest, sizeof(digest), text);
    return arena_printf(s->arena, "!create#%s", text);
}

struct str store_fingerprint(struct store *s, const struct idempotency *idempotency)
{
    char text[65];

    hex_write(idempotency->fingerprint, sizeof(idempotency->fingerprint), text);
    return arena_str(s->arena, str_from(text));
}
