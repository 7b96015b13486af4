/*
 * Whose a session is. The message paths carry no user, so the answer comes from the owner item
 * (timestamp 0 of the session's messages), or from what the caller says where an earlier backend
 * wrote none.
 */
#include "store/internal.h"

int store_owner_check(struct store *s, struct str session_id, struct json_object *item,
                      struct str hint, struct owner *out, struct err *e)
{
    struct str user_id = arena_str(s->arena, item_string(item, "user_id"));

    if (!user_id.p || json_get(item, "deleted_at") || (hint.p && !str_equals(hint, user_id)))
        return store_session_not_found(e);
    owner_cache_put(s->shared->owners, session_id, user_id, 0);
    *out = (struct owner){.user_id = user_id, .has_item = true};
    return 0;
}

static int read_owner(struct store *s, struct str session_id, struct str hint, bool consistent,
                      struct owner *out, struct err *e)
{
    struct dynamo_answer answer;
    struct json_object *item;

    *out = (struct owner){.user_id = STR_NONE};
    store_begin_call(s, s->shared->messages_table);
    store_key_message(s, session_id, TIMESTAMP_OWNER);
    int r = store_get_item(s, consistent, &answer, &item, e);
    if (r == 0 && item)
        r = store_owner_check(s, session_id, item, hint, out, e);
    dynamo_answer_free(&answer);
    return r;
}

int store_owner_get(struct store *s, struct str session_id, struct str hint, struct owner *out,
                    struct err *e)
{
    int r = read_owner(s, session_id, hint, s->shared->consistent, out, e);

    /* A session that was just made elsewhere must not look like an earlier backend's. */
    if (r == 0 && !out->has_item && !s->shared->consistent)
        r = read_owner(s, session_id, hint, true, out, e);
    return r;
}

int store_owner_from_hint(struct store *s, struct str session_id, struct str hint, bool verify,
                          struct owner *out, struct err *e)
{
    struct session_key key = {hint, session_id};
    struct session session;

    if (!hint.p)
        return err_set(e, ERR_SESSION_NOT_FOUND,
                       "there is no such session; for one that an earlier backend made, give its "
                       "user_id");
    if (verify && store_session_get(s, &key, &session, e) < 0)
        return -1;
    *out = (struct owner){.user_id = hint};
    return 0;
}

int store_owner_find(struct store *s, struct str session_id, struct str hint, bool verify,
                     struct owner *out, struct err *e)
{
    if (!store_is_session_id(session_id))
        return store_session_not_found(e);
    *out = (struct owner){.has_item = true};
    if (!verify && owner_cache_get(s->shared->owners, session_id, s->arena, &out->user_id,
                                   &out->last_timestamp))
        return hint.p && !str_equals(hint, out->user_id) ? store_session_not_found(e) : 0;
    if (store_owner_get(s, session_id, hint, out, e) < 0)
        return -1;
    return out->has_item ? 0 : store_owner_from_hint(s, session_id, hint, verify, out, e);
}

void store_put_owner(struct store *s, struct str session_id, struct str user_id)
{
    store_action_begin(s, "Put", s->shared->messages_table);
    json_key(&s->w, "Item");
    json_begin_object(&s->w);
    item_put_string(&s->w, "session_id", session_id);
    item_put_number(&s->w, "timestamp", TIMESTAMP_OWNER);
    item_put_string(&s->w, "user_id", user_id);
    json_end_object(&s->w);
    store_action_end(s, "attribute_not_exists(session_id)", true);
}
