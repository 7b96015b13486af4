/*
 * Tokens. No input is one: the key is made anew in each run, so a signature that verifies is a
 * finding. The first line says how the rest is meant: "token" as it came; "parts": header and
 * claims as JSON with a line "---" between, so that the fuzzer need not know base64; "claims": as
 * after a good signature.
 */
#include "fuzz.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "auth/jwt.h"

#define NOW INT64_C(1800000000)

static struct jose_key *secret;

static const struct jwt_rules rules[] = {
    {STR("https://issuer.example/"), STR("chat"), STR("sub")},
    {STR(""), STR(""), STR("sub")},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char bytes[32];

    (void)argc, (void)argv;
    FUZZ_MUST(RAND_bytes((unsigned char *)bytes, sizeof(bytes)) == 1);
    secret = jose_key_from_secret((struct str){bytes, sizeof(bytes)});
    FUZZ_MUST(secret);
    return 0;
}

static void judge(const struct jwt *jwt, struct arena *a)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct jwt_identity identity;
        struct err e = {0};
        if (jwt_judge(jwt, &rules[i], NOW, a, &identity, &e) < 0) {
            FUZZ_MUST(e.code == ERR_UNAUTHORIZED);
            fuzz_check_refusal(&e);
            continue;
        }
        FUZZ_MUST(identity.user_id.n >= 1 && identity.user_id.n <= JWT_MAX_USER_BYTES);
        FUZZ_MUST(str_is_utf8(identity.user_id));
        FUZZ_MUST(identity.expires_s > NOW);
    }
}

static void take_token(struct str token, struct arena *a)
{
    struct jwt jwt = {0};
    struct err e = {0};

    if (jwt_read(token, a, &jwt, &e) < 0) {
        FUZZ_MUST(e.code == ERR_UNAUTHORIZED);
        fuzz_check_refusal(&e);
        return;
    }
    FUZZ_MUST(jwt_verify(&jwt, secret, &e) < 0);
    judge(&jwt, a);
}

static struct str base64url(struct str s, struct arena *a)
{
    char *out = arena_alloc(a, s.n / 3 * 4 + 8);
    int n = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)s.p, (int)s.n);

    while (n > 0 && out[n - 1] == '=')
        n--;
    for (int i = 0; i < n; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    return (struct str){out, (size_t)n};
}

static void take_parts(struct str rest, struct arena *a)
{
    struct str header = base64url(fuzz_part(&rest), a);
    struct str claims = base64url(rest, a);

    take_token(arena_printf(a, "%.*s.%.*s.c2ln", (int)header.n, header.p, (int)claims.n, claims.p),
               a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_input(data, size);
    struct str how = fuzz_line(&rest);
    struct arena arena;

    arena_init(&arena);
    if (str_is(how, "claims"))
        judge(&(struct jwt){.claims = rest}, &arena);
    else if (str_is(how, "parts"))
        take_parts(rest, &arena);
    else
        take_token(rest, &arena);
    arena_free(&arena);
    return 0;
}
