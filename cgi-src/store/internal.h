/*
 * Shared by the files of store/: the structs behind store.h; the text of a call, as data; reading
 * answers; transactions; and the errors that any operation may meet.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "base/buf.h"
#include "base/json.h"
#include "store/gate.h"
#include "store/owner_cache.h"
#include "store/store.h"

/* Bounds of the sort key of the messages table. Helper items lie at 0 and below. */
#define TIMESTAMP_OWNER INT64_C(0)
/* the greatest integer that JavaScript counts exactly */
#define TIMESTAMP_MAX INT64_C(9007199254740991)

/* A table's name as calls contain it, prepared once. */
struct table_texts {
    char *name;
    char *call;   /* {"ReturnConsumedCapacity":"TOTAL","TableName":"…" */
    char *member; /* "TableName":"…" */
};

struct store_shared {
    struct table_texts tables[STORE_TABLES];
    bool consistent;
    const struct clock *clock; /* borrowed */
    struct owner_cache *owners;
    struct gate *gate;
    size_t history_batch; /* messages of a history in one transaction; see creation.h */
    /* the credentials do not permit BatchWriteItem: do not try it again */
    _Atomic bool batch_write_denied;
};

struct store {
    struct store_shared *shared;
    struct dynamo *dynamo; /* borrowed */
    struct arena *arena;   /* borrowed */
    struct buf body;       /* the text of the call being written */
};

int64_t store_now_us(const struct store *s);
struct str store_time(struct store *s, int64_t wall_us); /* RFC 3339, in the arena */
struct str store_digits(struct store *s, int64_t n);     /* in the arena */

/* Gives the calls that follow 30 s: for an operation that has no deadline as a whole, before each
 * of its calls. */
void store_renew_deadline(struct store *s);

/* Sleeps. If that would last until the deadline or longer, returns false at once. */
bool store_pause(struct store *s, int64_t us);

/* True if this can be a session's sort key: no helper item's, and within DynamoDB's limit. */
bool store_is_session_id(struct str session_id);
/* True if this can be a partition key of the sessions table. */
bool store_is_user_id(struct str user_id);

/* ---- what a call says, and sending it (store/call.c) ----
 *
 * The constant members of a call or of an action are one text, each with a comma before it:
 *
 *     static const struct str text = STR_INIT(UPDATE("SET title = :title")
 *                                             CONDITION("attribute_exists(session_id)"));
 */

#define UPDATE(expression) ",\"UpdateExpression\":\"" expression "\""
#define CONDITION(expression) ",\"ConditionExpression\":\"" expression "\""
/* A condition: there is no item under the key. */
#define IS_NEW CONDITION("attribute_not_exists(session_id)")
/* A part of a condition: the session is there, and no delete of it has begun. */
#define IS_LIVE "attribute_exists(session_id) AND attribute_not_exists(deleted_at)"
#define KEY_CONDITION(expression) ",\"KeyConditionExpression\":\"" expression "\""
#define PROJECTION(expression) ",\"ProjectionExpression\":\"" expression "\""
/* An alias, since "timestamp" is a reserved word of DynamoDB. */
#define NAME_TIMESTAMP ",\"ExpressionAttributeNames\":{\"#t\":\"timestamp\"}"
/* The reason of a failed condition brings the item that made it fail. */
#define RETURN_OLD ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\""

/* What a placeholder of an expression stands for. A string that is absent is left out. */
struct expression_value {
    struct str attribute; /* ":name":{"S": */
    enum { VALUE_STRING, VALUE_NUMBER, VALUE_RAW } kind;
    struct str string;
    int64_t number;
};
#define STRING_VALUE(name, value_)                                                                 \
    {                                                                                              \
        .attribute = STR_INIT("\"" name "\":{\"S\":"), .string = (value_)                          \
    }
#define NUMBER_VALUE(name, value_)                                                                 \
    {                                                                                              \
        .attribute = STR_INIT("\"" name "\":{\"N\":"), .kind = VALUE_NUMBER, .number = (value_)    \
    }

/* A number that may be absent, or may be too large for int64_t. */
#define DIGITS_VALUE(name, value_)                                                                 \
    {                                                                                              \
        .attribute = STR_INIT("\"" name "\":{\"N\":"), .string = (value_)                          \
    }

