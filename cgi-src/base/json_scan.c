/*
 * The strict check of a client's JSON text (RFC 8259). It only decides whether the text is JSON,
 * and where it is not; json_value.c reads the values afterwards and may trust the text.
 */
#include "base/json.h"

#include "base/json_text.h"

struct scanner {
    const char *start;
    const char *p;
    const char *end;
    unsigned depth;
    struct err *e;
};

/* Every reader returns 0 with p behind what it read, or -1 with the error filled. */
static int scan_read_value(struct scanner *s, enum json_kind *type);

static size_t scan_offset(const struct scanner *s)
{
    return (size_t)(s->p - s->start);
}

static int scan_expected(struct scanner *s, const char *what)
{
    if (s->p == s->end)
        return err_set(s->e, ERR_INVALID_JSON,
                       "the body is not JSON: it ends at byte %zu, expected %s", scan_offset(s),
                       what);
    return err_set(s->e, ERR_INVALID_JSON, "the body is not JSON: expected %s at byte %zu", what,
                   scan_offset(s));
}

static void scan_skip_space(struct scanner *s)
{
    while (s->p < s->end && json_is_space(*s->p))
        s->p++;
}

static bool scan_take(struct scanner *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static int lone_surrogate(struct scanner *s, const char *escape)
{
    s->p = escape;
    return err_set(s->e, ERR_INVALID_JSON,
                   "the body is not JSON: lone surrogate %.6s at byte %zu, expected a pair", escape,
                   scan_offset(s));
}

/* After "\u": four digits, and for a high surrogate the escape of its low one. */
static int read_unicode_escape(struct scanner *s)
{
    const char *escape = s->p - 2;
    int unit = json_hex4(s->p, s->end);
    if (unit < 0)
        return scan_expected(s, "four hexadecimal digits");
    s->p += 4;
    if (json_is_low_surrogate(unit))
        return lone_surrogate(s, escape);
    if (!json_is_high_surrogate(unit))
        return 0;
    if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' ||
        !json_is_low_surrogate(json_hex4(s->p + 2, s->end)))
        return lone_surrogate(s, escape);
    s->p += 6;
    return 0;
}

/* After the backslash. */
static int scan_read_escape(struct scanner *s)
{
    if (s->p == s->end || !strchr("\"\\/bfnrtu", *s->p) || *s->p == '\0')
        return scan_expected(s, "an escape: one of \" \\ / b f n r t u");
    if (*s->p++ == 'u')
        return read_unicode_escape(s);
    return 0;
}

static int read_string(struct scanner *s)
{
    s->p++;
    for (;;) {
        s->p = json_next_special(s->p, s->end);
        if (scan_take(s, '"'))
            return 0;
        if (!scan_take(s, '\\'))
            return scan_expected(s, s->p == s->end ? "'\"' to close the string"
                                                   : "an escape instead of a control character");
        if (scan_read_escape(s) != 0)
            return -1;
    }
}

static int read_digits(struct scanner *s)
{
    if (s->p == s->end || !json_is_digit(*s->p))
        return scan_expected(s, "a digit");
    while (s->p < s->end && json_is_digit(*s->p))
        s->p++;
    return 0;
}

static int scan_read_number(struct scanner *s)
{
    scan_take(s, '-');
    if (scan_take(s, '0')) {
        if (s->p < s->end && json_is_digit(*s->p))
            return scan_expected(s, "no digit after a leading zero");
    } else if (read_digits(s) != 0) {
        return -1;
    }
    if (scan_take(s, '.') && read_digits(s) != 0)
        return -1;
    if (scan_take(s, 'e') || scan_take(s, 'E')) {
        if (!scan_take(s, '+'))
            scan_take(s, '-');
        return read_digits(s);
    }
    return 0;
}

static int read_word(struct scanner *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return scan_expected(s, "a value");
    s->p += n;
    return 0;
}

