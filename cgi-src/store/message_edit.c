/*
 * Reads, changes and deletes one message. In the same transaction a change moves the session's
 * version and updated_at, a delete its count too. If the message is the session's last one, both
 * renew the preview that the session keeps of it.
 *
 * Which message is the last one may change at any time. So the session is read first, and the
 * transaction succeeds only if what it relies on is still so:
 * - if another message than the last one is changed or deleted, it has not become the last one;
 * - if the last one is changed, it still is the last one;
 * - if the last one is deleted, the session still has the version that was read before the message
 *   in front of it was read. Appends, changes and deletes move the version, so that message is
 *   still there, as it was read.
 * If the transaction fails, its reason says what the session is like now, and the change is tried
 * again.
 */
#include "store/internal.h"
#include "store/preview.h"

static bool is_message_timestamp(int64_t timestamp)
{
    return timestamp > 0 && timestamp <= TIMESTAMP_MAX;
}

static int message_read(struct store *s, const struct message_key *key,
                        enum consistency consistency, struct message *out, struct err *e)
{
    const struct lookup lookup = {.key = store_message_key(key->session_id, key->timestamp),
                                  .kind = &item_message,
                                  .consistency = consistency};

    switch (store_lookup(s, &lookup, out, e)) {
    case LOOKUP_FOUND:
        out->timestamp = key->timestamp;
        return 0;
    case LOOKUP_ABSENT:
        return store_message_not_found(e);
    default:
        return -1;
    }
}

int store_message_get(struct store *s, const struct message_key *key, struct message *out,
                      struct err *e)
{
    const struct session_claim claim = {key->session_id, key->hint};
    struct owner owner;

    if (!store_is_session_id(key->session_id))
        return store_session_not_found(e);
    if (store_owner_get(s, &claim, &owner, e) < 0)
        return -1;
    if (!owner.has_item && str_is_present(key->hint) &&
        store_owner_from_hint(s, &claim, OWNER_VERIFIED, &owner, e) < 0)
        return -1;
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    int r = message_read(s, key, CONSISTENT_IF_SET, out, e);
    bool known = owner.has_item || str_is_present(key->hint);
    return r < 0 && e->code == ERR_MESSAGE_NOT_FOUND && !known ? store_session_not_found(e) : r;
}

/* A change or delete of a message under way; "edit" stands for both. */
struct message_edit {
    const struct message_key *key;
    struct key session;
    struct str now;
    /* of the session, as it was last read */
    int64_t last_shown;
    int64_t version;
};

static bool message_edit_is_of_last(const struct message_edit *c)
{
    return c->key->timestamp == c->last_shown;
}

/* Reads what the change relies on. */
static int message_edit_begin(struct store *s, struct message_edit *c, struct err *e)
{
    const struct message_key *key = c->key;
    const struct session_claim claim = {key->session_id, key->hint};
    struct session session = {0};
    struct owner owner;

    /* An owner from the cache may be wrong: reading the session verifies it. */
    if (store_owner_find(s, &claim, OWNER_BELIEVED, &owner, e) < 0)
        return -1;
    const struct session_key session_key = {owner.user_id, key->session_id};
    if (store_session_read(s, &session_key, CONSISTENT, &session, e) < 0)
        return -1;
    if (session.deleted)
        return store_session_not_found(e);
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    c->session = store_session_key(owner.user_id, key->session_id);
    c->now = store_time(s, store_now_us(s));
    c->last_shown = session.last_shown;
    c->version = session.version;
    return 0;
}

/* How an attempt ended. EDIT_FAILED with e. */
enum edit_end { EDIT_FAILED = -1, EDIT_DONE, EDIT_AGAIN };

/* The session's condition failed: finds out what the session is like now. If its item says nothing
 * new, the next attempt would fail in the same way, so this one is the last. */
static enum edit_end message_edit_learn(struct transaction *t, size_t action,
                                        struct message_edit *c, struct err *e)
{
    struct session now;

    if (!transaction_read_item(t, action, &item_session, &now) || now.deleted)
        return store_session_not_found(e);
    if (now.last_shown == c->last_shown && now.version == c->version)
        return store_unreadable(DYNAMO_TRANSACT_WRITE_ITEMS, e);
    c->last_shown = now.last_shown;
    c->version = now.version;
    return EDIT_AGAIN;
}