/* A value in DynamoDB's notation. letter: its type. */
#define RAW_VALUE(name, letter, value_)                                                            \
    {                                                                                              \
        .attribute = STR_INIT("\"" name "\":{\"" letter "\":"), .kind = VALUE_RAW,                 \
        .string = (value_)                                                                         \
    }

struct values {
    const struct expression_value *list;
    size_t count;
};
#define VALUES(...)                                                                                \
    ((struct values){(const struct expression_value[]){__VA_ARGS__},                               \
                     sizeof((const struct expression_value[]){__VA_ARGS__}) /                      \
                         sizeof(struct expression_value)})
#define NO_VALUES ((struct values){NULL, 0})

/* A primary key of either table. */
struct key {
    enum store_table table;
    struct str partition;
    struct str sort;   /* of the messages table: digits; if STR_NONE, timestamp is the sort key */
    int64_t timestamp; /* of the messages table */
};
struct key store_session_key(struct str user_id, struct str session_id);
struct key store_message_key(struct str session_id, int64_t timestamp);

/* Starts the body of a call: {"ReturnConsumedCapacity":"TOTAL","TableName":"…" */
void store_begin_call(struct store *s, enum store_table table);
/* Writes "Key":{…} with a comma before it; and the object alone. */
void store_put_key(struct store *s, const struct key *key);
void store_put_key_object(struct store *s, const struct key *key);
/* Writes "ExpressionAttributeValues":{…} with a comma before it; nothing if there are no values. */
void store_put_values(struct store *s, struct values values);

/* A set of outcomes besides DYNAMO_OK that the caller handles itself. */
#define STORE_EXPECT(outcome) (1u << (outcome))
#define STORE_EXPECT_ANY (~0u)

/*
 * Closes the text and sends it. 0 with the answer, whose outcome is DYNAMO_OK or expected; else -1
 * with e. The caller frees the answer in either case.
 */
int store_send(struct store *s, enum dynamo_operation operation, unsigned expected,
               struct dynamo_answer *answer, struct err *e);

/* The same for a write. Of its answer only the outcome matters; what it consumed is counted. */
int store_send_write(struct store *s, enum dynamo_operation operation, unsigned expected,
                     struct dynamo_answer *answer, struct err *e);

/* Deletes one item, whether or not it is there. */
int store_item_delete(struct store *s, const struct key *key, struct err *e);

/* ---- consumed capacity (store/units.c) ---- */

/* Reads the value of a member "ConsumedCapacity" and counts it. */
void store_count_units(enum dynamo_operation operation, struct json_reader *r);

/* Counts what a write consumed. An answer that cannot be read is not counted, and is no failure: it
 * does not undo the write. */
void store_count_write_units(enum dynamo_operation operation, struct dynamo_answer *answer);

/* ---- reading answers (store/answer.c) ---- */

/* A reader at the first byte of an answer. */
static inline struct json_reader store_reader(struct dynamo_answer *answer)
{
    struct json_reader r;

    json_reader_init(&r, answer->body.data, answer->body.len);
    return r;
}

/* Whether a read sees everything that was written before it: if DYNAMODB_CONSISTENT_READ says so,
 * or always. */
enum consistency { CONSISTENT_IF_SET, CONSISTENT };

struct lookup {
    struct key key;
    const struct item_kind *kind;
    enum consistency consistency;
};
enum lookup_result { LOOKUP_FAILED = -1, LOOKUP_FOUND, LOOKUP_ABSENT };

/* Reads one item. Its strings live as long as the arena. */
enum lookup_result store_lookup(struct store *s, const struct lookup *lookup, void *out,
                                struct err *e);

enum direction { FORWARD, BACKWARD };

struct query {
    enum store_table table;
    struct str text; /* constant members, with KEY_CONDITION */
    struct values values;
    enum direction direction;
    int64_t limit; /* 0: DynamoDB's page of 1 MB */
    enum consistency consistency;
    /* the JSON of the key after which the page begins; STR_NONE: at the beginning */
    struct str start;
};

/* The items of a page of a Query or Scan, read one after the other. */
struct items {
    enum dynamo_operation operation;
    /* for what has to be rewritten: the store's arena unless the caller sets another */
    struct arena *arena;
    struct dynamo_answer answer;
    struct json_reader reader;
    bool inside;         /* the reader is in the array of items */
    struct str start;    /* where the page begins */
    struct str last_key; /* LastEvaluatedKey as it came */
};

