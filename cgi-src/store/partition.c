/*
 * Empties a session's partition of the messages table: messages and markers, and last the owner
 * item. As long as that is there, a delete that was cut off can be told from a session that never
 * was.
 */
#include "base/log.h"
#include "store/internal.h"

#define BATCH_MAX 25 /* BatchWriteItem's limit */
#define PAUSE_MIN_US INT64_C(25000)
#define PAUSE_MAX_US INT64_C(1000000)

/* Keys of items to delete. The sort key stays text, since a marker's has up to 37 digits. */
struct batch {
    struct str session_id;
    struct str timestamps[BATCH_MAX];
    size_t count;
};

static struct key partition_key(struct str session_id, struct str timestamp)
{
    return (struct key){.table = STORE_MESSAGES_TABLE, .partition = session_id, .sort = timestamp};
}

static int partition_delete_item(struct store *s, struct str session_id, struct str timestamp,
                                 struct err *e)
{
    const struct key key = partition_key(session_id, timestamp);

    return store_item_delete(s, &key, e);
}

static void batch_write(struct store *s, const struct batch *b)
{
    struct buf *out = &s->body;

    buf_reset(out);
    buf_append_str(out, STR("{\"ReturnConsumedCapacity\":\"TOTAL\",\"RequestItems\":{"));
    json_append_string(out, str_from(s->shared->tables[STORE_MESSAGES_TABLE].name));
    buf_append_str(out, STR(":["));
    for (size_t i = 0; i < b->count; i++) {
        const struct key key = partition_key(b->session_id, b->timestamps[i]);
        buf_append_str(out, i ? STR(",{\"DeleteRequest\":{\"Key\":")
                              : STR("{\"DeleteRequest\":{\"Key\":"));
        store_put_key_object(s, &key);
        buf_append_str(out, STR("}}"));
    }
    buf_append_str(out, STR("]}"));
}

static size_t batch_find(const struct batch *b, struct str timestamp)
{
    size_t i = 0;

    while (i < b->count && !str_equals(b->timestamps[i], timestamp))
        i++;
    return i;
}

/* Reads {"DeleteRequest":{"Key":…}}, and keeps the item if it is one of the batch. */
static void batch_read_unprocessed(struct store *s, struct json_reader *r, const struct batch *sent,
                                   struct batch *left)
{
    struct sort_digits key;
    struct str name;

    if (!json_enter_object(r))
        return;
    while (json_next_member(r, &name)) {
        if (!json_enter_object(r))
            continue;
        while (json_next_member(r, &name)) {
            size_t i = sent->count;
            if (!str_is(name, "Key"))
                json_skip(r);
            else if (item_read(r, &item_sort_digits, s->arena, &key) &&
                     str_is_present(key.timestamp))
                i = batch_find(sent, key.timestamp);
            if (i < sent->count && batch_find(left, key.timestamp) == left->count)
                left->timestamps[left->count++] = sent->timestamps[i];
        }
    }
}

/* Reads {"table":[…]}. Whatever the table, its array is read, since the call names only one. */
static void batch_read_unprocessed_items(struct store *s, struct json_reader *r,
                                         const struct batch *sent, struct batch *left)
{
    struct str table;

    if (!json_enter_object(r))
        return;
    while (json_next_member(r, &table)) {
        if (!json_enter_array(r))
            continue;
        while (json_next_element(r))
            batch_read_unprocessed(s, r, sent, left);
    }
}

/* Keeps those items in the batch that DynamoDB has not processed. */
static int batch_keep_unprocessed(struct store *s, struct batch *b, struct dynamo_answer *answer,
                                  struct err *e)
{
    struct batch left = {.session_id = b->session_id};
    struct json_reader r = store_reader(answer);
    struct str name;

    if (json_enter_object(&r)) {
        while (json_next_member(&r, &name)) {
            if (str_is(name, "UnprocessedItems"))
                batch_read_unprocessed_items(s, &r, b, &left);
            else if (str_is(name, "ConsumedCapacity"))
                store_count_units(DYNAMO_BATCH_WRITE_ITEM, &r);
            else
                json_skip(&r);
        }
    }
    if (!json_reader_end(&r))
        return store_unreadable(DYNAMO_BATCH_WRITE_ITEM, e);
    *b = left;
    return 0;
}

enum batch_end { BATCH_FAILED = -1, BATCH_DONE, BATCH_DENIED };

/* BATCH_DONE: the batch is empty, or has what is left of it. */
static enum batch_end batch_send(struct store *s, struct batch *b, struct err *e)
{
    struct dynamo_answer answer;
    enum batch_end end = BATCH_FAILED;

