/*
 * Tells content that is an array of parts from content that is not, however another backend may
 * have written it, and takes parts apart.
 */
#include "store/content.h"

bool content_are_parts(struct str text, struct str *parts)
{
    struct json_value array;
    struct json_value part;

    if (json_scan(text, &array, NULL) < 0 || array.type != JSON_ARRAY)
        return false;
    struct json_walk walk = json_walk_begin(array);
    while (json_walk_element(&walk, &part)) {
        if (part.type != JSON_OBJECT)
            return false;
    }
    *parts = array.text;
    return true;
}

void content_texts_begin(struct content_texts *texts, const struct message *m)
{
    bool are_parts =
        str_is_present(m->content_type) && str_equals(m->content_type, CONTENT_IS_PARTS);

    texts->string = are_parts ? STR_NONE : m->content;
    texts->parts =
        json_walk_begin((struct json_value){JSON_ARRAY, are_parts ? m->content : STR("")});
}

/* Finds the first `text` of a part that is a string. */
static bool content_part_text(struct json_value part, struct arena *a, struct str *out)
{
    struct json_walk walk = json_walk_begin(part);
    struct json_member member;

    while (json_walk_member(&walk, a, &member)) {
        if (member.value.type != JSON_STRING || !str_is(member.name, "text"))
            continue;
        *out = json_decode_string(member.value, a);
        return true;
    }
    return false;
}

bool content_texts_next(struct content_texts *texts, struct arena *a, struct str *out)
{
    struct json_value part;

    if (str_is_present(texts->string)) {
        *out = texts->string;
        texts->string = STR_NONE;
        return true;
    }
    while (json_walk_element(&texts->parts, &part)) {
        if (content_part_text(part, a, out))
            return true;
    }
    return false;
}
