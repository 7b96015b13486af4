/*
 * Reading messages: a range of a session's partition, page by page, each message handed on as it is
 * read from its page. A search looks through as many pages as a call may take, and hands on what
 * has the text.
 */
#include "base/fold.h"
#include "store/content.h"
#include "store/internal.h"

/* A walk through a range of a session's partition. */
struct range_walk {
    struct str session_id;
    enum direction direction;
    struct timestamp_range range; /* what is still to be read */
    struct timestamp_range asked; /* of the page being read */
    struct items items;
};

static const struct str range_text =
    STR_INIT(KEY_CONDITION("session_id = :s AND #t BETWEEN :low AND :high") NAME_TIMESTAMP);

static const struct str last_text = STR_INIT(KEY_CONDITION(
    "session_id = :s AND #t BETWEEN :low AND :high") NAME_TIMESTAMP PROJECTION("#t, created_at"));

static bool is_within(struct timestamp_range range, int64_t timestamp)
{
    return timestamp >= range.low && timestamp <= range.high;
}

/* Leaves of the range what lies beyond a timestamp of it. */
static void advance(struct range_walk *walk, int64_t timestamp)
{
    if (!is_within(walk->range, timestamp))
        return;
    if (walk->direction == FORWARD)
        walk->range.low = timestamp + 1;
    else
        walk->range.high = timestamp - 1;
}

/* Reads a page: what a Query of this text, limit and consistency says of the range. */
static int begin_page(struct store *s, struct range_walk *walk, struct query query, struct err *e)
{
    query.table = STORE_MESSAGES_TABLE;
    query.direction = walk->direction;
    query.values =
        VALUES(STRING_VALUE(":s", walk->session_id), NUMBER_VALUE(":low", walk->range.low),
               NUMBER_VALUE(":high", walk->range.high));
    walk->asked = walk->range;
    return store_query(s, &query, &walk->items, e);
}

/*
 * Ends it. *further: DynamoDB has more of the range; its page may end anywhere, even empty. A page
 * that leaves the range as it was would be asked for again.
 */
static int messages_end_page(struct store *s, struct range_walk *walk, bool *further, struct err *e)
{
    struct message key;
    struct str next;
    enum items_end end = items_end(s, &walk->items, &next, e);

    *further = false;
    if (end != ITEMS_MORE)
        return end == ITEMS_END ? 0 : -1;
    store_read_key(s, next, &item_message, &key);
    advance(walk, key.timestamp);
    if (walk->range.low == walk->asked.low && walk->range.high == walk->asked.high)
        return store_unreadable(DYNAMO_QUERY, e);
    *further = walk->range.low <= walk->range.high;
    return 0;
}

/* ---- a list ---------------------------------------------------------------------------------- */

/* A listing under way. */
struct listing {
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
    struct fold text;     /* of a search */
    struct arena scratch; /* for what is rewritten of a page's messages */
};

static bool is_search(const struct listing *l)
{
    return l->query->text.p != NULL;
}

/*
 * DynamoDB gives each key once and in order; what it gives otherwise is not shown. Only an earlier
 * backend may have written two fractions of one millisecond, which have one timestamp here.
 */
static bool is_next(const struct listing *l, const struct message *m)
{
    if (l->last_id.p && m->timestamp == l->last)
        return !str_equals(m->message_id, l->last_id);
    return m->timestamp > TIMESTAMP_OWNER && is_within(l->walk.range, m->timestamp);
}

/* A text may be in the content as a whole, or in one part of it. */
static bool has_text(struct listing *l, const struct message *m)
{
    struct content_texts texts;
    bool found = false;
    struct str text;

    content_texts_begin(&texts, m);
    while (!found && content_texts_next(&texts, &l->scratch, &text))
        found = fold_finds(&l->text, text);
    return found;
}

/* Hands it on if it is wanted; false if the page has no room for it. */
static bool messages_show(struct listing *l, const struct message *m)
{
    if (l->count == l->query->limit)
        return false;
    if (is_search(l) && !has_text(l, m))
        return true;
    if (l->visitor->visit(l->visitor->context, m) == VISIT_FULL)
        return false;
    l->count++;
    return true;
}

static void listing_take_message(struct listing *l, const struct message *m)
{
    if (!is_next(l, m))
        return;
    if (!messages_show(l, m)) {
        l->more = true;
        return;
    }
    l->last = m->timestamp;
    l->last_id = m->message_id;
    advance(&l->walk, m->timestamp);
}

static int take_owner(struct store *s, struct listing *l, const struct message *m, struct err *e)
{
    const struct owner_item item = {
        .user_id = m->user_id, .deleted = m->deleted, .building_at = m->building_at};

    advance(&l->walk, TIMESTAMP_OWNER);
    return store_owner_check(s, &l->claim, &item, &l->owner, e);
}

static int take_page(struct store *s, struct listing *l, struct err *e)
{
    struct message m;

    l->last_id = STR_NONE;
    while (!l->more && items_next(&l->walk.items, &item_message, &m)) {
        if (m.timestamp != TIMESTAMP_OWNER)
            listing_take_message(l, &m);
        else if (is_within(l->walk.range, m.timestamp) && take_owner(s, l, &m, e) < 0)
            return -1;
    }
    return 0;
}

/* How many items a page of DynamoDB should have. Where few may match, as many as it can. */
static int64_t messages_choose_limit(const struct listing *l)
{
    if (is_search(l))
        return 0;
    return l->query->limit - l->count + 1 + (l->walk.range.low == TIMESTAMP_OWNER);
}

