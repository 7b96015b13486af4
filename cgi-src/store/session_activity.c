/*
 * Lists a user's sessions, the last active first. No index has this order, so the user's partition
 * is read through, and the best `limit` sessions are kept in a heap: memory is bounded by the page,
 * not by the user.
 *
 * Sessions move in this order while somebody pages. So that a walk by the cursor leaves none out,
 * and shows hardly any twice, later pages show the order as it was when the first page was made
 * (time T). A session that was active since is listed where it stood at T, which its last message
 * before T tells. (If it was edited before T and active since, it is listed too low, and may be
 * shown twice.) The first page itself may have shown such sessions; the cursor remembers them by
 * hash.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "store/session_query.h"

#define SHOWN_MAX 100     /* hashes in a cursor */
#define LOOKED_UP_MAX 200 /* queries a page for sessions that have moved */

/* How much the heap holds, whatever the limit. A page's JSON is not smaller than its strings. */
#define HEAP_MAX_BYTES ((size_t)4 * 1024 * 1024)

/* A session's rank in the order: the later time is first, then the greater id. */
struct activity_rank {
    int64_t us;
    struct str session_id;
};

struct heap_entry {
    struct activity_rank rank; /* its session_id is the session's */
    struct session session;    /* views into bytes */
    size_t size;               /* of bytes */
    char bytes[];
};

/* The worst rank is at the root. */
struct heap {
    struct heap_entry **entries;
    size_t count;
    size_t limit;
    size_t bytes;
    bool more; /* a session was left out */
};

/* A list under way: what the cursor says, and the page that is being collected. */
struct activity_walk {
    bool first;                /* there was no cursor */
    int64_t t_us;              /* T, whole milliseconds */
    struct activity_rank from; /* the rank that was shown last; not set if first */
    uint64_t shown[SHOWN_MAX];
    size_t shown_count;
    unsigned looked_up; /* sessions whose last message before T was queried */
    struct heap heap;
};

/* True if rank a comes after rank b in the list. */
static bool rank_is_behind(const struct activity_rank *a, const struct activity_rank *b)
{
    if (a->us != b->us)
        return a->us < b->us;
    return sort_key_compare(a->session_id, b->session_id) < 0;
}

static bool heap_is_worse(const struct heap *h, size_t i, size_t j)
{
    return rank_is_behind(&h->entries[i]->rank, &h->entries[j]->rank);
}

static void heap_swap(struct heap *h, size_t i, size_t j)
{
    struct heap_entry *entry = h->entries[i];
    h->entries[i] = h->entries[j];
    h->entries[j] = entry;
}

static void heap_sift_up(struct heap *h, size_t i)
{
    for (; i > 0 && heap_is_worse(h, i, (i - 1) / 2); i = (i - 1) / 2)
        heap_swap(h, i, (i - 1) / 2);
}

static void heap_sift_down(struct heap *h)
{
    for (size_t i = 0;;) {
        size_t worst = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->count; child++) {
            if (heap_is_worse(h, child, worst))
                worst = child;
        }
        if (worst == i)
            return;
        heap_swap(h, i, worst);
        i = worst;
    }
}

static struct heap_entry *heap_take_worst(struct heap *h)
{
    struct heap_entry *worst = h->entries[0];
    h->entries[0] = h->entries[--h->count];
    h->bytes -= worst->size;
    heap_sift_down(h);
    return worst;
}

static struct heap_entry *heap_entry_new(const struct session *from, int64_t us)
{
    size_t size = item_string_bytes(&item_session, from);
    struct heap_entry *entry = malloc(sizeof(*entry) + size);
    if (!entry)
        abort();
    entry->size = size;
    entry->session = *from;
    item_take_strings(&item_session, &entry->session, entry->bytes);
    entry->rank = (struct activity_rank){us, entry->session.session_id};
    return entry;
}

static void heap_add(struct heap *h, const struct session *session,
                     const struct activity_rank *rank)
{
    if (h->count == h->limit && rank_is_behind(rank, &h->entries[0]->rank)) {
        h->more = true;
        return;
    }
    struct heap_entry *entry = heap_entry_new(session, rank->us);
    h->entries[h->count++] = entry;
    h->bytes += entry->size;
    heap_sift_up(h, h->count - 1);
    while (h->count > h->limit || (h->count > 1 && h->bytes > HEAP_MAX_BYTES)) {
        free(heap_take_worst(h));
        h->more = true;
        /* what is worse must not get in after it */
        h->limit = h->count < h->limit ? h->count : h->limit;
    }
}

