/*
 * What the service does with sessions and messages. Only this layer knows tables, keys and
 * expressions. Every write is a transaction with a ClientRequestToken, or a delete that may be
 * repeated. Results are views into the store's arena and live until that is reset.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "aws/dynamo.h"
#include "base/arena.h"
#include "base/buf.h"
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

/* Sets another deadline for all calls of this request (monotonic clock, microseconds). */
void store_set_deadline(struct store *s, int64_t deadline_us);

/* An Idempotency-Key and the fingerprint of what was asked for. The key is STR_NONE if the caller
 * sent none. */
struct idempotency {
    struct str key;
    unsigned char fingerprint[32]; /* SHA-256 of the payload */
};

/* The key of a session in its table. */
struct session_key {
    struct str user_id;
    struct str session_id;
};

/* The session that a write is about, and the versions that it may have (If-Match). */
struct session_target {
    struct session_key key;
    struct versions if_match;
};

/* How a write ended that may have an Idempotency-Key. STORE_REPLAYED: the same was written before
 * under this key, and what is returned is as it was then. STORE_WRITE_FAILED with e. */
enum store_write { STORE_WRITE_FAILED = -1, STORE_WRITTEN, STORE_REPLAYED };

/* ---- sessions ---- */

struct message_new {
    struct str message_id; /* STR_NONE: one is made */
    struct str role;
    struct str content;
    struct str content_type; /* as in struct message */
    struct str metadata;     /* STR_NONE: none */
};

/* A message of a history. Timestamps are above 0 and increase strictly. */
struct history_message {
    struct message_new message;
    int64_t timestamp; /* milliseconds; 0: the next one after the message before it */
};

#define STORE_HISTORY_MAX 10000

/* The messages that a session is created with. */
struct history {
    const struct history_message *messages;
    size_t count; /* 0 to STORE_HISTORY_MAX */
};

struct session_new {
    /* user_id, and the fields that the client sets; everything else is 0. A title that is STR_NONE
     * becomes "Chat Session 2026-11-23 08:30". */
    struct session fields;
    /* Microseconds since the epoch; 0: the time of the history's first message, or now. It is also
     * the time of a first message that has none of its own. */
    int64_t created_us;
    struct history history;
    struct idempotency idempotency;
};

/*
 * Creates a session with its history, or nothing. A long history takes many calls, and until the
 * last one nobody sees the session. If they are cut off, the same request under the same key
 * continues where they ended; without a key nothing does, and store_build_delete removes what is
 * left. ERR_SESSION_NOT_FOUND: the user was erased meanwhile, and the session with them.
 */
enum store_write store_session_create(struct store *s, const struct session_new *wanted,
                                      struct session *out, struct err *e);

/*
 * A session that is being built has an item of its own in the sessions table, whose sort key is
 * "!build#" and the session's id, with created_session_id and building_at (when it was begun).
 */
bool store_is_build(struct str sort_key);

/* Deletes a build that nobody has finished. BUILD_IS_SESSION: it is finished, and nothing was done.
 * key: the key of its item. If it is cut off, calling it again finishes it. */
enum build_end { BUILD_DELETE_FAILED = -1, BUILD_DELETED, BUILD_IS_SESSION };
enum build_end store_build_delete(struct store *s, const struct session_key *key, struct err *e);

int store_session_get(struct store *s, const struct session_key *key, struct session *out,
                      struct err *e);

/*
 * A change of a session. Each changes the version; which ones move updated_at, the table of fields
 * says (effect in store/item_table.h), and a change of nothing does. The sets of fields are made of
 * session_field_bit; no field is in both.
 */
struct session_changes {
    struct session fields; /* the new values; of other fields 0 */
    uint32_t given;        /* these get the new value; STR_NONE, "[]" and false: none */
    uint32_t patched;      /* the new value is merged into the old one of these (RFC 7396) */
};

/* *out is the session as it is afterwards. On ERR_PRECONDITION_FAILED out->version is the current
 * version. */
