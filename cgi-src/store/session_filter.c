/*
 * Decides whether a session is one of those that are asked for. What is cheap to check is checked
 * first.
 */
#include "store/session_filter.h"

void session_matcher_init(struct session_matcher *m, const struct session_filter *filter)
{
    *m = (struct session_matcher){.filter = *filter};
    arena_init(&m->scratch);
    if (str_is_present(filter->text))
        fold_init(&m->text, filter->text);
}

void session_matcher_free(struct session_matcher *m)
{
    if (str_is_present(m->filter.text))
        fold_free(&m->text);
    arena_free(&m->scratch);
}

static bool flag_is_wanted(enum wanted_flag wanted, bool set)
{
    return wanted == FLAG_ANY || set == (wanted == FLAG_SET);
}

/* Tags are the text of a JSON array of strings. */
static bool session_has_tag(struct session_matcher *m, struct str tags)
{
    struct json_walk walk = json_walk_begin((struct json_value){JSON_ARRAY, tags});
    struct json_value tag;
    bool found = false;

    while (!found && json_walk_element(&walk, &tag))
        found = str_equals(json_decode_string(tag, &m->scratch), m->filter.tag);
    arena_reset(&m->scratch);
    return found;
}

bool session_matches(struct session_matcher *m, const struct session *session)
{
    const struct session_filter *filter = &m->filter;

    return flag_is_wanted(filter->archived, session->archived) &&
           flag_is_wanted(filter->pinned, session->pinned) &&
           (!str_is_present(filter->tag) || session_has_tag(m, session->tags)) &&
           (!str_is_present(filter->text) || fold_finds(&m->text, session->title) ||
            fold_finds(&m->text, session->last_preview));
}
