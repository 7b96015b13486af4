/*
 * Deleting: first the mark, on the session and on its owner item in one transaction, so that
 * neither path sees the session any more; then every item; the session item last, so that a delete
 * that was cut off is found and finished by the next one.
 */
#include <json-c/json.h>

#include "store/session_query.h"

enum { MARK_SESSION, MARK_OWNER };

static void write_mark(struct store *s, const struct session *session,
                       const struct versions *if_match)
{
    struct str now = store_time(s, store_now_us(s));

    store_transaction_begin(s);
    store_action_begin(s, "Update", s->shared->sessions_table);
    store_key_session(s, session->user_id, session->session_id);
    json_put_string(&s->w, "UpdateExpression", STR("SET deleted_at = :now"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":now", now);
    store_put_version(s, if_match, session->version);
    json_end_object(&s->w);
    struct str condition = arena_printf(
        s->arena, "attribute_exists(session_id) AND attribute_not_exists(deleted_at)%s",
        store_version_condition(if_match, session->version));
    store_action_end(s, condition.p, false);

    store_action_begin(s, "Update", s->shared->messages_table);
    store_key_message(s, session->session_id, TIMESTAMP_OWNER);
    json_put_string(&s->w, "UpdateExpression", STR("SET user_id = :user, deleted_at = :now"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":user", session->user_id);
    item_put_string(&s->w, ":now", now);
    json_end_object(&s->w);
    store_action_end(s, NULL, false);
}

/*
 * Marks the session as it is now, unless it is marked: then its owner item may be gone already, and
 * must not come back. A condition that fails means that it changed: look again.
 */
static int mark(struct store *s, const struct session_key *key, const struct versions *if_match,
                struct session *out, struct err *e)
{
    int r;

    do {
        struct dynamo_answer answer;
        if (store_session_read(s, key, true, out, e) < 0 ||
            store_check_version(if_match, out->version, e) < 0)
            return -1;
        if (out->deleted)
            return 0;
        write_mark(s, out, if_match);
        r = store_transaction_commit(s, &answer, e);
        dynamo_answer_free(&answer);
    } while (r == 1);
    return r;
}

static int delete_item(struct store *s, struct str user_id, struct str sort_key, struct err *e)
{
    struct dynamo_answer answer;

    store_begin_call(s, s->shared->sessions_table);
    store_key_session(s, user_id, sort_key);
    int r = store_end_call(s, DYNAMO_DELETE_ITEM, 0, &answer, e);
    dynamo_answer_free(&answer);
    return r;
}

/* The marker of the session's creation, unless a new session has taken it over. */
static int delete_create_marker(struct store *s, const struct session *session, struct err *e)
{
    struct dynamo_answer answer;

    if (!session->create_marker.p)
        return 0;
    store_begin_call(s, s->shared->sessions_table);
    store_key_session(s, session->user_id, session->create_marker);
    json_put_string(&s->w, "ConditionExpression", STR("created_session_id = :session"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":session", session->session_id);
    json_end_object(&s->w);
    int r =
        store_end_call(s, DYNAMO_DELETE_ITEM, STORE_EXPECT(DYNAMO_CONDITION_FAILED), &answer, e);
    dynamo_answer_free(&answer);
    return r;
}

int store_session_delete(struct store *s, const struct session_key *key,
                         const struct versions *if_match, struct session *out,
                         int64_t *deleted_messages, struct err *e)
{
    if (mark(s, key, if_match, out, e) < 0)
        return -1;
    owner_cache_remove(s->shared->owners, key->session_id);
    if (store_partition_delete(s, key->session_id, deleted_messages, e) < 0)
        return -1;
    if (delete_create_marker(s, out, e) < 0)
        return -1;
    return delete_item(s, key->user_id, key->session_id, e);
}

static void write_user_query(struct store *s, struct str user_id, struct str after)
{
    store_begin_call(s, s->shared->sessions_table);
    json_put_bool(&s->w, "ConsistentRead", true);
    json_put_string(&s->w, "KeyConditionExpression", STR("user_id = :u"));
    json_put_string(&s->w, "ProjectionExpression", STR("session_id"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":u", user_id);
    json_end_object(&s->w);
    store_user_page_start(s, user_id, after);
}

/* Markers go with their sessions, so that a key is known as long as its session. What is left of
 * them goes last. */
enum erase_pass { ERASE_SESSIONS, ERASE_REST, ERASE_PASSES };

struct erased {
    int64_t sessions;
    int64_t messages;
};

static int erase_one(struct store *s, const struct session_key *key, enum erase_pass pass,
                     struct erased *erased, struct err *e)
{
    static const struct versions no_condition;
    struct session session;

    if (!store_is_session_id(key->session_id))
        return pass == ERASE_REST ? delete_item(s, key->user_id, key->session_id, e) : 0;
    if (store_session_delete(s, key, &no_condition, &session, &erased->messages, e) == 0) {
        erased->sessions++;
        return 0;
    }
    if (e->code != ERR_SESSION_NOT_FOUND)
        return -1;
    e->code = ERR_NONE; /* somebody else was faster */
    return 0;
}

/* One page of the user's partition. *last is where the next one begins, STR_NONE at the end. */
static int erase_page(struct store *s, struct str user_id, enum erase_pass pass, struct str *last,
                      struct erased *erased, struct err *e)
{
    struct dynamo_answer answer;

    write_user_query(s, user_id, *last);
    int r = store_end_call(s, DYNAMO_QUERY, 0, &answer, e);
    struct json_object *items = json_get(answer.body, "Items");
    size_t n = r == 0 ? store_array_length(items) : 0;
    *last = store_user_page_end(s, &answer);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct json_object *item = json_object_array_get_idx(items, i);
        struct session_key key = {user_id, item_string(item, "session_id")};
        r = erase_one(s, &key, pass, erased, e);
    }
    dynamo_answer_free(&answer);
    return r;
}

int store_user_erase(struct store *s, struct str user_id, int64_t *deleted_sessions,
                     int64_t *deleted_messages, struct err *e)
{
    struct erased erased = {0};

    for (int pass = 0; pass < ERASE_PASSES; pass++) {
        struct str last = STR_NONE;
        do {
            if (erase_page(s, user_id, (enum erase_pass)pass, &last, &erased, e) < 0)
                return -1;
        } while (last.p);
    }
    *deleted_sessions = erased.sessions;
    *deleted_messages = erased.messages;
    return 0;
}
