/*
 * The fields of every kind of item, and what is done with them. Which items are read and written
 * when is told in the store's operations.
 */
#include "store/item.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"

/* ---- 1. the tables --------------------------------------------------------------------------- */

/* What a field is: in DynamoDB, and in its struct. */
enum field_type {
    FIELD_STRING, /* S, struct str */
    FIELD_TIME,   /* S, struct str: read in whatever form, RFC 3339 with Z in the struct */
    FIELD_JSON,   /* S, struct str: the text of a JSON object; "{}" for what is none */
    FIELD_NUMBER, /* N, int64_t */
    FIELD_DIGITS, /* N, struct str: a number of any size, as it is written */
    FIELD_RAW,    /* any, struct str: in DynamoDB's notation */
    FIELD_MARK,   /* any, bool: true if the attribute is there */
};

/* How it stands in the API's JSON. */
enum field_shape {
    HIDDEN,
    ALWAYS,  /* a string that is absent reads as "" */
    PRESENT, /* only if it is there */
    OR_NULL,
};

/* Whether Put writes it, and what counts in the item's size. */
enum field_storage {
    STORED,
    MARKED_LATER, /* Put does not write it, but there must be room for it: a time */
    READ_ALONE,
};

struct item_field {
    struct str name;
    struct str attribute; /* ,"name":{"S": */
    struct str member;    /* ,"name": */
    enum field_type type;
    enum field_shape shape;
    enum field_storage storage;
    size_t place;   /* in the struct */
    int64_t absent; /* a number's value if there is none */
};

struct item_kind {
    enum store_table table;
    const struct item_field *fields; /* in the order of the API's JSON */
    size_t count;
    void (*complete)(void *item); /* what one field says for another; may be NULL */
};

/* FIELD(struct, member, "name", TYPE, "S" or "N", what is not as usual …) */
#define FIELD(kind, place_, name_, type_, letter, ...)                                             \
    {                                                                                              \
        .name = STR_INIT(name_), .attribute = STR_INIT(",\"" name_ "\":{\"" letter "\":"),         \
        .member = STR_INIT(",\"" name_ "\":"), .type = FIELD_##type_,                              \
        .place = offsetof(struct kind, place_), __VA_ARGS__                                        \
    }
#define STRING(kind, place, ...) FIELD(kind, place, #place, STRING, "S", __VA_ARGS__)
#define TIME(kind, place, ...) FIELD(kind, place, #place, TIME, "S", __VA_ARGS__)
#define JSON(kind, place, ...) FIELD(kind, place, #place, JSON, "S", __VA_ARGS__)
#define NUMBER(kind, place, ...) FIELD(kind, place, #place, NUMBER, "N", __VA_ARGS__)
#define DIGITS(kind, place, ...) FIELD(kind, place, #place, DIGITS, "N", __VA_ARGS__)
#define DELETED(kind, ...) FIELD(kind, deleted, "deleted_at", MARK, "S", __VA_ARGS__)

static const struct item_field session_fields[] = {
    STRING(session, session_id, .shape = ALWAYS),
    STRING(session, user_id, .shape = ALWAYS),
    STRING(session, title, .shape = ALWAYS),
    TIME(session, created_at, .shape = ALWAYS),
    TIME(session, updated_at, .shape = PRESENT),
    NUMBER(session, message_count, .shape = ALWAYS),
    JSON(session, metadata, .shape = PRESENT),
    STRING(session, create_marker, .shape = HIDDEN),
    NUMBER(session, last_timestamp, .shape = HIDDEN, .absent = -1),
    NUMBER(session, version, .shape = HIDDEN),
    DELETED(session, .storage = MARKED_LATER),
};

