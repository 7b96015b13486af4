/*
 * The fields of every kind of item; how they are written for DynamoDB and for clients; their sizes
 * and copies. How they are read is in item_read.c; when they are read and written is decided by the
 * operations.
 */
#include <stddef.h>

#include "base/clock.h"
#include "store/content.h"
#include "store/item_table.h"
#include "store/preview.h"

/* ---- 1. the tables --------------------------------------------------------------------------- */

/* FIELD(struct, member, "name", TYPE, "S" or "N", whatever is not as usual …) */
#define FIELD(kind, member_name_, name_, type_, letter, ...)                                       \
    {                                                                                              \
        .name = STR_INIT(name_), .attribute = STR_INIT(",\"" name_ "\":{\"" letter "\":"),         \
        .placeholder = STR_INIT("\":" name_ "\":{\"" letter "\":"),                                \
        .member = STR_INIT(",\"" name_ "\":"), .type = FIELD_##type_,                              \
        .offset = offsetof(struct kind, member_name_), __VA_ARGS__                                 \
    }
#define STRING(kind, member_name, ...)                                                             \
    FIELD(kind, member_name, #member_name, STRING, "S", __VA_ARGS__)
#define TIME(kind, member_name, ...) FIELD(kind, member_name, #member_name, TIME, "S", __VA_ARGS__)
#define JSON(kind, member_name, ...) FIELD(kind, member_name, #member_name, JSON, "S", __VA_ARGS__)
#define STRINGS(kind, member_name, ...)                                                            \
    FIELD(kind, member_name, #member_name, STRINGS, "L", __VA_ARGS__)
#define BOOL(kind, member_name, ...)                                                               \
    FIELD(kind, member_name, #member_name, BOOL, "BOOL", __VA_ARGS__)
#define NUMBER(kind, member_name, ...)                                                             \
    FIELD(kind, member_name, #member_name, NUMBER, "N", __VA_ARGS__)
#define DIGITS(kind, member_name, ...)                                                             \
    FIELD(kind, member_name, #member_name, DIGITS, "N", __VA_ARGS__)
#define DELETED(kind, ...) FIELD(kind, deleted, "deleted_at", MARK, "S", __VA_ARGS__)

/* The bytes of a time in this API's form, and of the longest role. */
#define TIME_ROOM (CLOCK_TIME_SIZE - 1)
#define ROLE_ROOM 9
#define NUMBER_BYTES 21 /* at most */

static void session_show_last_message(struct json_writer *w, const void *item);
static void message_show_content(struct json_writer *w, const void *item);

/* Each session's size includes room for a last message, so that no session is too large for the
 * next append. */
static const struct item_field session_fields[] = {
    STRING(session, session_id, .shape = ALWAYS),
    STRING(session, user_id, .shape = ALWAYS),
    STRING(session, title, .shape = ALWAYS, .access = SET_FROM_THE_FIRST, .effect = MOVES_UP,
           .null = NULL_IS_REFUSED_IN_PATCH, .limits = {.max_characters = 1000}),
    TIME(session, created_at, .shape = ALWAYS),
    TIME(session, updated_at, .shape = PRESENT),
    NUMBER(session, message_count, .shape = ALWAYS),
    NUMBER(session, last_timestamp, .shape = HIDDEN, .absent = -1),
    NUMBER(session, version, .shape = HIDDEN),
    BOOL(session, archived, .shape = ALWAYS, .storage = STORED_IF_SET, .access = SET_SINCE_LATER),
    BOOL(session, pinned, .shape = ALWAYS, .storage = STORED_IF_SET, .access = SET_SINCE_LATER),
    STRINGS(session, tags, .shape = ALWAYS, .storage = STORED_IF_SET, .access = SET_SINCE_LATER,
            .limits = {.min_bytes = 1, .max_characters = TAG_MAX_CHARACTERS, .max_count = 20}),
    NUMBER(session, last_shown, .shape = ALWAYS, .storage = STORED_IF_SET, .room = NUMBER_BYTES,
           .show = session_show_last_message),
    JSON(session, metadata, .shape = PRESENT, .access = SET_FROM_THE_FIRST, .effect = MOVES_UP,
         .null = NULL_ALWAYS_CLEARS),
    STRING(session, last_role, .shape = HIDDEN, .room = ROLE_ROOM),
    STRING(session, last_preview, .shape = HIDDEN, .room = PREVIEW_MAX_BYTES),
    STRING(session, create_marker, .shape = HIDDEN),
    DELETED(session, .storage = READ_ALONE, .room = TIME_ROOM),
};

static const struct item_field message_fields[] = {
    STRING(message, message_id, .shape = ALWAYS),
    STRING(message, session_id, .shape = ALWAYS),
    NUMBER(message, timestamp, .shape = ALWAYS, .absent = ITEM_NO_TIMESTAMP),
    STRING(message, role, .shape = ALWAYS),
    STRING(message, content, .shape = ALWAYS, .show = message_show_content),
    STRING(message, content_type, .shape = HIDDEN),
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
    TIME(owner_item, building_at, .shape = HIDDEN),
    DELETED(owner_item, .storage = READ_ALONE),
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

static const struct item_field purge_fields[] = {
    STRING(purge_item, user_id, .shape = HIDDEN),  STRING(purge_item, session_id, .shape = HIDDEN),
    TIME(purge_item, created_at, .shape = HIDDEN), TIME(purge_item, updated_at, .shape = HIDDEN),
    TIME(purge_item, deleted_at, .shape = HIDDEN), TIME(purge_item, building_at, .shape = HIDDEN),
    NUMBER(purge_item, version, .shape = HIDDEN),  BOOL(purge_item, archived, .shape = HIDDEN),
};

static const struct item_field sort_digits_fields[] = {
    DIGITS(sort_digits, timestamp, .shape = HIDDEN),
};

/* An earlier backend's session that was never changed has no updated_at. */
static void complete_session(void *item)
{
    struct session *s = item;

    if (!str_is_present(s->updated_at))
        s->updated_at = s->created_at;
    if (!str_is_present(s->last_role))
        s->last_role = STR("");
    if (!str_is_present(s->last_preview))
        s->last_preview = STR("");
}

static void complete_purge_item(void *item)
{
    struct purge_item *p = item;

    if (!str_is_present(p->updated_at))
        p->updated_at = p->created_at;
}

/* A backend that does not know content_type may have changed content alone. Then the content is a
 * string, whatever content_type says. */
static void complete_message(void *item)
{
    struct message *m = item;
    bool holds = false;

    if (!str_is_present(m->content_type))
        return;
    if (str_equals(m->content_type, CONTENT_IS_NULL))
        holds = m->content.n == 0;
    else if (str_equals(m->content_type, CONTENT_IS_PARTS))
        holds = content_are_parts(m->content, &m->content);
    if (!holds)
        m->content_type = STR_NONE;
}

#define FIELDS(table) .fields = (table), .count = sizeof(table) / sizeof((table)[0])

const struct item_kind item_session = {STORE_SESSIONS_TABLE, FIELDS(session_fields),
                                       .complete = complete_session};
const struct item_kind item_message = {STORE_MESSAGES_TABLE, FIELDS(message_fields),
                                       .complete = complete_message};
const struct item_kind item_owner = {STORE_MESSAGES_TABLE, FIELDS(owner_fields)};
const struct item_kind item_append_marker = {STORE_MESSAGES_TABLE, FIELDS(append_marker_fields)};
const struct item_kind item_create_marker = {STORE_SESSIONS_TABLE, FIELDS(create_marker_fields)};
const struct item_kind item_build = {STORE_SESSIONS_TABLE, FIELDS(build_fields)};
const struct item_kind item_purge = {STORE_SESSIONS_TABLE, FIELDS(purge_fields),
                                     .complete = complete_purge_item};
const struct item_kind item_sort_digits = {STORE_MESSAGES_TABLE, FIELDS(sort_digits_fields)};

enum store_table item_table(const struct item_kind *kind)
{
    return kind->table;
}

#define SESSION_FIELDS (sizeof(session_fields) / sizeof(session_fields[0]))
_Static_assert(SESSION_FIELDS <= 32, "each field has its bit in a uint32_t");

const struct item_field *session_client_field_next(size_t *position)
{
    const struct item_field *found = NULL;
    size_t i = *position;

    for (; !found && i < 2 * SESSION_FIELDS; i++) {
        bool is_first_round = i < SESSION_FIELDS;
        const struct item_field *f = &session_fields[is_first_round ? i : i - SESSION_FIELDS];
        if (f->access == (is_first_round ? SET_FROM_THE_FIRST : SET_SINCE_LATER))
            found = f;
    }
    *position = i;
    return found;
}

uint32_t session_field_bit(const struct item_field *f)
{
    return UINT32_C(1) << (f - session_fields);
}

const struct item_field *session_field_take(uint32_t *set)
{
    size_t i = 0;

    if (!*set)
        return NULL;
    while (!(*set & UINT32_C(1) << i))
        i++;
    *set &= *set - 1;
    return &session_fields[i];
}

/* ---- 2. writing ------------------------------------------------------------------------------ */

void item_write_number(struct buf *out, int64_t number)
{
    char digits[JSON_DIGITS_SIZE];
    size_t length = json_digits(number, digits);

    buf_putc(out, '"');
    buf_append(out, digits, length);
    buf_putc(out, '"');
}

void item_write_strings(struct buf *out, struct str strings)
{
    const char *before = "";
    struct json_reader r;

    /* The reader does not write to the text: what is read raw stays as it is. */
    json_reader_init(&r, (char *)(uintptr_t)strings.p, strings.n);
    buf_putc(out, '[');
    if (json_enter_array(&r)) {
        for (; json_next_element(&r); before = ",") {
            buf_puts(out, before);
            buf_append_str(out, STR("{\"S\":"));
            buf_append_str(out, json_read_raw(&r));
            buf_putc(out, '}');
        }
    }
    buf_putc(out, ']');
}

static void field_write_value(struct buf *out, const struct item_field *f, const void *item)
{
    switch (f->type) {
    case FIELD_NUMBER:
        item_write_number(out, field_number_of(f, item));
        break;
    case FIELD_BOOL:
        buf_append_str(out, field_flag_of(f, item) ? STR("true") : STR("false"));
        break;
    case FIELD_STRINGS:
        item_write_strings(out, field_text_of(f, item));
        break;
    default:
        json_append_string(out, field_text_of(f, item));
    }
}

static void field_write(struct buf *out, const struct item_field *f, const void *item)
{
    if (f->type == FIELD_RAW) {
        buf_append_str(out, f->member);
        buf_append_str(out, field_text_of(f, item));
        return;
    }
    buf_append_str(out, f->attribute);
    field_write_value(out, f, item);
    buf_putc(out, '}');
}

static bool field_is_set(const struct item_field *f, const void *item)
{
    if (f->type == FIELD_NUMBER)
        return field_number_of(f, item) != 0;
    if (f->type == FIELD_STRINGS)
        return field_text_of(f, item).n > STR("[]").n;
    return field_flag_of(f, item);
}

bool field_is_written(const struct item_field *f, const void *item)
{
    if (f->storage == STORED)
        return !field_is_text(f) || field_text_of(f, item).p;
    return f->storage == STORED_IF_SET && field_is_set(f, item);
}

void item_write(struct buf *out, const struct item_kind *kind, const void *item)
{
    size_t begin = out->len;

    for (size_t i = 0; i < kind->count; i++) {
        if (field_is_written(&kind->fields[i], item))
            field_write(out, &kind->fields[i], item);
    }
    buf_putc(out, '}');
    if (buf_ok(out))
        out->data[begin] = '{'; /* this was the comma before the first field */
}

static void message_show_content(struct json_writer *w, const void *item)
{
    const struct message *m = item;

    json_prepared_key(w, STR(",\"content\":"));
    if (!str_is_present(m->content_type))
        json_string(w, m->content);
    else if (str_equals(m->content_type, CONTENT_IS_NULL))
        json_null(w);
    else
        json_raw(w, m->content);
}

static void session_show_last_message(struct json_writer *w, const void *item)
{
    const struct session *s = item;

    json_prepared_key(w, STR(",\"last_message\":"));
    if (s->last_shown <= 0) {
        json_null(w);
        return;
    }
    json_begin_object(w);
    json_prepared_key(w, STR(",\"role\":"));
    json_string(w, s->last_role);
    json_prepared_key(w, STR(",\"preview\":"));
    json_string(w, s->last_preview);
    json_prepared_key(w, STR(",\"timestamp\":"));
    json_int(w, s->last_shown);
    json_end_object(w);
}

static void field_show_text(struct json_writer *w, const struct item_field *f, struct str text)
{
    if (!str_is_present(text) && f->shape == PRESENT)
        return;
    json_prepared_key(w, f->member);
    if (!str_is_present(text) && f->shape == OR_NULL)
        json_null(w);
    else if (f->type == FIELD_JSON || f->type == FIELD_STRINGS)
        json_raw(w, text);
    else
        json_string(w, text);
}

static void field_show(struct json_writer *w, const struct item_field *f, const void *item)
{
    if (f->show) {
        f->show(w, item);
    } else if (field_is_text(f)) {
        field_show_text(w, f, field_text_of(f, item));
    } else {
        json_prepared_key(w, f->member);
        if (f->type == FIELD_NUMBER)
            json_int(w, field_number_of(f, item));
        else
            json_boolean(w, field_flag_of(f, item));
    }
}

void item_show(struct json_writer *w, const struct item_kind *kind, const void *item)
{
    json_begin_object(w);
    for (size_t i = 0; i < kind->count; i++) {
        if (kind->fields[i].shape != HIDDEN)
            field_show(w, &kind->fields[i], item);
    }
    json_end_object(w);
}

/* ---- 3. sizes and copies --------------------------------------------------------------------- */

/* This is an upper bound: the text of an array has more bytes than DynamoDB counts for a list. */
static size_t field_value_size(const struct item_field *f, const void *item)
{
    if (field_is_flag(f))
        return 1;
    return f->type == FIELD_NUMBER ? NUMBER_BYTES : field_text_of(f, item).n;
}

size_t item_size(const struct item_kind *kind, const void *item)
{
    size_t size = 0;

    for (size_t i = 0; i < kind->count; i++) {
        const struct item_field *f = &kind->fields[i];
        size_t bytes = field_is_written(f, item) ? field_value_size(f, item) : 0;
        if (bytes < f->room)
            bytes = f->room;
        if (bytes > 0 || field_is_written(f, item))
            size += f->name.n + bytes;
    }
    return size;
}

void field_copy(const struct item_field *f, void *to, const void *from)
{
    if (field_is_flag(f))
        *field_flag(f, to) = field_flag_of(f, from);
    else if (f->type == FIELD_NUMBER)
        *field_number(f, to) = field_number_of(f, from);
    else
        *field_text(f, to) = field_text_of(f, from);
}

size_t item_string_bytes(const struct item_kind *kind, const void *item)
{
    size_t bytes = 0;

    for (size_t i = 0; i < kind->count; i++) {
        if (field_is_text(&kind->fields[i]))
            bytes += field_text_of(&kind->fields[i], item).n;
    }
    return bytes;
}

void item_take_strings(const struct item_kind *kind, void *item, char *to)
{
    for (size_t i = 0; i < kind->count; i++) {
        struct str *text =
            field_is_text(&kind->fields[i]) ? field_text(&kind->fields[i], item) : NULL;
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
        if (field_is_text(&kind->fields[i])) {
            struct str *text = field_text(&kind->fields[i], item);
            *text = arena_str(a, *text);
        }
    }
}
