/*
 * The append protocol. One transaction writes the messages, the session's count, order and preview,
 * and the idempotency marker; normally it is the only call.
 */
#include "base/ids.h"
#include "store/internal.h"
#include "store/preview.h"

/*
 * How large the messages of one append may be together. A transaction takes 4 MB, and that includes
 * the session's item (which may be as large as an item can be), the marker and the owner item.
 */
#define APPEND_MAX_BYTES (4 * 1024 * 1024 - ITEM_MAX_BYTES - 16 * 1024)

/* How an attempt ended. APPEND_FAILED with e. */
enum append_end { APPEND_FAILED = -1, APPENDED, APPEND_AGAIN, APPEND_REPLAYED };

/* An append under way, through all its attempts. */
struct append {
    struct session_claim claim;
    const struct message_new *wanted;
    size_t count;
    const struct idempotency *idempotency;
    struct message *out;
    struct owner owner;
    int64_t base_us;    /* time of the first message; its timestamp is this in milliseconds */
    bool without_order; /* the session's item has no last_timestamp: an earlier backend wrote it */
    /* the indices of the transaction's actions, set by append_write */
    size_t session_action;
    size_t owner_action;
    size_t marker_action;
};

static int64_t append_first_timestamp(const struct append *a)
{
    return a->base_us / 1000;
}

static int64_t append_last_timestamp(const struct append *a)
{
    return append_first_timestamp(a) + (int64_t)a->count - 1;
}

/* Gives the messages the times of this attempt. Their ids stay the same in all attempts. */
static void append_set_times(struct store *s, struct append *a)
{
    for (size_t i = 0; i < a->count; i++) {
        int64_t us = a->base_us + (int64_t)i * 1000;
        a->out[i].timestamp = us / 1000;
        a->out[i].created_at = store_time(s, us);
    }
}

/* The time is now, or later if the last message that is known is not before that. It may be an
 * earlier backend's, of any time. */
static int append_choose_time(struct store *s, struct append *a, struct err *e)
{
    if (a->owner.last_timestamp > TIMESTAMP_MAX - (int64_t)a->count)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "the last message of this session has the timestamp %lld, which none can "
                       "follow; use another session",
                       (long long)a->owner.last_timestamp);
    int64_t now_us = store_now_us(s);
    int64_t next_us = (a->owner.last_timestamp + 1) * 1000;
    a->base_us = now_us >= next_us ? now_us : next_us;
    append_set_times(s, a);
    return 0;
}

static void append_describe_messages(struct store *s, struct append *a)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct message_new *wanted = &a->wanted[i];
        char id[IDS_UUID_SIZE];
        ids_uuid7(store_now_us(s) / 1000, id);
        a->out[i] = (struct message){
            .session_id = a->claim.session_id,
            .message_id = str_is_present(wanted->message_id) ? wanted->message_id
                                                             : arena_str(s->arena, str_from(id)),
            .role = wanted->role,
            .content = wanted->content,
            .content_type = wanted->content_type,
            .metadata = wanted->metadata,
        };
    }
}

/* The expression is short, since the signature hashes each byte of every append. */
#define MOVE                                                                                       \
    UPDATE("SET updated_at=:now,last_timestamp=:last,last_shown=:last,"                            \
           "last_role=:role,last_preview=:preview ADD message_count :count,version :one")

/* The order condition also fails if there is no session, since that has no last_timestamp. Where
 * the session has no order yet, :first is not named and must be left out: DynamoDB refuses values
 * that no expression uses. */
static size_t append_update_session(struct transaction *t, const struct append *a)
{
    static const struct str in_order = STR_INIT(
        MOVE CONDITION("attribute_not_exists(deleted_at) AND last_timestamp<:first") RETURN_OLD);
    static const struct str first_in_order =
        STR_INIT(MOVE CONDITION(IS_LIVE " AND attribute_not_exists(last_timestamp)") RETURN_OLD);
    const struct key key = store_session_key(a->owner.user_id, a->claim.session_id);
    const struct message *last = &a->out[a->count - 1];
    const struct expression_value values[] = {
        STRING_VALUE(":now", last->created_at),
        NUMBER_VALUE(":last", last->timestamp),
        STRING_VALUE(":role", last->role),
        STRING_VALUE(":preview", preview_of(t->store->arena, last)),
        NUMBER_VALUE(":count", (int64_t)a->count),
        NUMBER_VALUE(":one", 1),
        NUMBER_VALUE(":first", append_first_timestamp(a)),
    };
    size_t count = sizeof(values) / sizeof(values[0]);

    if (a->without_order)
        return transaction_update(t, &key, first_in_order, (struct values){values, count - 1});
    return transaction_update(t, &key, in_order, (struct values){values, count});
}

