/*
 * What the files of store/ share: the structs behind store.h, calls with the errors that any
 * operation may meet, and the building of transactions.
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

/* A list's page ends before its JSON passes this, whatever its limit. */
#define STORE_PAGE_MAX_BYTES (4 * 1024 * 1024)

struct store_shared {
    char *sessions_table;
    char *messages_table;
    bool consistent;
    const struct clock *clock; /* borrowed */
    struct owner_cache *owners;
    struct gate *gate;
    _Atomic bool batch_write_denied; /* the policy lacks BatchWriteItem: do not ask again */
};

struct store {
    struct store_shared *shared;
    struct dynamo *dynamo; /* borrowed */
    struct arena *arena;   /* borrowed */
    struct buf body;       /* of the call being made */
    struct json_writer w;  /* writes to body */
};

int64_t store_now_us(const struct store *s);
struct str store_time(struct store *s, int64_t wall_us); /* RFC 3339, in the arena */

/* Sleeps, unless that would last until the deadline or beyond: then false, at once. */
bool store_pause(struct store *s, int64_t us);

/* Starts the body of a call: {"ReturnConsumedCapacity":"TOTAL" */
void store_begin_body(struct store *s);
/* That, and its "TableName". */
void store_begin_call(struct store *s, const char *table);

/* A set of outcomes besides DYNAMO_OK that the caller deals with itself. */
#define STORE_EXPECT(outcome) (1u << (outcome))

/*
 * Closes the body and sends it. 0 with the answer (OK or expected); -1 with e otherwise. The answer
 * is freed by the caller in either case.
 */
int store_end_call(struct store *s, enum dynamo_operation operation, unsigned expected,
                   struct dynamo_answer *answer, struct err *e);

/* "Key":{…} of each table. */
void store_key_session(struct store *s, struct str user_id, struct str session_id);
void store_key_message(struct store *s, struct str session_id, int64_t timestamp);

/* True for a sort key that can be a session's: not a helper's, not over DynamoDB's limit. */
bool store_is_session_id(struct str session_id);

/* Reads one item by the key written last; *item borrowed from the answer, NULL if there is none. */
int store_get_item(struct store *s, bool consistent, struct dynamo_answer *answer,
                   struct json_object **item, struct err *e);

/* How many elements an array of an answer has; 0 if it is absent or no array. */
size_t store_array_length(struct json_object *array);

/* ---- transactions: begin, for each action begin/end, commit ---- */

/* A new ClientRequestToken, so each attempt at new bytes is an action of its own. */
void store_transaction_begin(struct store *s);
/* verb: "Put", "Update", "Delete", "ConditionCheck". Opens the action's object with its table. */
void store_action_begin(struct store *s, const char *verb, const char *table);
/* condition: its expression or NULL. With ALL_OLD of a failed condition if wanted. */
void store_action_end(struct store *s, const char *condition, bool return_old);

/*
 * 0: committed; 1: canceled by a condition (ask store_reason_* by the action's index); -1 with e.
 * The answer is freed by the caller in every case.
 */
int store_transaction_commit(struct store *s, struct dynamo_answer *answer, struct err *e);
bool store_reason_is_condition(const struct dynamo_answer *answer, size_t action);
/* The item that made the condition fail, NULL if there was none. Borrowed. */
struct json_object *store_reason_item(const struct dynamo_answer *answer, size_t action);

/* ---- errors said alike everywhere ---- */
int store_session_not_found(struct err *e);
int store_message_not_found(struct err *e);
/* After a write that went through: e, from reading again, becomes what the caller should know. */
int store_changed_unseen(struct err *e);
int store_key_reused(struct err *e); /* an Idempotency-Key */
int store_check_size(size_t size, const char *what, struct err *e);

/* ---- sessions (store/session.c) ---- */

/* As store_session_get, but a session that is being deleted is read, too. */
int store_session_read(struct store *s, const struct session_key *key, bool consistent,
                       struct session *out, struct err *e);

/* Copies what the session's views point to into the arena. */
void store_session_keep(struct store *s, struct session *session);

/* If-Match: checked against what was read, then made a condition of the write. */
int store_check_version(const struct versions *if_match, int64_t version, struct err *e);
const char *store_version_condition(const struct versions *if_match, int64_t version);
void store_put_version(struct store *s, const struct versions *if_match, int64_t version);

/* ---- owners ---- */

struct owner {
    struct str user_id;
    int64_t last_timestamp; /* the last one known; 0 if none is */
    bool has_item; /* false: an earlier backend's session; the item is written by the next append */
};

/*
 * Finds the owner of a session. Without an owner item the hint serves, see store_owner_from_hint.
 * verify: it is not taken from the cache, since a delete may have begun elsewhere, and a hint is
 * looked up; else the caller's transaction checks both. ERR_SESSION_NOT_FOUND.
 */
int store_owner_find(struct store *s, struct str session_id, struct str hint, bool verify,
                     struct owner *out, struct err *e);

/* The steps of it. Reads the owner item; out->has_item is false if there is none. */
int store_owner_get(struct store *s, struct str session_id, struct str hint, struct owner *out,
                    struct err *e);
/* What an owner item says: ERR_SESSION_NOT_FOUND if a delete has begun or it is not the hint's. */
int store_owner_check(struct store *s, struct str session_id, struct json_object *item,
                      struct str hint, struct owner *out, struct err *e);
/* The hint as the owner; verify: only if that user has the session (else the caller's transaction
 * checks it). */
int store_owner_from_hint(struct store *s, struct str session_id, struct str hint, bool verify,
                          struct owner *out, struct err *e);

/* An action of a transaction that puts the owner item if there is none; with ALL_OLD. */
void store_put_owner(struct store *s, struct str session_id, struct str user_id);

/* ---- messages ---- */

/* Sort keys of the messages table, both ends included. */
struct timestamp_range {
    int64_t low;
    int64_t high;
};

/* Writes a Query over a range of a session's partition; the caller may add to it and ends it. */
void store_messages_query(struct store *s, struct str session_id, struct timestamp_range range,
                          bool forward, int64_t limit);

/* The last message of a range, its timestamp and created_at alone, as DynamoDB's item; NULL if
 * there is none. The item is the answer's, which the caller frees. */
int store_last_message(struct store *s, struct str session_id, struct timestamp_range range,
                       struct dynamo_answer *answer, struct json_object **item, struct err *e);

/* The greatest timestamp in the session's partition, if it is beyond *last. */
int store_last_timestamp(struct store *s, struct str session_id, int64_t *last, struct err *e);

/* ---- idempotency (store/idempotency.c) ---- */

/* The marker's sort key in the messages table: minus the first 120 bits of SHA-256 of the key.
 * Decimal. */
void store_marker_timestamp(struct str key, char out[48]);
/* The marker's sort key in the sessions table, "!create#" and the SHA-256 in hex. In the arena. */
struct str store_marker_session(struct store *s, struct str key);
/* 0 if the marker's fingerprint is the payload's, else -1 with ERR_IDEMPOTENCY_KEY_REUSED. */
int store_marker_check(struct store *s, struct json_object *marker,
                       const struct idempotency *idempotency, struct err *e);
void store_marker_put_fingerprint(struct store *s, const struct idempotency *idempotency);

/* ---- partitions (store/partition.c) ---- */

/* Deletes all items of a session in the messages table, the owner item last. Counts messages. */
int store_partition_delete(struct store *s, struct str session_id, int64_t *deleted_messages,
                           struct err *e);

#endif