/* Sends the Query. Call items_free in either case. */
int store_query(struct store *s, const struct query *query, struct items *out, struct err *e);

/* The same for a Scan of the whole table. It has no order, so direction and limit are ignored. */
int store_scan(struct store *s, const struct query *query, struct items *out, struct err *e);

/* Reads the next item into the struct of its kind; its strings are views of the answer. Values that
 * are no items are passed over. False after the last one. */
bool items_next(struct items *items, const struct item_kind *kind, void *out);

/*
 * Reads the rest of the answer. ITEMS_MORE: *next is where the next page begins, in the arena; a
 * page may end anywhere, even empty. ITEMS_FAILED with e if the answer cannot be read, or if it
 * says that the next page begins where this one did.
 */
enum items_end { ITEMS_FAILED = -1, ITEMS_END, ITEMS_MORE };
enum items_end items_end(struct store *s, struct items *items, struct str *next, struct err *e);
void items_free(struct items *items);
/* Reads a key that items_end returned, and leaves it as it is. */
void store_read_key(struct store *s, struct str key, const struct item_kind *kind, void *out);

/*
 * For operations that read page after page, when a page has failed. If at least one page was read,
 * and DynamoDB did not answer only because the request's time is over, e becomes
 * ERR_DEADLINE_EXCEEDED with the advice. Returns -1.
 */
int store_out_of_time(struct store *s, unsigned pages, const char *advice, struct err *e);

/* ---- transactions (store/transaction.c) ---- */

/* Why an action stopped its transaction. */
struct cancellation {
    bool by_condition;
    /* the item that was there, in DynamoDB's notation; STR_NONE if there was none, or it was not
     * asked for */
    struct str item;
};

/* The reason of an action that is wrong in itself. */
#define TRANSACTION_VALIDATION_ERROR "ValidationError"

struct transaction {
    struct store *store;
    size_t actions; /* so far */
    struct dynamo_answer answer;
    struct cancellation *cancellations; /* one for each action, after TRANSACTION_CANCELED */
};

/* Begins the text with a new ClientRequestToken, since each attempt with other bytes is a write of
 * its own. */
void transaction_begin(struct store *s, struct transaction *t);

/* Each adds an action and returns its index. text: the constant members of the action. */
size_t transaction_put(struct transaction *t, const struct item_kind *kind, const void *item,
                       struct str text, struct values values);
size_t transaction_update(struct transaction *t, const struct key *key, struct str text,
                          struct values values);
size_t transaction_delete(struct transaction *t, const struct key *key, struct str text);

enum transaction_end { TRANSACTION_FAILED = -1, TRANSACTION_DONE, TRANSACTION_CANCELED };

/* TRANSACTION_CANCELED: at least one condition failed; transaction_stopped_by says which.
 * TRANSACTION_FAILED with e. Call transaction_free in every case. */
enum transaction_end transaction_commit(struct transaction *t, struct err *e);
void transaction_free(struct transaction *t);

bool transaction_stopped_by(const struct transaction *t, size_t action);
/* Reads the item that made the action's condition fail; call it once for an action. False if no
 * item came. Its strings are views of the answer. */
bool transaction_read_item(struct transaction *t, size_t action, const struct item_kind *kind,
                           void *out);

/* ---- errors (store/errors.c); each returns -1 with e ---- */

/* Says what an answer that the operation did not expect means for the caller. */
int store_unexpected(enum dynamo_operation operation, const struct dynamo_answer *answer,
                     struct err *e);

/* What DynamoDB wrote is not JSON, or not what its interface describes. */
int store_unreadable(enum dynamo_operation operation, struct err *e);

int store_session_not_found(struct err *e);
int store_message_not_found(struct err *e);
/* After a write that succeeded, when what it wrote could not be read: e, which says why, becomes
 * what the caller should know. */
int store_changed_unseen(struct err *e);
int store_key_reused(struct err *e); /* the Idempotency-Key was used for something else */
/* 0, or ERR_ITEM_TOO_LARGE. what: "message" or "session". */
int store_check_size(size_t size, const char *what, struct err *e);

/* ---- sessions (store/session.c) ---- */

/* As store_session_get, but also reads a session that is being deleted. */
int store_session_read(struct store *s, const struct session_key *key, enum consistency consistency,
                       struct session *out, struct err *e);

