/*
 * The parser of the .env format. It works on text in memory; base/config reads the file and knows
 * the keys.
 */
#include "base/dotenv.h"

#include "base/buf.h"

/* One line, being read from the left. */
struct dotenv_line {
    const char *name;
    unsigned number;
    const char *p;
    const char *end;
};

static bool dotenv_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_blanks(struct dotenv_line *l)
{
    while (l->p < l->end && dotenv_is_blank(*l->p))
        l->p++;
}

static int bad_line(const struct dotenv_line *l, const char *what, struct err *e)
{
    return err_set(e, ERR_CONFIGURATION, "%s line %u: %s", l->name, l->number, what);
}

static struct str take_key(struct dotenv_line *l)
{
    struct str key = {l->p, 0};
    if (l->p < l->end && *l->p >= '0' && *l->p <= '9')
        return key;
    while (l->p < l->end && is_key_char(*l->p))
        l->p++;
    key.n = (size_t)(l->p - key.p);
    return key;
}

static int dotenv_read_key(struct dotenv_line *l, struct str *key, struct err *e)
{
    *key = take_key(l);
    if (str_is(*key, "export") && l->p < l->end && dotenv_is_blank(*l->p)) {
        skip_blanks(l);
        *key = take_key(l);
    }
    skip_blanks(l);
    if (key->n == 0 || l->p == l->end || *l->p != '=')
        return bad_line(l, "expected KEY=value, a blank line or a # comment", e);
    l->p++;
    skip_blanks(l);
    return 0;
}

static struct str bare_value(struct dotenv_line *l)
{
    struct str value = {l->p, 0};
    while (l->p < l->end) {
        if (*l->p == '#' && dotenv_is_blank(l->p[-1]))
            break;
        l->p++;
    }
    value.n = (size_t)(l->p - value.p);
    while (value.n > 0 && dotenv_is_blank(value.p[value.n - 1]))
        value.n--;
    l->p = l->end;
    return value;
}

/* The character that the escape \c stands for; 0 if there is no such escape. */
static char escape_value(char c)
{
    if (c == 'n')
        return '\n';
    return c == '"' || c == '\\' || c == '$' ? c : '\0';
}

/* Appends what stands between the quotes; false if the closing one is missing. */
static bool quoted_value(struct dotenv_line *l, struct buf *out)
{
    char quote = *l->p++;
    for (; l->p < l->end; l->p++) {
        if (*l->p == quote) {
            l->p++;
            return true;
        }
        if (quote == '"' && *l->p == '\\' && l->end - l->p >= 2 && escape_value(l->p[1])) {
            buf_putc(out, escape_value(l->p[1]));
            l->p++;
        } else {
            buf_putc(out, *l->p);
        }
    }
    return false;
}

/* The value at l->p; the view is of the line or of the scratch buffer. */
static int dotenv_read_value(struct dotenv_line *l, struct buf *scratch, struct str *value,
                             struct err *e)
{
    if (l->p == l->end || (*l->p != '\'' && *l->p != '"')) {
        *value = bare_value(l);
        return 0;
    }
    if (!quoted_value(l, scratch))
        return bad_line(l, "the closing quote is missing", e);
    skip_blanks(l);
    if (l->p < l->end && *l->p != '#')
        return bad_line(l, "nothing may follow the closing quote but a # comment", e);
    *value = buf_str(scratch);
    return 0;
}

static int dotenv_parse_line(struct dotenv_line *l, struct buf *scratch, dotenv_pair *pair,
                             void *context, struct err *e)
{
    struct str key = STR_NONE;
    struct str value = STR_NONE;
    if (memchr(l->p, '\0', (size_t)(l->end - l->p)))
        return bad_line(l, "it holds a NUL byte", e);
    if (l->p < l->end && l->end[-1] == '\r')
        l->end--;
    skip_blanks(l);
    if (l->p == l->end || *l->p == '#')
        return 0;
    if (dotenv_read_key(l, &key, e) != 0 || dotenv_read_value(l, scratch, &value, e) != 0)
        return -1;
    return pair(context, key, value, l->number, e);
}

int dotenv_parse(const char *name, struct str text, dotenv_pair *pair, void *context, struct err *e)
{
    const char *p = text.p;
    const char *end = text.p + text.n;
    struct buf scratch;
    int result = 0;
    buf_init(&scratch, text.n);
    if (str_starts_with(text, "\xEF\xBB\xBF"))
        p += 3;
    for (unsigned number = 1; p < end && result == 0; number++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        struct dotenv_line l = {name, number, p, newline ? newline : end};
        buf_reset(&scratch);
        result = dotenv_parse_line(&l, &scratch, pair, context, e);
        p = newline ? newline + 1 : end;
    }
    if (scratch.data)
        explicit_bzero(scratch.data, scratch.size); /* it held values, perhaps secret ones */
    buf_free(&scratch);
    return result;
}
