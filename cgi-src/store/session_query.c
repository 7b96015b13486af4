/*
 * Reads a user's partition of the sessions table page by page, in order. What DynamoDB returns
 * twice or out of order is passed over, so that no answer makes a list repeat itself.
 */
#include "store/session_query.h"

/* The sort keys of helper items begin with '!', the character before :first. */
const struct str user_sessions_text =
    STR_INIT(KEY_CONDITION("user_id = :u AND session_id >= :first"));
const struct str user_all_text = STR_INIT(KEY_CONDITION("user_id = :u") PROJECTION("session_id"));

int sort_key_compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool user_walk_is_ahead(const struct user_walk *walk, struct str sort_key,
                               struct str position)
{
    if (sort_key.n == 0)
        return false;
    if (!str_is_present(position))
        return true;
    int c = sort_key_compare(sort_key, position);
    return walk->query.direction == FORWARD ? c > 0 : c < 0;
}

static struct str user_walk_start_key(struct store *s, const struct user_walk *walk)
{
    const struct key key = store_session_key(walk->user_id, walk->after);

    buf_reset(&s->body);
    store_put_key_object(s, &key);
    return arena_str(s->arena, buf_str(&s->body));
}

int user_walk_page(struct store *s, struct user_walk *walk, struct err *e)
{
    if (!str_is_present(walk->start) && str_is_present(walk->after)) {
        walk->start = user_walk_start_key(s, walk);
        walk->position = walk->after;
        walk->page_start = walk->after;
    }
    walk->query.start = walk->start;
    return store_query(s, &walk->query, &walk->items, e);
}

bool user_walk_next(struct user_walk *walk, struct session *out)
{
    while (items_next(&walk->items, &item_session, out)) {
        if (!user_walk_is_ahead(walk, out->session_id, walk->position))
            continue;
        walk->position = out->session_id;
        if (!walk->matcher || session_matches(walk->matcher, out))
            return true;
        walk->passed_over++;
    }
    return false;
}

void user_walk_stop(struct user_walk *walk)
{
    items_free(&walk->items);
}

enum items_end user_walk_end_page(struct store *s, struct user_walk *walk, struct err *e)
{
    struct session key;
    enum items_end end = items_end(s, &walk->items, &walk->start, e);

    if (end == ITEMS_MORE) {
        store_read_key(s, walk->start, &item_session, &key);
        bool moves =
            (str_is_present(walk->position) && str_equals(key.session_id, walk->position)) ||
            user_walk_is_ahead(walk, key.session_id, walk->position);
        if (!moves || (str_is_present(walk->page_start) &&
                       !user_walk_is_ahead(walk, key.session_id, walk->page_start)))
            end = (enum items_end)store_unreadable(DYNAMO_QUERY, e);
        walk->position = key.session_id;
        walk->page_start = key.session_id;
    }
    walk->pages += end != ITEMS_FAILED;
    items_free(&walk->items);
    return end;
}