static bool activity_was_shown(const struct activity_walk *walk, struct str session_id)
{
    uint64_t h = str_hash(session_id);
    for (size_t i = 0; i < walk->shown_count; i++) {
        if (walk->shown[i] == h)
            return true;
    }
    return false;
}

static int64_t activity_parse_time(struct str text)
{
    return clock_parse_us(text.p, text.n);
}

/* Reads when the session was last active before T. */
static int session_read_activity(struct store *s, const struct activity_walk *walk,
                                 const struct session *session, int64_t *us, struct err *e)
{
    struct timestamp_range before = {TIMESTAMP_OWNER + 1, walk->t_us / 1000 - 1};
    struct message last = {.created_at = STR_NONE};
    enum lookup_result found = store_last_message(s, session->session_id, before, &last, e);

    *us = activity_parse_time(found == LOOKUP_FOUND && last.created_at.n ? last.created_at
                                                                         : session->created_at);
    return found == LOOKUP_FAILED ? -1 : 0;
}

/* RANK_WAS_SHOWN: an earlier page has shown the session, or has come past its rank. */
enum rank_end { RANK_FAILED = -1, RANK_IS_AHEAD, RANK_WAS_SHOWN };

/* Finds out where the session stands in this walk, and whether the walk has come past that. */
static enum rank_end session_find_rank(struct store *s, struct activity_walk *walk,
                                       const struct session *session, struct activity_rank *out,
                                       struct err *e)
{
    *out = (struct activity_rank){activity_parse_time(session->updated_at), session->session_id};
    if (walk->first)
        return RANK_IS_AHEAD;
    if (out->us >= walk->t_us) {
        if (activity_was_shown(walk, session->session_id))
            return RANK_WAS_SHOWN;
        /* If there are too many to look up, one may be shown twice, but none is left out. A session
         * is never older than this rank, and the rank does not change, so the walk ends. */
        if (walk->looked_up++ >= LOOKED_UP_MAX)
            out->us = activity_parse_time(session->created_at);
        else if (session_read_activity(s, walk, session, &out->us, e) < 0)
            return RANK_FAILED;
    }
    return rank_is_behind(out, &walk->from) ? RANK_IS_AHEAD : RANK_WAS_SHOWN;
}

/* Takes the sessions of one page. The heap copies what it keeps. */
static int activity_take_page(struct store *s, struct user_walk *partition,
                              struct activity_walk *walk, struct err *e)
{
    struct activity_rank rank;
    struct session session;

    while (user_walk_next(partition, &session)) {
        if (session.deleted)
            continue;
        switch (session_find_rank(s, walk, &session, &rank, e)) {
        case RANK_IS_AHEAD:
            heap_add(&walk->heap, &session, &rank);
            break;
        case RANK_WAS_SHOWN:
            break;
        default:
            return -1;
        }
    }
    return 0;
}

static enum items_end activity_read_page(struct store *s, struct user_walk *partition,
                                         struct activity_walk *walk, struct err *e)
{
    struct arena scratch; /* for what is rewritten while a page is read */
    enum items_end end = ITEMS_FAILED;

    arena_init(&scratch);
    int r = user_walk_page(s, partition, e);
    partition->items.arena = &scratch;
    if (r == 0)
        r = activity_take_page(s, partition, walk, e);
    if (r == 0)
        end = user_walk_end_page(s, partition, e);
    else
        user_walk_stop(partition);
    arena_free(&scratch);
    return end;
}

/* Reads all sessions of the user. The heap keeps the best. */
static int activity_read_all(struct store *s, const struct session_query *query,
                             struct activity_walk *walk, struct err *e)
{
    struct session_matcher matcher;
    struct user_walk partition = {.user_id = query->user_id,
                                  .query = {.table = STORE_SESSIONS_TABLE,
                                            .text = user_sessions_text,
                                            .values = USER_SESSIONS_VALUES(query->user_id),
                                            .direction = FORWARD,
                                            .consistency = CONSISTENT_IF_SET},
                                  .matcher = &matcher};
    enum items_end end;

    session_matcher_init(&matcher, &query->filter);
    do
        end = activity_read_page(s, &partition, walk, e);
    while (end == ITEMS_MORE);
    session_matcher_free(&matcher);
    if (end == ITEMS_END)
        return 0;
    return store_out_of_time(s, partition.pages,
                             "the time for this request was over before all sessions of the user "
                             "were read; ask for them with `sort=created`, which reads one page",
                             e);
}

/* The cursor is "T us n id hash hash …": hexadecimal numbers, and the n bytes of the id. us is one
 * more than the time, since that is -1 for a session without a time that can be read. */
