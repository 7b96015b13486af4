/*
 * Credentials as JSON documents: what STS, the metadata services and credential processes answer.
 * The text is read in place, so that no parser leaves copies of secrets behind. Providers know
 * who was asked, and how.
 */
#include "aws/credentials_provider.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* One document while it is read. */
struct document {
    struct str text;
    struct arena arena;
    const char *source;
};

static bool document_find(struct document *d, struct json_value object, const char *name,
                          struct json_value *out)
{
    if (object.type != JSON_OBJECT)
        return false;
    struct json_member *members;
    size_t n = json_members(object, &d->arena, &members);
    for (size_t i = 0; i < n; i++) {
        if (str_is(members[i].name, name)) {
            *out = members[i].value;
            return true;
        }
    }
    return false;
}

/* The string member, decoded; STR_NONE if it is absent or no string. */
static struct str find_string(struct document *d, struct json_value object, const char *name)
{
    struct json_value value;
    if (!document_find(d, object, name, &value) || value.type != JSON_STRING)
        return STR_NONE;
    return json_decode_string(value, &d->arena);
}

/* What was decoded into the arena; views into the text are cleansed by its owner. */
static void cleanse(const struct document *d, struct str s)
{
    if (s.n > 0 && (s.p < d->text.p || s.p >= d->text.p + d->text.n))
        OPENSSL_cleanse((char *)s.p, s.n);
}

static const char *name_or(const char *name, const char *usual)
{
    return name ? name : usual;
}

/* A time since the epoch as a JSON number, perhaps with a fraction or an exponent. */
static int64_t number_us(struct str number, double unit_us)
{
    char text[40];
    if (number.n >= sizeof text)
        return -1;
    memcpy(text, number.p, number.n);
    text[number.n] = '\0';
    double us = strtod(text, NULL) * unit_us;
    return us > 0 && us < 1e17 ? (int64_t)us : -1;
}

static int read_expiry(struct document *d, struct json_value object,
                       const struct credentials_dialect *dialect, int64_t now_us, int64_t *out,
                       struct err *e)
{
    const char *name = name_or(dialect->expiry_name, "Expiration");
    struct json_value value;
    *out = CREDENTIALS_NEVER_EXPIRE;
    if (!document_find(d, object, name, &value) || value.type == JSON_NULL) {
        if (dialect->temporary)
            return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: the answer has no %s", d->source,
                           name);
        return 0;
    }
    int64_t us = -1;
    if (value.type == JSON_NUMBER)
        us = number_us(value.text, dialect->expiry_in_ms ? 1e3 : 1e6);
    if (value.type == JSON_STRING) {
        struct str text = json_decode_string(value, &d->arena);
        us = clock_parse_us(text.p, text.n);
    }
    if (us < 0)
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: the answer's %s is no time", d->source,
                       name);
    if (us <= now_us) {
        char at[CLOCK_TIME_SIZE];
        clock_format_us(us, at);
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "%s: gave credentials that expired at %s; is this machine's clock right?",
                       d->source, at);
    }
    *out = us;
    return 0;
}

/* A code is a word; anything else is not repeated, it could be anything. */
static bool is_error_code(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            return false;
    }
    return s.n > 0 && s.n <= 60;
}

static int check_code(struct document *d, struct json_value object, struct err *e)
{
    struct json_value value;
    if (!document_find(d, object, "Code", &value))
        return 0;
    struct str code = find_string(d, object, "Code");
    if (str_is(code, "Success"))
        return 0;
    if (!is_error_code(code))
        code = STR("an unreadable one");
    return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: the answer's Code is %.*s, not Success",
                   d->source, (int)code.n, code.p);
}

static int check_version(struct document *d, struct json_value object, struct err *e)
{
    struct json_value value;
    int64_t version = 0;
    if (document_find(d, object, "Version", &value) && value.type == JSON_NUMBER &&
        json_integer(value, &version) && version == 1)
        return 0;
    return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s: the answer's Version is not 1",
                   d->source);
}

static int read_object(struct document *d, struct json_value object,
                       const struct credentials_dialect *dialect, int64_t now_us,
                       struct credentials *out, struct err *e)
{
    struct credentials_strings s;
    if (check_code(d, object, e) != 0 || (dialect->version_1 && check_version(d, object, e) != 0) ||
        read_expiry(d, object, dialect, now_us, &s.expires_us, e) != 0)
        return -1;
    s.access_key_id = find_string(d, object, name_or(dialect->key_id_name, "AccessKeyId"));
    s.secret_access_key = find_string(d, object, name_or(dialect->secret_name, "SecretAccessKey"));
    s.session_token = find_string(d, object, dialect->token_name);
    int result;
    if (dialect->temporary && s.session_token.n == 0)
        result = err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: the answer has no %s", d->source,
                         dialect->token_name);
    else
        result = credentials_set(out, d->source, &s, e);
    cleanse(d, s.access_key_id);
    cleanse(d, s.secret_access_key);
    cleanse(d, s.session_token);
    return result;
}

int credentials_read_document(struct str text, const struct credentials_dialect *dialect,
                              const char *source, int64_t now_us, struct credentials *out,
                              struct err *e)
{
    struct json_value value;
    /* The scanner's own sentence may quote the text. */
    if (json_scan(text, &value, NULL) != 0)
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: the answer is not JSON", source);
    struct document d = {.text = text, .source = source};
    arena_init(&d.arena);
    int result = 0;
    for (size_t i = 0; dialect->path[i] && result == 0; i++) {
        if (!document_find(&d, value, dialect->path[i], &value))
            result = err_set(e, ERR_DYNAMODB_UNAVAILABLE, "%s: the answer has no %s", source,
                             dialect->path[i]);
    }
    if (result == 0)
        result = read_object(&d, value, dialect, now_us, out, e);
    arena_free(&d.arena);
    return result;
}
