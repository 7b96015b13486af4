/*
 * Listing a user's sessions in the order of creation: the partition read backwards, page by page.
 * The order of activity has a file of its own.
 */
#include <json-c/json.h>

#include "store/session_query.h"

struct listing {
    struct session_page *page;
    size_t limit;
    size_t bytes;
    bool more;
};

/* Takes the sessions of one answer until the page is full. */
static void take(struct store *s, struct json_object *items, struct listing *l)
{
    size_t n = store_array_length(items);

    for (size_t i = 0; i < n && !l->more; i++) {
        struct session session;
        item_read_session(json_object_array_get_idx(items, i), s->arena, &session);
        if (session.deleted)
            continue;
        size_t size = item_session_json_size(&session);
        if (l->page->count == l->limit ||
            (l->page->count && l->bytes + size > STORE_PAGE_MAX_BYTES)) {
            l->more = true;
            return;
        }
        l->bytes += size;
        store_session_keep(s, &session);
        l->page->sessions[l->page->count++] = session;
    }
}

static int by_creation(struct store *s, const struct session_query *query, struct session_page *out,
                       struct err *e)
{
    struct listing l = {.page = out, .limit = (size_t)query->limit};
    struct str last = query->cursor;
    int r;

    if (last.p && (!store_is_session_id(last) || !str_is_utf8(last)))
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    out->sessions = arena_array(s->arena, l.limit, sizeof(*out->sessions));
    do {
        struct dynamo_answer answer;
        store_session_query(s, query->user_id, false, query->limit - (int64_t)out->count + 1, last);
        r = store_end_call(s, DYNAMO_QUERY, 0, &answer, e);
        if (r == 0) {
            take(s, json_get(answer.body, "Items"), &l);
            last = store_user_page_end(s, &answer);
        }
        dynamo_answer_free(&answer);
    } while (r == 0 && last.p && !l.more);
    if (r == 0 && l.more)
        out->next_cursor = out->sessions[out->count - 1].session_id;
    return r;
}

int store_sessions_list(struct store *s, const struct session_query *query,
                        struct session_page *out, struct err *e)
{
    *out = (struct session_page){.next_cursor = STR_NONE};
    if (query->order == SESSIONS_BY_CREATION)
        return by_creation(s, query, out, e);
    return store_sessions_by_activity(s, query, out, e);
}
