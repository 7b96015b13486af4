/*
 * One message: read, change, delete. A change moves the session's version and updated_at in the
 * same transaction, a delete its count too.
 */
#include "store/internal.h"

static bool is_message_timestamp(int64_t timestamp)
{
    return timestamp > 0 && timestamp <= TIMESTAMP_MAX;
}

static int read_message(struct store *s, struct str session_id, int64_t timestamp, bool consistent,
                        struct message *out, struct err *e)
{
    struct dynamo_answer answer;
    struct json_object *item;

    store_begin_call(s, s->shared->messages_table);
    store_key_message(s, session_id, timestamp);
    int r = store_get_item(s, consistent, &answer, &item, e);
    if (r == 0 && !item)
        r = store_message_not_found(e);
    if (r == 0) {
        item_read_message(item, s->arena, out);
        struct str *views[] = {&out->session_id, &out->message_id, &out->role,    &out->content,
                               &out->created_at, &out->updated_at, &out->metadata};
        for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
            *views[i] = arena_str(s->arena, *views[i]);
    }
    dynamo_answer_free(&answer);
    return r;
}

int store_message_get(struct store *s, const struct message_key *key, struct message *out,
                      struct err *e)
{
    struct owner owner;

    if (!store_is_session_id(key->session_id))
        return store_session_not_found(e);
    if (store_owner_get(s, key->session_id, key->hint, &owner, e) < 0)
        return -1;
    if (!owner.has_item && key->hint.p &&
        store_owner_from_hint(s, key->session_id, key->hint, true, &owner, e) < 0)
        return -1;
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    int r = read_message(s, key->session_id, key->timestamp, s->shared->consistent, out, e);
    bool known = owner.has_item || key->hint.p;
    return r < 0 && e->code == ERR_MESSAGE_NOT_FOUND && !known ? store_session_not_found(e) : r;
}

enum { EDIT_MESSAGE, EDIT_SESSION };

static void touch_session(struct store *s, struct str user_id, struct str session_id,
                          struct str now, int64_t count)
{
    store_action_begin(s, "Update", s->shared->sessions_table);
    store_key_session(s, user_id, session_id);
    json_put_string(&s->w, "UpdateExpression",
                    STR("SET updated_at = :now ADD version :one, message_count :count"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":now", now);
    item_put_number(&s->w, ":one", 1);
    item_put_number(&s->w, ":count", count);
    json_end_object(&s->w);
    store_action_end(s, "attribute_exists(session_id) AND attribute_not_exists(deleted_at)", false);
}

static int commit_edit(struct store *s, struct err *e)
{
    struct dynamo_answer answer;
    int r = store_transaction_commit(s, &answer, e);

    if (r == 1 && store_reason_is_condition(&answer, EDIT_SESSION))
        r = store_session_not_found(e);
    else if (r == 1)
        r = store_message_not_found(e);
    dynamo_answer_free(&answer);
    return r;
}

static void write_update(struct store *s, const struct message *after,
                         const struct message_changes *changes)
{
    const char *content = changes->content.p ? ", content = :content" : "";
    const char *metadata = changes->metadata.p ? ", metadata = :metadata" : "";
    const char *remove = changes->has_metadata && !changes->metadata.p ? " REMOVE metadata" : "";

    store_transaction_begin(s);
    store_action_begin(s, "Update", s->shared->messages_table);
    store_key_message(s, after->session_id, after->timestamp);
    json_put_string(
        &s->w, "UpdateExpression",
        arena_printf(s->arena, "SET updated_at = :now%s%s%s", content, metadata, remove));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":now", after->updated_at);
    if (changes->content.p)
        item_put_string(&s->w, ":content", changes->content);
    if (changes->metadata.p)
        item_put_string(&s->w, ":metadata", changes->metadata);
    json_end_object(&s->w);
    store_action_end(s, "attribute_exists(session_id)", false);
}

int store_message_update(struct store *s, const struct message_key *key,
                         const struct message_changes *changes, struct message *out, struct err *e)
{
    struct owner owner;

    if (store_owner_find(s, key->session_id, key->hint, true, &owner, e) < 0)
        return -1;
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    if (read_message(s, key->session_id, key->timestamp, true, out, e) < 0)
        return -1;
    out->updated_at = store_time(s, store_now_us(s));
    if (changes->content.p)
        out->content = changes->content;
    if (changes->has_metadata)
        out->metadata = changes->metadata;
    if (store_check_size(item_message_size(out), "message", e) < 0)
        return -1;
    write_update(s, out, changes);
    touch_session(s, owner.user_id, key->session_id, out->updated_at, 0);
    if (commit_edit(s, e) < 0)
        return -1;
    /* What stands there now, with what others changed at the same time. */
    if (read_message(s, key->session_id, key->timestamp, true, out, e) < 0)
        return store_changed_unseen(e);
    return 0;
}

int store_message_delete(struct store *s, const struct message_key *key, struct err *e)
{
    struct owner owner;

    if (store_owner_find(s, key->session_id, key->hint, true, &owner, e) < 0)
        return -1;
    if (!is_message_timestamp(key->timestamp))
        return store_message_not_found(e);
    store_transaction_begin(s);
    store_action_begin(s, "Delete", s->shared->messages_table);
    store_key_message(s, key->session_id, key->timestamp);
    store_action_end(s, "attribute_exists(session_id)", false);
    touch_session(s, owner.user_id, key->session_id, store_time(s, store_now_us(s)), -1);
    return commit_edit(s, e);
}
