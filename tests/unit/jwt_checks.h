/*
 * What the tests of tokens share: the whole way of a token, what is expected of it, keys from JSON,
 * and chance that is the same each time.
 */
#ifndef TESTS_UNIT_JWT_CHECKS_H
#define TESTS_UNIT_JWT_CHECKS_H

#include "jwt_fixture.h"

#include "auth/jwks.h"
#include "auth/jwt.h"

static const struct jwt_rules no_rules = {
    .issuer = {"", 0}, .audience = {"", 0}, .user_claim = {"sub", 3}};

/* The whole way of a token with one key. 0, or -1 with e. */
static inline int check(const char *token, const struct jose_key *key,
                        const struct jwt_rules *rules, int64_t now_s, struct jwt_identity *out,
                        struct err *e)
{
    struct jwt jwt;

    if (jwt_read(str_from(token), &texts, &jwt, e) < 0 || jwt_verify(&jwt, key, e) < 0)
        return -1;
    return jwt_judge(&jwt, rules, now_s, &texts, out, e);
}

static inline void expect(const char *what, int result, const struct err *e, const char *reason)
{
    if (!reason) {
        if (result != 0)
            fail_msg("%s: refused: %s", what, e->detail);
        return;
    }
    if (result == 0)
        fail_msg("%s: accepted", what);
    if (e->code != ERR_UNAUTHORIZED || !strstr(e->detail, reason))
        fail_msg("%s: wanted \"%s\", got %s \"%s\"", what, reason, err_code_name(e->code),
                 e->detail);
}

static inline struct str text_of(const char *json, const char *name)
{
    const char *start = strstr(json, arena_printf(&texts, "\"%s\":\"", name).p);

    if (!start)
        return STR_NONE;
    start += strlen(name) + 4;
    return (struct str){start, strcspn(start, "\"")};
}

static inline struct jose_key *key_from(const char *json, enum jose_alg alg)
{
    const struct jose_jwk jwk = {.n = text_of(json, "n"),
                                 .e = text_of(json, "e"),
                                 .x = text_of(json, "x"),
                                 .y = text_of(json, "y")};
    return jose_key_from_jwk(alg, &jwk);
}

static uint32_t seed = 20260101;
static inline uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)(seed >> 8) * below) >> 24);
}

static inline void mutate(char *text, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
                                   "_.=+/ \"{}[],:\\\x01\x7f\xff";
    for (uint32_t i = any(8) + 1; i > 0 && n > 0; i--)
        text[any((uint32_t)n)] = alphabet[any(sizeof alphabet - 1)];
}

#endif