static int messages_read_page(struct store *s, struct listing *l, bool *further, struct err *e)
{
    const struct query query = {
        .text = range_text, .limit = messages_choose_limit(l), .consistency = CONSISTENT_IF_SET};
    int r = begin_page(s, &l->walk, query, e);

    l->walk.items.arena = &l->scratch;
    if (r == 0)
        r = take_page(s, l, e);
    if (r == 0)
        r = messages_end_page(s, &l->walk, further, e);
    *further = *further && !l->more;
    l->pages++;
    items_free(&l->walk.items);
    arena_free(&l->scratch);
    return r;
}

/*
 * An earlier backend wrote no owner item. If the caller names the owner, that is checked; else
 * whoever knows a session that has messages may read them.
 */
static int check_without_owner(struct store *s, struct listing *l, struct err *e)
{
    int64_t any = l->count;

    if (!l->claim.hint.p && !any && store_last_timestamp(s, l->claim.session_id, &any, e) < 0)
        return -1;
    if (!l->claim.hint.p && any)
        return 0;
    return store_owner_from_hint(s, &l->claim, OWNER_VERIFIED, &l->owner, e);
}

/* A range from the beginning takes the owner item along; any other needs a read of its own. */
static int begin(struct store *s, struct listing *l, struct err *e)
{
    const struct message_query *query = l->query;
    bool from_start = !query->descending && query->after <= 0;

    struct timestamp_range *range = &l->walk.range;
    range->low = from_start ? TIMESTAMP_OWNER : query->after + 1;
    range->high = query->before > TIMESTAMP_MAX ? TIMESTAMP_MAX : query->before - 1;
    if (from_start && range->high < TIMESTAMP_OWNER)
        range->high = TIMESTAMP_OWNER; /* nothing is asked for, but is the session there? */
    return from_start ? 0 : store_owner_get(s, &l->claim, &l->owner, e);
}

static int out_of_time(struct store *s, const struct listing *l, struct err *e)
{
    return store_out_of_time(
        s, l->pages - 1,
        is_search(l) ? "the time for this request is over before enough was looked through; ask "
                       "again"
                     : "the time for this request is over before the page was complete; ask for a "
                       "smaller `limit`",
        e);
}

/* A search need not know whether there are more than it was asked for. */
static bool is_enough(const struct listing *l)
{
    return is_search(l) && (l->pages == STORE_SEARCH_PAGES || l->count == l->query->limit);
}

/* *further: the range goes on where it ended. */
static int read_pages(struct store *s, struct listing *l, bool *further, struct err *e)
{
    *further = l->walk.range.low <= l->walk.range.high;
    while (*further && !is_enough(l)) {
        if (messages_read_page(s, l, further, e) < 0)
            return out_of_time(s, l, e);
    }
    return 0;
}

/* The timestamp that the walk has come to. */
static int64_t position_of(const struct range_walk *walk)
{
    return walk->direction == FORWARD ? walk->range.low - 1 : walk->range.high + 1;
}

/* How the list is read to its end, or to the end of what one call does. */
static int listing_read(struct store *s, struct listing *l, struct message_page *out, struct err *e)
{
    bool further;

    if (begin(s, l, e) < 0 || read_pages(s, l, &further, e) < 0 ||
        (!l->owner.has_item && check_without_owner(s, l, e) < 0))
        return -1;
    *out = (struct message_page){.more = l->more || further,
                                 .last = further ? position_of(&l->walk) : l->last};
    return 0;
}

int store_messages_list(struct store *s, const struct message_query *query,
                        const struct message_visitor *visitor, struct message_page *out,
                        struct err *e)
{
    struct listing l = {.query = query,
                        .visitor = visitor,
                        .walk = {.session_id = query->session_id,
                                 .direction = query->descending ? BACKWARD : FORWARD},
                        .claim = {query->session_id, query->hint}};

    if (!store_is_session_id(query->session_id))
        return store_session_not_found(e);
    arena_init(&l.scratch);
    if (is_search(&l))
        fold_init(&l.text, query->text);
    int r = listing_read(s, &l, out, e);
    if (is_search(&l))
        fold_free(&l.text);
    return r;
}

/* ---- the last message of a range ------------------------------------------------------------- */

static enum lookup_result take_last(struct store *s, struct range_walk *walk, struct message *out)
{
    while (items_next(&walk->items, &item_message, out)) {
        if (is_within(walk->range, out->timestamp)) {
            item_keep(&item_message, out, s->arena);
            return LOOKUP_FOUND;
        }
    }
    return LOOKUP_ABSENT;
}

static enum lookup_result read_last(struct store *s, struct range_walk *walk, struct str text,
                                    struct message *out, struct err *e)
{
    const struct query query = {.text = text, .limit = 1, .consistency = CONSISTENT};
    enum lookup_result result = LOOKUP_ABSENT;
    bool further = true;

    while (further && result == LOOKUP_ABSENT) {
        int r = begin_page(s, walk, query, e);
        if (r == 0) {
            result = take_last(s, walk, out);
            r = messages_end_page(s, walk, &further, e);
        }
        items_free(&walk->items);
        if (r < 0)
            return LOOKUP_FAILED;
    }
    return result;
}

enum lookup_result store_last_message(struct store *s, struct str session_id,
                                      struct timestamp_range range, struct message *out,
                                      struct err *e)
{
    struct range_walk walk = {.session_id = session_id, .direction = BACKWARD, .range = range};

    return read_last(s, &walk, last_text, out, e);
}

enum lookup_result store_message_before(struct store *s, struct str session_id, int64_t timestamp,
                                        struct message *out, struct err *e)
{
    struct range_walk walk = {.session_id = session_id,
                              .direction = BACKWARD,
                              .range = {TIMESTAMP_OWNER + 1, timestamp - 1}};

    if (walk.range.high < walk.range.low)
        return LOOKUP_ABSENT;
    return read_last(s, &walk, range_text, out, e);
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