static const struct item_field message_fields[] = {
    STRING(message, message_id, .shape = ALWAYS),
    STRING(message, session_id, .shape = ALWAYS),
    NUMBER(message, timestamp, .shape = ALWAYS, .absent = ITEM_NO_TIMESTAMP),
    STRING(message, role, .shape = ALWAYS),
    STRING(message, content, .shape = ALWAYS),
    TIME(message, created_at, .shape = ALWAYS),
    TIME(message, updated_at, .shape = PRESENT),
    JSON(message, metadata, .shape = OR_NULL),
    STRING(message, user_id, .shape = HIDDEN, .storage = READ_ALONE),
    DELETED(message, .storage = READ_ALONE),
    STRING(message, building_at, .shape = HIDDEN, .storage = READ_ALONE),
};

static const struct item_field owner_fields[] = {
    STRING(owner_item, session_id, .shape = HIDDEN),
    NUMBER(owner_item, timestamp, .shape = HIDDEN),
    STRING(owner_item, user_id, .shape = HIDDEN),
    DELETED(owner_item, .storage = READ_ALONE),
    STRING(owner_item, building_at, .shape = HIDDEN),
    NUMBER(owner_item, built_until, .shape = HIDDEN, .storage = READ_ALONE),
};

static const struct item_field append_marker_fields[] = {
    STRING(append_marker, session_id, .shape = HIDDEN),
    DIGITS(append_marker, timestamp, .shape = HIDDEN),
    STRING(append_marker, fingerprint, .shape = HIDDEN),
    NUMBER(append_marker, first_us, .shape = HIDDEN),
    FIELD(append_marker, message_ids, "message_ids", RAW, "L", .shape = HIDDEN),
};

static const struct item_field create_marker_fields[] = {
    STRING(create_marker, user_id, .shape = HIDDEN),
    STRING(create_marker, session_id, .shape = HIDDEN),
    STRING(create_marker, fingerprint, .shape = HIDDEN),
    STRING(create_marker, created_session_id, .shape = HIDDEN),
    STRING(create_marker, created_at, .shape = HIDDEN),
};

static const struct item_field build_fields[] = {
    STRING(build, user_id, .shape = HIDDEN),
    STRING(build, session_id, .shape = HIDDEN),
    STRING(build, created_session_id, .shape = HIDDEN),
    STRING(build, create_marker, .shape = HIDDEN),
    STRING(build, building_at, .shape = HIDDEN),
};

static const struct item_field sort_digits_fields[] = {
    DIGITS(sort_digits, timestamp, .shape = HIDDEN),
};

/* A session of an earlier backend that was never changed. */
static void complete_session(void *item)
{
    struct session *s = item;

    if (!s->updated_at.p)
        s->updated_at = s->created_at;
}

#define FIELDS(table) .fields = (table), .count = sizeof(table) / sizeof((table)[0])

const struct item_kind item_session = {STORE_SESSIONS_TABLE, FIELDS(session_fields),
                                       .complete = complete_session};
const struct item_kind item_message = {STORE_MESSAGES_TABLE, FIELDS(message_fields)};
const struct item_kind item_owner = {STORE_MESSAGES_TABLE, FIELDS(owner_fields)};
const struct item_kind item_append_marker = {STORE_MESSAGES_TABLE, FIELDS(append_marker_fields)};
const struct item_kind item_create_marker = {STORE_SESSIONS_TABLE, FIELDS(create_marker_fields)};
const struct item_kind item_build = {STORE_SESSIONS_TABLE, FIELDS(build_fields)};
const struct item_kind item_sort_digits = {STORE_MESSAGES_TABLE, FIELDS(sort_digits_fields)};

enum store_table item_table(const struct item_kind *kind)
{
    return kind->table;
}

static bool is_text(const struct item_field *f)
{
    return f->type != FIELD_NUMBER && f->type != FIELD_MARK;
}

static struct str *text_of(const struct item_field *f, void *item)
{
    return (struct str *)(void *)((char *)item + f->place);
}

static struct str text_in(const struct item_field *f, const void *item)
{
    return *(const struct str *)(const void *)((const char *)item + f->place);
}

static int64_t number_in(const struct item_field *f, const void *item)
{
    return *(const int64_t *)(const void *)((const char *)item + f->place);
}

/* ---- 2. reading ------------------------------------------------------------------------------ */

