/*
 * What the files of store/ share: the structs behind store.h; what a call says, as data; reading
 * what it is answered; transactions; and the errors that any operation may meet.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "base/buf.h"
#include "base/json.h"
#include "store/gate.h"
#include "store/owner_cache.h"
#include "store/store.h"

/* Bounds of the sort key of the messages table. Helpers live at 0 and below. */
#define TIMESTAMP_OWNER INT64_C(0)
#define TIMESTAMP_MAX INT64_C(9007199254740991) /* what JavaScript can count */

/* How a table's name stands in calls, prepared once. */
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
    size_t history_batch;            /* messages of a history in one transaction; see creation.h */
    _Atomic bool batch_write_denied; /* the policy lacks BatchWriteItem: do not ask again */
};

struct store {
    struct store_shared *shared;
    struct dynamo *dynamo; /* borrowed */
    struct arena *arena;   /* borrowed */
    struct buf body;       /* of the call being made */
};

int64_t store_now_us(const struct store *s);
struct str store_time(struct store *s, int64_t wall_us); /* RFC 3339, in the arena */
struct str store_digits(struct store *s, int64_t n);     /* in the arena */

/* Sleeps, unless that would last until the deadline or beyond: then false, at once. */
bool store_pause(struct store *s, int64_t us);

/* True for a sort key that can be a session's: not a helper's, not over DynamoDB's limit. */
bool store_is_session_id(struct str session_id);
/* True for what can be the partition key of the sessions table. */
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
/* Nothing stands under the key. */
#define IS_NEW CONDITION("attribute_not_exists(session_id)")
/* For a condition: the session is there, and no delete of it has begun. */
#define IS_LIVE "attribute_exists(session_id) AND attribute_not_exists(deleted_at)"
#define KEY_CONDITION(expression) ",\"KeyConditionExpression\":\"" expression "\""
#define PROJECTION(expression) ",\"ProjectionExpression\":\"" expression "\""
/* "timestamp" is a word of DynamoDB's own. */
#define NAME_TIMESTAMP ",\"ExpressionAttributeNames\":{\"#t\":\"timestamp\"}"
/* The item that made a condition fail comes with the reason. */
#define RETURN_OLD ",\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\""

/* What the placeholders of its expressions stand for. A string that is absent is left out. */
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

/* A number that is absent perhaps, or too large for int64_t. */
#define DIGITS_VALUE(name, value_)                                                                 \
    {                                                                                              \
        .attribute = STR_INIT("\"" name "\":{\"N\":"), .string = (value_)                          \
    }

/* The value's text in DynamoDB's notation; letter: its type. */
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
    struct str sort;   /* of the messages table: digits; STR_NONE: see timestamp */
    int64_t timestamp; /* of the messages table */
};
struct key store_session_key(struct str user_id, struct str session_id);
struct key store_message_key(struct str session_id, int64_t timestamp);

/* Starts the body of a call: {"ReturnConsumedCapacity":"TOTAL","TableName":"…" */
void store_begin_call(struct store *s, enum store_table table);
/* "Key":{…} with a comma before it, and the object alone. */
void store_put_key(struct store *s, const struct key *key);
void store_put_key_object(struct store *s, const struct key *key);
/* "ExpressionAttributeValues":{…} with a comma before it, unless there are none. */
void store_put_values(struct store *s, struct values values);

/* A set of outcomes besides DYNAMO_OK that the caller deals with itself. */
#define STORE_EXPECT(outcome) (1u << (outcome))
#define STORE_EXPECT_ANY (~0u)

/*
 * Closes the body and sends it. 0 with the answer (OK or expected); -1 with e otherwise. The answer
 * is freed by the caller in either case.
 */
int store_send(struct store *s, enum dynamo_operation operation, unsigned expected,
               struct dynamo_answer *answer, struct err *e);

/* The same for a write whose answer says nothing more than how it ended; counts its units. */
int store_send_write(struct store *s, enum dynamo_operation operation, unsigned expected,
                     struct dynamo_answer *answer, struct err *e);

/* ---- consumed capacity (store/units.c) ---- */

/* Takes the value of a member "ConsumedCapacity" and counts it. */
void store_count_units(enum dynamo_operation operation, struct json_reader *r);

/* Counts what a write consumed. An answer that cannot be read is not counted, and is no failure: it
 * does not undo the write. */
void store_count_write_units(enum dynamo_operation operation, struct dynamo_answer *answer);

/* ---- reading answers (store/answer.c) ---- */

/* An answer's text from its first byte. */
static inline struct json_reader store_reader(struct dynamo_answer *answer)
{
    struct json_reader r;

    json_reader_init(&r, answer->body.data, answer->body.len);
    return r;
}