/* {"L":[{"S":"…"},…]} */
static struct str append_list_ids(struct store *s, const struct append *a)
{
    struct buf text;

    buf_init(&text, (size_t)64 * 1024);
    buf_puts(&text, "{\"L\":[");
    for (size_t i = 0; i < a->count; i++) {
        buf_puts(&text, i ? ",{\"S\":" : "{\"S\":");
        json_append_string(&text, a->out[i].message_id);
        buf_putc(&text, '}');
    }
    buf_puts(&text, "]}");
    struct str ids = arena_str(s->arena, buf_str(&text));
    buf_free(&text);
    return ids;
}

static size_t append_put_marker(struct transaction *t, const struct append *a)
{
    const struct append_marker marker = {
        .session_id = a->claim.session_id,
        .timestamp = store_marker_timestamp(t->store, a->idempotency->key),
        .fingerprint = store_fingerprint(t->store, a->idempotency),
        .first_us = a->base_us,
        .message_ids = append_list_ids(t->store, a),
    };

    return transaction_put(t, &item_append_marker, &marker, STR(IS_NEW RETURN_OLD), NO_VALUES);
}

#define NO_ACTION SIZE_MAX

/* The first append that names the owner writes the owner item of an earlier backend's session. */
static void append_write(struct store *s, struct transaction *t, struct append *a)
{
    transaction_begin(s, t);
    for (size_t i = 0; i < a->count; i++)
        transaction_put(t, &item_message, &a->out[i], STR(IS_NEW), NO_VALUES);
    a->session_action = append_update_session(t, a);
    a->owner_action =
        a->owner.has_item ? NO_ACTION : store_put_owner(t, a->claim.session_id, a->owner.user_id);
    a->marker_action = str_is_present(a->idempotency->key) ? append_put_marker(t, a) : NO_ACTION;
}

/* Gives the messages the ids that the marker has kept: {"L":[{"S":"…"},…]}. */
static void append_take_ids(struct store *s, struct append *a, struct str message_ids)
{
    struct str list = arena_str(s->arena, message_ids);
    struct json_reader r;
    struct str type;

    /* the copy in the arena may be written to */
    json_reader_init(&r, (char *)(uintptr_t)list.p, list.n);
    if (!json_enter_object(&r) || !json_next_member(&r, &type) || !str_is(type, "L") ||
        !json_enter_array(&r))
        return;
    for (size_t i = 0; json_next_element(&r); i++) {
        struct str id = item_read_string(&r);
        if (i < a->count && str_is_present(id))
            a->out[i].message_id = id;
    }
}

/* Makes the first answer again from the marker and from what was asked for. */
static enum append_end append_replay(struct store *s, struct append *a, struct transaction *t,
                                     struct err *e)
{
    struct append_marker marker;

    if (!transaction_read_item(t, a->marker_action, &item_append_marker, &marker) ||
        !str_equals(marker.fingerprint, store_fingerprint(s, a->idempotency)))
        return store_key_reused(e);
    a->base_us = marker.first_us;
    append_take_ids(s, a, marker.message_ids);
    append_set_times(s, a);
    return APPEND_REPLAYED;
}

/* The session's partition has a later message than was known: finds out its timestamp. */
static enum append_end append_learn_from_messages(struct store *s, struct append *a, struct err *e)
{
    if (store_last_timestamp(s, a->claim.session_id, &a->owner.last_timestamp, e) < 0)
        return APPEND_FAILED;
    return APPEND_AGAIN;
}

/* The session's item says that it has a later message than was known. If it says nothing new, the
 * next attempt would fail in the same way, so this one is the last. */
