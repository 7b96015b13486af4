/*
 * The append protocol: messages, the session's count and order, and the idempotency marker in one
 * transaction, normally one round trip.
 */
#include <json-c/json.h>

#include "base/ids.h"
#include "store/internal.h"

/*
 * What the messages of one append may have together. A transaction's items are 4 MB at most, and
 * the session's item (which may be as large as an item can be), the marker and the owner item are
 * among them.
 */
#define APPEND_MAX_BYTES (4 * 1024 * 1024 - ITEM_MAX_BYTES - 16 * 1024)

/* What became of an attempt, where it is not -1 with e. */
enum { APPENDED, AGAIN, REPLAYED };

/* What one append carries from attempt to attempt. */
struct append {
    struct str session_id;
    const struct message_new *wanted;
    size_t count;
    const struct idempotency *idempotency;
    struct message *out;
    struct owner owner;
    int64_t base_us;    /* time of the first message; its timestamp is this in milliseconds */
    bool without_order; /* the session's item has no last_timestamp: an earlier backend's */
    bool puts_owner;
};

static int64_t first_timestamp(const struct append *a)
{
    return a->base_us / 1000;
}

static int64_t last_timestamp(const struct append *a)
{
    return first_timestamp(a) + (int64_t)a->count - 1;
}

/* Fills the messages for the time of this attempt; ids are kept between attempts. */
static void stamp(struct store *s, struct append *a)
{
    for (size_t i = 0; i < a->count; i++) {
        int64_t us = a->base_us + (int64_t)i * 1000;
        a->out[i].timestamp = us / 1000;
        a->out[i].created_at = store_time(s, us);
    }
}

/* Now, but after the last message known. That one may be an earlier backend's, of any time. */
static int choose_time(struct store *s, struct append *a, struct err *e)
{
    if (a->owner.last_timestamp > TIMESTAMP_MAX - (int64_t)a->count)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "the last message of this session has the timestamp %lld, which none can "
                       "follow; use another session",
                       (long long)a->owner.last_timestamp);
    int64_t now_us = store_now_us(s);
    int64_t next_us = (a->owner.last_timestamp + 1) * 1000;
    a->base_us = now_us >= next_us ? now_us : next_us;
    stamp(s, a);
    return 0;
}

static void describe(struct store *s, struct append *a)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct message_new *wanted = &a->wanted[i];
        char id[IDS_UUID_SIZE];
        ids_uuid7(store_now_us(s) / 1000, id);
        a->out[i] = (struct message){
            .session_id = a->session_id,
            .message_id =
                wanted->message_id.p ? wanted->message_id : arena_str(s->arena, str_from(id)),
            .role = wanted->role,
            .content = wanted->content,
            .metadata = wanted->metadata,
        };
    }
}

static void put_messages(struct store *s, const struct append *a)
{
    for (size_t i = 0; i < a->count; i++) {
        store_action_begin(s, "Put", s->shared->messages_table);
        json_key(&s->w, "Item");
        item_write_message(&s->w, &a->out[i]);
        store_action_end(s, "attribute_not_exists(session_id)", false);
    }
}

