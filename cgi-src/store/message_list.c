/*
 * Reading messages: a range of a session's partition, page by page, each message handed on before
 * its page is freed.
 */
#include <json-c/json.h>

#include "store/internal.h"

void store_messages_query(struct store *s, struct str session_id, struct timestamp_range range,
                          bool forward, int64_t limit)
{
    store_begin_call(s, s->shared->messages_table);
    json_put_bool(&s->w, "ScanIndexForward", forward);
    json_put_int(&s->w, "Limit", limit);
    json_put_string(&s->w, "KeyConditionExpression",
                    STR("session_id = :s AND #t BETWEEN :low AND :high"));
    json_key(&s->w, "ExpressionAttributeNames");
    json_begin_object(&s->w);
    json_put_string(&s->w, "#t", STR("timestamp"));
    json_end_object(&s->w);
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":s", session_id);
    item_put_number(&s->w, ":low", range.low);
    item_put_number(&s->w, ":high", range.high);
    json_end_object(&s->w);
}

/* A listing under way. */
struct listing {
    const struct message_query *query;
    struct timestamp_range range; /* what is still to be read */
    message_visitor visit;
    void *context;
    int64_t count;
    size_t bytes;
    bool more;
    struct owner owner;
    int64_t last;
};

static void advance(struct listing *l, int64_t timestamp)
{
    if (l->query->descending)
        l->range.high = timestamp - 1;
    else
        l->range.low = timestamp + 1;
}

static void take(struct store *s, struct json_object *item, struct listing *l)
{
    struct message message;

    item_read_message(item, s->arena, &message);
    size_t size = item_message_json_size(&message);
    if (l->count == l->query->limit || (l->count && l->bytes + size > STORE_PAGE_MAX_BYTES)) {
        l->more = true;
        return;
    }
    l->visit(l->context, &message);
    l->count++;
    l->bytes += size;
    l->last = message.timestamp;
    advance(l, message.timestamp);
}

static int take_page(struct store *s, struct json_object *items, struct listing *l, struct err *e)
{
    size_t n = store_array_length(items);

    for (size_t i = 0; i < n && !l->more; i++) {
        struct json_object *item = json_object_array_get_idx(items, i);
        if (item_number(item, "timestamp", 0) != TIMESTAMP_OWNER)
            take(s, item, l);
        else if (store_owner_check(s, l->query->session_id, item, l->query->hint, &l->owner, e) < 0)
            return -1;
    }
    return 0;
}

/* *further: DynamoDB has more of the range. Its page may end anywhere, even empty. */
static int read_page(struct store *s, struct listing *l, bool *further, struct err *e)
{
    struct dynamo_answer answer;
    int64_t limit = l->query->limit - l->count + 1 + (l->range.low == TIMESTAMP_OWNER);

    store_messages_query(s, l->query->session_id, l->range, !l->query->descending, limit);
    if (s->shared->consistent)
        json_put_bool(&s->w, "ConsistentRead", true);
    int r = store_end_call(s, DYNAMO_QUERY, 0, &answer, e);
    if (r == 0)
        r = take_page(s, json_get(answer.body, "Items"), l, e);
    struct json_object *end = json_get(answer.body, "LastEvaluatedKey");
    if (end && !l->more)
        advance(l, item_number(end, "timestamp", 0));
    *further = end && !l->more && l->range.low <= l->range.high;
    dynamo_answer_free(&answer);
    return r;
}

/*
 * An earlier backend wrote no owner item. If the caller names the owner, that is checked; else
 * whoever knows a session that has messages may read them.
 */
static int check_without_owner(struct store *s, struct listing *l, struct err *e)
{
    struct str session_id = l->query->session_id;
    int64_t any = l->count;

    if (!l->query->hint.p && !any && store_last_timestamp(s, session_id, &any, e) < 0)
        return -1;
    if (!l->query->hint.p && any)
        return 0;
    return store_owner_from_hint(s, session_id, l->query->hint, true, &l->owner, e);
}

int store_messages_list(struct store *s, const struct message_query *query, message_visitor visit,
                        void *context, struct message_page *out, struct err *e)
{
    struct listing l = {.query = query, .visit = visit, .context = context};
    bool further;

    if (!store_is_session_id(query->session_id))
        return store_session_not_found(e);
    /* A range from the beginning takes the owner item along; any other needs a read of its own. */
    bool from_start = !query->descending && query->after <= 0;
    l.range.low = from_start ? TIMESTAMP_OWNER : query->after + 1;
    l.range.high = query->before > TIMESTAMP_MAX ? TIMESTAMP_MAX : query->before - 1;
    if (from_start && l.range.high < TIMESTAMP_OWNER)
        l.range.high = TIMESTAMP_OWNER; /* nothing is asked for, but is the session there? */
    if (!from_start && store_owner_get(s, query->session_id, query->hint, &l.owner, e) < 0)
        return -1;
    further = l.range.low <= l.range.high;
    while (further) {
        if (read_page(s, &l, &further, e) < 0)
            return -1;
    }
    if (!l.owner.has_item && check_without_owner(s, &l, e) < 0)
        return -1;
    *out = (struct message_page){.more = l.more, .last = l.last};
    return 0;
}

static int query_last(struct store *s, struct str session_id, struct timestamp_range range,
                      struct dynamo_answer *answer, struct err *e)
{
    store_messages_query(s, session_id, range, false, 1);
    json_put_bool(&s->w, "ConsistentRead", true);
    json_put_string(&s->w, "ProjectionExpression", STR("#t, created_at"));
    return store_end_call(s, DYNAMO_QUERY, 0, answer, e);
}

int store_last_message(struct store *s, struct str session_id, struct timestamp_range range,
                       struct dynamo_answer *answer, struct json_object **item, struct err *e)
{
    *item = NULL;
    while (query_last(s, session_id, range, answer, e) == 0) {
        struct json_object *items = json_get(answer->body, "Items");
        struct json_object *end = json_get(answer->body, "LastEvaluatedKey");
        if (store_array_length(items))
            *item = json_object_array_get_idx(items, 0);
        range.high = item_number(end, "timestamp", range.low) - 1;
        if (*item || range.high < range.low)
            return 0;
        /* An empty page is not the end. */
        dynamo_answer_free(answer);
    }
    return -1;
}

int store_last_timestamp(struct store *s, struct str session_id, int64_t *last, struct err *e)
{
    struct timestamp_range all = {TIMESTAMP_OWNER + 1, TIMESTAMP_MAX};
    struct dynamo_answer answer;
    struct json_object *item;

    int r = store_last_message(s, session_id, all, &answer, &item, e);
    if (item) {
        int64_t found = item_number(item, "timestamp", 0);
        *last = found > *last ? found : *last;
    }
    dynamo_answer_free(&answer);
    return r;
}
