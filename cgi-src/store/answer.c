/*
 * Reads what DynamoDB answers to a GetItem, a Query or a Scan: its items, and where the next page
 * begins. An answer is walked once, from its first byte to its last, and only what was checked is
 * believed.
 */
#include "store/internal.h"

static void store_put_consistency(struct store *s, enum consistency consistency)
{
    if (consistency == CONSISTENT || s->shared->consistent)
        buf_append_str(&s->body, STR(",\"ConsistentRead\":true"));
}

/* ---- one item -------------------------------------------------------------------------------- */

static enum lookup_result lookup_read(struct store *s, struct dynamo_answer *answer,
                                      const struct item_kind *kind, void *out, struct err *e)
{
    struct json_reader r = store_reader(answer);
    enum lookup_result result = LOOKUP_ABSENT;
    struct str name;

    if (json_enter_object(&r)) {
        while (json_next_member(&r, &name)) {
            if (str_is(name, "ConsumedCapacity"))
                store_count_units(DYNAMO_GET_ITEM, &r);
            else if (!str_is(name, "Item"))
                json_skip(&r);
            else if (item_read(&r, kind, s->arena, out))
                result = LOOKUP_FOUND;
        }
    }
    if (!json_reader_end(&r))
        return store_unreadable(DYNAMO_GET_ITEM, e);
    if (result == LOOKUP_FOUND)
        item_keep(kind, out, s->arena);
    return result;
}

enum lookup_result store_lookup(struct store *s, const struct lookup *lookup, void *out,
                                struct err *e)
{
    struct dynamo_answer answer;
    enum lookup_result result = LOOKUP_FAILED;

    store_begin_call(s, lookup->key.table);
    store_put_key(s, &lookup->key);
    store_put_consistency(s, lookup->consistency);
    if (store_send(s, DYNAMO_GET_ITEM, 0, &answer, e) == 0)
        result = lookup_read(s, &answer, lookup->kind, out, e);
    dynamo_answer_free(&answer);
    return result;
}

/* ---- the items of a page --------------------------------------------------------------------- */

static void query_write_order(struct store *s, const struct query *q)
{
    char digits[JSON_DIGITS_SIZE];

    buf_append_str(&s->body, q->direction == FORWARD ? STR(",\"ScanIndexForward\":true")
                                                     : STR(",\"ScanIndexForward\":false"));
    if (q->limit > 0) {
        buf_append_str(&s->body, STR(",\"Limit\":"));
        buf_append(&s->body, digits, json_digits(q->limit, digits));
    }
}

static int page_send(struct store *s, const struct query *query, enum dynamo_operation operation,
                     struct items *out, struct err *e)
{
    *out = (struct items){.operation = operation, .arena = s->arena, .start = query->start};
    store_begin_call(s, query->table);
    buf_append_str(&s->body, query->text);
    store_put_values(s, query->values);
    if (operation == DYNAMO_QUERY)
        query_write_order(s, query);
    store_put_consistency(s, query->consistency);
    if (str_is_present(query->start)) {
        buf_append_str(&s->body, STR(",\"ExclusiveStartKey\":"));
        buf_append_str(&s->body, query->start);
    }
    if (store_send(s, operation, 0, &out->answer, e) < 0)
        return -1;
    out->reader = store_reader(&out->answer);
    return json_enter_object(&out->reader) ? 0 : store_unreadable(operation, e);
}

int store_query(struct store *s, const struct query *query, struct items *out, struct err *e)
{
    return page_send(s, query, DYNAMO_QUERY, out, e);
}

int store_scan(struct store *s, const struct query *query, struct items *out, struct err *e)
{
    return page_send(s, query, DYNAMO_SCAN, out, e);
}

/* Steps to the next item and passes over what stands between. */
static bool items_step(struct items *items)
{
    struct json_reader *r = &items->reader;
    struct str name;

    for (;;) {
        if (items->inside && json_next_element(r))
            return true;
        items->inside = false;
        if (!json_next_member(r, &name))
            return false;
        if (str_is(name, "Items"))
            items->inside = json_enter_array(r);
        else if (str_is(name, "LastEvaluatedKey"))
            items->last_key = json_read_raw(r);
        else if (str_is(name, "ConsumedCapacity"))
            store_count_units(items->operation, r);
        else
            json_skip(r);
    }
}

bool items_next(struct items *items, const struct item_kind *kind, void *out)
{
    while (items_step(items)) {
        if (item_read(&items->reader, kind, items->arena, out))
            return true;
    }
    return false;
}

enum items_end items_end(struct store *s, struct items *items, struct str *next, struct err *e)
{
    *next = STR_NONE;
    while (items_step(items))
        json_skip(&items->reader);
    if (!json_reader_end(&items->reader))
        return store_unreadable(items->operation, e);
    /* An empty object means that this was the last page, as an absent key does. */
    if (!str_is_present(items->last_key) || json_is_empty_object(items->last_key))
        return ITEMS_END;
    if (items->last_key.p[0] != '{' || str_equals(items->last_key, items->start))
        return store_unreadable(items->operation, e);
    *next = arena_str(s->arena, items->last_key);
    return ITEMS_MORE;
}

void store_read_key(struct store *s, struct str key, const struct item_kind *kind, void *out)
{
    struct json_reader r;
    char *copy = arena_array(s->arena, key.n + 1, 1);

    memcpy(copy, key.p, key.n);
    json_reader_init(&r, copy, key.n);
    item_read(&r, kind, s->arena, out);
}

void items_free(struct items *items)
{
    dynamo_answer_free(&items->answer);
}

/* ---- page after page ------------------------------------------------------------------------- */

/* With less time than this no further attempt is made: the pause before one takes about as long. */
#define LITTLE_TIME_US INT64_C(100000)

int store_out_of_time(struct store *s, unsigned pages, const char *advice, struct err *e)
{
    const struct clock *clock = s->shared->clock;
    int64_t left_us = dynamo_deadline(s->dynamo) - clock->mono_us(clock->context);
    bool unanswered = e->code == ERR_DYNAMODB_UNAVAILABLE || e->code == ERR_DEADLINE_EXCEEDED;

    if (pages == 0 || !unanswered || left_us > LITTLE_TIME_US)
        return -1;
    return err_set(e, ERR_DEADLINE_EXCEEDED, "%s", advice);
}
