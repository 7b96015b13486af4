/*
 * Shared by the files that create sessions: creation.c says what is to be created, session_create.c
 * makes the first transaction, which is the only one for most sessions, and session_build.c writes
 * the rest of a long history.
 */
#ifndef STORE_CREATION_H
#define STORE_CREATION_H

#include "store/history.h"
#include "store/internal.h"

/* A transaction has 100 actions: messages, and the items of session, owner and marker. */
#define HISTORY_BATCH_MAX 97

/*
 * How large the messages of one transaction may be together, as DynamoDB counts them. This is far
 * below its 4 MB: in JSON each byte may become six, and the call must fit into its buffer.
 */
#define HISTORY_BATCH_BYTES (1024 * 1024)

/* A creation under way. */
struct creation {
    const struct session_new *wanted;
    bool is_long;        /* its history takes more than one transaction */
    int64_t created_us;  /* the time at which the history begins */
    struct session *out; /* the session as it is when it is created */
    struct str gone;     /* a session that is gone but that the marker may name, or STR_NONE */
    int64_t built_until; /* of a build: the timestamp of the last message that is written; 0 if none
                            is */
};

/* How an attempt ended. CREATION_FAILED with e. */
enum creation_end {
    CREATION_FAILED = -1,
    CREATED,
    CREATED_BEFORE,     /* it was created before under the same key: out is as it was then */
    CREATION_AGAIN,     /* try again with what the answer told */
    CREATION_UNFINISHED /* a build is begun, which out and built_until describe */
};

/* ---- what is to be created (store/creation.c) ---- */

/* Says in c->out what the session will be. The new one's id begins with the time of its creation,
 * so that ids sort by it. */
void creation_describe(struct store *s, struct creation *c, struct str session_id,
                       int64_t created_us);
void creation_describe_new(struct store *s, struct creation *c);

/* The time of a history's first message if that has none of its own, in milliseconds. */
int64_t creation_first_ms(const struct creation *c);

/* ERR_ITEM_TOO_LARGE if a message is; else finds out whether the history is long. */
int creation_check_history(struct store *s, struct creation *c, struct err *e);

/* Adds as many messages of the history as fit into one transaction, beginning where the walk is,
 * and moves the walk behind them. */
void creation_put_messages(struct transaction *t, const struct creation *c,
                           struct history_walk *walk);

/* ---- builds (store/session_build.c) ---- */

/* Writes what is missing of a build, and reveals it. */
enum creation_end creation_finish_build(struct store *s, struct creation *c, struct err *e);

/* The sort key of a build's item, in the arena. */
struct str store_build_key(struct store *s, struct str session_id);
/* The id of the session that is being built, as a view of the sort key of the build's item. */
struct str store_build_session(struct str sort_key);

#endif
