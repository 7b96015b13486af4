/*
 * The JSON writer: commas and escaping. It does not check that what is written is one well-formed
 * document; only code calls it, never a client. Strings must be well-formed UTF-8.
 */
#include "base/json.h"

#include "base/json_text.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

static void before_value(struct json_writer *w)
{
    if (w->comma)
        buf_putc(w->out, ',');
    w->comma = true;
}

static void writer_begin(struct json_writer *w, char c)
{
    before_value(w);
    buf_putc(w->out, c);
    w->comma = false;
}

static void writer_end(struct json_writer *w, char c)
{
    buf_putc(w->out, c);
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    writer_begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    writer_end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    writer_begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    writer_end(w, ']');
}

void json_key(struct json_writer *w, const char *name)
{
    writer_begin(w, '"');
    buf_puts(w->out, name);
    buf_append(w->out, "\":", 2);
}

void json_prepared_key(struct json_writer *w, struct str key)
{
    size_t left_out = w->comma ? 0 : 1;
    buf_append(w->out, key.p + left_out, key.n - left_out);
    w->comma = false;
}

/* What stands after the backslash where one letter will do; 0: \u00XX. */
static char short_escape(unsigned char c)
{
    static const char short_names[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    return c == '"' || c == '\\' ? (char)c : short_names[c];
}

static void put_escape(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char letter = short_escape(c);
    if (letter) {
        buf_append(out, (char[]){'\\', letter}, 2);
    } else {
        buf_append(out, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
    }
}

/* From p on, where a byte stands that has to be escaped. */
static void append_escaped(struct buf *out, const char *p, const char *last)
{
    while (p < last) {
        put_escape(out, (unsigned char)*p++);
        const char *special = json_next_special(p, last);
        buf_append(out, p, (size_t)(special - p));
        p = special;
    }
}

void json_append_string(struct buf *out, struct str s)
{
    const char *last = s.n > 0 ? s.p + s.n : s.p;
    const char *special = s.n > 0 ? json_next_special(s.p, last) : last;
    size_t plain = (size_t)(special - s.p);
    /* Most strings have nothing to escape: they are appended in one piece. */
    char *to = buf_reserve(out, plain + 2);
    if (!to)
        return;
    to[0] = '"';
    if (plain > 0)
        memcpy(to + 1, s.p, plain);
    buf_added(out, plain + 1);
    append_escaped(out, special, last);
    buf_putc(out, '"');
}

void json_string(struct json_writer *w, struct str s)
{
    before_value(w);
    json_append_string(w->out, s);
}

size_t json_digits(int64_t n, char out[JSON_DIGITS_SIZE])
{
    char digits[JSON_DIGITS_SIZE];
    char *last = digits + sizeof digits;
    char *p = last;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        *--p = '-';
    size_t length = (size_t)(last - p);
    memcpy(out, p, length);
    out[length] = '\0';
    return length;
}

void json_int(struct json_writer *w, int64_t n)
{
    char text[JSON_DIGITS_SIZE];
    size_t length = json_digits(n, text);
    before_value(w);
    buf_append(w->out, text, length);
}

void json_boolean(struct json_writer *w, bool b)
{
    json_raw(w, b ? STR("true") : STR("false"));
}

void json_null(struct json_writer *w)
{
    json_raw(w, STR("null"));
}

void json_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_append_str(w->out, json);
}

void json_put_string(struct json_writer *w, const char *name, struct str s)
{
    json_key(w, name);
    json_string(w, s);
}

void json_put_int(struct json_writer *w, const char *name, int64_t n)
{
    json_key(w, name);
    json_int(w, n);
}

void json_put_bool(struct json_writer *w, const char *name, bool b)
{
    json_key(w, name);
    json_boolean(w, b);
}

void json_put_raw(struct json_writer *w, const char *name, struct str json)
{
    json_key(w, name);
    json_raw(w, json);
}
