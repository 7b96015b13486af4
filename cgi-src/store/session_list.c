/*
 * Listing a user's sessions in the order of creation: the partition read backwards, page by page.
 * The order of activity has a file of its own.
 */
#include "store/session_query.h"

struct session_listing {
    const struct session_visitor *visitor;
    int64_t limit;
    int64_t count;
    struct str last_id; /* in the arena */
    bool more;
};

/* Takes the sessions of one answer until the page is full. */
static void take(struct store *s, struct user_walk *walk, struct session_listing *l)
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
    if (last.p)
        l->last_id = arena_str(s->arena, last);
}

static int by_creation(struct store *s, const struct session_query *query,
                       const struct session_visitor *visitor, struct session_page *out,
                       struct err *e)
{
    struct session_listing l = {.visitor = visitor, .limit = query->limit};
    struct user_walk walk = {.user_id = query->user_id,
                             .query = {.table = STORE_SESSIONS_TABLE,
                                       .text = user_sessions_text,
                                       .values = USER_SESSIONS_VALUES(query->user_id),
                                       .direction = BACKWARD,
                                       .consistency = CONSISTENT_IF_SET},
                             .after = query->cursor};
    enum items_end end = ITEMS_MORE;

    if (query->cursor.p && (!store_is_session_id(query->cursor) || !str_is_utf8(query->cursor)))
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    while (end == ITEMS_MORE && !l.more) {
        walk.query.limit = l.limit - l.count + 1;
        end = ITEMS_FAILED;
        if (user_walk_page(s, &walk, e) == 0) {
            take(s, &walk, &l);
            end = user_walk_end_page(s, &walk, e);
        } else {
            user_walk_stop(&walk);
        }
    }
    if (end == ITEMS_FAILED)
        return store_out_of_time(s, walk.pages,
                                 "the time for this request is over before the page was complete; "
                                 "ask for a smaller `limit`",
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
        return by_creation(s, query, visitor, out, e);
    return store_sessions_by_activity(s, query, visitor, out, e);
}
