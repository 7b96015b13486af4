/*
 * Finds what is to be purged, and deletes it. One Scan of the sessions table finds sessions that
 * nobody has used for long, deletes that were cut off, and builds that were never finished. Each is
 * deleted as a request would delete it.
 */
#include "store/internal.h"

#define DAY_US INT64_C(86400000000)

/* The sort keys of helper items begin with '!', which is before :first; of helpers only builds are
 * wanted. The times of earlier backends have other forms, but compare well enough for a first
 * choice; purge_judge looks more closely. */
static const struct str scan_text =
    STR_INIT(",\"FilterExpression\":\"building_at < :day OR (session_id >= :first AND "
             "(updated_at < :before OR deleted_at < :day OR "
             "(attribute_not_exists(updated_at) AND created_at < :before)))\"" PROJECTION(
                 "user_id, session_id, created_at, updated_at, deleted_at, building_at, version, "
                 "archived"));

struct purge_walk {
    const struct purge_query *query;
    int64_t day_us; /* a build or delete that was begun before that is no longer going on */
    struct str before;
    struct str day;
    struct arena arena;
    struct store *store; /* uses that arena, which is emptied after each page */
    struct buf start;    /* where the next page begins, the JSON of a key; empty at the beginning */
};

static bool time_is_before(struct str time, int64_t limit_us)
{
    int64_t us = str_is_present(time) ? clock_parse_us(time.p, time.n) : -1;

    return us >= 0 && us < limit_us;
}

static enum purge_find purge_judge(const struct purge_walk *walk, const struct purge_item *item)
{
    if (store_is_build(item->session_id))
        return time_is_before(item->building_at, walk->day_us) ? PURGE_BUILD : PURGE_NOTHING;
    if (!store_is_session_id(item->session_id))
        return PURGE_NOTHING;
    if (str_is_present(item->deleted_at))
        return time_is_before(item->deleted_at, walk->day_us) ? PURGE_DELETE : PURGE_NOTHING;
    if (walk->query->archived && !item->archived)
        return PURGE_NOTHING;
    return time_is_before(item->updated_at, walk->query->before_us) ? PURGE_SESSION : PURGE_NOTHING;
}

static int purge_walk_visit(const struct purge_walk *walk, struct items *items,
                            const struct purge_visitor *visitor, struct err *e)
{
    struct purge_item item;

    while (items_next(items, &item_purge, &item)) {
        enum purge_find what = purge_judge(walk, &item);
        if (what != PURGE_NOTHING && visitor->find(visitor->context, what, &item, e) < 0)
            return -1;
    }
    return 0;
}

static enum items_end purge_walk_read_page(struct purge_walk *walk,
                                           const struct purge_visitor *visitor, struct err *e)
{
    const struct query query = {
        .table = STORE_SESSIONS_TABLE,
        .text = scan_text,
        .values = VALUES(STRING_VALUE(":before", walk->before), STRING_VALUE(":day", walk->day),
                         STRING_VALUE(":first", STR("\""))),
        .consistency = CONSISTENT,
        .start = walk->start.len ? buf_str(&walk->start) : STR_NONE,
    };
    enum items_end end = ITEMS_FAILED;
    struct items items;
    struct str next = STR_NONE;

    store_renew_deadline(walk->store);
    if (store_scan(walk->store, &query, &items, e) == 0 &&
        purge_walk_visit(walk, &items, visitor, e) == 0)
        end = items_end(walk->store, &items, &next, e);
    items_free(&items);
    if (end == ITEMS_MORE) {
        buf_reset(&walk->start);
        buf_append_str(&walk->start, next);
        if (!buf_ok(&walk->start))
            return (enum items_end)store_unreadable(DYNAMO_SCAN, e);
    }
    if (end != ITEMS_FAILED && visitor->page(visitor->context, e) < 0)
        return ITEMS_FAILED;
    return end;
}

int store_purge_walk(struct store *s, const struct purge_query *query,
                     const struct purge_visitor *visitor, struct err *e)
{
    struct purge_walk walk = {.query = query, .day_us = store_now_us(s) - DAY_US};
    enum items_end end;

    walk.before = store_time(s, query->before_us);
    walk.day = store_time(s, walk.day_us);
    arena_init(&walk.arena);
    buf_init(&walk.start, (size_t)64 * 1024);
    walk.store = store_new(s->shared, s->dynamo, &walk.arena);
    do {
        end = purge_walk_read_page(&walk, visitor, e);
        arena_reset(&walk.arena);
    } while (end == ITEMS_MORE);
    store_free(walk.store);
    buf_free(&walk.start);
    arena_free(&walk.arena);
    return end == ITEMS_END ? 0 : -1;
}

static enum purge_end purge_session(struct store *s, const struct session_target *target,
                                    int64_t *deleted_messages, struct err *e)
{
    struct session session;

    if (store_session_delete(s, target, &session, deleted_messages, e) == 0)
        return PURGED;
    if (e->code != ERR_PRECONDITION_FAILED && e->code != ERR_SESSION_NOT_FOUND)
        return PURGE_FAILED;
    *e = (struct err){.code = ERR_NONE};
    return PURGE_KEPT;
}

enum purge_end store_purge(struct store *s, enum purge_find what, const struct purge_item *item,
                           int64_t *deleted_messages, struct err *e)
{
    struct session_target target = {.key = {item->user_id, item->session_id}};

    if (what == PURGE_BUILD) {
        enum build_end end = store_build_delete(s, &target.key, e);
        if (end == BUILD_DELETE_FAILED)
            return PURGE_FAILED;
        return end == BUILD_DELETED ? PURGED : PURGE_KEPT;
    }
    if (what == PURGE_SESSION) /* only if it still has the version that it was found with */
        target.if_match = (struct versions){.present = true, .count = 1, .list = &item->version};
    return purge_session(s, &target, deleted_messages, e);
}
