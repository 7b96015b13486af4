/*
 * Deletes a session. 1. One transaction marks the session item and the owner item, so that the
 * session is seen on no path any more. 2. All items of its partition are deleted, and the marker of
 * its creation. 3. The session item is deleted last, so that the next delete finds one that was cut
 * off, and finishes it.
 */
#include "store/internal.h"

static void deletion_write_mark(struct store *s, struct transaction *t,
                                const struct session *session, const struct versions *if_match)
{
    static const struct str mark_owner = STR_INIT(UPDATE("SET user_id = :user, deleted_at = :now"));
    const struct key key = store_session_key(session->user_id, session->session_id);
    const struct key owner = store_message_key(session->session_id, TIMESTAMP_OWNER);
    struct str now = store_time(s, store_now_us(s));
    struct str mark_session = arena_printf(
        s->arena,
        UPDATE("SET deleted_at = :now")
            CONDITION("attribute_exists(session_id) AND attribute_not_exists(deleted_at)%s"),
        store_version_condition(if_match, session->version));
    struct str version = store_version_digits(s, if_match, session->version);

    transaction_begin(s, t);
    transaction_update(t, &key, mark_session,
                       VALUES(STRING_VALUE(":now", now), DIGITS_VALUE(":version", version)));
    transaction_update(t, &owner, mark_owner,
                       VALUES(STRING_VALUE(":user", session->user_id), STRING_VALUE(":now", now)));
}

/*
 * Marks the session as it is now. If it is marked already, its owner item may be gone, and must not
 * be put again. If the condition fails, the session has changed, and is read again.
 */
static int deletion_mark(struct store *s, const struct session_target *target, struct session *out,
                         struct err *e)
{
    const struct session_key *key = &target->key;
    const struct versions *if_match = &target->if_match;
    enum transaction_end end;

    do {
        struct transaction t;
        if (store_session_read(s, key, CONSISTENT, out, e) < 0 ||
            store_check_version(if_match, out->version, e) < 0)
            return -1;
        out->user_id = key->user_id;
        out->session_id = key->session_id;
        if (out->deleted)
            return 0;
        deletion_write_mark(s, &t, out, if_match);
        end = transaction_commit(&t, e);
        transaction_free(&t);
    } while (end == TRANSACTION_CANCELED);
    return end == TRANSACTION_DONE ? 0 : -1;
}

int store_create_marker_delete(struct store *s, const struct session_key *session,
                               struct str create_marker, struct err *e)
{
    const struct key key = store_session_key(session->user_id, create_marker);
    struct dynamo_answer answer;

    if (create_marker.n == 0)
        return 0;
    store_begin_call(s, STORE_SESSIONS_TABLE);
    store_put_key(s, &key);
    buf_append_str(&s->body, STR(CONDITION("created_session_id = :session")));
    store_put_values(s, VALUES(STRING_VALUE(":session", session->session_id)));
    int r =
        store_send_write(s, DYNAMO_DELETE_ITEM, STORE_EXPECT(DYNAMO_CONDITION_FAILED), &answer, e);
    dynamo_answer_free(&answer);
    return r;
}

int store_session_delete(struct store *s, const struct session_target *target, struct session *out,
                         int64_t *deleted_messages, struct err *e)
{
    const struct session_key *key = &target->key;

    if (deletion_mark(s, target, out, e) < 0)
        return -1;
    owner_cache_remove(s->shared->owners, key->session_id);
    if (store_partition_delete(s, key->session_id, deleted_messages, e) < 0)
        return -1;
    if (store_create_marker_delete(s, key, out->create_marker, e) < 0)
        return -1;
    const struct key item = store_session_key(key->user_id, key->session_id);
    return store_item_delete(s, &item, e);
}
