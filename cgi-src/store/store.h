/*
 * What the service does with sessions and messages: the only layer that knows tables, keys and
 * expressions. Every write is a transaction with a ClientRequestToken, or a delete that may be
 * repeated. Results are views into the store's arena and live until it is reset.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "aws/dynamo.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/versions.h"
#include "store/item.h"

/* What the threads of a process share: table names, the cache of owners. */
struct store_shared;
struct store_shared *store_shared_new(const struct config *config, const struct clock *clock);
void store_shared_free(struct store_shared *shared);

/* One thread's store. dynamo and arena are borrowed. */
struct store;
struct store *store_new(struct store_shared *shared, struct dynamo *dynamo, struct arena *arena);
void store_free(struct store *s);

/* An Idempotency-Key and what was asked for under it. The key is absent if the caller sent none. */
struct idempotency {
    struct str key;
    unsigned char fingerprint[32]; /* SHA-256 of the payload */
};

/* ---- sessions ---- */

struct session_new {
    struct str user_id;
    struct str title;    /* STR_NONE: "Chat Session 2026-11-23 08:30" */
    struct str metadata; /* STR_NONE: none */
    struct idempotency idempotency;
};

/* *replayed: it had been created before under the same key; *out is as it was then. */
int store_session_create(struct store *s, const struct session_new *wanted, struct session *out,
                         bool *replayed, struct err *e);

/* The key of a session in its table. */
struct session_key {
    struct str user_id;
    struct str session_id;
};

int store_session_get(struct store *s, const struct session_key *key, struct session *out,
                      struct err *e);

struct session_changes {
    struct str title; /* STR_NONE: stays */
    bool has_metadata;
    struct str metadata; /* with has_metadata; STR_NONE: cleared */
};

/*
 * The session as it is afterwards. if_match: on ERR_PRECONDITION_FAILED out->version is the
 * current one.
 */
int store_session_update(struct store *s, const struct session_key *key,
                         const struct session_changes *changes, const struct versions *if_match,
                         struct session *out, struct err *e);

/* Removes every item of the session, adding its messages to *deleted_messages. Cut off, it is
 * finished by calling it again. */
int store_session_delete(struct store *s, const struct session_key *key,
                         const struct versions *if_match, struct session *out,
                         int64_t *deleted_messages, struct err *e);

/* Deletes every session of a user. Resumable likewise. */
int store_user_erase(struct store *s, struct str user_id, int64_t *deleted_sessions,
                     int64_t *deleted_messages, struct err *e);

enum session_order { SESSIONS_BY_ACTIVITY, SESSIONS_BY_CREATION };

struct session_query {
    struct str user_id;
    enum session_order order;
    int64_t limit;
    struct str cursor; /* STR_NONE for the first page */
};

/* What became of an item that a list has come to. VISIT_FULL: it does not fit into the page any
 * more, and nothing of it was taken: the page ends before it. Not for a page's first item. */
enum visit { VISIT_TAKEN, VISIT_FULL };

/* Called for each session in order; the views die when it returns. */
struct session_visitor {
    enum visit (*visit)(void *context, const struct session *session);
    void *context;
};

struct session_page {
    struct str next_cursor; /* opaque bytes, in the arena; STR_NONE at the end */
};

/* ERR_INVALID_CURSOR if the cursor is not one of this order. */
int store_sessions_list(struct store *s, const struct session_query *query,
                        const struct session_visitor *visitor, struct session_page *out,
                        struct err *e);

/* ---- messages ---- */

/*
 * A hint is the owner that the caller named or is, STR_NONE if it is unknown. If it is another one
 * than the session's, there is no such session.
 */

struct message_new {
    struct str message_id; /* STR_NONE: one is made */
    struct str role;
    struct str content;
    struct str metadata; /* STR_NONE: none */
};

#define STORE_APPEND_MAX 50

