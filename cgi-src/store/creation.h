/*
 * What the files share that create sessions: creation.c (what is to be created), session_create.c
 * (the first transaction, which is the only one for most) and session_build.c (the rest of a long
 * history).
 */
#ifndef STORE_CREATION_H
#define STORE_CREATION_H

#include "store/history.h"
#include "store/internal.h"

/* A transaction has 100 actions: messages, and the items of session, owner and marker. */
#define HISTORY_BATCH_MAX 97

/*
 * What the messages of one transaction have together at most, as DynamoDB counts them. Far below
 * its 4 MB: in JSON each byte may become six, and the call must fit into its buffer.
 */
#define HISTORY_BATCH_BYTES (1024 * 1024)

/* One creation on its way. */
struct creation {
    const struct session_new *wanted;
    bool is_long;        /* its history takes more than one transaction */
    int64_t created_us;  /* what the times of the history begin with */
    struct session *out; /* as it is when it is created */
    struct str gone;     /* a session that the key's marker may still name, or STR_NONE */
    int64_t built_until; /* of a build: the timestamp of the last message that is there; 0 */
};

/* What became of an attempt; CREATION_FAILED with e. */
enum creation_end {
    CREATION_FAILED = -1,
    CREATED,
    CREATED_BEFORE,     /* under the same key: out is as it was then */
    CREATION_AGAIN,     /* with what was learnt */
    CREATION_UNFINISHED /* there is a build, which out and built_until tell of */
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

/* Adds messages of the history from the walk's place, as many as fit into one transaction, and
 * moves the walk behind them. */
void creation_put_messages(struct transaction *t, const struct creation *c,
                           struct history_walk *walk);

/* ---- builds (store/session_build.c) ---- */

/* Writes what is missing of a build, and reveals it. */
enum creation_end creation_finish_build(struct store *s, struct creation *c, struct err *e);

/* The sort key of a build's item, in the arena; and the id of the session that it is. */
struct str store_build_key(struct store *s, struct str session_id);
struct str store_build_session(struct str sort_key);

#endif