bool store_is_session_key(const struct session_key *key); /* both parts are possible */

/* ---- (store/session_update.c) ---- */

/* If-Match is checked against what was read, then made a condition of the write. */
int store_check_version(const struct versions *if_match, int64_t version, struct err *e);
/* " AND …" for the condition of the write; "" without If-Match. */
const char *store_version_condition(const struct versions *if_match, int64_t version);
/* The value of that condition's placeholder; STR_NONE if it has none. */
struct str store_version_digits(struct store *s, const struct versions *if_match, int64_t version);

/* A step of a delete after the mark (store/session_delete.c): deletes the marker of a session's
 * creation, unless a new session has taken it over. */
int store_create_marker_delete(struct store *s, const struct session_key *session,
                               struct str create_marker, struct err *e);

/* ---- owners (store/owner.c) ---- */

/* A session, and who is said to own it: see "hint" in store.h. */
struct session_claim {
    struct str session_id;
    struct str hint;
};

struct owner {
    struct str user_id;
    int64_t last_timestamp; /* the last one that is known; 0 if none is */
    bool has_item; /* false for an earlier backend's session: the next append writes the item */
};

/*
 * Finds the owner of a session. If there is no owner item, the hint is taken; see
 * store_owner_from_hint. OWNER_BELIEVED: the cache or the hint may be wrong, and the caller's
 * transaction checks both. OWNER_VERIFIED: the cache is not used, since a delete may have begun in
 * another process, and the hint is looked up. ERR_SESSION_NOT_FOUND.
 */
enum owner_trust { OWNER_BELIEVED, OWNER_VERIFIED };
int store_owner_find(struct store *s, const struct session_claim *claim, enum owner_trust trust,
                     struct owner *out, struct err *e);

/* The steps of store_owner_find. This reads the owner item; out->has_item is false if there is
 * none. */
int store_owner_get(struct store *s, const struct session_claim *claim, struct owner *out,
                    struct err *e);
/* Takes the owner from an owner item. ERR_SESSION_NOT_FOUND if a delete has begun, if the session
 * is still being built, or if the hint is another user. */
int store_owner_check(struct store *s, const struct session_claim *claim,
                      const struct owner_item *item, struct owner *out, struct err *e);
/* Takes the hint as the owner; with OWNER_VERIFIED only if that user has the session. */
int store_owner_from_hint(struct store *s, const struct session_claim *claim,
                          enum owner_trust trust, struct owner *out, struct err *e);

/* Adds an action that puts the owner item if there is none. */
size_t store_put_owner(struct transaction *t, struct str session_id, struct str user_id);

/* ---- messages (store/message_list.c) ---- */

/* Sort keys of the messages table, both ends included. */
struct timestamp_range {
    int64_t low;
    int64_t high;
};

/* The last message of a range: only its timestamp and created_at, in the arena. LOOKUP_ABSENT if
 * there is none. */
enum lookup_result store_last_message(struct store *s, struct str session_id,
                                      struct timestamp_range range, struct message *out,
                                      struct err *e);

/* The last message before a timestamp, as a whole, in the arena. LOOKUP_ABSENT if there is none. */
enum lookup_result store_message_before(struct store *s, struct str session_id, int64_t timestamp,
                                        struct message *out, struct err *e);

/* Moves *last on to the greatest timestamp in the session's partition, if that is greater. */
int store_last_timestamp(struct store *s, struct str session_id, int64_t *last, struct err *e);

/* ---- idempotency (store/idempotency.c) ---- */

/* The sort key of an append's marker in the messages table: minus the first 120 bits of SHA-256 of
 * the key, in decimal. In the arena. */
struct str store_marker_timestamp(struct store *s, struct str key);
/* The sort key of a creation's marker in the sessions table: "!create#" and the SHA-256 of the key
 * in hexadecimal. In the arena. */
struct str store_marker_session(struct store *s, struct str key);
/* The payload's fingerprint as markers keep it. In the arena. */
struct str store_fingerprint(struct store *s, const struct idempotency *idempotency);

/* ---- partitions (store/partition.c) ---- */

/* Deletes all items of a session in the messages table, the owner item last. Adds the messages to
 * *deleted_messages. */
int store_partition_delete(struct store *s, struct str session_id, int64_t *deleted_messages,
                           struct err *e);

#endif
