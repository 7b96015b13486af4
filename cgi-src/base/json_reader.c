/*
 * The pull reader of JSON. It knows the grammar; its callers know what members mean. Values that
 * are stepped over are walked with the same functions, so nothing here calls itself.
 */
#include "base/json_reader.h"

#include "base/json_text.h"

void json_reader_init(struct json_reader *r, char *text, size_t n)
{
    *r = (struct json_reader){.p = text, .end = n > 0 ? text + n : text};
}

static bool reader_fail(struct json_reader *r)
{
    r->failed = true;
    r->p = r->end;
    return false;
}

static inline void reader_skip_space(struct json_reader *r)
{
    while (r->p < r->end && json_is_space(*r->p))
        r->p++;
}

/* The byte that the next value begins with; NUL at the end of the text. */
static inline char reader_peek(struct json_reader *r)
{
    reader_skip_space(r);
    return r->p < r->end ? *r->p : '\0';
}

bool json_reader_end(struct json_reader *r)
{
    reader_skip_space(r);
    return !r->failed && r->depth == 0 && r->p == r->end;
}

/* ---- strings --------------------------------------------------------------------------------- */

static int hex4(const struct json_reader *r, const char *p)
{
    return json_hex4(p, r->end);
}

/* The length of the escape at p; 0 if there is no escape. *code is what it stands for. */
static size_t reader_read_escape(const struct json_reader *r, const char *p, unsigned *code)
{
    static const char plain['u'] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    unsigned char letter = r->end - p >= 2 ? (unsigned char)p[1] : 0;
    if (letter != 'u') {
        *code = letter < sizeof(plain) ? (unsigned char)plain[letter] : 0;
        return *code ? 2 : 0;
    }
    int unit = hex4(r, p + 2);
    if (unit < 0)
        return 0;
    *code = (unsigned)unit;
    if (!json_is_high_surrogate(unit) && !json_is_low_surrogate(unit))
        return 6;
    bool pair = json_is_high_surrogate(unit) && r->end - p >= 12 && p[6] == '\\' && p[7] == 'u';
    int low = pair ? hex4(r, p + 8) : -1;
    if (low >= 0 && json_is_low_surrogate(low)) {
        *code = 0x10000u + (((unsigned)unit - 0xD800u) << 10) + ((unsigned)low - 0xDC00u);
        return 12;
    }
    *code = 0xFFFD;
    return 6;
}

/* Goes on from the first escape, at r->p: what follows moves to the front, to `to`. Returns the
 * end of the string's bytes; NULL if it is not a string. */
static char *reader_unescape(struct json_reader *r, char *to)
{
    while (r->p < r->end && *r->p != '"') {
        unsigned code = 0;
        size_t n = *r->p == '\\' ? reader_read_escape(r, r->p, &code) : 0;
        if (n == 0)
            return NULL;
        to = json_put_utf8(to, code);
        r->p += n;
        const char *special = json_next_special(r->p, r->end);
        size_t run = (size_t)(special - r->p);
        memmove(to, r->p, run);
        to += run;
        r->p += run;
    }
    return r->p < r->end ? to : NULL;
}

/* The string at r->p, which is at its quote. */
static inline struct str take_string(struct json_reader *r)
{
    char *start = ++r->p;
    r->p += json_next_special(r->p, r->end) - r->p;
    char *last = r->p;
    if (r->p == r->end || *r->p != '"')
        last = reader_unescape(r, r->p);
    if (!last) {
        reader_fail(r);
        return STR_NONE;
    }
    r->p++;
    return (struct str){start, (size_t)(last - start)};
}

static bool reader_skip_string(struct json_reader *r)
{
    r->p++;
    for (;;) {
        unsigned code;
        r->p += json_next_special(r->p, r->end) - r->p;
        if (r->p < r->end && *r->p == '"') {
            r->p++;
            return true;
        }
        size_t n = r->p < r->end && *r->p == '\\' ? reader_read_escape(r, r->p, &code) : 0;
        if (n == 0)
            return reader_fail(r);
        r->p += n;
    }
}

/* ---- numbers and words ----------------------------------------------------------------------- */

static bool skip_digits(struct json_reader *r)
{
    const char *start = r->p;
    while (r->p < r->end && json_is_digit(*r->p))
        r->p++;
    return r->p > start || reader_fail(r);
}

