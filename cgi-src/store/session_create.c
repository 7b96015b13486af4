/*
 * Creates a session. One transaction puts its item, its owner item, the marker of its key and the
 * messages of its history. A history that is too long for one transaction is built step by step:
 * the first one puts the owner item with a mark that the session is being built, so that nobody
 * sees it, and the item of the build in the place of the session's; session_build.c does the rest.
 */
#include "store/creation.h"

/* ---- 1. the first transaction ---------------------------------------------------------------- */

/* An earlier marker may be replaced if it names a session that is gone; see creation_replay. */
static size_t creation_put_marker(struct transaction *t, const struct creation *c)
{
    const struct create_marker marker = {
        .user_id = c->out->user_id,
        .session_id = c->out->create_marker,
        .fingerprint = store_fingerprint(t->store, &c->wanted->idempotency),
        .created_session_id = c->out->session_id,
        .created_at = c->out->created_at,
    };

    if (!str_is_present(c->gone))
        return transaction_put(t, &item_create_marker, &marker, STR(IS_NEW RETURN_OLD), NO_VALUES);
    return transaction_put(
        t, &item_create_marker, &marker,
        STR(CONDITION("attribute_not_exists(session_id) OR created_session_id = :gone") RETURN_OLD),
        VALUES(STRING_VALUE(":gone", c->gone)));
}

static void creation_put_session(struct transaction *t, const struct creation *c)
{
    struct history_walk walk = history_begin(&c->wanted->history, creation_first_ms(c));

    transaction_put(t, &item_session, c->out, STR(IS_NEW), NO_VALUES);
    store_put_owner(t, c->out->session_id, c->out->user_id);
    creation_put_messages(t, c, &walk);
}

static void creation_put_build(struct transaction *t, const struct creation *c)
{
    struct str now = store_time(t->store, store_now_us(t->store));
    const struct build build = {
        .user_id = c->out->user_id,
        .session_id = store_build_key(t->store, c->out->session_id),
        .created_session_id = c->out->session_id,
        .create_marker = c->out->create_marker,
        .building_at = now,
    };
    const struct owner_item owner = {
        .session_id = c->out->session_id,
        .timestamp = TIMESTAMP_OWNER,
        .user_id = c->out->user_id,
        .building_at = now,
    };

    transaction_put(t, &item_build, &build, STR(IS_NEW), NO_VALUES);
    transaction_put(t, &item_owner, &owner, STR(IS_NEW), NO_VALUES);
}

/* Returns the index of the marker's action. Without a key there is none; then the index is that of
 * no action. */
static size_t creation_write_first(struct store *s, struct transaction *t, const struct creation *c)
{
    transaction_begin(s, t);
    if (c->is_long)
        creation_put_build(t, c);
    else
        creation_put_session(t, c);
    return str_is_present(c->out->create_marker) ? creation_put_marker(t, c) : t->actions;
}

/* ---- 2. where the key was used before -------------------------------------------------------- */

/* What has become of the session that a marker names. NAMED_HAS_NO_ITEM: there is no session item,
 * so it is being built or is gone. */
enum named_session {
    NAMED_UNKNOWN = -1,
    NAMED_LIVES,
    NAMED_IS_BUILT,
    NAMED_IS_GONE,
    NAMED_HAS_NO_ITEM
};

static enum named_session named_read_session(struct store *s, const struct session_key *key,
                                             struct err *e)
{
    struct session now;

    if (store_session_read(s, key, CONSISTENT, &now, e) == 0)
        return now.deleted ? NAMED_IS_GONE : NAMED_LIVES;
    if (e->code != ERR_SESSION_NOT_FOUND)
        return NAMED_UNKNOWN;
    e->code = ERR_NONE;
    return NAMED_HAS_NO_ITEM;
}

/* Reads a session again whose build seems to be finished. If it still has no item, it is gone. */
static enum named_session named_read_session_again(struct store *s, const struct session_key *key,
                                                   struct err *e)
{
    enum named_session named = named_read_session(s, key, e);

    return named == NAMED_HAS_NO_ITEM ? NAMED_IS_GONE : named;
}

/*
 * If there is no session item, the owner item says whether the session is being built. If it says
 * neither that nor that the session is gone, the build was finished between the two reads.
 */
