/*
 * Splits and decodes request targets, without knowing routes. Encoding is here too, for Location
 * and Link.
 */
#include "http/uri.h"

static int uri_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In a query a "+" is a space, as forms write it; in a path it is itself. */
enum uri_place { URI_PATH, URI_QUERY };

static int uri_decode(struct str raw, enum uri_place place, struct arena *a, struct str *out,
                      struct err *e)
{
    char *text = arena_alloc(a, raw.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            int high = i + 1 < raw.n ? uri_hex_digit(raw.p[i + 1]) : -1;
            int low = i + 2 < raw.n ? uri_hex_digit(raw.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return err_set(e, ERR_INVALID_ENCODING,
                               "the URL has a \"%%\" that two hexadecimal digits do not follow; "
                               "write a percent sign as %%25");
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && place == URI_QUERY) {
            c = ' ';
        }
        text[n++] = c;
    }
    *out = (struct str){text, n};
    if (!str_is_utf8(*out))
        return err_set(e, ERR_INVALID_ENCODING, "the URL is not valid UTF-8 after decoding");
    return 0;
}

/* Takes the bytes up to the separator off the front of *rest. False when nothing is left. */
static bool uri_next_part(struct str *rest, char separator, struct str *part)
{
    if (!rest->p)
        return false;
    const char *end = memchr(rest->p, separator, rest->n);
    if (!end) {
        *part = *rest;
        *rest = STR_NONE;
        return true;
    }
    *part = (struct str){rest->p, (size_t)(end - rest->p)};
    *rest = (struct str){end + 1, rest->n - part->n - 1};
    return true;
}

static size_t count_parts(struct str s, char separator)
{
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == separator;
    return n;
}

int uri_segments(struct str path, struct arena *a, struct str **out, size_t *count, struct err *e)
{
    struct str rest = path;
    struct str part;

    if (rest.n && rest.p[0] == '/') {
        rest.p++;
        rest.n--;
    }
    *out = arena_array(a, count_parts(rest, '/'), sizeof(**out));
    *count = 0;
    while (uri_next_part(&rest, '/', &part)) {
        struct str *segment = &(*out)[(*count)++];
        if (uri_decode(part, URI_PATH, a, segment, e) < 0)
            return -1;
        if (memchr(segment->p, '\0', segment->n))
            return err_set(e, ERR_INVALID_ENCODING, "the path must not contain %%00");
    }
    return 0;
}

int uri_parameters(struct str query, struct arena *a, struct uri_parameter **out, size_t *count,
                   struct err *e)
{
    struct str rest = query;
    struct str part;

    *out = arena_array(a, count_parts(query, '&'), sizeof(**out));
    *count = 0;
    while (uri_next_part(&rest, '&', &part)) {
        if (part.n == 0)
            continue;
        struct str value = part;
        struct str name;
        uri_next_part(&value, '=', &name);
        if (!value.p)
            value = STR("");
        struct uri_parameter *parameter = &(*out)[(*count)++];
        if (uri_decode(name, URI_QUERY, a, &parameter->name, e) < 0 ||
            uri_decode(value, URI_QUERY, a, &parameter->value, e) < 0)
            return -1;
    }
    return 0;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void uri_encode(struct buf *out, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (is_unreserved((char)c)) {
            buf_putc(out, (char)c);
        } else {
            buf_putc(out, '%');
            buf_putc(out, digits[c >> 4]);
            buf_putc(out, digits[c & 15]);
        }
    }
}
