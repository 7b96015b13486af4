/*
 * Lists a user's sessions in the order of creation, the newest first: the partition is read
 * backwards, page by page. The order of activity is in session_activity.c.
 */
#include "store/session_query.h"

#define QUERY_MAX_ITEMS 1000

struct session_listing {
    const struct session_visitor *visitor;
    int64_t limit;
    int64_t count;
    struct str last_id; /* in the arena */
    bool more;
};

/* Takes the sessions of one page of DynamoDB until the list is full. */
static void session_listing_take(struct store *s, struct user_walk *walk, struct session_listing *l)
{
    struct str last = STR_NONE;
    struct session session;

    while (!l->more && user_walk_next(walk, &session)) {
        if (session.deleted)
            continue;
        if (l->count == l->limit ||
            l->visitor->visit(l->visitor->context, &session) == VISIT_FULL) {
            l->more = true;
            break;
        }
        l->count++;
        last = session.session_id;
    }
    if (str_is_present(last))
        l->last_id = arena_str(s->arena, last);
}

/*
 * How many items the next page of DynamoDB should have: as many as are still wanted, and one more.
 * If not all have matched so far, it is more, in the same proportion. A call costs time, and an
 * item that is read a little money.
 */
static int64_t session_listing_choose_limit(const struct session_listing *l,
                                            const struct user_walk *walk)
{
    int64_t wanted = l->limit - l->count + 1;
    int64_t found = l->count > 0 ? l->count : 1;
    int64_t estimate = wanted * (l->count + walk->passed_over) / found;

    if (estimate > QUERY_MAX_ITEMS)
        estimate = QUERY_MAX_ITEMS;
    return estimate > wanted ? estimate : wanted;
}

static enum items_end session_listing_read_page(struct store *s, struct user_walk *walk,
                                                struct session_listing *l, struct err *e)
{
    enum items_end end = ITEMS_FAILED;
    /* for what is rewritten of sessions, also of those that are passed over */
    struct arena scratch;

    arena_init(&scratch);
    walk->query.limit = session_listing_choose_limit(l, walk);
    if (user_walk_page(s, walk, e) == 0) {
        walk->items.arena = &scratch;
        session_listing_take(s, walk, l);
        end = user_walk_end_page(s, walk, e);
    } else {
        user_walk_stop(walk);
    }
    arena_free(&scratch);
    return end;
}

static int store_sessions_by_creation(struct store *s, const struct session_query *query,
                                      const struct session_visitor *visitor,
                                      struct session_page *out, struct err *e)
{
    struct session_listing l = {.visitor = visitor, .limit = query->limit};
    struct session_matcher matcher;
    struct user_walk walk = {.user_id = query->user_id,
                             .query = {.table = STORE_SESSIONS_TABLE,
                                       .text = user_sessions_text,
                                       .values = USER_SESSIONS_VALUES(query->user_id),
                                       .direction = BACKWARD,
                                       .consistency = CONSISTENT_IF_SET},
                             .after = query->cursor,
                             .matcher = &matcher};
    enum items_end end = ITEMS_MORE;

    if (str_is_present(query->cursor) &&
        (!store_is_session_id(query->cursor) || !str_is_utf8(query->cursor)))
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    session_matcher_init(&matcher, &query->filter);
    while (end == ITEMS_MORE && !l.more)
        end = session_listing_read_page(s, &walk, &l, e);
    session_matcher_free(&matcher);
    if (end == ITEMS_FAILED)
        return store_out_of_time(
            s, walk.pages,
            "the time for this request was over before the page was complete; "
            "ask for a smaller `limit`, or with a filter that more sessions match",
            e);
    out->next_cursor = l.more ? l.last_id : STR_NONE;
    return 0;
}

int store_sessions_list(struct store *s, const struct session_query *query,
                        const struct session_visitor *visitor, struct session_page *out,
                        struct err *e)
{
    *out = (struct session_page){.next_cursor = STR_NONE};
    if (query->order == SESSIONS_BY_CREATION)
        return store_sessions_by_creation(s, query, visitor, out, e);
    return store_sessions_by_activity(s, query, visitor, out, e);
}
