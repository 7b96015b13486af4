/*
 * One message: read, change, delete. A change moves the session's version and updated_at in the
 * same transaction, a delete its count too.
 */
#include "store/internal.h"

static bool is_message_timestamp(int64_t timestamp)
{
    return timestamp > 0 && timestamp <= TIMESTAMP_MAX;
}

static int read_message(struct store *s, const struct message_key *key,
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
    if (!owner.has_item && key->hint.p &&
        store_owner_from_hint(s, &claim, OWNER_VERIFIED, &owner, e) < 0)
        return -1;
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    int r = read_message(s, key, CONSISTENT_IF_SET, out, e);
    bool known = owner.has_item || key->hint.p;
    return r < 0 && e->code == ERR_MESSAGE_NOT_FOUND && !known ? store_session_not_found(e) : r;
}

/* count: by how many messages the session changes. */
static size_t touch_session(struct transaction *t, const struct key *session, struct str now,
                            int64_t count)
{
    static const struct str text = STR_INIT(
        UPDATE("SET updated_at = :now ADD version :one, message_count :count")
            CONDITION("attribute_exists(session_id) AND attribute_not_exists(deleted_at)"));

    return transaction_update(
        t, session, text,
        VALUES(STRING_VALUE(":now", now), NUMBER_VALUE(":one", 1), NUMBER_VALUE(":count", count)));
}

static int commit_edit(struct transaction *t, size_t session_action, struct err *e)
{
    enum transaction_end end = transaction_commit(t, e);
    bool session_stopped_it =
        end == TRANSACTION_CANCELED && transaction_stopped_by(t, session_action);

    transaction_free(t);
    if (session_stopped_it)
        return store_session_not_found(e);
    if (end == TRANSACTION_CANCELED)
        return store_message_not_found(e);
    return end == TRANSACTION_DONE ? 0 : -1;
}

#define IS_THERE CONDITION("attribute_exists(session_id)")

static const char *remove_text(const struct message_changes *changes)
{
    bool metadata = changes->has_metadata && !changes->metadata.p;
    bool content_type = changes->content.p && !changes->content_type.p;

    if (metadata && content_type)
        return " REMOVE metadata, content_type";
    return metadata ? " REMOVE metadata" : content_type ? " REMOVE content_type" : "";
}

static struct str update_text(struct store *s, const struct message_changes *changes)
{
    return arena_printf(s->arena, UPDATE("SET updated_at = :now%s%s%s%s") IS_THERE,
                        changes->content.p ? ", content = :content" : "",
                        changes->content_type.p ? ", content_type = :type" : "",
                        changes->metadata.p ? ", metadata = :metadata" : "", remove_text(changes));
}

/* after: the message as it will be. */
static int write_update(struct store *s, const struct key *session, const struct message *after,
                        const struct message_changes *changes, struct err *e)
{
    const struct key message = store_message_key(session->sort, after->timestamp);
    struct transaction t;

    transaction_begin(s, &t);
    transaction_update(&t, &message, update_text(s, changes),
                       VALUES(STRING_VALUE(":now", after->updated_at),
                              STRING_VALUE(":content", changes->content),
                              STRING_VALUE(":type", changes->content_type),
                              STRING_VALUE(":metadata", changes->metadata)));
    return commit_edit(&t, touch_session(&t, session, after->updated_at, 0), e);
}

static int find_session(struct store *s, const struct message_key *key, struct key *out,
                        struct err *e)
{
    const struct session_claim claim = {key->session_id, key->hint};
    struct owner owner;

    if (store_owner_find(s, &claim, OWNER_VERIFIED, &owner, e) < 0)
        return -1;
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    *out = store_session_key(owner.user_id, key->session_id);
    return 0;
}

/* Leaves what is not given, as the Update does. */
static int apply(const struct message_changes *changes, struct message *m, struct err *e)
{
    if (changes->content.p) {
        m->content = changes->content;
        m->content_type = changes->content_type;
    }
    if (changes->has_metadata)
        m->metadata = changes->metadata;
    if (m->content.n == 0 && !m->metadata.p)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "content may be empty or null only in a message that has metadata, and this "
                       "one would have none");
    return store_check_size(item_size(&item_message, m), "message", e);
}

int store_message_update(struct store *s, const struct message_key *key,
                         const struct message_changes *changes, struct message *out, struct err *e)
{
    struct key session = {.table = STORE_SESSIONS_TABLE};

    if (find_session(s, key, &session, e) < 0 || read_message(s, key, CONSISTENT, out, e) < 0)
        return -1;
    out->updated_at = store_time(s, store_now_us(s));
    if (apply(changes, out, e) < 0 || write_update(s, &session, out, changes, e) < 0)
        return -1;
    /* What stands there now, with what others changed at the same time. */
    if (read_message(s, key, CONSISTENT, out, e) < 0)
        return store_changed_unseen(e);
    return 0;
}

int store_message_delete(struct store *s, const struct message_key *key, struct err *e)
{
    struct str now = store_time(s, store_now_us(s));
    struct transaction t;
    struct key session = {.table = STORE_SESSIONS_TABLE};

    if (find_session(s, key, &session, e) < 0)
        return -1;
    const struct key message = store_message_key(key->session_id, key->timestamp);
    transaction_begin(s, &t);
    transaction_delete(&t, &message, STR(IS_THERE));
    return commit_edit(&t, touch_session(&t, &session, now, -1), e);
}