/* DynamoDB writes attributes in any order. */
static const struct item_field *find_field(const struct item_kind *kind, struct str name)
{
    if (name.n == 0)
        return NULL;
    for (size_t i = 0; i < kind->count; i++) {
        const struct item_field *f = &kind->fields[i];
        if (f->name.n == name.n && f->name.p[0] == name.p[0] &&
            memcmp(f->name.p, name.p, name.n) == 0)
            return f;
    }
    return NULL;
}

/* {"S":"…"} or {"N":"…"}: the text; STR_NONE if the attribute is of another type. */
static struct str read_attribute(struct json_reader *r, char letter)
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

/* Earlier backends wrote local isoformat() times; all of this API's end in Z. */
static struct str read_time(struct str text, struct arena *a)
{
    if (!text.p || (text.n == CLOCK_TIME_SIZE - 1 && text.p[text.n - 1] == 'Z'))
        return text;
    int64_t us = clock_parse_us(text.p, text.n);
    if (us < 0)
        return text;
    char *out = arena_alloc(a, CLOCK_TIME_SIZE);
    clock_format_us(us, out);
    return str_from(out);
}

static struct str read_json(struct str text)
{
    struct json_value value;

    if (!text.p || json_scan(text, &value, NULL) < 0)
        return STR("{}");
    if (value.type == JSON_NULL)
        return STR_NONE;
    return value.type == JSON_OBJECT ? value.text : STR("{}");
}

/* A number as DynamoDB writes them: digits with a sign, a point and an exponent perhaps. */
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

static int64_t read_number(struct str text, int64_t absent)
{
    char copy[64];
    char *end;
    int64_t value;

    if (text.p && json_integer((struct json_value){JSON_NUMBER, text}, &value))
        return value;
    if (!text.p || !is_digits(text) || text.n >= sizeof(copy))
        return absent;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    /* An earlier backend may have written 1.7E12 or 1700000000000.5. */
    double number = strtod(copy, &end);
    return *end == '\0' && number > -9e15 && number < 9e15 ? (int64_t)number : absent;
}

struct str item_read_string(struct json_reader *r)
{
    return read_attribute(r, 'S');
}

static void read_field(struct json_reader *r, const struct item_field *f, struct arena *a,
                       void *out)
{
    if (f->type == FIELD_MARK || json_peek(r) == 'n') {
        if (f->type == FIELD_MARK)
            *((bool *)out + f->place) = json_peek(r) != 'n';
        json_skip(r);
        return;
    }
    if (f->type == FIELD_RAW) {
        *text_of(f, out) = json_read_raw(r);
        return;
    }
    bool is_number = f->type == FIELD_NUMBER || f->type == FIELD_DIGITS;
    struct str text = read_attribute(r, is_number ? 'N' : 'S');
    if (f->type == FIELD_JSON)
        text = read_json(text);
    else if (f->type == FIELD_TIME)
        text = read_time(text, a);
    else if (f->type == FIELD_DIGITS && !is_digits(text))
        text = STR_NONE;
    if (f->type == FIELD_NUMBER)
        *(int64_t *)(void *)((char *)out + f->place) = read_number(text, f->absent);
    else if (text.p || f->type == FIELD_JSON)
        *text_of(f, out) = text;
}

static void set_absent(const struct item_kind *kind, void *out)
{
    for (size_t i = 0; i < kind->count; i++) {
        const struct item_field *f = &kind->fields[i];
        if (f->type == FIELD_MARK)
            *((bool *)out + f->place) = false;
        else if (f->type == FIELD_NUMBER)
            *(int64_t *)(void *)((char *)out + f->place) = f->absent;
        else
            *text_of(f, out) = f->shape == ALWAYS ? STR("") : STR_NONE;
    }
}

bool item_read(struct json_reader *r, const struct item_kind *kind, struct arena *a, void *out)
{
    struct str name;

    set_absent(kind, out);
    bool is_item = json_enter_object(r);
    while (is_item && json_next_member(r, &name)) {
        const struct item_field *f = find_field(kind, name);
        if (f)
            read_field(r, f, a, out);
        else
            json_skip(r);
    }
    if (kind->complete)
        kind->complete(out);
    return is_item;
}

