/*
 * The rules for tokens, one function for each. JSON is read by the strict scanner: a token with the
 * same member twice is refused, since two parsers could read it in two ways.
 */
#include "auth/jwt.h"

#include <stdlib.h>

#include "base/json.h"

#define NUMERIC_DATE_MAX 1e15 /* some 30 million years: keeps sums in range */

static int refuse_token(struct err *e, const char *reason)
{
    return err_set(e, ERR_UNAUTHORIZED, "%s", reason);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

struct object {
    struct json_member *members;
    size_t n;
};

static bool has_member_twice(const struct object *object)
{
    for (size_t i = 0; i < object->n; i++) {
        for (size_t j = i + 1; j < object->n; j++) {
            if (str_equals(object->members[i].name, object->members[j].name))
                return true;
        }
    }
    return false;
}

/* More members than any issuer writes, and few enough to compare each with each. */
#define MAX_MEMBERS 256

static bool jwt_read_object(struct str text, struct arena *a, struct object *out)
{
    struct json_value top;

    if (json_scan(text, &top, NULL) < 0 || top.type != JSON_OBJECT)
        return false;
    out->n = json_members(top, a, &out->members);
    return out->n <= MAX_MEMBERS && !has_member_twice(out);
}

static const struct json_value *jwt_member(const struct object *object, struct str name)
{
    for (size_t i = 0; i < object->n; i++) {
        if (str_equals(object->members[i].name, name))
            return &object->members[i].value;
    }
    return NULL;
}

/* STR_NONE if the member is absent or not a string. */
static struct str jwt_text_member(const struct object *object, struct str name, struct arena *a)
{
    const struct json_value *value = jwt_member(object, name);

    return value && value->type == JSON_STRING ? json_decode_string(*value, a) : STR_NONE;
}

/* ---- form and header ----------------------------------------------------------------------- */

static struct str str_between(const char *begin, const char *end)
{
    return (struct str){begin, (size_t)(end - begin)};
}

/* The three parts of a compact serialization (RFC 7515 section 7.1), each still encoded. */
static bool split_token(struct str token, struct str parts[3])
{
    const char *end = token.p + token.n;
    const char *first = memchr(token.p, '.', token.n);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    parts[0] = str_between(token.p, first);
    parts[1] = str_between(first + 1, second);
    parts[2] = str_between(second + 1, end);
    return parts[0].n && parts[1].n;
}

static int jwt_read_header(struct str text, struct arena *a, struct jwt *out, struct err *e)
{
    struct object header;

    if (!jwt_read_object(text, a, &header))
        return refuse_token(e, "the token's header is not a JSON object with each member once");
    if (!jose_alg_from_name(jwt_text_member(&header, STR("alg"), a), &out->alg))
        return refuse_token(e, "the token is not signed with RS256, ES256, EdDSA or HS256");
    if (jwt_member(&header, STR("crit")))
        return refuse_token(e, "the token demands an extension (crit) that is not understood here");
    const struct json_value *kid = jwt_member(&header, STR("kid"));
    if (kid && kid->type != JSON_STRING)
        return refuse_token(e, "the token's kid is not a string");
    out->kid = kid ? json_decode_string(*kid, a) : STR_NONE;
    return 0;
}

int jwt_read(struct str token, struct arena *a, struct jwt *out, struct err *e)
{
    struct str parts[3];

    if (token.n > JWT_MAX_BYTES)
        return err_set(e, ERR_UNAUTHORIZED, "the token is longer than %zu bytes", JWT_MAX_BYTES);
    if (!split_token(token, parts))
        return refuse_token(
            e, "the token is not a signed JSON Web Token (three parts with dots between)");
    struct str header = jose_base64url(parts[0], a);
    out->claims = jose_base64url(parts[1], a);
    out->jws = (struct jose_signed){
        .token = token,
        .input = str_between(token.p, parts[1].p + parts[1].n),
        .signature = jose_base64url(parts[2], a),
    };
    if (!str_is_present(header) || !str_is_present(out->claims) ||
        !str_is_present(out->jws.signature))
        return refuse_token(e, "the token is damaged: a part of it is not base64url");
    return jwt_read_header(header, a, out, e);
}

int jwt_verify(const struct jwt *jwt, const struct jose_key *key, struct err *e)
{
    if (jwt->alg != jose_key_alg(key) || !jose_verify(key, &jwt->jws))
        return refuse_token(e, "the token's signature does not match its content");
    return 0;
}

/* ---- claims -------------------------------------------------------------------------------- */

/* A NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction. */
static bool numeric_date(const struct json_value *value, struct arena *a, double *out)
{
    if (value->type != JSON_NUMBER)
        return false;
    /* The scanner has checked the digits. */
    *out = strtod(arena_str(a, value->text).p, NULL);
    if (*out > NUMERIC_DATE_MAX)
        *out = NUMERIC_DATE_MAX;
    if (*out < -NUMERIC_DATE_MAX)
        *out = -NUMERIC_DATE_MAX;
    return true;
}

static int jwt_judge_time(const struct object *claims, int64_t now_s, struct arena *a,
                          int64_t *expires_s, struct err *e)
{
    const struct json_value *exp = jwt_member(claims, STR("exp"));
    const struct json_value *nbf = jwt_member(claims, STR("nbf"));
    double date;

    if (!exp || !numeric_date(exp, a, &date))
        return refuse_token(e, "the token has no expiry (exp)");
    *expires_s = (int64_t)date + JWT_LEEWAY_S;
    if (now_s >= *expires_s)
        return refuse_token(e, "the token has expired; get a new one");
    if (nbf && !numeric_date(nbf, a, &date))
        return refuse_token(e, "the token's nbf is not a number");
    if (nbf && now_s < (int64_t)date - JWT_LEEWAY_S)
        return refuse_token(e, "the token is not yet valid");
    return 0;
}

static int judge_issuer(const struct object *claims, const struct jwt_rules *rules, struct arena *a,
                        struct err *e)
{
    if (!rules->issuer.n)
        return 0;
    if (!str_equals(jwt_text_member(claims, STR("iss"), a), rules->issuer))
        return refuse_token(e, "the token comes from another issuer");
    return 0;
}

static bool aud_has(const struct object *claims, struct str audience, struct arena *a)
{
    const struct json_value *aud = jwt_member(claims, STR("aud"));
    struct json_value *elements;
    bool found = false;

    if (!aud)
        return false;
    if (aud->type == JSON_STRING)
        return str_equals(json_decode_string(*aud, a), audience);
    size_t n = aud->type == JSON_ARRAY ? json_elements(*aud, a, &elements) : 0;
    for (size_t i = 0; i < n; i++) {
        if (elements[i].type != JSON_STRING)
            return false;
        if (str_equals(json_decode_string(elements[i], a), audience))
            found = true;
    }
    return found;
}

/* An access token of Amazon Cognito has no aud; client_id names the application, and token_use
 * tells it from the tokens that are not for services. */
static bool client_is(const struct object *claims, struct str audience, struct arena *a)
{
    const struct json_value *use = jwt_member(claims, STR("token_use"));

    if (use && !str_is(jwt_text_member(claims, STR("token_use"), a), "access"))
        return false;
    return str_equals(jwt_text_member(claims, STR("client_id"), a), audience);
}

/* A token that has an aud, of whatever type, is for those that it names alone: the same client
 * may have got it for another service. */
static int judge_audience(const struct object *claims, const struct jwt_rules *rules,
                          struct arena *a, struct err *e)
{
    if (!rules->audience.n || aud_has(claims, rules->audience, a))
        return 0;
    if (!jwt_member(claims, STR("aud")) && client_is(claims, rules->audience, a))
        return 0;
    return refuse_token(e, "the token is meant for another audience");
}

static int judge_user(const struct object *claims, const struct jwt_rules *rules, struct arena *a,
                      struct str *out, struct err *e)
{
    struct str user = jwt_text_member(claims, rules->user_claim, a);

    if (user.n == 0 || user.n > JWT_MAX_USER_BYTES || memchr(user.p, '\0', user.n))
        return err_set(e, ERR_UNAUTHORIZED,
                       "the token does not name its user in a text of 1 to %d bytes",
                       JWT_MAX_USER_BYTES);
    *out = user;
    return 0;
}

int jwt_judge(const struct jwt *jwt, const struct jwt_rules *rules, int64_t now_s, struct arena *a,
              struct jwt_identity *out, struct err *e)
{
    struct object claims;

    if (!jwt_read_object(jwt->claims, a, &claims))
        return refuse_token(e, "the token's claims are not a JSON object with each member once");
    if (jwt_judge_time(&claims, now_s, a, &out->expires_s, e) < 0 ||
        judge_issuer(&claims, rules, a, e) < 0 || judge_audience(&claims, rules, a, e) < 0)
        return -1;
    return judge_user(&claims, rules, a, &out->user_id, e);
}