/* Whether a read sees all that was written before it: as DYNAMODB_CONSISTENT_READ says, or always.
 */
enum consistency { CONSISTENT_IF_SET, CONSISTENT };

struct lookup {
    struct key key;
    const struct item_kind *kind;
    enum consistency consistency;
};
enum lookup_result { LOOKUP_FAILED = -1, LOOKUP_FOUND, LOOKUP_ABSENT };

/* Reads one item. Its views live as long as the arena. */
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
    struct str start; /* a key's JSON, after which the page begins; STR_NONE: the beginning */
};

/* The items of a page of a Query or Scan, read one after the other as its text is walked. */
struct items {
    enum dynamo_operation operation;
    struct arena *arena; /* for what has to be rewritten; the store's, until the caller sets it */
    struct dynamo_answer answer;
    struct json_reader reader;
    bool inside;         /* the array of items */
    struct str start;    /* of the page */
    struct str last_key; /* LastEvaluatedKey as it came */
};

/* Sends the Query. items_free in either case. */
int store_query(struct store *s, const struct query *query, struct items *out, struct err *e);

/* The same for a Scan of the whole table, in no order: direction and limit have no part in it. */
int store_scan(struct store *s, const struct query *query, struct items *out, struct err *e);

/* The next item, as the struct of its kind; views into the answer. What is no item is passed over.
 * False after the last one. */
bool items_next(struct items *items, const struct item_kind *kind, void *out);

/*
 * Walks what is left of the answer. ITEMS_MORE with where the next page begins, in the arena: a
 * page may end anywhere, even empty. ITEMS_FAILED with e if it cannot be read, or says that the
 * next page begins where this one did.
 */
enum items_end { ITEMS_FAILED = -1, ITEMS_END, ITEMS_MORE };
enum items_end items_end(struct store *s, struct items *items, struct str *next, struct err *e);
void items_free(struct items *items);
/* What a key says that items_end gave; the key stays as it is. */
void store_read_key(struct store *s, struct str key, const struct item_kind *kind, void *out);

/*
 * For operations that read page after page: if e says that DynamoDB did not answer, but it is the
 * request's time that is over after at least one page was read, e becomes ERR_DEADLINE_EXCEEDED
 * with what to do. Returns -1.
 */
int store_out_of_time(struct store *s, unsigned pages, const char *advice, struct err *e);

/* ---- transactions (store/transaction.c) ---- */

/* Why one action stopped its transaction. */
struct cancellation {
    bool by_condition;
    struct str item; /* what stood there, in DynamoDB's notation; STR_NONE: nothing, or not asked */
};

/* A reason that names an action which is wrong in itself. */
#define TRANSACTION_VALIDATION_ERROR "ValidationError"

struct transaction {
    struct store *store;
    size_t actions; /* so far */
    struct dynamo_answer answer;
    struct cancellation *cancellations; /* one for each action, after TRANSACTION_CANCELED */
};

/* A new ClientRequestToken, so each attempt at new bytes is an action of its own. */
void transaction_begin(struct store *s, struct transaction *t);

/* Each adds an action and returns its index. text: its constant members. */
size_t transaction_put(struct transaction *t, const struct item_kind *kind, const void *item,
                       struct str text, struct values values);
size_t transaction_update(struct transaction *t, const struct key *key, struct str text,
                          struct values values);
size_t transaction_delete(struct transaction *t, const struct key *key, struct str text);

enum transaction_end { TRANSACTION_FAILED = -1, TRANSACTION_DONE, TRANSACTION_CANCELED };

/* CANCELED: by a condition at least, ask by the action's index. FAILED with e. transaction_free in
 * every case. */
enum transaction_end transaction_commit(struct transaction *t, struct err *e);
void transaction_free(struct transaction *t);

bool transaction_stopped_by(const struct transaction *t, size_t action);
/* Reads the item that made the condition fail; to be asked once an action. False if none came.
 * Views into the answer. */
bool transaction_read_item(struct transaction *t, size_t action, const struct item_kind *kind,
                           void *out);

/* ---- errors (store/errors.c); each returns -1 with e ---- */

/* What an answer that was not expected means for the caller. */
int store_unexpected(enum dynamo_operation operation, const struct dynamo_answer *answer,
                     struct err *e);

/* What DynamoDB wrote is not JSON, or not what its interface says. */
int store_unreadable(enum dynamo_operation operation, struct err *e);

