/*
 * Reads messages: a range of a session's partition, page by page. Each message is handed on as soon
 * as it is read. A search reads as many pages as one call may take, and hands on the messages that
 * have the text.
 */
#include "base/fold.h"
#include "store/content.h"
#include "store/internal.h"

/* A walk through a range of a session's partition. */
struct range_walk {
    struct str session_id;
    enum direction direction;
    struct timestamp_range range; /* what is still to be read */
    struct timestamp_range asked; /* the range that the page was asked for */
    struct items items;
};

static const struct str range_text =
    STR_INIT(KEY_CONDITION("session_id = :s AND #t BETWEEN :low AND :high") NAME_TIMESTAMP);

static const struct str last_text = STR_INIT(KEY_CONDITION(
    "session_id = :s AND #t BETWEEN :low AND :high") NAME_TIMESTAMP PROJECTION("#t, created_at"));

static bool timestamp_is_within(struct timestamp_range range, int64_t timestamp)
{
    return timestamp >= range.low && timestamp <= range.high;
}

/* Takes off the range everything up to and including a timestamp in it. */
static void range_walk_advance(struct range_walk *walk, int64_t timestamp)
{
    if (!timestamp_is_within(walk->range, timestamp))
        return;
    if (walk->direction == FORWARD)
        walk->range.low = timestamp + 1;
    else
        walk->range.high = timestamp - 1;
}

/* Sends a Query for the range. query: its text, limit and consistency. */
static int range_walk_begin_page(struct store *s, struct range_walk *walk, struct query query,
                                 struct err *e)
{
    query.table = STORE_MESSAGES_TABLE;
    query.direction = walk->direction;
    query.values =
        VALUES(STRING_VALUE(":s", walk->session_id), NUMBER_VALUE(":low", walk->range.low),
               NUMBER_VALUE(":high", walk->range.high));
    walk->asked = walk->range;
    return store_query(s, &query, &walk->items, e);
}

static bool range_is_empty(const struct range_walk *walk)
{
    return walk->range.low > walk->range.high;
}

/*
 * Ends the page. ITEMS_MORE: DynamoDB has more of the range; a page may end anywhere, even empty.
 * But a page that leaves the range as it was would be asked for again and again: ITEMS_FAILED.
 */
static enum items_end range_walk_end_page(struct store *s, struct range_walk *walk, struct err *e)
{
    struct message key;
    struct str next;
    enum items_end end = items_end(s, &walk->items, &next, e);

    if (end != ITEMS_MORE)
        return end;
    store_read_key(s, next, &item_message, &key);
    range_walk_advance(walk, key.timestamp);
    if (walk->range.low == walk->asked.low && walk->range.high == walk->asked.high)
        return (enum items_end)store_unreadable(DYNAMO_QUERY, e);
    return range_is_empty(walk) ? ITEMS_END : ITEMS_MORE;
}

/* ---- a list ---------------------------------------------------------------------------------- */

/* A listing under way. */
struct message_listing {
    const struct message_query *query;
    const struct message_visitor *visitor;
    struct range_walk walk;
    struct session_claim claim;
    struct owner owner;
    int64_t count;
    int64_t last;
    struct str last_id; /* in the page being read */
    bool more;
    unsigned pages;
    struct fold text;     /* what a search looks for */
    struct arena scratch; /* for what is rewritten of a page's messages */
};

static bool message_listing_is_search(const struct message_listing *l)
{
    return str_is_present(l->query->text);
}

/*
 * DynamoDB returns each key once and in order; what comes otherwise is not shown. Only an earlier
 * backend may have written timestamps with fractions of a millisecond, of which two are one here.
 */
static bool message_listing_is_next(const struct message_listing *l, const struct message *m)
{
    if (str_is_present(l->last_id) && m->timestamp == l->last)
        return !str_equals(m->message_id, l->last_id);
    return m->timestamp > TIMESTAMP_OWNER && timestamp_is_within(l->walk.range, m->timestamp);
}

/* The text may be in a string, or within one part. */
static bool message_listing_finds_text(struct message_listing *l, const struct message *m)
{
    struct content_texts texts;
    bool found = false;
    struct str text;

    content_texts_begin(&texts, m);
    while (!found && content_texts_next(&texts, &l->scratch, &text))
        found = fold_finds(&l->text, text);
    return found;
}

/* Hands the message on if it is wanted. False if the page has no room for it. */
static bool message_listing_show(struct message_listing *l, const struct message *m)
{
    if (l->count == l->query->limit)
        return false;
    if (message_listing_is_search(l) && !message_listing_finds_text(l, m))
        return true;
    if (l->visitor->visit(l->visitor->context, m) == VISIT_FULL)
        return false;
    l->count++;
    return true;
}

