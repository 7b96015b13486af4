/*
 * The four steps of Signature Version 4: canonical request, string to sign, signing key, signature.
 * Where credentials and time come from, and how the request is sent, is up to its callers.
 */
#include "aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "aws/secret.h"

#define HASH_SIZE SIGV4_HASH_SIZE
#define HEX_SIZE SIGV4_HEX_LENGTH
#define BLOCK_SIZE 64 /* of SHA-256: HMAC's key is one block long */
#define HEADERS_MAX 24
#define TEXT_CAP ((size_t)256 * 1024) /* the canonical request: headers, one of them the token */
#define SECRET_MAX 252

/* ---- hashes ---------------------------------------------------------------------------------- */

/* What OpenSSL 3 makes expensive: finding an algorithm by its name, and making a context. */
struct sigv4_engine {
    EVP_MD *sha256;
    EVP_MD_CTX *begun; /* nothing hashed yet */
    EVP_MD_CTX *work;  /* under way */
};

void sigv4_engine_free(struct sigv4_engine *engine)
{
    if (!engine)
        return;
    EVP_MD_CTX_free(engine->begun);
    EVP_MD_CTX_free(engine->work);
    EVP_MD_free(engine->sha256);
    free(engine);
}

struct sigv4_engine *sigv4_engine_new(void)
{
    struct sigv4_engine *engine = calloc(1, sizeof(*engine));
    if (!engine)
        return NULL;
    engine->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    engine->begun = EVP_MD_CTX_new();
    engine->work = EVP_MD_CTX_new();
    if (!engine->sha256 || !engine->begun || !engine->work ||
        EVP_DigestInit_ex(engine->begun, engine->sha256, NULL) != 1) {
        sigv4_engine_free(engine);
        return NULL;
    }
    return engine;
}

int sigv4_hash_begin(struct sigv4_engine *engine, EVP_MD_CTX **state, const EVP_MD_CTX *from,
                     struct str text)
{
    if (!*state)
        *state = EVP_MD_CTX_new();
    return *state && EVP_MD_CTX_copy_ex(*state, from ? from : engine->begun) == 1 &&
                   EVP_DigestUpdate(*state, text.p, text.n) == 1
               ? 0
               : -1;
}

int sigv4_hash_go_on(struct sigv4_engine *engine, const EVP_MD_CTX *state, struct str text,
                     unsigned char out[HASH_SIZE])
{
    return EVP_MD_CTX_copy_ex(engine->work, state) == 1 &&
                   EVP_DigestUpdate(engine->work, text.p, text.n) == 1 &&
                   EVP_DigestFinal_ex(engine->work, out, NULL) == 1
               ? 0
               : -1;
}

int sigv4_hash(struct sigv4_engine *engine, struct str text, unsigned char out[HASH_SIZE])
{
    return sigv4_hash_go_on(engine, engine->begun, text, out);
}

