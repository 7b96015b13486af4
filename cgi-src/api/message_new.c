/*
 * Reads a message that a client sends: its role, its content in each form that model interfaces
 * use, its metadata. Where messages may be (alone, in an array, in a new session) is for the
 * handlers.
 */
#include "api/api.h"

static const struct parameter_limits id_limits = {.min_bytes = 1, .max_bytes = 128, .no_nul = true};

static int content_part_error(const struct parameters *p, size_t index, const char *what,
                              struct err *e)
{
    return err_set(e, ERR_INVALID_PARAMETER, "%scontent[%zu]%s", p->prefix, index, what);
}

/* Each part must have a type. Everything else in it is between the client and its model. */
static int content_check_part(const struct parameters *p, struct json_value part, size_t index,
                              struct err *e)
{
    struct json_member member;
    bool has_type = false;

    if (part.type != JSON_OBJECT)
        return content_part_error(p, index, " must be an object with a `type`", e);
    struct json_walk walk = json_walk_begin(part);
    while (json_walk_member(&walk, p->arena, &member)) {
        if (!str_is(member.name, "type"))
            continue;
        if (member.value.type != JSON_STRING)
            return content_part_error(p, index, ".type must be a string", e);
        has_type = true;
    }
    return has_type ? 0 : content_part_error(p, index, ".type is required", e);
}

static int content_check_parts(const struct parameters *p, struct json_value parts, struct err *e)
{
    struct json_walk walk = json_walk_begin(parts);
    struct json_value part;
    size_t count = 0;

    while (json_walk_element(&walk, &part)) {
        if (content_check_part(p, part, count++, e) < 0)
            return -1;
    }
    if (count == 0)
        return err_set(e, ERR_INVALID_PARAMETER, "%scontent must have at least one part",
                       p->prefix);
    return 0;
}

int api_content(const struct parameters *p, struct content_given *out, struct err *e)
{
    struct json_value value;

    *out = (struct content_given){.text = STR_NONE};
    if (parameter_any(p, "content", &out->presence, &value, e) < 0)
        return -1;
    if (out->presence == PARAMETER_LEFT_OUT)
        return 0;
    if (out->presence == PARAMETER_NULL) {
        out->text = STR("");
        out->type = CONTENT_IS_NULL;
        return 0;
    }
    out->text = value.text;
    if (value.type == JSON_STRING)
        return 0;
    out->type = CONTENT_IS_PARTS;
    if (value.type == JSON_ARRAY)
        return content_check_parts(p, value, e);
    return err_set(e, ERR_INVALID_PARAMETER, "%scontent must be a string or an array of parts",
                   p->prefix);
}

/* A model that calls a tool may say nothing else. The call is then in the metadata. */
static int content_check_empty(const struct parameters *p, const struct content_given *content,
                               const struct message_new *message, struct err *e)
{
    if (content->presence == PARAMETER_LEFT_OUT)
        return api_missing(p->prefix, "content", e);
    if (content->text.n > 0 || str_is_present(message->metadata))
        return 0;
    if (content->presence == PARAMETER_NULL)
        return err_set(e, ERR_MISSING_PARAMETER, "%scontent is required where there is no metadata",
                       p->prefix);
    return err_set(e, ERR_INVALID_PARAMETER,
                   "%scontent must not be empty where there is no metadata", p->prefix);
}

int api_message_new(const struct parameters *p, struct message_new *out, struct err *e)
{
    static const char *const roles[] = {"user",      "assistant", "system", "tool",
                                        "developer", "function",  NULL};
    struct content_given content;
    enum parameter_presence presence;
    int role = -1;

    *out = (struct message_new){.message_id = STR_NONE};
    if (parameter_choice(p, "role", roles, &role, e) < 0 || api_content(p, &content, e) < 0 ||
        parameter_object(p, "metadata", &presence, &out->metadata, e) < 0 ||
        parameter_string(p, "message_id", &id_limits, &out->message_id, e) < 0)
        return -1;
    if (role < 0)
        return api_missing(p->prefix, "role", e);
    if (content_check_empty(p, &content, out, e) < 0)
        return -1;
    out->role = str_from(roles[role]);
    out->content = content.text;
    out->content_type = content.type;
    return 0;
}

/* A string is added without a type before its role, so that the fingerprints of earlier requests
 * stay the same. No role has the name of a type. */
void api_fingerprint_message(struct fingerprint *f, const struct message_new *message)
{
    if (str_is_present(message->content_type))
        fingerprint_add(f, message->content_type);
    fingerprint_add(f, message->role);
    fingerprint_add(f, message->content);
    fingerprint_add(f, message->metadata);
    fingerprint_add(f, message->message_id);
}