static enum named_session named_read(struct store *s, const struct session_key *key,
                                     int64_t *built_until, struct err *e)
{
    const struct lookup lookup = {.key = store_message_key(key->session_id, TIMESTAMP_OWNER),
                                  .kind = &item_owner,
                                  .consistency = CONSISTENT};
    struct owner_item owner;
    enum named_session named = named_read_session(s, key, e);

    if (named != NAMED_HAS_NO_ITEM)
        return named;
    switch (store_lookup(s, &lookup, &owner, e)) {
    case LOOKUP_ABSENT:
        return NAMED_IS_GONE;
    case LOOKUP_FOUND:
        *built_until = owner.built_until;
        if (owner.deleted)
            return NAMED_IS_GONE;
        return str_is_present(owner.building_at) ? NAMED_IS_BUILT
                                                 : named_read_session_again(s, key, e);
    default:
        return NAMED_UNKNOWN;
    }
}

/*
 * Makes the first answer again from the marker and from what was asked for. But a key holds only as
 * long as its session. CREATION_AGAIN: the session is gone or is being deleted, and the marker may
 * be replaced.
 */
static enum creation_end creation_replay(struct store *s, struct creation *c,
                                         struct create_marker *marker, struct err *e)
{
    int64_t created_us = clock_parse_us(marker->created_at.p, marker->created_at.n);

    if (!store_is_session_id(marker->created_session_id) || created_us < 0 ||
        marker->created_at.n != CLOCK_TIME_SIZE - 1)
        return store_key_reused(e); /* a marker that this service has not written */
    item_keep(&item_create_marker, marker, s->arena);
    const struct session_key key = {c->wanted->fields.user_id, marker->created_session_id};
    enum named_session named = named_read(s, &key, &c->built_until, e);
    if (named == NAMED_UNKNOWN)
        return CREATION_FAILED;
    if (named == NAMED_IS_GONE) {
        c->gone = key.session_id;
        return CREATION_AGAIN;
    }
    if (!str_equals(marker->fingerprint, store_fingerprint(s, &c->wanted->idempotency)))
        return store_key_reused(e);
    creation_describe(s, c, key.session_id, created_us);
    return named == NAMED_LIVES ? CREATED_BEFORE : CREATION_UNFINISHED;
}

/* Finds out why the transaction was canceled. */
static enum creation_end creation_learn(struct store *s, struct creation *c, struct transaction *t,
                                        size_t marker_action, struct err *e)
{
    struct create_marker marker = {.user_id = STR_NONE};

    if (!transaction_stopped_by(t, marker_action))
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "DynamoDB says that the id of the new session is in use; try again");
    (void)transaction_read_item(t, marker_action, &item_create_marker, &marker);
    return creation_replay(s, c, &marker, e);
}

/* ---- 3. all together ------------------------------------------------------------------------- */

static enum creation_end creation_try(struct store *s, struct creation *c, struct err *e)
{
    enum creation_end r = CREATION_FAILED;
    struct transaction t;
    size_t marker_action = creation_write_first(s, &t, c);

    switch (transaction_commit(&t, e)) {
    case TRANSACTION_DONE:
        r = c->is_long ? CREATION_UNFINISHED : CREATED;
        break;
    case TRANSACTION_CANCELED:
        r = creation_learn(s, c, &t, marker_action, e);
        break;
    default:
        break;
    }
    transaction_free(&t);
    return r;
}

enum store_write store_session_create(struct store *s, const struct session_new *wanted,
                                      struct session *out, struct err *e)
{
    struct creation c = {.wanted = wanted, .out = out};
    enum creation_end r;

    creation_describe_new(s, &c);
    if (store_check_size(item_size(&item_session, out), "session", e) < 0 ||
        creation_check_history(s, &c, e) < 0)
        return STORE_WRITE_FAILED;
    do
        r = creation_try(s, &c, e);
    while (r == CREATION_AGAIN);
    if (r == CREATION_UNFINISHED)
        r = creation_finish_build(s, &c, e);
    if (r == CREATED)
        owner_cache_put(s->shared->owners, out->session_id, out->user_id, out->last_timestamp);
    if (r == CREATION_FAILED)
        return STORE_WRITE_FAILED;
    return r == CREATED_BEFORE ? STORE_REPLAYED : STORE_WRITTEN;
}
