/*
 * Empties a session's partition of the messages table: messages, markers, and at the very end the
 * owner item, so that a delete that is cut off can still be told from a session that never was.
 */
#include <json-c/json.h>

#include "base/log.h"
#include "store/internal.h"

#define BATCH_MAX 25 /* BatchWriteItem's limit */
#define PAUSE_MIN_US INT64_C(25000)
#define PAUSE_MAX_US INT64_C(1000000)

/* Keys of items to delete; the sort key stays text, since a marker's has up to 37 digits. */
struct batch {
    struct str session_id;
    struct str timestamps[BATCH_MAX];
    size_t count;
};

static void put_key(struct store *s, struct str session_id, struct str timestamp)
{
    json_key(&s->w, "Key");
    json_begin_object(&s->w);
    item_put_string(&s->w, "session_id", session_id);
    item_put_digits(&s->w, "timestamp", timestamp);
    json_end_object(&s->w);
}

static int delete_one(struct store *s, struct str session_id, struct str timestamp, struct err *e)
{
    struct dynamo_answer answer;

    store_begin_call(s, s->shared->messages_table);
    put_key(s, session_id, timestamp);
    int r = store_end_call(s, DYNAMO_DELETE_ITEM, 0, &answer, e);
    dynamo_answer_free(&answer);
    return r;
}

static void write_batch(struct store *s, const struct batch *b)
{
    store_begin_body(s);
    json_key(&s->w, "RequestItems");
    json_begin_object(&s->w);
    json_key(&s->w, s->shared->messages_table);
    json_begin_array(&s->w);
    for (size_t i = 0; i < b->count; i++) {
        json_begin_object(&s->w);
        json_key(&s->w, "DeleteRequest");
        json_begin_object(&s->w);
        put_key(s, b->session_id, b->timestamps[i]);
        json_end_object(&s->w);
        json_end_object(&s->w);
    }
    json_end_array(&s->w);
    json_end_object(&s->w);
}

/* Keeps in the batch what DynamoDB left over. */
static void keep_unprocessed(struct store *s, struct batch *b, struct json_object *body)
{
    struct json_object *left =
        json_get(json_get(body, "UnprocessedItems"), s->shared->messages_table);
    size_t n = store_array_length(left);

    b->count = 0;
    for (size_t i = 0; i < n && i < BATCH_MAX; i++) {
        struct json_object *request = json_object_array_get_idx(left, i);
        struct json_object *key = json_get(json_get(request, "DeleteRequest"), "Key");
        struct str timestamp = json_get_str(json_get(key, "timestamp"), "N");
        b->timestamps[b->count++] = arena_str(s->arena, timestamp);
    }
}

/* 0 with the batch empty or what is left of it; 1 if BatchWriteItem is not permitted; -1 with e. */
static int try_batch(struct store *s, struct batch *b, struct err *e)
{
    struct dynamo_answer answer;

    write_batch(s, b);
    int r = store_end_call(s, DYNAMO_BATCH_WRITE_ITEM, STORE_EXPECT(DYNAMO_DENIED), &answer, e);
    if (r == 0 && answer.outcome == DYNAMO_DENIED)
        r = 1;
    else if (r == 0)
        keep_unprocessed(s, b, answer.body);
    dynamo_answer_free(&answer);
    return r;
}

static int delete_singly(struct store *s, struct batch *b, struct err *e)
{
    for (size_t i = 0; i < b->count; i++) {
        if (delete_one(s, b->session_id, b->timestamps[i], e) < 0)
            return -1;
    }
    b->count = 0;
    return 0;
}

/*
 * Before what DynamoDB left over is asked for again. That it left something means throttling: the
 * pause grows while nothing moves.
 */
static int wait_for_capacity(struct store *s, bool moved, int64_t *pause_us, struct err *e)
{
    const struct clock *clock = s->shared->clock;
    double chance = clock->chance(clock->context);
    int64_t longer = *pause_us * 2 < PAUSE_MAX_US ? *pause_us * 2 : PAUSE_MAX_US;

    *pause_us = moved ? PAUSE_MIN_US : longer;
    if (store_pause(s, (int64_t)(chance * (double)*pause_us)))
        return 0;
    return err_set(e, ERR_DEADLINE_EXCEEDED,
                   "the time for this request is over, and a part of the items is not deleted "
                   "yet; repeat the request, it goes on where this one ended");
}

/* The policy of README.md does without BatchWriteItem: where it is denied, items are deleted one by
 * one. */
static int flush(struct store *s, struct batch *b, struct err *e)
{
    int64_t pause_us = PAUSE_MIN_US;

    while (b->count) {
        if (s->shared->batch_write_denied)
            return delete_singly(s, b, e);
        size_t before = b->count;
        int r = try_batch(s, b, e);
        if (r < 0)
            return -1;
        if (r == 1) {
            log_info("BatchWriteItem is not permitted: deleting items one by one");
            s->shared->batch_write_denied = true;
        } else if (b->count && wait_for_capacity(s, b->count < before, &pause_us, e) < 0) {
            return -1;
        }
    }
    return 0;
}

static void write_query(struct store *s, struct str session_id, struct json_object *start)
{
    store_begin_call(s, s->shared->messages_table);
    json_put_bool(&s->w, "ConsistentRead", true);
    json_put_string(&s->w, "KeyConditionExpression", STR("session_id = :s"));
    json_put_string(&s->w, "ProjectionExpression", STR("#t"));
    json_key(&s->w, "ExpressionAttributeNames");
    json_begin_object(&s->w);
    json_put_string(&s->w, "#t", STR("timestamp"));
    json_end_object(&s->w);
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":s", session_id);
    json_end_object(&s->w);
    if (start)
        json_put_raw(&s->w, "ExclusiveStartKey",
                     str_from(json_object_to_json_string_ext(start, JSON_C_TO_STRING_PLAIN)));
}

static int delete_items(struct store *s, struct batch *b, struct json_object *items,
                        int64_t *deleted_messages, struct err *e)
{
    size_t n = store_array_length(items);

    for (size_t i = 0; i < n; i++) {
        struct str timestamp =
            json_get_str(json_get(json_object_array_get_idx(items, i), "timestamp"), "N");
        if (str_is(timestamp, "0"))
            continue;
        *deleted_messages += timestamp.n && timestamp.p[0] != '-';
        b->timestamps[b->count++] = timestamp;
        if (b->count == BATCH_MAX && flush(s, b, e) < 0)
            return -1;
    }
    return flush(s, b, e); /* before the views into the answer die */
}

int store_partition_delete(struct store *s, struct str session_id, int64_t *deleted_messages,
                           struct err *e)
{
    struct batch batch = {.session_id = session_id};
    struct dynamo_answer page = {0};
    int r = 0;

    do {
        struct dynamo_answer next;
        write_query(s, session_id, json_get(page.body, "LastEvaluatedKey"));
        r = store_end_call(s, DYNAMO_QUERY, 0, &next, e);
        dynamo_answer_free(&page);
        page = next;
        if (r == 0)
            r = delete_items(s, &batch, json_get(page.body, "Items"), deleted_messages, e);
    } while (r == 0 && json_get(page.body, "LastEvaluatedKey"));
    dynamo_answer_free(&page);
    return r < 0 ? r : delete_one(s, session_id, STR("0"), e);
}