static void message_listing_take_message(struct message_listing *l, const struct message *m)
{
    if (!message_listing_is_next(l, m))
        return;
    if (!message_listing_show(l, m)) {
        l->more = true;
        return;
    }
    l->last = m->timestamp;
    l->last_id = m->message_id;
    range_walk_advance(&l->walk, m->timestamp);
}

static int message_listing_take_owner(struct store *s, struct message_listing *l,
                                      const struct message *m, struct err *e)
{
    const struct owner_item item = {
        .user_id = m->user_id, .deleted = m->deleted, .building_at = m->building_at};

    range_walk_advance(&l->walk, TIMESTAMP_OWNER);
    return store_owner_check(s, &l->claim, &item, &l->owner, e);
}

static int message_listing_take_page(struct store *s, struct message_listing *l, struct err *e)
{
    struct message m;

    l->last_id = STR_NONE;
    while (!l->more && items_next(&l->walk.items, &item_message, &m)) {
        if (m.timestamp != TIMESTAMP_OWNER)
            message_listing_take_message(l, &m);
        else if (timestamp_is_within(l->walk.range, m.timestamp) &&
                 message_listing_take_owner(s, l, &m, e) < 0)
            return -1;
    }
    return 0;
}

/* How many items DynamoDB's page should have. A search, which few may match, takes whole pages. */
static int64_t message_listing_choose_limit(const struct message_listing *l)
{
    if (message_listing_is_search(l))
        return 0;
    return l->query->limit - l->count + 1 + (l->walk.range.low == TIMESTAMP_OWNER);
}

/* ITEMS_END: the range is read to its end, or the list is full. */
static enum items_end message_listing_read_page(struct store *s, struct message_listing *l,
                                                struct err *e)
{
    enum items_end end = ITEMS_FAILED;
    const struct query query = {.text = range_text,
                                .limit = message_listing_choose_limit(l),
                                .consistency = CONSISTENT_IF_SET};
    int r = range_walk_begin_page(s, &l->walk, query, e);

    l->walk.items.arena = &l->scratch;
    if (r == 0)
        r = message_listing_take_page(s, l, e);
    if (r == 0)
        end = range_walk_end_page(s, &l->walk, e);
    l->pages++;
    items_free(&l->walk.items);
    arena_free(&l->scratch);
    return end == ITEMS_MORE && l->more ? ITEMS_END : end;
}

/*
 * Earlier backends wrote no owner item. If the caller names the owner, that is checked; else
 * anybody who knows the id of a session that has messages may read them.
 */
static int message_listing_check_hint(struct store *s, struct message_listing *l, struct err *e)
{
    int64_t any = l->count;

    if (!str_is_present(l->claim.hint) && !any &&
        store_last_timestamp(s, l->claim.session_id, &any, e) < 0)
        return -1;
    if (!str_is_present(l->claim.hint) && any)
        return 0;
    return store_owner_from_hint(s, &l->claim, OWNER_VERIFIED, &l->owner, e);
}

/* A range from the beginning includes the owner item; for any other the item is read singly. */
static int message_listing_begin(struct store *s, struct message_listing *l, struct err *e)
{
    const struct message_query *query = l->query;
    bool from_start = !query->descending && query->after <= 0;

    struct timestamp_range *range = &l->walk.range;
    range->low = from_start ? TIMESTAMP_OWNER : query->after + 1;
    range->high = query->before > TIMESTAMP_MAX ? TIMESTAMP_MAX : query->before - 1;
    if (from_start && range->high < TIMESTAMP_OWNER)
        /* no message is asked for, but whether the session is there must be known */
        range->high = TIMESTAMP_OWNER;
    return from_start ? 0 : store_owner_get(s, &l->claim, &l->owner, e);
}

static int message_listing_out_of_time(struct store *s, const struct message_listing *l,
                                       struct err *e)
{
    return store_out_of_time(
        s, l->pages - 1,
        message_listing_is_search(l)
            ? "the time for this request was over before the search found enough; ask "
              "again"
            : "the time for this request was over before the page was complete; ask for a "
              "smaller `limit`",
        e);
}

/* A search ends with what was asked for: whether there is more may stay unknown. */
static bool message_listing_has_enough(const struct message_listing *l)
{
    return message_listing_is_search(l) &&
           (l->pages == STORE_SEARCH_PAGES || l->count == l->query->limit);
}

