/*
 * Deleting: first the mark, on the session and on its owner item in one transaction, so that
 * neither path sees the session any more; then every item; the session item last, so that a delete
 * that was cut off is found and finished by the next one.
 */
#include "store/session_create.h"
#include "store/session_query.h"

static void write_mark(struct store *s, struct transaction *t, const struct session *session,
                       const struct versions *if_match)
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
 * Marks the session as it is now, unless it is marked: then its owner item may be gone already, and
 * must not come back. A condition that fails means that it changed: look again.
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
        write_mark(s, &t, out, if_match);
        end = transaction_commit(&t, e);
        transaction_free(&t);
    } while (end == TRANSACTION_CANCELED);
    return end == TRANSACTION_DONE ? 0 : -1;
}

int store_item_delete(struct store *s, const struct key *key, struct err *e)
{
    struct dynamo_answer answer;

    store_begin_call(s, key->table);
    store_put_key(s, key);
    int r = store_send_write(s, DYNAMO_DELETE_ITEM, 0, &answer, e);
    dynamo_answer_free(&answer);
    return r;
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

/* Markers go with their sessions, so that a key is known as long as its session. What is left of
 * them goes last. */
enum erase_pass { ERASE_SESSIONS, ERASE_REST, ERASE_PASSES };

struct erased {
    int64_t sessions;
    int64_t messages;
};

static int erase_session(struct store *s, const struct session_key *key, struct erased *erased,
                         struct err *e)
{
    const struct session_target target = {.key = *key};
    struct session session;

    if (store_session_delete(s, &target, &session, &erased->messages, e) == 0) {
        erased->sessions++;
        return 0;
    }
    if (e->code != ERR_SESSION_NOT_FOUND)
        return -1;
    e->code = ERR_NONE; /* somebody else was faster */
    return 0;
}

/* One that was finished since the page was read is a session, which the page does not have. */
static int erase_build(struct store *s, const struct session_key *key, struct erased *erased,
                       struct err *e)
{
    const struct session_key session = {key->user_id, store_build_session(key->session_id)};

    switch (store_build_delete(s, key, e)) {
    case BUILD_DELETED:
        return 0;
    case BUILD_IS_SESSION:
        return erase_session(s, &session, erased, e);
    default:
        return -1;
    }
}

static int erase_one(struct store *s, const struct session_key *key, enum erase_pass pass,
                     struct erased *erased, struct err *e)
{
    const struct key item = store_session_key(key->user_id, key->session_id);

    if (store_is_build(key->session_id))
        return erase_build(s, key, erased, e);
    if (store_is_session_id(key->session_id))
        return erase_session(s, key, erased, e);
    return pass == ERASE_REST ? store_item_delete(s, &item, e) : 0;
}

static int erase_items(struct store *s, struct user_walk *walk, enum erase_pass pass,
                       struct erased *erased, struct err *e)
{
    enum items_end end;

    do {
        struct session session;
        int r = user_walk_page(s, walk, e);
        while (r == 0 && user_walk_next(walk, &session)) {
            struct session_key key = {walk->user_id, session.session_id};
            r = erase_one(s, &key, pass, erased, e);
        }
        if (r < 0) {
            user_walk_stop(walk);
            return -1;
        }
        end = user_walk_end_page(s, walk, e);
    } while (end == ITEMS_MORE);
    return end == ITEMS_END ? 0 : -1;
}

int store_user_erase(struct store *s, struct str user_id, int64_t *deleted_sessions,
                     int64_t *deleted_messages, struct err *e)
{
    struct erased erased = {0};

    for (int pass = 0; pass < ERASE_PASSES; pass++) {
        struct user_walk walk = {.user_id = user_id,
                                 .query = {.table = STORE_SESSIONS_TABLE,
                                           .text = user_all_text,
                                           .values = USER_ALL_VALUES(user_id),
                                           .direction = FORWARD,
                                           .consistency = CONSISTENT}};
        if (erase_items(s, &walk, (enum erase_pass)pass, &erased, e) < 0)
            return store_out_of_time(s, walk.pages + (unsigned)pass,
                                     "the time for this request is over before all was erased; "
                                     "repeat the request, it goes on where this one ended",
                                     e);
    }
    *deleted_sessions = erased.sessions;
    *deleted_messages = erased.messages;
    return 0;
}
