/*
 * base64url (RFC 4648 section 5, no padding) over the first half of HMAC-SHA-256 and the position.
 */
#include "http/cursor.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define SUM_SIZE 16

/* The key is made from the names of the tables, so those who know them can make it. That is
 * enough to tell a cursor that this service gave from one that was made up. */
void cursor_key_init(struct cursor_key *key, const char *sessions_table, const char *messages_table)
{
    static const char label[] = "chat-sessions cursor 1";
    unsigned char text[1024];
    size_t n = 0;
    const char *const parts[] = {sessions_table, messages_table};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t length = strnlen(parts[i], sizeof(text) / 2 - 1);
        memcpy(text + n, parts[i], length);
        n += length;
        text[n++] = '\0';
    }
    if (!HMAC(EVP_sha256(), label, sizeof(label) - 1, text, n, key->bytes, NULL))
        abort();
}

/* The length of the scope goes first, so that nothing of it can be taken for the position. */
static void cursor_authenticate(const struct cursor_key *key, struct str scope, struct str position,
                                struct arena *a, unsigned char out[SUM_SIZE])
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    struct str text = arena_printf(a, "%zu ", scope.n);
    size_t n = text.n + scope.n + position.n;
    char *all = arena_text(a, n);

    memcpy(all, text.p, text.n);
    memcpy(all + text.n, scope.p, scope.n);
    memcpy(all + text.n + scope.n, position.p, position.n);
    if (!HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), (unsigned char *)all, n, sum, NULL))
        abort();
    memcpy(out, sum, SUM_SIZE);
}

static void translate_alphabet(char *text, size_t n, const char *from, const char *to)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == from[0])
            text[i] = to[0];
        else if (text[i] == from[1])
            text[i] = to[1];
    }
}

struct str cursor_encode(const struct cursor_key *key, struct arena *a, struct str scope,
                         struct str position)
{
    size_t n = SUM_SIZE + position.n;
    unsigned char *raw = arena_alloc(a, n);
    char *text = arena_alloc(a, n / 3 * 4 + 8);

    cursor_authenticate(key, scope, position, a, raw);
    memcpy(raw + SUM_SIZE, position.p, position.n);
    int length = EVP_EncodeBlock((unsigned char *)text, raw, (int)n);
    while (length > 0 && text[length - 1] == '=')
        length--;
    translate_alphabet(text, (size_t)length, "+/", "-_");
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

int cursor_decode(const struct cursor_key *key, struct arena *a, const struct cursor_text *cursor,
                  struct str *position, struct err *e)
{
    unsigned char sum[SUM_SIZE];
    struct str text = cursor->text;
    size_t padded = (text.n + 3) / 4 * 4;

    if (!is_base64url(text))
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    char *copy = arena_alloc(a, padded + 1);
    memset(copy, '=', padded);
    memcpy(copy, text.p, text.n);
    translate_alphabet(copy, text.n, "-_", "+/");
    unsigned char *raw = arena_alloc(a, padded / 4 * 3 + 1);
    int length = EVP_DecodeBlock(raw, (unsigned char *)copy, (int)padded);
    length -= (int)(padded - text.n);
    if (length >= SUM_SIZE) {
        *position = (struct str){(char *)raw + SUM_SIZE, (size_t)length - SUM_SIZE};
        cursor_authenticate(key, cursor->scope, *position, a, sum);
    }
    if (length < SUM_SIZE || CRYPTO_memcmp(sum, raw, SUM_SIZE) != 0)
        return err_set(e, ERR_INVALID_CURSOR,
                       "cursor is not one that this API gave for this list and order");
    return 0;
}