/* ITEMS_MORE: there is more of the range behind the last page that was read. */
static enum items_end message_listing_read_pages(struct store *s, struct message_listing *l,
                                                 struct err *e)
{
    enum items_end end = range_is_empty(&l->walk) ? ITEMS_END : ITEMS_MORE;

    while (end == ITEMS_MORE && !message_listing_has_enough(l))
        end = message_listing_read_page(s, l, e);
    return end == ITEMS_FAILED ? (enum items_end)message_listing_out_of_time(s, l, e) : end;
}

/* The timestamp up to which the walk has come. */
static int64_t range_walk_position(const struct range_walk *walk)
{
    return walk->direction == FORWARD ? walk->range.low - 1 : walk->range.high + 1;
}

/* Reads the list to its end, or as far as one call may go. */
static int message_listing_read(struct store *s, struct message_listing *l,
                                struct message_page *out, struct err *e)
{
    if (message_listing_begin(s, l, e) < 0)
        return -1;
    enum items_end end = message_listing_read_pages(s, l, e);
    if (end == ITEMS_FAILED || (!l->owner.has_item && message_listing_check_hint(s, l, e) < 0))
        return -1;
    *out =
        (struct message_page){.more = l->more || end == ITEMS_MORE,
                              .last = end == ITEMS_MORE ? range_walk_position(&l->walk) : l->last};
    return 0;
}

int store_messages_list(struct store *s, const struct message_query *query,
                        const struct message_visitor *visitor, struct message_page *out,
                        struct err *e)
{
    struct message_listing l = {.query = query,
                                .visitor = visitor,
                                .walk = {.session_id = query->session_id,
                                         .direction = query->descending ? BACKWARD : FORWARD},
                                .claim = {query->session_id, query->hint}};

    if (!store_is_session_id(query->session_id))
        return store_session_not_found(e);
    arena_init(&l.scratch);
    if (message_listing_is_search(&l))
        fold_init(&l.text, query->text);
    int r = message_listing_read(s, &l, out, e);
    if (message_listing_is_search(&l))
        fold_free(&l.text);
    return r;
}

/* ---- the last message of a range ------------------------------------------------------------- */

static enum lookup_result range_walk_take_one(struct store *s, struct range_walk *walk,
                                              struct message *out)
{
    while (items_next(&walk->items, &item_message, out)) {
        if (timestamp_is_within(walk->range, out->timestamp)) {
            item_keep(&item_message, out, s->arena);
            return LOOKUP_FOUND;
        }
    }
    return LOOKUP_ABSENT;
}

static enum lookup_result range_walk_read_one(struct store *s, struct range_walk *walk,
                                              struct str text, struct message *out, struct err *e)
{
    const struct query query = {.text = text, .limit = 1, .consistency = CONSISTENT};
    enum lookup_result result = LOOKUP_ABSENT;
    enum items_end end = ITEMS_MORE;

    while (end == ITEMS_MORE && result == LOOKUP_ABSENT) {
        end = ITEMS_FAILED;
        if (range_walk_begin_page(s, walk, query, e) == 0) {
            result = range_walk_take_one(s, walk, out);
            end = range_walk_end_page(s, walk, e);
        }
        items_free(&walk->items);
    }
    return end == ITEMS_FAILED ? LOOKUP_FAILED : result;
}

enum lookup_result store_last_message(struct store *s, struct str session_id,
                                      struct timestamp_range range, struct message *out,
                                      struct err *e)
{
    struct range_walk walk = {.session_id = session_id, .direction = BACKWARD, .range = range};

    return range_walk_read_one(s, &walk, last_text, out, e);
}

enum lookup_result store_message_before(struct store *s, struct str session_id, int64_t timestamp,
                                        struct message *out, struct err *e)
{
    struct range_walk walk = {.session_id = session_id,
                              .direction = BACKWARD,
                              .range = {TIMESTAMP_OWNER + 1, timestamp - 1}};

    if (walk.range.high < walk.range.low)
        return LOOKUP_ABSENT;
    return range_walk_read_one(s, &walk, range_text, out, e);
}

int store_last_timestamp(struct store *s, struct str session_id, int64_t *last, struct err *e)
{
    const struct timestamp_range all = {TIMESTAMP_OWNER + 1, TIMESTAMP_MAX};
    struct message found;

    switch (store_last_message(s, session_id, all, &found, e)) {
    case LOOKUP_FOUND:
        *last = found.timestamp > *last ? found.timestamp : *last;
        return 0;
    case LOOKUP_ABSENT:
        return 0;
    default:
        return -1;
    }
}
