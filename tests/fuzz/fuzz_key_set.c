/*
 * Key sets, as an issuer (or who stands in its place) publishes them: what is found in one fits the
 * algorithm that was asked for.
 */
#include "fuzz.h"

#include "auth/jwks.h"

static void look_up(const struct jwks *set)
{
    static const struct str kids[] = {STR("a"), STR(""), {NULL, 0}};

    for (int alg = 0; alg < JOSE_ALGS; alg++) {
        for (size_t i = 0; i < sizeof(kids) / sizeof(kids[0]); i++) {
            const struct jose_key *key = NULL;
            if (jwks_find(set, (enum jose_alg)alg, kids[i], &key) != JWKS_FOUND)
                continue;
            FUZZ_MUST(key && jose_key_alg(key) == (enum jose_alg)alg);
            FUZZ_MUST(alg != JOSE_HS256); /* no set holds a shared secret */
            const struct jose_signed nothing = {STR("a.b."), STR("a.b"), STR("")};
            FUZZ_MUST(!jose_verify(key, &nothing));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_input(data, size);
    struct err e = {0};
    struct jwks *set = jwks_parse(text, 1, &e);

    if (!set) {
        FUZZ_MUST(e.code == ERR_CONFIGURATION);
        fuzz_check_error(&e);
        return 0;
    }
    FUZZ_MUST(jwks_size(set) >= 1 && jwks_size(set) <= 64);
    FUZZ_MUST(jwks_is_text(set, text) && jwks_generation(set) == 1);
    look_up(set);
    jwks_release(set);
    return 0;
}
