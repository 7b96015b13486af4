/*
 * Reads a line of an export: its type, and the members that an import needs.
 */
#include "tool/import_line.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/content.h"
#include "store/item_table.h"

#define TIMESTAMP_MAX INT64_C(9007199254740991)

/* Where a member goes. */
struct target {
    struct import_line *line;
    struct arena *arena;
    struct err *err;
};

struct member_row {
    const char *name;
    int (*take)(struct target *t, struct json_value value);
};

static int line_error(const struct target *t, const char *name, const char *what)
{
    return err_set(t->err, ERR_INVALID_PARAMETER, "%s must be %s", name, what);
}

static int import_take_string(const struct target *t, const char *name, struct json_value value,
                              struct str *out)
{
    if (value.type != JSON_STRING)
        return line_error(t, name, "a string");
    *out = json_decode_string(value, t->arena);
    return 0;
}

/* Reads an object. Null means none. */
static int import_take_object(const struct target *t, const char *name, struct json_value value,
                              struct str *out)
{
    if (value.type != JSON_OBJECT && value.type != JSON_NULL)
        return line_error(t, name, "an object or null");
    *out = value.type == JSON_OBJECT ? value.text : STR_NONE;
    return 0;
}

/* ---- a session ------------------------------------------------------------------------------- */

static int take_session_id(struct target *t, struct json_value value)
{
    return import_take_string(t, "session_id", value, &t->line->session_id);
}

/* An earlier backend may have stored something that is no time. Then the session has the time of
 * its first message. */
static int take_created_at(struct target *t, struct json_value value)
{
    struct str text = STR_NONE;

    if (import_take_string(t, "created_at", value, &text) < 0)
        return -1;
    int64_t us = clock_parse_us(text.p, text.n);
    t->line->session.created_us = us > 0 ? us : 0;
    return 0;
}

static int import_take_flag(const struct target *t, const char *name, struct json_value value,
                            bool *out)
{
    if (value.type != JSON_BOOL)
        return line_error(t, name, "true or false");
    *out = str_is(value.text, "true");
    return 0;
}

static int import_take_strings(const struct target *t, const char *name, struct json_value value,
                               struct str *out)
{
    struct json_walk walk = json_walk_begin(value);
    struct json_value element;
    bool good = value.type == JSON_ARRAY;

    while (good && json_walk_element(&walk, &element))
        good = element.type == JSON_STRING;
    if (!good)
        return line_error(t, name, "an array of strings");
    *out = value.text;
    return 0;
}

/* A field that clients set. Its limits are not looked at: what was stored is imported. */
static int import_take_field(const struct target *t, const struct item_field *f,
                             struct json_value value)
{
    struct session *fields = &t->line->session.fields;

    switch (f->type) {
    case FIELD_BOOL:
        return import_take_flag(t, f->name.p, value, field_flag(f, fields));
    case FIELD_JSON:
        return import_take_object(t, f->name.p, value, field_text(f, fields));
    case FIELD_STRINGS:
        return import_take_strings(t, f->name.p, value, field_text(f, fields));
    default:
        return import_take_string(t, f->name.p, value, field_text(f, fields));
    }
}

static int import_take_session_field(const struct target *t, const struct json_member *member)
{
    const struct item_field *f;
    size_t position = 0;

    while ((f = session_client_field_next(&position))) {
        if (str_equals(member->name, f->name))
            return import_take_field(t, f, member->value);
    }
    return 0;
}

/* The members besides the fields that clients set. */
static const struct member_row session_rows[] = {
    {"session_id", take_session_id}, {"created_at", take_created_at}, {NULL, NULL}};

/* ---- a message ------------------------------------------------------------------------------- */

static int take_message_id(struct target *t, struct json_value value)
{
    struct str *id = &t->line->message.message.message_id;

    if (import_take_string(t, "message_id", value, id) < 0)
        return -1;
    if (id->n == 0)
        *id = STR_NONE;
    return 0;
}

static int take_role(struct target *t, struct json_value value)
{
    return import_take_string(t, "role", value, &t->line->message.message.role);
}

static int import_take_content(struct target *t, struct json_value value)
{
    struct message_new *message = &t->line->message.message;

    if (value.type == JSON_NULL) {
        message->content = STR("");
        message->content_type = CONTENT_IS_NULL;
        return 0;
    }
    if (value.type != JSON_ARRAY)
        return import_take_string(t, "content", value, &message->content);
    if (!content_are_parts(value.text, &message->content))
        return line_error(t, "content", "a string, null or an array of objects");
    message->content_type = CONTENT_IS_PARTS;
    return 0;
}