/* ---- 3. writing ------------------------------------------------------------------------------ */

static void append_number(struct buf *out, int64_t n)
{
    char digits[JSON_DIGITS_SIZE];
    size_t length = json_digits(n, digits);

    buf_append(out, digits, length);
}

static void write_field(struct buf *out, const struct item_field *f, const void *item)
{
    if (f->type == FIELD_RAW) {
        buf_append_str(out, f->member);
        buf_append_str(out, text_in(f, item));
        return;
    }
    buf_append_str(out, f->attribute);
    if (f->type == FIELD_NUMBER) {
        buf_putc(out, '"');
        append_number(out, number_in(f, item));
        buf_putc(out, '"');
    } else {
        json_append_string(out, text_in(f, item));
    }
    buf_putc(out, '}');
}

static bool is_written(const struct item_field *f, const void *item)
{
    return f->storage == STORED && (!is_text(f) || text_in(f, item).p);
}

void item_write(struct buf *out, const struct item_kind *kind, const void *item)
{
    size_t begin = out->len;

    for (size_t i = 0; i < kind->count; i++) {
        if (is_written(&kind->fields[i], item))
            write_field(out, &kind->fields[i], item);
    }
    buf_putc(out, '}');
    if (buf_ok(out))
        out->data[begin] = '{'; /* for the comma before the first field */
}

static void show_text(struct json_writer *w, const struct item_field *f, struct str text)
{
    if (!text.p && f->shape == PRESENT)
        return;
    json_prepared_key(w, f->member);
    if (!text.p && f->shape == OR_NULL)
        json_null(w);
    else if (f->type == FIELD_JSON)
        json_raw(w, text);
    else
        json_string(w, text);
}

void item_show(struct json_writer *w, const struct item_kind *kind, const void *item)
{
    json_begin_object(w);
    for (size_t i = 0; i < kind->count; i++) {
        const struct item_field *f = &kind->fields[i];
        if (f->shape == HIDDEN)
            continue;
        if (is_text(f)) {
            show_text(w, f, text_in(f, item));
        } else {
            json_prepared_key(w, f->member);
            json_int(w, number_in(f, item));
        }
    }
    json_end_object(w);
}

/* ---- 4. sizes and copies --------------------------------------------------------------------- */

#define NUMBER_BYTES 21 /* at most */

size_t item_size(const struct item_kind *kind, const void *item)
{
    size_t size = 0;

    for (size_t i = 0; i < kind->count; i++) {
        const struct item_field *f = &kind->fields[i];
        if (f->storage == MARKED_LATER)
            size += f->name.n + CLOCK_TIME_SIZE - 1;
        else if (is_written(f, item))
            size += f->name.n + (is_text(f) ? text_in(f, item).n : NUMBER_BYTES);
    }
    return size;
}

size_t item_string_bytes(const struct item_kind *kind, const void *item)
{
    size_t bytes = 0;

    for (size_t i = 0; i < kind->count; i++) {
        if (is_text(&kind->fields[i]))
            bytes += text_in(&kind->fields[i], item).n;
    }
    return bytes;
}

void item_take_strings(const struct item_kind *kind, void *item, char *to)
{
    for (size_t i = 0; i < kind->count; i++) {
        struct str *text = is_text(&kind->fields[i]) ? text_of(&kind->fields[i], item) : NULL;
        if (!text || text->n == 0)
            continue;
        memcpy(to, text->p, text->n);
        text->p = to;
        to += text->n;
    }
}

void item_keep(const struct item_kind *kind, void *item, struct arena *a)
{
    for (size_t i = 0; i < kind->count; i++) {
        if (is_text(&kind->fields[i])) {
            struct str *text = text_of(&kind->fields[i], item);
            *text = arena_str(a, *text);
        }
    }
}