int store_session_update(struct store *s, const struct session_target *target,
                         const struct session_changes *changes, struct session *out, struct err *e);

/* Deletes every item of the session, and adds its messages to *deleted_messages. If it is cut off,
 * calling it again finishes it. */
int store_session_delete(struct store *s, const struct session_target *target, struct session *out,
                         int64_t *deleted_messages, struct err *e);

/* Deletes every session of a user. If it is cut off, calling it again continues. */
int store_user_erase(struct store *s, struct str user_id, int64_t *deleted_sessions,
                     int64_t *deleted_messages, struct err *e);

enum session_order { SESSIONS_BY_ACTIVITY, SESSIONS_BY_CREATION };

enum wanted_flag { FLAG_ANY, FLAG_SET, FLAG_NOT_SET };

/* Which sessions are shown: those for which all of this holds. All sessions if it is zeroed. */
struct session_filter {
    enum wanted_flag archived;
    enum wanted_flag pinned;
    struct str tag;  /* one of the session's tags, exactly; STR_NONE: any or none */
    struct str text; /* in the title or in the preview, folded (base/fold.h); STR_NONE: any */
};

struct session_query {
    struct str user_id;
    enum session_order order;
    int64_t limit;
    struct str cursor; /* STR_NONE for the first page */
    struct session_filter filter;
};

/* What a visitor did with an item. VISIT_FULL: the item does not fit into the page, nothing of it
 * was taken, and the page ends before it. Never for a page's first item. */
enum visit { VISIT_TAKEN, VISIT_FULL };

/* Called for each session in order. Its strings live until the function returns. */
struct session_visitor {
    enum visit (*visit)(void *context, const struct session *session);
    void *context;
};

struct session_page {
    struct str next_cursor; /* opaque bytes, in the arena; STR_NONE at the end */
};

/* A page has as many sessions as the limit says, or it is the last one. ERR_INVALID_CURSOR if the
 * cursor does not belong to this order. */
int store_sessions_list(struct store *s, const struct session_query *query,
                        const struct session_visitor *visitor, struct session_page *out,
                        struct err *e);

/* ---- export (store/export.c) ---- */

/* Where the lines of an export go. lines is empty at first. flush is called whenever there are 64
 * KB: it takes what is in lines and leaves it empty; -1 with e ends the export. goes_on (may be
 * NULL) is called before each call to DynamoDB and after each message, and tells that the export is
 * not stuck. */
struct export_sink {
    struct buf *lines;
    int (*flush)(void *context, struct err *e);
    void (*goes_on)(void *context);
    void *context;
};

struct export_counts {
    int64_t sessions;
    int64_t messages;
};

/*
 * Exports every session of a user in the order of creation, each followed by its messages in order,
 * as lines of JSON. The last line is "end" with the counts; it stays in lines with what came after
 * the last flush. A session that is deleted meanwhile is left out, or has fewer messages than it
 * had. Each call may take 30 s; an export as a whole has no deadline.
 */
int store_user_export(struct store *s, struct str user_id, const struct export_sink *sink,
                      struct export_counts *out, struct err *e);

/* ---- purge (store/purge.c) ---- */

struct purge_query {
    int64_t before_us; /* sessions that were last active before that time */
    bool archived;     /* only those that are archived */
};

enum purge_find {
    PURGE_NOTHING, /* the item stays, and the visitor is not called */
    PURGE_SESSION,
    PURGE_DELETE, /* a session whose delete was begun a day ago or more */
    PURGE_BUILD   /* a session whose build was begun a day ago or more, and that nobody sees */
};

/* The functions are called until one returns -1, which ends the walk. The strings of the item live
 * until find returns. */
struct purge_visitor {
    int (*find)(void *context, enum purge_find what, const struct purge_item *item, struct err *e);
    int (*page)(void *context, struct err *e); /* after each page of 1 MB */
    void *context;
};

/*
 * Walks through the whole sessions table once and hands over what is to be purged. It changes
 * nothing. Each call may take 30 s; the walk as a whole has no deadline. Its memory is bounded.
 */
