/*
 * Reads items as DynamoDB writes them, driven by the tables of item.c. Whatever earlier backends
 * and other programs wrote is read as far as possible; a value that cannot be read counts as
 * absent.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "store/item_table.h"

/* The text of an array of strings has no more bytes than the item that it came in. */
#define STRINGS_CAP ((size_t)4 * 1024 * 1024)

static bool field_is_named(const struct item_field *f, struct str name)
{
    return f->name.n == name.n && memcmp(f->name.p, name.p, name.n) == 0;
}

/* DynamoDB writes attributes in any order, but mostly in the order of the item before. So the field
 * that had this index last time is compared first. */
static const struct item_field *item_find_field(const struct item_kind *kind, size_t index,
                                                struct str name)
{
    static _Thread_local unsigned char before[32];
    unsigned char *guess = &before[index % sizeof(before)];

    if (*guess < kind->count && field_is_named(&kind->fields[*guess], name))
        return &kind->fields[*guess];
    for (unsigned char i = 0; i < kind->count; i++) {
        if (field_is_named(&kind->fields[i], name)) {
            *guess = i;
            return &kind->fields[i];
        }
    }
    return NULL;
}

/* Reads {"S":"…"} or {"N":"…"}. STR_NONE if the attribute is of another type. */
static struct str attribute_read_text(struct json_reader *r, char letter)
{
    struct str text = STR_NONE;
    struct str type;

    if (json_enter_object_at(r, letter))
        text = json_read_string(r);
    else if (!json_enter_object(r))
        return text;
    while (json_next_member(r, &type)) {
        if (type.n == 1 && type.p[0] == letter)
            text = json_read_string(r);
        else
            json_skip(r);
    }
    return text;
}

/* Earlier backends wrote local times without a zone; all times of this API end in Z. */
static struct str field_parse_time(struct str text, struct arena *a)
{
    if (!str_is_present(text) || (text.n == CLOCK_TIME_SIZE - 1 && text.p[text.n - 1] == 'Z'))
        return text;
    int64_t us = clock_parse_us(text.p, text.n);
    if (us < 0)
        return text;
    char *out = arena_alloc(a, CLOCK_TIME_SIZE);
    clock_format_us(us, out);
    return str_from(out);
}

static struct str field_parse_json(struct str text)
{
    struct json_value value;

    if (!str_is_present(text) || json_scan(text, &value, NULL) < 0)
        return STR("{}");
    if (value.type == JSON_NULL)
        return STR_NONE;
    return value.type == JSON_OBJECT ? value.text : STR("{}");
}

/* True for a number as DynamoDB writes it: digits, perhaps with a sign, a point and an exponent. */
static bool is_digits(struct str text)
{
    static const struct str others = STR_INIT("+-.eE");

    for (size_t i = 0; i < text.n; i++) {
        bool is_digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (!is_digit && !memchr(others.p, text.p[i], others.n))
            return false;
    }
    return text.n > 0;
}

static int64_t field_parse_number(struct str text, int64_t absent)
{
    char copy[64];
    char *end;
    int64_t value;

    if (str_is_present(text) && json_integer((struct json_value){JSON_NUMBER, text}, &value))
        return value;
    if (!str_is_present(text) || !is_digits(text) || text.n >= sizeof(copy))
        return absent;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    /* An earlier backend may have written 1.7E12 or 1700000000000.5. */
    double number = strtod(copy, &end);
    return *end == '\0' && number > -9e15 && number < 9e15 ? (int64_t)number : absent;
}

struct str item_read_string(struct json_reader *r)
{
    return attribute_read_text(r, 'S');
}

static bool attribute_read_bool(struct json_reader *r)
{
    struct str type;
    bool value = false;

    if (!json_enter_object(r))
        return false;
    while (json_next_member(r, &type)) {
        value = str_is(type, "BOOL") && json_peek(r) == 't';
        json_skip(r);
    }
    return value;
}

/* Appends those elements of a list that are strings. The reader stands before the list. */
static void strings_append(struct json_reader *r, struct buf *out)
{
    if (!json_enter_array(r))
        return;
    while (json_next_element(r)) {
        struct str string = item_read_string(r);
        if (!str_is_present(string))
            continue;
        if (out->len > 1)
            buf_putc(out, ',');
        json_append_string(out, string);
    }
}

/* Reads {"L":[{"S":"a"},…]} as ["a",…], with each string escaped as this API does it. */
static struct str item_read_strings(struct json_reader *r, struct arena *a)
{
    struct str strings = STR("[]");
    struct buf text;
    struct str type;

    if (!json_enter_object(r))
        return strings;
    buf_init(&text, STRINGS_CAP);
    buf_putc(&text, '[');
    while (json_next_member(r, &type)) {
        if (str_is(type, "L"))
            strings_append(r, &text);
        else
            json_skip(r);
    }
    buf_putc(&text, ']');
    if (buf_ok(&text) && text.len > strings.n)
        strings = arena_str(a, buf_str(&text));
    buf_free(&text);
    return strings;
}

static void field_read_number(struct json_reader *r, const struct item_field *f, void *out)
{
    *field_number(f, out) = field_parse_number(attribute_read_text(r, 'N'), f->absent);
}

static struct str field_read_text(struct json_reader *r, const struct item_field *f,
                                  struct arena *a)
{
    switch (f->type) {
    case FIELD_RAW:
        return json_read_raw(r);
    case FIELD_STRINGS:
        return item_read_strings(r, a);
    case FIELD_DIGITS: {
        struct str digits = attribute_read_text(r, 'N');
        return is_digits(digits) ? digits : STR_NONE;
    }
    case FIELD_JSON:
        return field_parse_json(attribute_read_text(r, 'S'));
    case FIELD_TIME:
        return field_parse_time(attribute_read_text(r, 'S'), a);
    default:
        return attribute_read_text(r, 'S');
    }
}

static void field_read(struct json_reader *r, const struct item_field *f, struct arena *a,
                       void *out)
{
    if (json_peek(r) == 'n') { /* null counts as absent */
        json_skip(r);
    } else if (f->type == FIELD_MARK) {
        *field_flag(f, out) = true;
        json_skip(r);
    } else if (f->type == FIELD_BOOL) {
        *field_flag(f, out) = attribute_read_bool(r);
    } else if (f->type == FIELD_NUMBER) {
        field_read_number(r, f, out);
    } else {
        struct str text = field_read_text(r, f, a);
        if (str_is_present(text) || f->type == FIELD_JSON)
            *field_text(f, out) = text;
    }
}

static struct str field_absent_text(const struct item_field *f)
{
    if (f->type == FIELD_STRINGS)
        return STR("[]");
    return f->shape == ALWAYS ? STR("") : STR_NONE;
}

static void item_set_absent(const struct item_kind *kind, void *out)
{
    for (size_t i = 0; i < kind->count; i++) {
        const struct item_field *f = &kind->fields[i];
        if (field_is_flag(f))
            *field_flag(f, out) = false;
        else if (f->type == FIELD_NUMBER)
            *field_number(f, out) = f->absent;
        else
            *field_text(f, out) = field_absent_text(f);
    }
}

bool item_read(struct json_reader *r, const struct item_kind *kind, struct arena *a, void *out)
{
    struct str name;

    item_set_absent(kind, out);
    bool is_item = json_enter_object(r);
    for (size_t index = 0; is_item && json_next_member(r, &name); index++) {
        const struct item_field *f = item_find_field(kind, index, name);
        if (f)
            field_read(r, f, a, out);
        else
            json_skip(r);
    }
    if (kind->complete)
        kind->complete(out);
    return is_item;
}