void sigv4_to_hex(const unsigned char hash[HASH_SIZE], char out[HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_SIZE; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

/* ---- the signing key ------------------------------------------------------------------------- */

/* RFC 2104. OpenSSL's own HMAC can neither go on from a text that has begun nor keep its key
 * without some 2,000 instructions a signature. */
static int set_key(struct sigv4_engine *engine, struct sigv4_key *key, struct str secret)
{
    unsigned char block[BLOCK_SIZE] = {0};
    const struct str text = {(const char *)block, sizeof(block)};
    int result = 0;
    if (secret.n > sizeof(block))
        result = sigv4_hash(engine, secret, block);
    else if (secret.n > 0)
        memcpy(block, secret.p, secret.n);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    result |= sigv4_hash_begin(engine, &key->inner, NULL, text);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    result |= sigv4_hash_begin(engine, &key->outer, NULL, text);
    OPENSSL_cleanse(block, sizeof(block));
    return result;
}

int sigv4_key_sign(struct sigv4_engine *engine, const struct sigv4_key *key,
                   const EVP_MD_CTX *inner, struct str text, unsigned char out[HASH_SIZE])
{
    if (sigv4_hash_go_on(engine, inner, text, out) < 0)
        return -1;
    return sigv4_hash_go_on(engine, key->outer, (struct str){(char *)out, HASH_SIZE}, out);
}

void sigv4_key_clear(struct sigv4_key *key)
{
    EVP_MD_CTX_free(key->inner); /* which cleanses it */
    EVP_MD_CTX_free(key->outer);
    *key = (struct sigv4_key){0};
}

int sigv4_key_derive(struct sigv4_engine *engine, struct sigv4_key *key, struct str secret,
                     const struct str scope[3])
{
    unsigned char bytes[4 + SECRET_MAX] = "AWS4";
    struct str next = {(const char *)bytes, 4 + secret.n};
    int result = secret.n > SECRET_MAX ? -1 : 0;
    if (result == 0 && secret.n > 0)
        memcpy(bytes + 4, secret.p, secret.n);
    for (size_t i = 0; result == 0 && i < 4; i++) {
        result = set_key(engine, key, next);
        if (result == 0)
            result = sigv4_key_sign(engine, key, key->inner, i < 3 ? scope[i] : STR("aws4_request"),
                                    bytes);
        next.n = HASH_SIZE;
    }
    if (result == 0)
        result = set_key(engine, key, next);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return result;
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

static bool is_canonical_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without blanks around it, and with one space for each run of them inside. */
static void append_trimmed(struct buf *out, struct str value)
{
    bool blank = false;
    size_t begin = 0;
    while (begin < value.n && is_canonical_blank(value.p[begin]))
        begin++;
    size_t plain = begin; /* where the bytes begin that are not yet written */
    for (size_t i = begin; i < value.n; i++) {
        bool now = is_canonical_blank(value.p[i]);
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
    sigv4_to_hex(body_hash, hex);
    buf_append(out, hex, sizeof hex);
}

/* ---- the signature --------------------------------------------------------------------------- */

static void append_scope(struct buf *out, const struct sigv4_request *request, struct str day)
{
    buf_append_str(out, day);
    buf_putc(out, '/');
    buf_puts(out, request->region);
    buf_putc(out, '/');
    buf_puts(out, request->service);
    buf_puts(out, "/aws4_request");
}

int sigv4_format_date(int64_t wall_s, char date[SIGV4_DATE_SIZE])
{
    struct tm parts;
    time_t seconds = (time_t)wall_s;
    if (!gmtime_r(&seconds, &parts))
        return -1;
    return strftime(date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts) == SIGV4_DATE_SIZE - 1 ? 0
                                                                                            : -1;
}

static int write_string_to_sign(struct sigv4_engine *engine, const struct sigv4_request *request,
                                struct str date, const struct buf *canonical_request,
                                struct buf *out)
{
    unsigned char hash[HASH_SIZE];
    char hex[HEX_SIZE];
    const struct str text = buf_str(canonical_request);
    if (!buf_ok(canonical_request) || sigv4_hash(engine, text, hash) < 0)
        return -1;
    buf_puts(out, SIGV4_ALGORITHM "\n");
    buf_append_str(out, date);
    buf_putc(out, '\n');
    append_scope(out, request, (struct str){date.p, 8});
    buf_putc(out, '\n');
    sigv4_to_hex(hash, hex);
    buf_append(out, hex, sizeof hex);
    return buf_ok(out) ? 0 : -1;
}

static void write_authorization(struct buf *out, const struct sigv4_request *request,
                                struct str day, const struct header_list *list,
                                const unsigned char signature[HASH_SIZE])
{
    char hex[HEX_SIZE];
    buf_puts(out, SIGV4_ALGORITHM " Credential=");
    buf_append_str(out, request->access_key_id);
    buf_putc(out, '/');
    append_scope(out, request, day);
    buf_puts(out, ", SignedHeaders=");
    append_signed_names(out, list);
    buf_puts(out, ", Signature=");
    sigv4_to_hex(signature, hex);
    buf_append(out, hex, sizeof hex);
}

static int sign_text(struct sigv4_engine *engine, const struct sigv4_request *request,
                     struct str day, struct str text, unsigned char signature[HASH_SIZE])
{
    const struct str scope[] = {day, str_from(request->region), str_from(request->service)};
    struct sigv4_key key = {0};
    int result = sigv4_key_derive(engine, &key, request->secret_access_key, scope);
    if (result == 0)
        result = sigv4_key_sign(engine, &key, key.inner, text, signature);
    sigv4_key_clear(&key);
    return result;
}

/* The texts of one signature. */
struct sigv4_texts {
    struct buf *authorization;
    struct buf *canonical_request;
    struct buf *string_to_sign;
};

static int sigv4_engine_sign(struct sigv4_engine *engine, const struct sigv4_request *request,
                             struct str date, const struct sigv4_texts *texts)
{
    unsigned char hash[HASH_SIZE];
    struct header_list list;
    const struct str day = {date.p, SIGV4_DAY_LENGTH};
    if (collect_headers(request, date, &list) < 0 || sigv4_hash(engine, request->body, hash) < 0)
        return -1;
    write_canonical_request(texts->canonical_request, &list, hash);
    if (write_string_to_sign(engine, request, date, texts->canonical_request,
                             texts->string_to_sign) < 0 ||
        sign_text(engine, request, day, buf_str(texts->string_to_sign), hash) < 0)
        return -1;
    write_authorization(texts->authorization, request, day, &list, hash);
    return buf_ok(texts->authorization) ? 0 : -1;
}

int sigv4_sign(const struct sigv4_request *request, char date[SIGV4_DATE_SIZE],
               struct buf *authorization, struct buf *canonical_request, struct buf *string_to_sign)
{
    struct buf own_canonical;
    struct buf own_string;
    const struct sigv4_texts texts = {authorization,
                                      canonical_request ? canonical_request : &own_canonical,
                                      string_to_sign ? string_to_sign : &own_string};
    struct sigv4_engine *engine = sigv4_engine_new();
    buf_init(&own_canonical, TEXT_CAP);
    buf_init(&own_string, TEXT_CAP);
    int result = engine ? sigv4_format_date(request->wall_s, date) : -1;
    if (result == 0)
        result =
            sigv4_engine_sign(engine, request, (struct str){date, SIGV4_DATE_SIZE - 1}, &texts);
    secret_buf_free(&own_canonical); /* it has the token */
    buf_free(&own_string);
    sigv4_engine_free(engine);
    return result;
}