int store_purge_walk(struct store *s, const struct purge_query *query,
                     const struct purge_visitor *visitor, struct err *e);

/* Deletes what was found, by the protocol of a delete, and adds its messages to *deleted_messages.
 * A session is deleted only if it has not changed since; PURGE_KEPT if it has, or if it is gone. */
enum purge_end { PURGE_FAILED = -1, PURGED, PURGE_KEPT };
enum purge_end store_purge(struct store *s, enum purge_find what, const struct purge_item *item,
                           int64_t *deleted_messages, struct err *e);

/* ---- messages ---- */

/*
 * A hint is the owner whom the caller names or is; STR_NONE if that is unknown. If the session has
 * another owner, there is no such session for this caller.
 */

#define STORE_APPEND_MAX 50

struct append_new {
    struct str session_id;
    struct str hint;
    const struct message_new *messages;
    size_t count; /* 1 to STORE_APPEND_MAX */
    struct idempotency idempotency;
};

/* Appends all or none, in order. out has room for count. */
enum store_write store_messages_append(struct store *s, const struct append_new *wanted,
                                       struct message *out, struct err *e);

struct message_query {
    struct str session_id;
    struct str hint;
    bool descending;
    int64_t after;  /* exclusive; 0 from the beginning */
    int64_t before; /* exclusive; INT64_MAX to the end */
    int64_t limit;
    struct str text; /* in the content, folded (base/fold.h); STR_NONE: all messages */
};

/* Called for each message in order; the views die when it returns. */
struct message_visitor {
    enum visit (*visit)(void *context, const struct message *m);
    void *context;
};

struct message_page {
    bool more;    /* there are more messages; in a search, there may be more */
    int64_t last; /* the timestamp of the last message that was looked at */
};

/* How many pages of DynamoDB, of 1 MB at most, one call reads in a search. After them it ends with
 * what it has found, even with nothing. */
#define STORE_SEARCH_PAGES 4

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
    struct str content;      /* STR_NONE: stays */
    struct str content_type; /* with content; as in struct message */
    bool has_metadata;
    struct str metadata; /* with has_metadata; STR_NONE: cleared */
};

/* ERR_INVALID_PARAMETER if the message would have neither content nor metadata. */
int store_message_update(struct store *s, const struct message_key *key,
                         const struct message_changes *changes, struct message *out, struct err *e);
int store_message_delete(struct store *s, const struct message_key *key, struct err *e);

/* ---- tables ---- */

/* Describes both tables, creates those that are missing, and waits until they are ACTIVE. Logs each
 * step. */
int store_tables_ensure(struct store *s, struct err *e);

/*
 * Protects both tables, which must exist, against deletion, and keeps their changes of the last 35
 * days (point-in-time recovery). Waits while a table is busy, until the deadline. Logs each step. A
 * protection that is there already stays. The first failure ends it: ERR_DYNAMODB_DENIED if the
 * credentials do not permit it.
 */
int store_tables_protect(struct store *s, struct err *e);

/* Checks that both tables answer. -1 with e, which names the table that does not. */
int store_tables_ready(struct store *s, struct err *e);

/* ---- examining the tables (store/tables_check.c), for `check`; nothing is changed ---- */

const char *store_table_name(const struct store *s, enum store_table which); /* borrowed */

enum table_finding {
    TABLE_IS_READY,
    TABLE_IS_NOT_READY, /* being created or deleted, or archived: see status */
    TABLE_HAS_OTHER_KEYS,
    TABLE_IS_ABSENT,
    TABLE_IS_UNSEEN /* DescribeTable was refused: see said */
};

/* What DescribeTable says. The strings are in the arena; STR_NONE if it does not say that. */
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
 * condition that does not hold. CREATE_TABLE only for a table that exists, since it would create it
 * otherwise. Not for TRANSACT_WRITE_ITEMS, which has no permission of its own. -1 with e only if
 * DynamoDB did not answer.
 */
int store_table_probe(struct store *s, enum store_table which, enum dynamo_operation operation,
                      struct table_probe *out, struct err *e);

#endif
