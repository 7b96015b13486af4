/*
 * The attribute names and types of the two tables. Which items are read and written when is told in
 * the store's operations.
 */
#include "store/item.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct str item_string(struct json_object *item, const char *name)
{
    return json_get_str(json_get(item, name), "S");
}

int64_t item_number(struct json_object *item, const char *name, int64_t fallback)
{
    struct str text = json_get_str(json_get(item, name), "N");
    int64_t value;

    if (!text.p)
        return fallback;
    if (json_integer((struct json_value){JSON_NUMBER, text}, &value))
        return value;
    /* An earlier backend may have written 1.7E12 or 1700000000000.5. */
    double number = strtod(text.p, NULL);
    return number > -9e15 && number < 9e15 ? (int64_t)number : fallback;
}

/* Earlier backends wrote local isoformat() times; all of this API's end in Z. */
static struct str read_time(struct json_object *item, const char *name, struct arena *a)
{
    struct str text = item_string(item, name);

    if (!text.p || (text.n == CLOCK_TIME_SIZE - 1 && text.p[text.n - 1] == 'Z'))
        return text;
    int64_t us = clock_parse_us(text.p, text.n);
    if (us < 0)
        return text;
    char *out = arena_alloc(a, CLOCK_TIME_SIZE);
    clock_format_us(us, out);
    return str_from(out);
}

static struct str read_metadata(struct json_object *item)
{
    struct json_value value;
    struct str text;

    if (!json_get(item, "metadata"))
        return STR_NONE;
    text = item_string(item, "metadata");
    if (!text.p || json_scan(text, &value, NULL) < 0)
        return STR("{}");
    if (value.type == JSON_NULL)
        return STR_NONE;
    return value.type == JSON_OBJECT ? value.text : STR("{}");
}

static struct str or_empty(struct str s)
{
    return s.p ? s : STR("");
}

void item_read_session(struct json_object *item, struct arena *a, struct session *out)
{
    *out = (struct session){
        .session_id = or_empty(item_string(item, "session_id")),
        .user_id = or_empty(item_string(item, "user_id")),
        .title = or_empty(item_string(item, "title")),
        .created_at = or_empty(read_time(item, "created_at", a)),
        .updated_at = read_time(item, "updated_at", a),
        .metadata = read_metadata(item),
        .create_marker = item_string(item, "create_marker"),
        .message_count = item_number(item, "message_count", 0),
        .last_timestamp = item_number(item, "last_timestamp", -1),
        .version = item_number(item, "version", 0),
        .deleted = json_get(item, "deleted_at") != NULL,
    };
    if (!out->updated_at.p)
        out->updated_at = out->created_at;
}

void item_read_message(struct json_object *item, struct arena *a, struct message *out)
{
    *out = (struct message){
        .session_id = or_empty(item_string(item, "session_id")),
        .message_id = or_empty(item_string(item, "message_id")),
        .role = or_empty(item_string(item, "role")),
        .content = or_empty(item_string(item, "content")),
        .created_at = or_empty(read_time(item, "created_at", a)),
        .updated_at = read_time(item, "updated_at", a),
        .metadata = read_metadata(item),
        .timestamp = item_number(item, "timestamp", 0),
    };
}

static void put(struct json_writer *w, const char *name, const char *type, struct str value)
{
    json_key(w, name);
    json_begin_object(w);
    json_put_string(w, type, value);
    json_end_object(w);
}

void item_put_string(struct json_writer *w, const char *name, struct str value)
{
    put(w, name, "S", value);
}

void item_put_number(struct json_writer *w, const char *name, int64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRId64, value);
    put(w, name, "N", str_from(digits));
}

void item_put_digits(struct json_writer *w, const char *name, struct str digits)
{
    put(w, name, "N", digits);
}

static void put_string_if(struct json_writer *w, const char *name, struct str value)
{
    if (value.p)
        item_put_string(w, name, value);
}

void item_write_session(struct json_writer *w, const struct session *s)
{
    json_begin_object(w);
    item_put_string(w, "user_id", s->user_id);
    item_put_string(w, "session_id", s->session_id);
    item_put_string(w, "title", s->title);
    item_put_string(w, "created_at", s->created_at);
    item_put_string(w, "updated_at", s->updated_at);
    item_put_number(w, "message_count", s->message_count);
    item_put_number(w, "last_timestamp", s->last_timestamp);
    item_put_number(w, "version", s->version);
    put_string_if(w, "metadata", s->metadata);
    put_string_if(w, "create_marker", s->create_marker);
    json_end_object(w);
}

void item_write_message(struct json_writer *w, const struct message *m)
{
    json_begin_object(w);
    item_put_string(w, "session_id", m->session_id);
    item_put_number(w, "timestamp", m->timestamp);
    item_put_string(w, "message_id", m->message_id);
    item_put_string(w, "role", m->role);
    item_put_string(w, "content", m->content);
    item_put_string(w, "created_at", m->created_at);
    put_string_if(w, "updated_at", m->updated_at);
    put_string_if(w, "metadata", m->metadata);
    json_end_object(w);
}

/* A string counts its bytes, a number at most 21; the name counts too. */
static size_t string_size(const char *name, struct str value)
{
    return value.p ? strlen(name) + value.n : 0;
}

static size_t number_size(const char *name)
{
    return strlen(name) + 21;
}

size_t item_session_size(const struct session *s)
{
    return string_size("user_id", s->user_id) + string_size("session_id", s->session_id) +
           string_size("title", s->title) + string_size("created_at", s->created_at) +
           string_size("updated_at", s->updated_at) + number_size("message_count") +
           number_size("last_timestamp") + number_size("version") +
           string_size("metadata", s->metadata) + string_size("create_marker", s->create_marker) +
           string_size("deleted_at", s->created_at); /* room for the mark of a delete */
}

size_t item_message_size(const struct message *m)
{
    return string_size("session_id", m->session_id) + number_size("timestamp") +
           string_size("message_id", m->message_id) + string_size("role", m->role) +
           string_size("content", m->content) + string_size("created_at", m->created_at) +
           string_size("updated_at", m->updated_at) + string_size("metadata", m->metadata);
}

size_t item_session_json_size(const struct session *s)
{
    return json_string_size(s->user_id) + json_string_size(s->session_id) +
           json_string_size(s->title) + json_string_size(s->created_at) +
           json_string_size(s->updated_at) + s->metadata.n;
}

size_t item_message_json_size(const struct message *m)
{
    return json_string_size(m->session_id) + json_string_size(m->message_id) +
           json_string_size(m->role) + json_string_size(m->content) +
           json_string_size(m->created_at) + json_string_size(m->updated_at) + m->metadata.n;
}
