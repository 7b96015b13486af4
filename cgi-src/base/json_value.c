/*
 * Reading values out of text that json_scan has passed: members, elements, strings, integers. It
 * does not check the grammar, but it never looks beyond the text, whatever is in it.
 */
#include "base/json.h"

#include "base/json_text.h"

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && json_is_space(*p))
        p++;
    return p;
}

/* Behind the closing quote of the string at p. */
static const char *skip_string(const char *p, const char *end)
{
    p++;
    while (p < end) {
        p = json_next_special(p, end);
        if (p == end)
            break;
        if (*p == '"')
            return p + 1;
        p += *p == '\\' && end - p >= 2 ? 2 : 1;
    }
    return end;
}

static const char *skip_container(const char *p, const char *end)
{
    unsigned depth = 0;
    while (p < end) {
        char c = *p;
        if (c == '"') {
            p = skip_string(p, end);
            continue;
        }
        p++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return p;
    }
    return end;
}

static const char *skip_scalar(const char *p, const char *end)
{
    while (p < end && *p != ',' && *p != '}' && *p != ']' && !json_is_space(*p))
        p++;
    return p;
}

/* Takes the value at *p and moves *p behind it. */
static struct json_value take_value(const char **p, const char *end)
{
    const char *start = *p;
    struct json_value value = {.type = JSON_NUMBER};
    switch (start < end ? *start : '\0') {
    case '{':
        value.type = JSON_OBJECT;
        break;
    case '[':
        value.type = JSON_ARRAY;
        break;
    case '"':
        value.type = JSON_STRING;
        break;
    case 't':
    case 'f':
        value.type = JSON_BOOL;
        break;
    case 'n':
        value.type = JSON_NULL;
        break;
    default:
        break;
    }
    *p = value.type == JSON_STRING                               ? skip_string(start, end)
         : value.type == JSON_OBJECT || value.type == JSON_ARRAY ? skip_container(start, end)
                                                                 : skip_scalar(start, end);
    value.text = (struct str){start, (size_t)(*p - start)};
    return value;
}

struct json_walk json_walk_begin(struct json_value container)
{
    struct json_walk w = {container.text.p, container.text.p + container.text.n};
    if (container.text.n >= 2) {
        w.p++;
        w.end--;
    } else {
        w.p = w.end;
    }
    return w;
}

bool json_walk_element(struct json_walk *w, struct json_value *out)
{
    const char *p = skip_space(w->p, w->end);
    if (p < w->end && *p == ',')
        p = skip_space(p + 1, w->end);
    if (p == w->end)
        return false;
    const char *start = p;
    *out = take_value(&p, w->end);
    w->p = p;
    return p > start;
}

/* The value behind the ':' that follows a name. */
static bool walk_member_value(struct json_walk *w, struct json_value *out)
{
    const char *p = skip_space(w->p, w->end);
    if (p == w->end || *p != ':')
        return false;
    p = skip_space(p + 1, w->end);
    *out = take_value(&p, w->end);
    w->p = p;
    return true;
}

bool json_walk_member(struct json_walk *w, struct arena *a, struct json_member *out)
{
    struct json_value name;

    if (!json_walk_element(w, &name) || !walk_member_value(w, &out->value))
        return false;
    out->name = json_decode_string(name, a);
    return true;
}

size_t json_members(struct json_value object, struct arena *a, struct json_member **out)
{
    return json_members_at_most(object, SIZE_MAX, a, out);
}

size_t json_members_at_most(struct json_value object, size_t max, struct arena *a,
                            struct json_member **out)
{
    struct json_value name;
    struct json_value value;
    size_t count = 0;
    *out = NULL;
    if (object.type != JSON_OBJECT)
        return 0;
    struct json_walk w = json_walk_begin(object);
    while (json_walk_element(&w, &name) && walk_member_value(&w, &value)) {
        if (count == max)
            return max + 1;
        count++;
    }
    *out = arena_array(a, count, sizeof **out);
    w = json_walk_begin(object);
    for (size_t i = 0; i < count; i++) {
        json_walk_element(&w, &name);
        walk_member_value(&w, &value);
        (*out)[i] = (struct json_member){json_decode_string(name, a), value};
    }
    return count;
}

size_t json_elements(struct json_value array, struct arena *a, struct json_value **out)
{
    return json_elements_at_most(array, SIZE_MAX, a, out);
}

size_t json_elements_at_most(struct json_value array, size_t max, struct arena *a,
                             struct json_value **out)
{
    struct json_value value;
    size_t count = 0;
    *out = NULL;
    if (array.type != JSON_ARRAY)
        return 0;
    struct json_walk w = json_walk_begin(array);
    while (json_walk_element(&w, &value)) {
        if (count == max)
            return max + 1;
        count++;
    }
    *out = arena_array(a, count, sizeof **out);
    w = json_walk_begin(array);
    for (size_t i = 0; i < count; i++)
        json_walk_element(&w, &(*out)[i]);
    return count;
}

/* Decodes the digits behind "\u", with the second half of a pair, and moves *from behind them. */
static char *decode_unicode(const char **from, const char *end, char *to)
{
    int unit = json_hex4(*from, end);
    if (unit < 0)
        return to;
    *from += 4;
    if (json_is_high_surrogate(unit) && end - *from >= 6) {
        int low = json_hex4(*from + 2, end);
        if (json_is_low_surrogate(low)) {
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            *from += 6;
        }
    }
    return json_put_utf8(to, (unsigned)unit);
}

static char decode_short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

struct str json_decode_string(struct json_value string, struct arena *a)
{
    if (string.type != JSON_STRING || string.text.n < 2)
        return STR_NONE;
    const char *p = string.text.p + 1;
    const char *end = string.text.p + string.text.n - 1;
    if (!memchr(p, '\\', (size_t)(end - p)))
        return (struct str){p, (size_t)(end - p)};
    /* Decoding never makes a string longer: the shortest escape is two bytes for one. */
    char *start = arena_alloc(a, (size_t)(end - p) + 1);
    char *to = start;
    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((escape ? escape : end) - p);
        memcpy(to, p, run);
        to += run;
        p += run;
        if (end - p < 2)
            break;
        p += 2;
        if (p[-1] == 'u')
            to = decode_unicode(&p, end, to);
        else
            *to++ = decode_short_escape(p[-1]);
    }
    return (struct str){start, (size_t)(to - start)};
}

bool json_integer(struct json_value number, int64_t *out)
{
    const char *p = number.text.p;
    const char *end = p + number.text.n;
    if (number.type != JSON_NUMBER || number.text.n == 0)
        return false;
    bool negative = *p == '-';
    if (negative)
        p++;
    if (p == end)
        return false;
    int64_t value = 0;
    /* So many digits fit. */
    for (const char *safe = end - p > 18 ? p + 18 : end; p < safe && json_is_digit(*p); p++)
        value = value * 10 + (negative ? '0' - *p : *p - '0');
    for (; p < end; p++) {
        if (!json_is_digit(*p) || __builtin_mul_overflow(value, 10, &value))
            return false;
        int digit = *p - '0';
        if (__builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *out = value;
    return true;
}