static enum edit_end message_edit_commit(struct transaction *t, size_t session_action,
                                         struct message_edit *c, struct err *e)
{
    enum edit_end r = EDIT_FAILED;

    switch (transaction_commit(t, e)) {
    case TRANSACTION_DONE:
        r = EDIT_DONE;
        break;
    case TRANSACTION_CANCELED:
        r = transaction_stopped_by(t, session_action) ? message_edit_learn(t, session_action, c, e)
                                                      : store_message_not_found(e);
        break;
    default:
        break;
    }
    transaction_free(t);
    return r;
}

#define IS_THERE CONDITION("attribute_exists(session_id)")
#define IS_NOT_LAST " AND (attribute_not_exists(last_shown) OR last_shown <> :timestamp)"
#define MOVE_VERSION " ADD version :one"
#define MOVE_COUNT " ADD version :one, message_count :minus"

/* ---- changing -------------------------------------------------------------------------------- */

/* Adds the session's part of a change. after: the message as it will be. */
static size_t message_edit_move_session(struct transaction *t, const struct message_edit *c,
                                        const struct message *after,
                                        const struct message_changes *changes)
{
    static const struct str any =
        STR_INIT(UPDATE("SET updated_at = :now" MOVE_VERSION) CONDITION(IS_LIVE) RETURN_OLD);
    static const struct str other = STR_INIT(UPDATE("SET updated_at = :now" MOVE_VERSION)
                                                 CONDITION(IS_LIVE IS_NOT_LAST) RETURN_OLD);
    static const struct str last =
        STR_INIT(UPDATE("SET updated_at = :now, last_preview = :preview" MOVE_VERSION)
                     CONDITION(IS_LIVE " AND last_shown = :timestamp") RETURN_OLD);
    const struct expression_value values[] = {
        STRING_VALUE(":now", c->now),
        NUMBER_VALUE(":one", 1),
        NUMBER_VALUE(":timestamp", c->key->timestamp),
        STRING_VALUE(":preview", preview_of(t->store->arena, after)),
    };

    if (!str_is_present(changes->content))
        return transaction_update(t, &c->session, any, (struct values){values, 2});
    if (!message_edit_is_of_last(c))
        return transaction_update(t, &c->session, other, (struct values){values, 3});
    return transaction_update(t, &c->session, last, (struct values){values, 4});
}

static const char *message_removals(const struct message_changes *changes)
{
    bool metadata = changes->has_metadata && !str_is_present(changes->metadata);
    bool content_type = str_is_present(changes->content) && !str_is_present(changes->content_type);

    if (metadata && content_type)
        return " REMOVE metadata, content_type";
    return metadata ? " REMOVE metadata" : content_type ? " REMOVE content_type" : "";
}

static struct str message_update_text(struct store *s, const struct message_changes *changes)
{
    return arena_printf(s->arena, UPDATE("SET updated_at = :now%s%s%s%s") IS_THERE,
                        str_is_present(changes->content) ? ", content = :content" : "",
                        str_is_present(changes->content_type) ? ", content_type = :type" : "",
                        str_is_present(changes->metadata) ? ", metadata = :metadata" : "",
                        message_removals(changes));
}

static enum edit_end message_edit_try_update(struct store *s, struct message_edit *c,
                                             const struct message *after,
                                             const struct message_changes *changes, struct err *e)
{
    const struct key message = store_message_key(c->key->session_id, c->key->timestamp);
    struct transaction t;

    transaction_begin(s, &t);
    transaction_update(&t, &message, message_update_text(s, changes),
                       VALUES(STRING_VALUE(":now", c->now),
                              STRING_VALUE(":content", changes->content),
                              STRING_VALUE(":type", changes->content_type),
                              STRING_VALUE(":metadata", changes->metadata)));
    return message_edit_commit(&t, message_edit_move_session(&t, c, after, changes), c, e);
}

/* What is not given stays as it is, as in the Update. */
static int message_apply_changes(const struct message_changes *changes, struct str now,
                                 struct message *m, struct err *e)
{
    m->updated_at = now;
    if (str_is_present(changes->content)) {
        m->content = changes->content;
        m->content_type = changes->content_type;
    }
    if (changes->has_metadata)
        m->metadata = changes->metadata;
    if (m->content.n == 0 && !str_is_present(m->metadata))
        return err_set(e, ERR_INVALID_PARAMETER,
                       "content may be empty or null only in a message that has metadata, and this "
                       "one would have none");
    return store_check_size(item_size(&item_message, m), "message", e);
}