static struct str activity_write_cursor(struct store *s, const struct activity_walk *walk)
{
    struct buf text;

    buf_init(&text, 16 * 1024);
    buf_printf(&text, "%" PRIx64 " %" PRIx64 " %zx ", (uint64_t)walk->t_us,
               (uint64_t)(walk->from.us + 1), walk->from.session_id.n);
    buf_append_str(&text, walk->from.session_id);
    for (size_t i = 0; i < walk->shown_count; i++)
        buf_printf(&text, " %" PRIx64, walk->shown[i]);
    struct str out = arena_str(s->arena, buf_str(&text));
    buf_free(&text);
    return out;
}

/* Takes a hexadecimal number off the front, and the blank before it if there is one. */
static bool cursor_take_hex(struct str *rest, uint64_t *out)
{
    *out = 0;
    size_t i = rest->n && rest->p[0] == ' ' ? 1 : 0;
    size_t start = i;
    for (; i < rest->n && i - start < 16; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = rest->p[i] ? strchr(digits, rest->p[i]) : NULL;
        if (!digit)
            break;
        *out = *out << 4 | (uint64_t)(digit - digits);
    }
    rest->p += i;
    rest->n -= i;
    return i > start;
}

static int activity_read_cursor(struct str cursor, struct activity_walk *walk, struct err *e)
{
    struct str rest = cursor;
    uint64_t t;
    uint64_t us;
    uint64_t n;

    if (!cursor_take_hex(&rest, &t) || !cursor_take_hex(&rest, &us) ||
        !cursor_take_hex(&rest, &n) || n >= rest.n || t < 2000 || t > INT64_MAX || us > INT64_MAX)
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    walk->t_us = (int64_t)t;
    walk->from = (struct activity_rank){(int64_t)us - 1, {rest.p + 1, (size_t)n}};
    rest.p += n + 1;
    rest.n -= n + 1;
    while (walk->shown_count < SHOWN_MAX && cursor_take_hex(&rest, &walk->shown[walk->shown_count]))
        walk->shown_count++;
    return 0;
}

/* Moves the heap's entries into an array, the best first. */
static struct heap_entry **heap_sort(struct store *s, struct heap *h, size_t *count)
{
    *count = h->count;
    struct heap_entry **sorted = arena_array(s->arena, h->count + 1, sizeof(struct heap_entry *));

    for (size_t i = h->count; i > 0; i--)
        sorted[i - 1] = heap_take_worst(h);
    return sorted;
}

/* On the first page the rank of an entry has the time when its session was last active. */
static void activity_remember(struct activity_walk *walk, const struct heap_entry *entry)
{
    if (walk->first && walk->shown_count < SHOWN_MAX && entry->rank.us >= walk->t_us)
        walk->shown[walk->shown_count++] = str_hash(entry->session.session_id);
}

/* Shows the page and frees it. True if the visitor had no room for all of it. */
static bool activity_show(struct store *s, struct activity_walk *walk,
                          const struct session_visitor *visitor)
{
    size_t count;
    struct heap_entry **sorted = heap_sort(s, &walk->heap, &count);
    struct heap_entry *last = NULL;
    bool full = false;

    for (size_t i = 0; i < count; i++) {
        full = full || visitor->visit(visitor->context, &sorted[i]->session) == VISIT_FULL;
        if (!full) {
            activity_remember(walk, sorted[i]);
            last = sorted[i];
        }
    }
    if (last)
        walk->from =
            (struct activity_rank){last->rank.us, arena_str(s->arena, last->rank.session_id)};
    for (size_t i = 0; i < count; i++)
        free(sorted[i]);
    return full;
}

int store_sessions_by_activity(struct store *s, const struct session_query *query,
                               const struct session_visitor *visitor, struct session_page *out,
                               struct err *e)
{
    struct activity_walk walk = {.first = !str_is_present(query->cursor),
                                 .t_us = store_now_us(s) / 1000 * 1000,
                                 .heap = {.limit = (size_t)query->limit}};
    struct heap *h = &walk.heap;

    if (str_is_present(query->cursor) && activity_read_cursor(query->cursor, &walk, e) < 0)
        return -1;
    h->entries = arena_array(s->arena, h->limit + 1, sizeof(struct heap_entry *));
    int r = activity_read_all(s, query, &walk, e);
    while (r < 0 && h->count > 0)
        free(heap_take_worst(h));
    if (r < 0)
        return -1;
    if (activity_show(s, &walk, visitor) || h->more)
        out->next_cursor = activity_write_cursor(s, &walk);
    return 0;
}
