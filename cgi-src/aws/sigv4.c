/*
 * The four steps of Signature Version 4: canonical request, string to sign, signing key, signature.
 * Where credentials and time come from, and how the request is sent, is its callers' business.
 */
#include "aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define HASH_SIZE 32
#define HEX_SIZE (2 * HASH_SIZE)
#define HEADERS_MAX 24
#define TEXT_CAP ((size_t)256 * 1024) /* the canonical request: headers, one of them the token */
#define ALGORITHM "AWS4-HMAC-SHA256"

/* What OpenSSL 3 makes expensive: finding an algorithm by its name. Found once a thread. */
struct engine {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *hmac; /* knows its digest; a new key at each use */
};

static void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    EVP_MAC_CTX_free(engine->hmac);
    EVP_MD_CTX_free(engine->digest);
    EVP_MD_free(engine->sha256);
    free(engine);
}

static EVP_MAC_CTX *new_hmac(void)
{
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context holds it */
    if (context && EVP_MAC_CTX_set_params(context, params) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

static struct engine *engine_of(struct sigv4_key_cache *cache)
{
    if (cache->mac)
        return cache->mac;
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return NULL;
    engine->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    engine->digest = EVP_MD_CTX_new();
    engine->hmac = new_hmac();
    if (!engine->sha256 || !engine->digest || !engine->hmac) {
        engine_free(engine);
        return NULL;
    }
    cache->mac = engine;
    return engine;
}

void sigv4_key_cache_clear(struct sigv4_key_cache *cache)
{
    engine_free(cache->mac);
    OPENSSL_cleanse(cache, sizeof *cache);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

/* SHA-256 over the pieces, each ended by `end` unless it is negative. */
static int sha256(struct engine *engine, const struct str *pieces, size_t count, int end,
                  unsigned char out[HASH_SIZE])
{
    const unsigned char separator = (unsigned char)end;
    bool ok = EVP_DigestInit_ex(engine->digest, engine->sha256, NULL) == 1;
    for (size_t i = 0; ok && i < count; i++) {
        ok = EVP_DigestUpdate(engine->digest, pieces[i].p, pieces[i].n) == 1;
        if (ok && end >= 0)
            ok = EVP_DigestUpdate(engine->digest, &separator, 1) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(engine->digest, out, NULL) == 1;
    return ok ? 0 : -1;
}

static int hmac(struct engine *engine, const unsigned char *key, size_t key_length,
                struct str message, unsigned char out[HASH_SIZE])
{
    size_t n = 0;
    if (EVP_MAC_init(engine->hmac, key, key_length, NULL) != 1 ||
        EVP_MAC_update(engine->hmac, (const unsigned char *)message.p, message.n) != 1 ||
        EVP_MAC_final(engine->hmac, out, &n, HASH_SIZE) != 1)
        return -1;
    return 0;
}

static void to_hex(const unsigned char hash[HASH_SIZE], char out[HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_SIZE; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

/* ---- the canonical request ------------------------------------------------------------------- */

struct header_list {
    struct sigv4_header items[HEADERS_MAX];
    size_t count;
};

/* Sorted as it grows: the callers' headers come in order, the three others find their places. */
static void insert(struct header_list *list, const char *name, struct str value)
{
    size_t i = list->count++;
    for (; i > 0 && strcmp(list->items[i - 1].name, name) > 0; i--)
        list->items[i] = list->items[i - 1];
    list->items[i] = (struct sigv4_header){name, value};
}

static int collect_headers(const struct sigv4_request *request, struct str date,
                           struct header_list *list)
{
    list->count = 0;
    if (request->header_count > HEADERS_MAX - 3)
        return -1;
    for (size_t i = 0; i < request->header_count; i++)
        insert(list, request->headers[i].name, request->headers[i].value);
    insert(list, "host", request->host);
    insert(list, "x-amz-date", date);
    if (request->session_token.n > 0)
        insert(list, "x-amz-security-token", request->session_token);
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without blanks around it, and with one space for each run of them inside. */
static void append_trimmed(struct buf *out, struct str value)
{
    bool blank = false;
    size_t begin = 0;
    while (begin < value.n && is_blank(value.p[begin]))
        begin++;
    size_t plain = begin; /* where the bytes begin that are not yet written */
    for (size_t i = begin; i < value.n; i++) {
        bool now = is_blank(value.p[i]);
        if (now && !blank)
            buf_append(out, value.p + plain, i - plain);
        if (!now && blank) {
            buf_putc(out, ' ');
            plain = i;
        }
        blank = now;
    }
    if (!blank)
        buf_append(out, value.p + plain, value.n - plain);
}

static void append_signed_names(struct buf *out, const struct header_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            buf_putc(out, ';');
        buf_puts(out, list->items[i].name);
    }
}

/* Enough for the canonical request. */
static size_t canonical_size(const struct header_list *list)
{
    size_t n = sizeof "POST\n/\n\n\n\n" + HEX_SIZE;
    for (size_t i = 0; i < list->count; i++)
        n += 2 * strlen(list->items[i].name) + list->items[i].value.n + 3; /* ":", "\n", ";" */
    return n;
}

static void write_canonical_request(struct buf *out, const struct header_list *list,
                                    const unsigned char body_hash[HASH_SIZE])
{
    char hex[HEX_SIZE];
    /* In one piece: it has the token, and growing would leave copies of it behind. */
    (void)buf_reserve(out, canonical_size(list));
    buf_puts(out, "POST\n/\n\n"); /* the path, and an empty query */
    for (size_t i = 0; i < list->count; i++) {
        buf_puts(out, list->items[i].name);
        buf_putc(out, ':');
        append_trimmed(out, list->items[i].value);
        buf_putc(out, '\n');
    }
    buf_putc(out, '\n');
    append_signed_names(out, list);
    buf_putc(out, '\n');
    to_hex(body_hash, hex);
    buf_append(out, hex, sizeof hex);
}

/* ---- the signature --------------------------------------------------------------------------- */

static int derive_key(struct engine *engine, const struct sigv4_request *request, struct str day,
                      unsigned char key[HASH_SIZE])
{
    unsigned char secret[256];
    int result = -1;
    if (request->secret_access_key.n > sizeof secret - 4)
        return -1;
    memcpy(secret, "AWS4", 4);
    memcpy(secret + 4, request->secret_access_key.p, request->secret_access_key.n);
    if (hmac(engine, secret, 4 + request->secret_access_key.n, day, key) == 0 &&
        hmac(engine, key, HASH_SIZE, str_from(request->region), key) == 0 &&
        hmac(engine, key, HASH_SIZE, str_from(request->service), key) == 0)
        result = hmac(engine, key, HASH_SIZE, STR("aws4_request"), key);
    OPENSSL_cleanse(secret, sizeof secret);
    return result;
}

/* Sees to it that cache->key is the one for the request: it changes once a day, and with the
 * credentials. */
static int find_key(struct sigv4_key_cache *cache, struct engine *engine,
                    const struct sigv4_request *request, struct str day)
{
    unsigned char fingerprint[HASH_SIZE];
    const struct str pieces[] = {request->secret_access_key, day, str_from(request->region),
                                 str_from(request->service)};
    if (sha256(engine, pieces, sizeof pieces / sizeof pieces[0], '\0', fingerprint) != 0)
        return -1;
    if (cache->valid && memcmp(cache->fingerprint, fingerprint, sizeof fingerprint) == 0)
        return 0;
    cache->valid = 0;
    if (derive_key(engine, request, day, cache->key) != 0)
        return -1;
    memcpy(cache->fingerprint, fingerprint, sizeof fingerprint);
    cache->valid = 1;
    return 0;
}

static void append_scope(struct buf *out, const struct sigv4_request *request, struct str day)
{
    buf_append_str(out, day);
    buf_putc(out, '/');
    buf_puts(out, request->region);
    buf_putc(out, '/');
    buf_puts(out, request->service);
    buf_puts(out, "/aws4_request");
}

static int format_date(int64_t wall_s, char date[SIGV4_DATE_SIZE])
{
    struct tm parts;
    time_t seconds = (time_t)wall_s;
    if (!gmtime_r(&seconds, &parts))
        return -1;
    return strftime(date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts) == SIGV4_DATE_SIZE - 1 ? 0
                                                                                            : -1;
}

static int write_string_to_sign(struct engine *engine, const struct sigv4_request *request,
                                struct str date, const struct buf *canonical_request,
                                struct buf *out)
{
    unsigned char hash[HASH_SIZE];
    char hex[HEX_SIZE];
    const struct str text = buf_str(canonical_request);
    if (!buf_ok(canonical_request) || sha256(engine, &text, 1, -1, hash) != 0)
        return -1;
    buf_puts(out, ALGORITHM "\n");
    buf_append_str(out, date);
    buf_putc(out, '\n');
    append_scope(out, request, (struct str){date.p, 8});
    buf_putc(out, '\n');
    to_hex(hash, hex);
    buf_append(out, hex, sizeof hex);
    return buf_ok(out) ? 0 : -1;
}

static void write_authorization(struct buf *out, const struct sigv4_request *request,
                                struct str day, const struct header_list *list,
                                const unsigned char signature[HASH_SIZE])
{
    char hex[HEX_SIZE];
    buf_puts(out, ALGORITHM " Credential=");
    buf_append_str(out, request->access_key_id);
    buf_putc(out, '/');
    append_scope(out, request, day);
    buf_puts(out, ", SignedHeaders=");
    append_signed_names(out, list);
    buf_puts(out, ", Signature=");
    to_hex(signature, hex);
    buf_append(out, hex, sizeof hex);
}

/* The steps, with the two texts in buffers of the caller. */
static int sign(struct sigv4_key_cache *cache, const struct sigv4_request *request, struct str date,
                struct buf *authorization, struct buf *canonical_request,
                struct buf *string_to_sign)
{
    unsigned char body_hash[HASH_SIZE];
    unsigned char signature[HASH_SIZE];
    struct header_list list;
    const struct str day = {date.p, 8};
    struct engine *engine = engine_of(cache);
    if (!engine || collect_headers(request, date, &list) != 0)
        return -1;
    if (sha256(engine, &request->body, 1, -1, body_hash) != 0)
        return -1;
    write_canonical_request(canonical_request, &list, body_hash);
    if (write_string_to_sign(engine, request, date, canonical_request, string_to_sign) != 0)
        return -1;
    if (find_key(cache, engine, request, day) != 0)
        return -1;
    if (hmac(engine, cache->key, HASH_SIZE, buf_str(string_to_sign), signature) != 0)
        return -1;
    write_authorization(authorization, request, day, &list, signature);
    return buf_ok(authorization) ? 0 : -1;
}

int sigv4_sign(struct sigv4_key_cache *cache, const struct sigv4_request *request,
               char date[SIGV4_DATE_SIZE], struct buf *authorization, struct buf *canonical_request,
               struct buf *string_to_sign)
{
    struct buf own_canonical;
    struct buf own_string;
    buf_init(&own_canonical, TEXT_CAP);
    buf_init(&own_string, TEXT_CAP);
    int result = format_date(request->wall_s, date);
    if (result == 0)
        result = sign(cache, request, (struct str){date, SIGV4_DATE_SIZE - 1}, authorization,
                      canonical_request ? canonical_request : &own_canonical,
                      string_to_sign ? string_to_sign : &own_string);
    if (own_canonical.data)
        OPENSSL_cleanse(own_canonical.data, own_canonical.size); /* it has the token */
    buf_free(&own_canonical);
    buf_free(&own_string);
    return result;
}