static int take_timestamp(struct target *t, struct json_value value)
{
    int64_t *timestamp = &t->line->message.timestamp;

    if (value.type != JSON_NUMBER || !json_integer(value, timestamp) || *timestamp < 1 ||
        *timestamp > TIMESTAMP_MAX)
        return line_error(t, "timestamp", "an integer from 1 to 9007199254740991");
    return 0;
}

static int take_message_metadata(struct target *t, struct json_value value)
{
    return import_take_object(t, "metadata", value, &t->line->message.message.metadata);
}

static const struct member_row message_rows[] = {{"session_id", take_session_id},
                                                 {"message_id", take_message_id},
                                                 {"role", take_role},
                                                 {"content", import_take_content},
                                                 {"timestamp", take_timestamp},
                                                 {"metadata", take_message_metadata},
                                                 {NULL, NULL}};

/* ---- the end --------------------------------------------------------------------------------- */

static int import_take_count(struct target *t, const char *name, struct json_value value,
                             int64_t *out)
{
    if (value.type != JSON_NUMBER || !json_integer(value, out) || *out < 0)
        return line_error(t, name, "a count");
    return 0;
}

static int take_sessions(struct target *t, struct json_value value)
{
    return import_take_count(t, "sessions", value, &t->line->counts.sessions);
}

static int take_messages(struct target *t, struct json_value value)
{
    return import_take_count(t, "messages", value, &t->line->counts.messages);
}

static const struct member_row end_rows[] = {
    {"sessions", take_sessions}, {"messages", take_messages}, {NULL, NULL}};

/* ---- a line ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const struct member_row *rows;
} types[] = {[LINE_SESSION] = {"session", session_rows},
             [LINE_MESSAGE] = {"message", message_rows},
             [LINE_END] = {"end", end_rows}};

static int import_read_type(struct json_value object, struct target *t)
{
    struct json_walk walk = json_walk_begin(object);
    struct json_member member;

    while (json_walk_member(&walk, t->arena, &member)) {
        if (!str_is(member.name, "type") || member.value.type != JSON_STRING)
            continue;
        struct str type = json_decode_string(member.value, t->arena);
        for (int i = LINE_SESSION; i <= LINE_END; i++) {
            if (str_is(type, types[i].name)) {
                t->line->type = (enum line_type)i;
                return 0;
            }
        }
    }
    return line_error(t, "type", "\"session\", \"message\" or \"end\"");
}

static int import_read_members(struct json_value object, struct target *t)
{
    struct json_walk walk = json_walk_begin(object);
    struct json_member member;

    while (json_walk_member(&walk, t->arena, &member)) {
        const struct member_row *row = types[t->line->type].rows;
        while (row->name && !str_is(member.name, row->name))
            row++;
        if (row->name && row->take(t, member.value) < 0)
            return -1;
        if (t->line->type == LINE_SESSION && import_take_session_field(t, &member) < 0)
            return -1;
    }
    return 0;
}

static int import_check_whole(const struct target *t)
{
    const struct import_line *line = t->line;
    const struct message_new *message = &line->message.message;

    if (line->type == LINE_SESSION && line->session_id.n == 0)
        return line_error(t, "session_id", "given");
    if (line->type != LINE_MESSAGE)
        return 0;
    if (message->role.n == 0)
        return line_error(t, "role", "given");
    if (!str_is_present(message->content))
        return line_error(t, "content", "given");
    return line->message.timestamp ? 0 : line_error(t, "timestamp", "given");
}

int import_line_read(struct str text, struct arena *a, struct import_line *out, struct err *e)
{
    struct target t = {.line = out, .arena = a, .err = e};
    struct json_value object;

    *out = (struct import_line){.type = LINE_END};
    if (json_scan(text, &object, NULL) < 0)
        return err_set(e, ERR_INVALID_JSON, "the line is not JSON");
    if (object.type != JSON_OBJECT)
        return err_set(e, ERR_INVALID_PARAMETER, "the line must be a JSON object");
    if (import_read_type(object, &t) < 0 || import_read_members(object, &t) < 0)
        return -1;
    return import_check_whole(&t);
}