static enum append_end append_learn_order(struct store *s, struct append *a, int64_t last,
                                          struct err *e)
{
    bool is_new =
        last >= 0 ? last >= append_first_timestamp(a) || a->without_order : !a->without_order;

    if (!is_new)
        return store_unreadable(DYNAMO_TRANSACT_WRITE_ITEMS, e);
    a->without_order = last < 0;
    if (a->without_order)
        return append_learn_from_messages(s, a, e);
    a->owner.last_timestamp = last;
    return APPEND_AGAIN;
}

/*
 * Finds out why the transaction was canceled. A delete of the session comes first: once it has
 * begun, nothing of the session is shown, and so no earlier answer is repeated.
 */
static enum append_end append_learn(struct store *s, struct append *a, struct transaction *t,
                                    struct err *e)
{
    bool session_stopped_it = transaction_stopped_by(t, a->session_action);
    struct owner_item owner;
    struct session session;
    bool found = transaction_read_item(t, a->session_action, &item_session, &session);

    if (session_stopped_it && (!found || session.deleted)) {
        owner_cache_remove(s->shared->owners, a->claim.session_id);
        return store_session_not_found(e);
    }
    if (transaction_stopped_by(t, a->marker_action))
        return append_replay(s, a, t, e);
    if (session_stopped_it)
        return append_learn_order(s, a, session.last_timestamp, e);
    if (transaction_read_item(t, a->owner_action, &item_owner, &owner)) {
        struct session_claim claim = {a->claim.session_id, a->owner.user_id};
        if (store_owner_check(s, &claim, &owner, &a->owner, e) < 0)
            return APPEND_FAILED;
        return APPEND_AGAIN;
    }
    if (transaction_stopped_by(t, a->owner_action))
        return store_session_not_found(e);
    /* The key of a message is taken: an earlier backend has written a message later than
     * last_timestamp. */
    return append_learn_from_messages(s, a, e);
}

static int append_check_sizes(const struct append *a, struct err *e)
{
    size_t sum = 0;

    for (size_t i = 0; i < a->count; i++) {
        size_t size = item_size(&item_message, &a->out[i]);
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

static enum append_end append_try(struct store *s, struct append *a, struct err *e)
{
    enum append_end r = APPEND_FAILED;
    struct transaction t;

    append_write(s, &t, a);
    switch (transaction_commit(&t, e)) {
    case TRANSACTION_DONE:
        owner_cache_put(s->shared->owners, a->claim.session_id, a->owner.user_id,
                        append_last_timestamp(a));
        r = APPENDED;
        break;
    case TRANSACTION_CANCELED:
        r = append_learn(s, a, &t, e);
        break;
    default:
        break;
    }
    transaction_free(&t);
    return r;
}

static enum append_end append_until_settled(struct store *s, struct append *a, struct err *e)
{
    enum append_end r;

    do {
        if (append_choose_time(s, a, e) < 0 || append_check_sizes(a, e) < 0)
            return APPEND_FAILED;
        r = append_try(s, a, e);
    } while (r == APPEND_AGAIN);
    return r;
}

enum store_write store_messages_append(struct store *s, const struct append_new *wanted,
                                       struct message *out, struct err *e)
{
    struct append a = {
        .claim = {wanted->session_id, wanted->hint},
        .wanted = wanted->messages,
        .count = wanted->count,
        .idempotency = &wanted->idempotency,
        .out = out,
    };
    enum append_end r = APPEND_FAILED;

    if (!gate_enter(s->shared->gate, wanted->session_id, dynamo_deadline(s->dynamo)))
        return err_set(e, ERR_DEADLINE_EXCEEDED,
                       "too many others were writing to this session; nothing was written, send "
                       "the request again");
    if (store_owner_find(s, &a.claim, OWNER_BELIEVED, &a.owner, e) == 0) {
        append_describe_messages(s, &a);
        r = append_until_settled(s, &a, e);
    }
    gate_leave(s->shared->gate, wanted->session_id);
    if (r == APPEND_FAILED)
        return STORE_WRITE_FAILED;
    return r == APPEND_REPLAYED ? STORE_REPLAYED : STORE_WRITTEN;
}