static void update_session(struct store *s, const struct append *a)
{
    store_action_begin(s, "Update", s->shared->sessions_table);
    store_key_session(s, a->owner.user_id, a->session_id);
    json_put_string(&s->w, "UpdateExpression",
                    STR("SET updated_at = :now, last_timestamp = :last "
                        "ADD message_count :count, version :one"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":now", a->out[a->count - 1].created_at);
    item_put_number(&s->w, ":last", last_timestamp(a));
    item_put_number(&s->w, ":count", (int64_t)a->count);
    item_put_number(&s->w, ":one", 1);
    if (!a->without_order)
        item_put_number(&s->w, ":first", first_timestamp(a));
    json_end_object(&s->w);
    store_action_end(s,
                     a->without_order
                         ? "attribute_exists(session_id) AND attribute_not_exists(deleted_at) AND "
                           "attribute_not_exists(last_timestamp)"
                         : "attribute_exists(session_id) AND attribute_not_exists(deleted_at) AND "
                           "last_timestamp < :first",
                     true);
}

static void put_marker(struct store *s, const struct append *a)
{
    char timestamp[48];

    store_marker_timestamp(a->idempotency->key, timestamp);
    store_action_begin(s, "Put", s->shared->messages_table);
    json_key(&s->w, "Item");
    json_begin_object(&s->w);
    item_put_string(&s->w, "session_id", a->session_id);
    item_put_digits(&s->w, "timestamp", str_from(timestamp));
    store_marker_put_fingerprint(s, a->idempotency);
    item_put_number(&s->w, "first_us", a->base_us);
    json_key(&s->w, "message_ids");
    json_begin_object(&s->w);
    json_key(&s->w, "L");
    json_begin_array(&s->w);
    for (size_t i = 0; i < a->count; i++) {
        json_begin_object(&s->w);
        json_put_string(&s->w, "S", a->out[i].message_id);
        json_end_object(&s->w);
    }
    json_end_array(&s->w);
    json_end_object(&s->w);
    json_end_object(&s->w);
    store_action_end(s, "attribute_not_exists(session_id)", true);
}

/*
 * Actions in order: the messages, the session, the owner if it is put, the marker if there is a
 * key. An earlier backend's session gets its owner item with the first append that names the owner.
 */
static void write_append(struct store *s, struct append *a)
{
    store_transaction_begin(s);
    put_messages(s, a);
    update_session(s, a);
    a->puts_owner = !a->owner.has_item;
    if (a->puts_owner)
        store_put_owner(s, a->session_id, a->owner.user_id);
    if (a->idempotency->key.p)
        put_marker(s, a);
}

/* The first answer again, from the marker and what was asked for. REPLAYED. */
static int replay(struct store *s, struct append *a, struct json_object *marker, struct err *e)
{
    struct json_object *ids = json_get(json_get(marker, "message_ids"), "L");

    if (store_marker_check(s, marker, a->idempotency, e) < 0)
        return -1;
    a->base_us = item_number(marker, "first_us", 0);
    for (size_t i = 0; i < a->count && i < store_array_length(ids); i++)
        a->out[i].message_id =
            arena_str(s->arena, json_get_str(json_object_array_get_idx(ids, i), "S"));
    stamp(s, a);
    return REPLAYED;
}

/* A later message is in the session's partition than was known. AGAIN. */
static int learn_from_messages(struct store *s, struct append *a, struct err *e)
{
    return store_last_timestamp(s, a->session_id, &a->owner.last_timestamp, e) < 0 ? -1 : AGAIN;
}

/* The session has a later message than was known, which its item tells. AGAIN. */
static int learn_order(struct store *s, struct append *a, struct json_object *session,
                       struct err *e)
{
    int64_t last = item_number(session, "last_timestamp", -1);

    if (last >= 0) {
        a->without_order = false;
        a->owner.last_timestamp = last;
        return AGAIN;
    }
    a->without_order = true;
    return learn_from_messages(s, a, e);
}

/*
 * Why the transaction was canceled. Whether the session is being deleted comes first: then nothing
 * of it is shown any more, its marker's answer neither.
 */
static int learn(struct store *s, struct append *a, const struct dynamo_answer *answer,
                 struct err *e)
{
    size_t session_action = a->count;
    size_t owner_action = session_action + 1;
    size_t marker_action = session_action + (a->puts_owner ? 2 : 1);
    struct json_object *session = store_reason_item(answer, session_action);
    bool session_stopped_it = store_reason_is_condition(answer, session_action);

    if (session_stopped_it && (!session || json_get(session, "deleted_at"))) {
        owner_cache_remove(s->shared->owners, a->session_id);
        return store_session_not_found(e);
    }
    if (a->idempotency->key.p && store_reason_is_condition(answer, marker_action))
        return replay(s, a, store_reason_item(answer, marker_action), e);
    if (session_stopped_it)
        return learn_order(s, a, session, e);
    if (a->puts_owner && store_reason_is_condition(answer, owner_action)) {
        struct json_object *item = store_reason_item(answer, owner_action);
        if (store_owner_check(s, a->session_id, item, a->owner.user_id, &a->owner, e) < 0)
            return -1;
        return AGAIN;
    }
    /* A message's key is taken: an earlier backend wrote beyond last_timestamp. */
    return learn_from_messages(s, a, e);
}

static int check_sizes(const struct append *a, struct err *e)
{
    size_t sum = 0;

    for (size_t i = 0; i < a->count; i++) {
        size_t size = item_message_size(&a->out[i]);
        if (store_check_size(size, "message", e) < 0)
            return -1;
        sum += size;
    }
    if (sum > APPEND_MAX_BYTES)
        return err_set(e, ERR_ITEM_TOO_LARGE,
                       "the messages of an array must be at most %d bytes together as DynamoDB "
                       "counts them, these have %zu; send them in several requests",
                       APPEND_MAX_BYTES, sum);
    return 0;
}

/* APPENDED or REPLAYED. */
static int append(struct store *s, struct append *a, struct err *e)
{
    int r;

    do {
        struct dynamo_answer answer;
        if (choose_time(s, a, e) < 0 || check_sizes(a, e) < 0)
            return -1;
        write_append(s, a);
        r = store_transaction_commit(s, &answer, e);
        if (r == 1)
            r = learn(s, a, &answer, e);
        dynamo_answer_free(&answer);
    } while (r == AGAIN);
    if (r == APPENDED)
        owner_cache_put(s->shared->owners, a->session_id, a->owner.user_id, last_timestamp(a));
    return r;
}

int store_messages_append(struct store *s, const struct append_new *wanted, struct message *out,
                          bool *replayed, struct err *e)
{
    struct append a = {
        .session_id = wanted->session_id,
        .wanted = wanted->messages,
        .count = wanted->count,
        .idempotency = &wanted->idempotency,
        .out = out,
    };

    if (!gate_enter(s->shared->gate, a.session_id, dynamo_deadline(s->dynamo)))
        return err_set(e, ERR_DEADLINE_EXCEEDED,
                       "too many others were writing to this session; nothing was written, send "
                       "the request again");
    int r = store_owner_find(s, a.session_id, wanted->hint, false, &a.owner, e);
    if (r == 0) {
        describe(s, &a);
        r = append(s, &a, e);
    }
    gate_leave(s->shared->gate, a.session_id);
    *replayed = r == REPLAYED;
    return r < 0 ? -1 : 0;
}