int store_session_not_found(struct err *e);
int store_message_not_found(struct err *e);
/* After a write that went through: e, from reading again, becomes what the caller should know. */
int store_changed_unseen(struct err *e);
int store_key_reused(struct err *e); /* an Idempotency-Key */
/* 0, or ERR_ITEM_TOO_LARGE. what: "message" or "session". */
int store_check_size(size_t size, const char *what, struct err *e);

/* ---- sessions (store/session.c) ---- */

/* As store_session_get, but a session that is being deleted is read, too. */
int store_session_read(struct store *s, const struct session_key *key, enum consistency consistency,
                       struct session *out, struct err *e);

bool store_is_session_key(const struct session_key *key); /* one that a session can have */

/* ---- (store/session_update.c) ---- */

/* If-Match: checked against what was read, then made a condition of the write. */
int store_check_version(const struct versions *if_match, int64_t version, struct err *e);
/* " AND …" of the condition, "" without If-Match. */
const char *store_version_condition(const struct versions *if_match, int64_t version);
/* The value that goes with it: absent where the condition names none. */
struct str store_version_digits(struct store *s, const struct versions *if_match, int64_t version);

/* The end of a session's partition and of its item, after the mark (store/session_delete.c). */
int store_item_delete(struct store *s, const struct key *key, struct err *e);
/* The marker of a session's creation, unless a new session has taken it over. */
int store_create_marker_delete(struct store *s, const struct session_key *session,
                               struct str create_marker, struct err *e);

/* ---- owners (store/owner.c) ---- */

/* A session, and whose it is said to be: see "hint" in store.h. */
struct session_claim {
    struct str session_id;
    struct str hint;
};

struct owner {
    struct str user_id;
    int64_t last_timestamp; /* the last one known; 0 if none is */
    bool has_item; /* false: an earlier backend's session; the item is written by the next append */
};

/*
 * Finds the owner of a session. Without an owner item the hint serves, see store_owner_from_hint.
 * OWNER_VERIFIED: it is not taken from the cache, since a delete may have begun elsewhere, and a
 * hint is looked up; else the caller's transaction checks both. ERR_SESSION_NOT_FOUND.
 */
enum owner_trust { OWNER_BELIEVED, OWNER_VERIFIED };
int store_owner_find(struct store *s, const struct session_claim *claim, enum owner_trust trust,
                     struct owner *out, struct err *e);

/* The steps of it. Reads the owner item; out->has_item is false if there is none. */
int store_owner_get(struct store *s, const struct session_claim *claim, struct owner *out,
                    struct err *e);
/* What an owner item says: ERR_SESSION_NOT_FOUND if a delete has begun, the session is still being
 * built, or it is not the hint's. */
int store_owner_check(struct store *s, const struct session_claim *claim,
                      const struct owner_item *item, struct owner *out, struct err *e);
/* The hint as the owner; verified: only if that user has the session. */
int store_owner_from_hint(struct store *s, const struct session_claim *claim,
                          enum owner_trust trust, struct owner *out, struct err *e);

/* An action that puts the owner item if there is none. */
size_t store_put_owner(struct transaction *t, struct str session_id, struct str user_id);

/* ---- messages (store/message_list.c) ---- */

/* Sort keys of the messages table, both ends included. */
struct timestamp_range {
    int64_t low;
    int64_t high;
};

/* The last message of a range, its timestamp and created_at alone; LOOKUP_ABSENT if there is none.
 * In the arena. */
enum lookup_result store_last_message(struct store *s, struct str session_id,
                                      struct timestamp_range range, struct message *out,
                                      struct err *e);

/* The whole message that comes before a timestamp; LOOKUP_ABSENT if there is none. In the arena. */
enum lookup_result store_message_before(struct store *s, struct str session_id, int64_t timestamp,
                                        struct message *out, struct err *e);

/* The greatest timestamp in the session's partition, if it is beyond *last. */
int store_last_timestamp(struct store *s, struct str session_id, int64_t *last, struct err *e);

/* ---- idempotency (store/idempotency.c) ---- */

/* The marker's sort key in the messages table: minus the first 120 bits of SHA-256 of the key, in
 * decimal. In the arena. */
struct str store_marker_timestamp(struct store *s, struct str key);
/* The marker's sort key in the sessions table, "!create#" and the SHA-256 in hex. In the arena. */
struct str store_marker_session(struct store *s, struct str key);
/* The payload's fingerprint as markers keep it. In the arena. */
struct str store_fingerprint(struct store *s, const struct idempotency *idempotency);

/* ---- partitions (store/partition.c) ---- */

/* Deletes all items of a session in the messages table, the owner item last. Counts messages. */
int store_partition_delete(struct store *s, struct str session_id, int64_t *deleted_messages,
                           struct err *e);

#endif