struct append_new {
    struct str session_id;
    struct str hint;
    const struct message_new *messages;
    size_t count; /* 1 to STORE_APPEND_MAX */
    struct idempotency idempotency;
};

/* Appends all or none, in order. out has room for count. *replayed: as with a session. */
int store_messages_append(struct store *s, const struct append_new *wanted, struct message *out,
                          bool *replayed, struct err *e);

struct message_query {
    struct str session_id;
    struct str hint;
    bool descending;
    int64_t after;  /* exclusive; 0 from the beginning */
    int64_t before; /* exclusive; INT64_MAX to the end */
    int64_t limit;
};

/* Called for each message in order; the views die when it returns. */
struct message_visitor {
    enum visit (*visit)(void *context, const struct message *m);
    void *context;
};

struct message_page {
    bool more;    /* there are messages beyond */
    int64_t last; /* timestamp of the last one visited */
};

int store_messages_list(struct store *s, const struct message_query *query,
                        const struct message_visitor *visitor, struct message_page *out,
                        struct err *e);

struct message_key {
    struct str session_id;
    struct str hint;
    int64_t timestamp;
};

int store_message_get(struct store *s, const struct message_key *key, struct message *out,
                      struct err *e);

struct message_changes {
    struct str content; /* STR_NONE: stays */
    bool has_metadata;
    struct str metadata; /* with has_metadata; STR_NONE: cleared */
};

int store_message_update(struct store *s, const struct message_key *key,
                         const struct message_changes *changes, struct message *out, struct err *e);
int store_message_delete(struct store *s, const struct message_key *key, struct err *e);

/* ---- tables ---- */

/* Describes both tables, creates what is missing, waits until they are ACTIVE; logs each step. */
int store_tables_ensure(struct store *s, struct err *e);

/*
 * Protects both tables, which must be there, against deletion, and keeps their changes of the last
 * 35 days (point-in-time recovery); waits where a table is busy, until the deadline; logs each
 * step. What is protected already stays so. The first that fails ends it: ERR_DYNAMODB_DENIED if
 * the credentials do not permit it.
 */
int store_tables_protect(struct store *s, struct err *e);

/* Both tables answer: 0, or -1 with e naming the one that does not. */
int store_tables_ready(struct store *s, struct err *e);

/* ---- looking the tables over (store/tables_check.c), for `check`; nothing is changed ---- */

const char *store_table_name(const struct store *s, enum store_table which); /* borrowed */

enum table_finding {
    TABLE_IS_READY,
    TABLE_IS_NOT_READY, /* being made or deleted, or archived: see status */
    TABLE_HAS_OTHER_KEYS,
    TABLE_IS_ABSENT,
    TABLE_IS_UNSEEN /* DescribeTable was refused: see said */
};

/* What DescribeTable tells. The strings are in the arena; STR_NONE where nothing was told. */
struct table_description {
    enum table_finding finding;
    struct str status;
    struct str keys;
    struct str wanted_keys;
    struct str said;
};

/* -1 with e only if DynamoDB did not answer. */
int store_table_describe(struct store *s, enum store_table which, struct table_description *out,
                         struct err *e);

enum probe_finding {
    PROBE_PERMITTED,
    PROBE_DENIED,
    PROBE_NO_TABLE, /* not denied, but there is no table to do it on */
    PROBE_REFUSED   /* for another reason: see said */
};

struct table_probe {
    enum probe_finding finding;
    struct str said; /* DynamoDB's own words; in the arena */
};

/*
 * Tries an operation in a way that cannot change anything: on an item that is not there, under a
 * condition that does not hold. CREATE_TABLE only for a table that is there: it would make it. Not
 * for TRANSACT_WRITE_ITEMS, which has no permission of its own. -1 with e only if DynamoDB did not
 * answer.
 */
int store_table_probe(struct store *s, enum store_table which, enum dynamo_operation operation,
                      struct table_probe *out, struct err *e);

#endif