static int scan_enter(struct scanner *s)
{
    if (s->depth == JSON_MAX_DEPTH)
        return err_set(s->e, ERR_INVALID_JSON,
                       "the body is nested too deep: more than %d levels at byte %zu",
                       JSON_MAX_DEPTH, scan_offset(s));
    s->depth++;
    s->p++;
    scan_skip_space(s);
    return 0;
}

static int scan_read_member(struct scanner *s)
{
    enum json_kind type;
    if (s->p == s->end || *s->p != '"')
        return scan_expected(s, "'\"' to begin a name");
    if (read_string(s) != 0)
        return -1;
    scan_skip_space(s);
    if (!scan_take(s, ':'))
        return scan_expected(s, "':'");
    scan_skip_space(s);
    return scan_read_value(s, &type);
}

static int scan_read_object(struct scanner *s)
{
    if (scan_enter(s) != 0)
        return -1;
    if (s->p == s->end || (*s->p != '"' && *s->p != '}'))
        return scan_expected(s, "'\"' to begin a name, or '}'");
    while (!scan_take(s, '}')) {
        if (scan_read_member(s) != 0)
            return -1;
        scan_skip_space(s);
        if (scan_take(s, ',')) {
            scan_skip_space(s);
            if (s->p == s->end || *s->p != '"')
                return scan_expected(s, "'\"' to begin a name");
        } else if (s->p == s->end || *s->p != '}') {
            return scan_expected(s, "',' or '}'");
        }
    }
    s->depth--;
    return 0;
}

static int scan_read_array(struct scanner *s)
{
    enum json_kind type;
    if (scan_enter(s) != 0)
        return -1;
    if (s->p == s->end)
        return scan_expected(s, "a value or ']'");
    while (!scan_take(s, ']')) {
        if (scan_read_value(s, &type) != 0)
            return -1;
        scan_skip_space(s);
        if (scan_take(s, ',')) {
            scan_skip_space(s);
            if (s->p == s->end || *s->p == ']')
                return scan_expected(s, "a value");
        } else if (s->p == s->end || *s->p != ']') {
            return scan_expected(s, "',' or ']'");
        }
    }
    s->depth--;
    return 0;
}

static int scan_read_value(struct scanner *s, enum json_kind *type)
{
    switch (s->p == s->end ? '\0' : *s->p) {
    case '{':
        *type = JSON_OBJECT;
        return scan_read_object(s);
    case '[':
        *type = JSON_ARRAY;
        return scan_read_array(s);
    case '"':
        *type = JSON_STRING;
        return read_string(s);
    case 't':
        *type = JSON_BOOL;
        return read_word(s, "true");
    case 'f':
        *type = JSON_BOOL;
        return read_word(s, "false");
    case 'n':
        *type = JSON_NULL;
        return read_word(s, "null");
    default:
        *type = JSON_NUMBER;
        if (s->p == s->end || (*s->p != '-' && !json_is_digit(*s->p)))
            return scan_expected(s, "a value");
        return scan_read_number(s);
    }
}

/* Checks the bytes before they are looked at as JSON. */
static int scan_check_encoding(struct str text, struct err *e)
{
    if (str_starts_with(text, "\xEF\xBB\xBF"))
        return err_set(e, ERR_INVALID_JSON,
                       "the body begins with a byte order mark: send UTF-8 without one");
    size_t good = str_utf8_prefix(text);
    if (good < text.n)
        return err_set(e, ERR_INVALID_ENCODING, "the body is not UTF-8: bad sequence at byte %zu",
                       good);
    return 0;
}

int json_scan(struct str text, struct json_value *out, struct err *e)
{
    if (!str_is_present(text))
        text = STR("");
    if (scan_check_encoding(text, e) != 0)
        return -1;
    struct scanner s = {.start = text.p, .p = text.p, .end = text.p + text.n, .e = e};
    scan_skip_space(&s);
    const char *start = s.p;
    enum json_kind type;
    if (scan_read_value(&s, &type) != 0)
        return -1;
    *out = (struct json_value){.type = type, .text = {start, (size_t)(s.p - start)}};
    scan_skip_space(&s);
    if (s.p != s.end)
        return scan_expected(&s, "the end after the value");
    return 0;
}