int store_message_update(struct store *s, const struct message_key *key,
                         const struct message_changes *changes, struct message *out, struct err *e)
{
    struct message_edit c = {.key = key};
    enum edit_end r;

    if (message_edit_begin(s, &c, e) < 0 || message_read(s, key, CONSISTENT, out, e) < 0)
        return -1;
    if (message_apply_changes(changes, c.now, out, e) < 0)
        return -1;
    do
        r = message_edit_try_update(s, &c, out, changes, e);
    while (r == EDIT_AGAIN);
    if (r == EDIT_FAILED)
        return -1;
    /* The answer is what is stored now, with what others have changed at the same time. */
    if (message_read(s, key, CONSISTENT, out, e) < 0)
        return store_changed_unseen(e);
    return 0;
}

/* ---- deleting -------------------------------------------------------------------------------- */

/* Adds the session's part of the delete of another message than the last one. */
static size_t message_edit_count_down(struct transaction *t, const struct message_edit *c)
{
    static const struct str text = STR_INIT(UPDATE("SET updated_at = :now" MOVE_COUNT)
                                                CONDITION(IS_LIVE IS_NOT_LAST) RETURN_OLD);

    return transaction_update(t, &c->session, text,
                              VALUES(STRING_VALUE(":now", c->now), NUMBER_VALUE(":one", 1),
                                     NUMBER_VALUE(":minus", -1),
                                     NUMBER_VALUE(":timestamp", c->key->timestamp)));
}

/* Adds the session's part of the delete of the last message. before: the message in front of it,
 * NULL if there is none. */
static size_t message_edit_fall_back(struct transaction *t, const struct message_edit *c,
                                     const struct message *before)
{
    static const struct versions exactly = {.present = true};
    struct store *s = t->store;
    struct str text =
        arena_printf(s->arena, UPDATE("%s" MOVE_COUNT) CONDITION(IS_LIVE "%s") RETURN_OLD,
                     before ? "SET updated_at = :now, last_shown = :shown, last_role = :role, "
                              "last_preview = :preview"
                            : "SET updated_at = :now REMOVE last_shown, last_role, last_preview",
                     store_version_condition(&exactly, c->version));

    return transaction_update(
        t, &c->session, text,
        VALUES(STRING_VALUE(":now", c->now), NUMBER_VALUE(":one", 1), NUMBER_VALUE(":minus", -1),
               DIGITS_VALUE(":version", store_version_digits(s, &exactly, c->version)),
               DIGITS_VALUE(":shown", before ? store_digits(s, before->timestamp) : STR_NONE),
               STRING_VALUE(":role", before ? before->role : STR_NONE),
               STRING_VALUE(":preview", before ? preview_of(s->arena, before) : STR_NONE)));
}

static enum edit_end message_edit_try_delete(struct store *s, struct message_edit *c, struct err *e)
{
    const struct key message = store_message_key(c->key->session_id, c->key->timestamp);
    enum lookup_result found = LOOKUP_ABSENT;
    struct message before;
    struct transaction t;

    if (message_edit_is_of_last(c))
        found = store_message_before(s, c->key->session_id, c->key->timestamp, &before, e);
    if (found == LOOKUP_FAILED)
        return EDIT_FAILED;
    transaction_begin(s, &t);
    transaction_delete(&t, &message, STR(IS_THERE));
    size_t session_action =
        !message_edit_is_of_last(c)
            ? message_edit_count_down(&t, c)
            : message_edit_fall_back(&t, c, found == LOOKUP_FOUND ? &before : NULL);
    return message_edit_commit(&t, session_action, c, e);
}

int store_message_delete(struct store *s, const struct message_key *key, struct err *e)
{
    struct message_edit c = {.key = key};
    enum edit_end r;

    if (message_edit_begin(s, &c, e) < 0)
        return -1;
    do
        r = message_edit_try_delete(s, &c, e);
    while (r == EDIT_AGAIN);
    return r == EDIT_DONE ? 0 : -1;
}