static bool reader_take(struct json_reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

static bool skip_number(struct json_reader *r)
{
    reader_take(r, '-');
    if (!reader_take(r, '0') && !skip_digits(r))
        return false;
    if (reader_take(r, '.') && !skip_digits(r))
        return false;
    if (!reader_take(r, 'e') && !reader_take(r, 'E'))
        return true;
    if (!reader_take(r, '+'))
        reader_take(r, '-');
    return skip_digits(r);
}

static bool skip_word(struct json_reader *r, struct str word)
{
    if ((size_t)(r->end - r->p) < word.n || memcmp(r->p, word.p, word.n) != 0)
        return reader_fail(r);
    r->p += word.n;
    return true;
}

/* ---- objects and arrays ---------------------------------------------------------------------- */

enum container { ARRAY, OBJECT };

/* Steps into what begins at r->p. */
static inline bool reader_enter(struct json_reader *r, enum container container)
{
    if (r->depth == JSON_READER_DEPTH)
        return reader_fail(r);
    uint64_t bit = UINT64_C(1) << (r->depth % 64);
    uint64_t *word = &r->objects[r->depth / 64];
    *word = container == OBJECT ? *word | bit : *word & ~bit;
    r->depth++;
    r->at_first = true;
    r->p++;
    return true;
}

static enum container reader_innermost(const struct json_reader *r)
{
    unsigned level = r->depth - 1;
    return r->objects[level / 64] >> (level % 64) & 1 ? OBJECT : ARRAY;
}

/* Steps to the next part of the innermost container, or out of it. */
static inline bool reader_next_part(struct json_reader *r, char closing)
{
    char c = reader_peek(r);
    bool first = r->at_first;
    r->at_first = false;
    if (c == closing) {
        r->p++;
        r->depth--;
        return false;
    }
    if (first)
        return c != '\0' || reader_fail(r);
    if (c != ',')
        return reader_fail(r);
    r->p++;
    reader_skip_space(r);
    return true;
}

static inline bool next_name(struct json_reader *r)
{
    if (r->failed || r->depth == 0 || !reader_next_part(r, '}'))
        return false;
    return (r->p < r->end && *r->p == '"') || reader_fail(r);
}

static inline bool skip_colon(struct json_reader *r)
{
    return (reader_peek(r) == ':' && reader_take(r, ':')) || reader_fail(r);
}

bool json_next_member(struct json_reader *r, struct str *name)
{
    if (!next_name(r))
        return false;
    *name = take_string(r);
    return !r->failed && skip_colon(r);
}

bool json_next_element(struct json_reader *r)
{
    return !r->failed && r->depth > 0 && reader_next_part(r, ']');
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Takes a value that is not a container, or steps into one that is. */
static bool begin_value(struct json_reader *r)
{
    switch (reader_peek(r)) {
    case '{':
        return reader_enter(r, OBJECT);
    case '[':
        return reader_enter(r, ARRAY);
    case '"':
        return reader_skip_string(r);
    case 't':
        return skip_word(r, STR("true"));
    case 'f':
        return skip_word(r, STR("false"));
    case 'n':
        return skip_word(r, STR("null"));
    default:
        return skip_number(r);
    }
}

void json_skip(struct json_reader *r)
{
    unsigned outside = r->depth;
    if (r->failed || !begin_value(r))
        return;
    while (r->depth > outside && !r->failed) {
        bool part = reader_innermost(r) == OBJECT
                        ? next_name(r) && reader_skip_string(r) && skip_colon(r)
                        : json_next_element(r);
        if (part)
            begin_value(r);
    }
}

bool json_enter_object(struct json_reader *r)
{
    if (!r->failed && reader_peek(r) == '{')
        return reader_enter(r, OBJECT);
    json_skip(r);
    return false;
}

bool json_enter_object_at(struct json_reader *r, char letter)
{
    const char *p = r->p;
    if (r->end - p < 5 || p[0] != '{' || p[1] != '"' || p[2] != letter || p[3] != '"' ||
        p[4] != ':' || !reader_enter(r, OBJECT))
        return false;
    r->p += 4;
    r->at_first = false;
    return true;
}

bool json_enter_array(struct json_reader *r)
{
    if (!r->failed && reader_peek(r) == '[')
        return reader_enter(r, ARRAY);
    json_skip(r);
    return false;
}

struct str json_read_string(struct json_reader *r)
{
    if (!r->failed && reader_peek(r) == '"')
        return take_string(r);
    json_skip(r);
    return STR_NONE;
}

struct str json_read_raw(struct json_reader *r)
{
    char first = reader_peek(r);
    const char *start = r->p;
    json_skip(r);
    return r->failed || first == 'n' ? STR_NONE : (struct str){start, (size_t)(r->p - start)};
}

struct str json_read_number(struct json_reader *r)
{
    char first = reader_peek(r);
    struct str text = json_read_raw(r);
    return first == '-' || json_is_digit(first) ? text : STR_NONE;
}

char json_peek(struct json_reader *r)
{
    return reader_peek(r);
}

bool json_begins_object(struct str text)
{
    struct json_reader r;
    json_reader_init(&r, (char *)(uintptr_t)text.p, text.n);
    return reader_peek(&r) == '{';
}

bool json_is_object_text(struct str text)
{
    struct json_reader r;
    if (!json_begins_object(text))
        return false;
    /* Nothing is written to the text: strings are stepped over. */
    json_reader_init(&r, (char *)(uintptr_t)text.p, text.n);
    json_skip(&r);
    return json_reader_end(&r);
}

bool json_is_empty_object(struct str text)
{
    size_t i = 1;
    while (i < text.n && json_is_space(text.p[i]))
        i++;
    return text.n >= 2 && text.p[0] == '{' && text.p[i] == '}';
}