    batch_write(s, b);
    if (store_send(s, DYNAMO_BATCH_WRITE_ITEM, STORE_EXPECT(DYNAMO_DENIED), &answer, e) == 0) {
        if (answer.outcome == DYNAMO_DENIED)
            end = BATCH_DENIED;
        else if (batch_keep_unprocessed(s, b, &answer, e) == 0)
            end = BATCH_DONE;
    }
    dynamo_answer_free(&answer);
    return end;
}

static int batch_delete_singly(struct store *s, struct batch *b, struct err *e)
{
    for (size_t i = 0; i < b->count; i++) {
        if (partition_delete_item(s, b->session_id, b->timestamps[i], e) < 0)
            return -1;
    }
    b->count = 0;
    return 0;
}

static int64_t pause_longer(int64_t pause_us)
{
    return pause_us * 2 < PAUSE_MAX_US ? pause_us * 2 : PAUSE_MAX_US;
}

/* Waits before the items are sent again that DynamoDB has not processed: it is throttling. */
static int batch_wait_for_capacity(struct store *s, int64_t pause_us, struct err *e)
{
    const struct clock *clock = s->shared->clock;
    double chance = clock->chance(clock->context);

    if (store_pause(s, (int64_t)(chance * (double)pause_us)))
        return 0;
    return err_set(e, ERR_DEADLINE_EXCEEDED,
                   "the time for this request is over, and a part of the items is not deleted "
                   "yet; repeat the request, it goes on where this one ended");
}

/* The policy in README.md does not include BatchWriteItem. Where it is denied, items are deleted
 * one by one. */
static int batch_flush(struct store *s, struct batch *b, struct err *e)
{
    int64_t pause_us = PAUSE_MIN_US;

    while (b->count) {
        if (s->shared->batch_write_denied)
            return batch_delete_singly(s, b, e);
        size_t before = b->count;
        enum batch_end end = batch_send(s, b, e);
        if (end == BATCH_FAILED)
            return -1;
        if (end == BATCH_DENIED) {
            log_info("BatchWriteItem is not permitted: deleting items one by one");
            s->shared->batch_write_denied = true;
            continue;
        }
        /* The pause grows while DynamoDB processes nothing. */
        pause_us = b->count < before ? PAUSE_MIN_US : pause_longer(pause_us);
        if (b->count && batch_wait_for_capacity(s, pause_us, e) < 0)
            return -1;
    }
    return 0;
}

/* Deletes the items of a page. An item that comes twice is deleted once, since a batch must not
 * name it twice. */
static int partition_delete_items(struct store *s, struct batch *b, struct items *items,
                                  int64_t *deleted_messages, struct err *e)
{
    struct sort_digits key;

    while (items_next(items, &item_sort_digits, &key)) {
        struct str timestamp = key.timestamp;
        if (!str_is_present(timestamp))
            return store_unreadable(DYNAMO_QUERY, e);
        if (str_is(timestamp, "0") || batch_find(b, timestamp) < b->count)
            continue;
        *deleted_messages += timestamp.p[0] != '-';
        b->timestamps[b->count++] = timestamp;
        if (b->count == BATCH_MAX && batch_flush(s, b, e) < 0)
            return -1;
    }
    return batch_flush(s, b, e); /* the views of the answer die with it */
}

static enum items_end partition_delete_page(struct store *s, struct batch *b, struct str *start,
                                            int64_t *deleted_messages, struct err *e)
{
    static const struct str text =
        STR_INIT(KEY_CONDITION("session_id = :s") PROJECTION("#t") NAME_TIMESTAMP);
    const struct query query = {
        .table = STORE_MESSAGES_TABLE,
        .text = text,
        .values = VALUES(STRING_VALUE(":s", b->session_id)),
        .direction = FORWARD,
        .consistency = CONSISTENT,
        .start = *start,
    };
    enum items_end end = ITEMS_FAILED;
    struct items items;

    if (store_query(s, &query, &items, e) == 0 &&
        partition_delete_items(s, b, &items, deleted_messages, e) == 0)
        end = items_end(s, &items, start, e);
    items_free(&items);
    return end;
}

int store_partition_delete(struct store *s, struct str session_id, int64_t *deleted_messages,
                           struct err *e)
{
    struct batch batch = {.session_id = session_id};
    struct str start = STR_NONE;
    unsigned pages = 0;
    enum items_end end;

    do
        end = partition_delete_page(s, &batch, &start, deleted_messages, e);
    while (end == ITEMS_MORE && ++pages);
    if (end == ITEMS_END)
        return partition_delete_item(s, session_id, STR("0"), e);
    return store_out_of_time(s, pages,
                             "the time for this request is over, and a part of the items is not "
                             "deleted yet; repeat the request, it goes on where this one ended",
                             e);
}
