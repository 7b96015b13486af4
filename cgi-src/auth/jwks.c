/*
 * Reading a set and choosing from it. Strict with each key, lenient with the set: issuers publish
 * keys for other purposes next to those that sign.
 */
#include "auth/jwks.h"

#include <openssl/sha.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/json.h"

#define MAX_KEYS 64

struct key_entry {
    struct str kid; /* STR_NONE: it has none */
    struct jose_key *key;
};

struct jwks {
    atomic_uint owners;
    uint64_t generation;
    unsigned char digest[SHA256_DIGEST_LENGTH]; /* of the text */
    struct arena arena;                         /* holds the kids */
    size_t skipped;
    size_t count;
    struct key_entry entries[MAX_KEYS];
};

/* The members of a JWK that decide what it is for (RFC 7517 section 4). */
struct jwk {
    struct str kty, crv, alg, use, kid;
    struct jose_jwk numbers;
    bool usable; /* nothing seen yet that speaks against it */
};

static bool may_verify(struct json_value key_ops, struct arena *a)
{
    struct json_value *ops;
    size_t n = key_ops.type == JSON_ARRAY ? json_elements(key_ops, a, &ops) : 0;

    for (size_t i = 0; i < n; i++) {
        if (ops[i].type == JSON_STRING && str_is(json_decode_string(ops[i], a), "verify"))
            return true;
    }
    return false;
}

/* Where a member goes; NULL for those that are of no interest. */
static struct str *field_of(struct jwk *jwk, struct str name)
{
    struct {
        const char *name;
        struct str *field;
    } const fields[] = {
        {"kty", &jwk->kty},     {"crv", &jwk->crv},     {"alg", &jwk->alg},
        {"use", &jwk->use},     {"kid", &jwk->kid},     {"n", &jwk->numbers.n},
        {"e", &jwk->numbers.e}, {"x", &jwk->numbers.x}, {"y", &jwk->numbers.y},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (str_is(name, fields[i].name))
            return fields[i].field;
    }
    return NULL;
}

static void jwk_read_member(struct jwk *jwk, const struct json_member *member, struct arena *a)
{
    struct str *field = field_of(jwk, member->name);

    if (str_is(member->name, "key_ops") && !may_verify(member->value, a))
        jwk->usable = false;
    if (!field)
        return;
    if (member->value.type != JSON_STRING || str_is_present(*field))
        jwk->usable = false; /* no string, or there twice */
    else
        *field = json_decode_string(member->value, a);
}

static struct jwk read_jwk(struct json_value value, struct arena *a)
{
    struct jwk jwk = {.usable = value.type == JSON_OBJECT};
    struct json_member *members;
    size_t n = jwk.usable ? json_members(value, a, &members) : 0;

    for (size_t i = 0; i < n; i++)
        jwk_read_member(&jwk, &members[i], a);
    if (str_is_present(jwk.use) && !str_is(jwk.use, "sig"))
        jwk.usable = false;
    return jwk;
}

/* The one algorithm that a key is for. Symmetric keys ("oct") are for none: they do not belong
 * into a set that anybody can read. */
static bool alg_of(const struct jwk *jwk, enum jose_alg *out)
{
    enum jose_alg named;

    if (str_is(jwk->kty, "RSA"))
        *out = JOSE_RS256;
    else if (str_is(jwk->kty, "EC") && str_is(jwk->crv, "P-256"))
        *out = JOSE_ES256;
    else if (str_is(jwk->kty, "OKP") && str_is(jwk->crv, "Ed25519"))
        *out = JOSE_EDDSA;
    else
        return false;
    return !str_is_present(jwk->alg) || (jose_alg_from_name(jwk->alg, &named) && named == *out);
}

static void add_key(struct jwks *set, const struct jwk *jwk)
{
    enum jose_alg alg;
    struct jose_key *key = NULL;

    if (jwk->usable && set->count < MAX_KEYS && alg_of(jwk, &alg))
        key = jose_key_from_jwk(alg, &jwk->numbers);
    if (!key) {
        set->skipped++;
        return;
    }
    set->entries[set->count++] =
        (struct key_entry){.kid = arena_str(&set->arena, jwk->kid), .key = key};
}

/* The member "keys"; false if it is not there once, as an array. */
static bool find_keys(struct json_value top, struct arena *a, struct json_value *out)
{
    struct json_member *members;
    size_t n = top.type == JSON_OBJECT ? json_members(top, a, &members) : 0;
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        if (str_is(members[i].name, "keys")) {
            *out = members[i].value;
            found++;
        }
    }
    return found == 1 && out->type == JSON_ARRAY;
}

static int jwks_fill(struct jwks *set, struct str text, struct arena *scratch, struct err *e)
{
    struct json_value top;
    struct json_value keys;
    struct json_value *elements;

    if (json_scan(text, &top, NULL) < 0)
        return err_set(e, ERR_CONFIGURATION, "the JSON Web Key Set is not JSON");
    if (!find_keys(top, scratch, &keys))
        return err_set(e, ERR_CONFIGURATION,
                       "a JSON Web Key Set must be an object with an array \"keys\"");
    size_t n = json_elements(keys, scratch, &elements);
    for (size_t i = 0; i < n; i++) {
        struct jwk jwk = read_jwk(elements[i], scratch);
        add_key(set, &jwk);
    }
    if (set->count == 0)
        return err_set(e, ERR_CONFIGURATION,
                       "none of the %zu keys in the JSON Web Key Set can verify RS256, ES256 or "
                       "EdDSA",
                       n);
    return 0;
}

struct jwks *jwks_parse(struct str text, uint64_t generation, struct err *e)
{
    struct jwks *set = calloc(1, sizeof(*set));
    struct arena scratch;

    if (!set) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    atomic_init(&set->owners, 1);
    set->generation = generation;
    SHA256((const unsigned char *)text.p, text.n, set->digest);
    arena_init(&set->arena);
    arena_init(&scratch);
    if (jwks_fill(set, text, &scratch, e) < 0) {
        jwks_release(set);
        set = NULL;
    }
    arena_free(&scratch);
    return set;
}

struct jwks *jwks_retain(struct jwks *set)
{
    if (set)
        atomic_fetch_add_explicit(&set->owners, 1, memory_order_relaxed);
    return set;
}

void jwks_release(struct jwks *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->owners, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        jose_key_free(set->entries[i].key);
    arena_free(&set->arena);
    free(set);
}

uint64_t jwks_generation(const struct jwks *set)
{
    return set ? set->generation : 0;
}

bool jwks_is_text(const struct jwks *set, struct str text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text.p, text.n, digest);
    return set && memcmp(set->digest, digest, sizeof digest) == 0;
}

size_t jwks_size(const struct jwks *set)
{
    return set ? set->count : 0;
}

size_t jwks_skipped(const struct jwks *set)
{
    return set ? set->skipped : 0;
}

enum jwks_result jwks_find(const struct jwks *set, enum jose_alg alg, struct str kid,
                           const struct jose_key **out)
{
    size_t found = 0;

    for (size_t i = 0; i < jwks_size(set); i++) {
        const struct key_entry *entry = &set->entries[i];
        if (jose_key_alg(entry->key) != alg)
            continue;
        if (str_is_present(kid)) {
            if (!str_is_present(entry->kid) || !str_equals(entry->kid, kid))
                continue;
        }
        *out = entry->key;
        found++;
    }
    if (found > 1)
        return JWKS_AMBIGUOUS;
    return found ? JWKS_FOUND : JWKS_UNKNOWN;
}
