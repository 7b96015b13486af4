/*
 * Reading a user's partition of the sessions table page by page, and the query over its sessions
 * that both orders of listing read with.
 */
#include "store/session_query.h"

void store_user_page_start(struct store *s, struct str user_id, struct str after)
{
    if (!after.p)
        return;
    json_key(&s->w, "ExclusiveStartKey");
    json_begin_object(&s->w);
    item_put_string(&s->w, "user_id", user_id);
    item_put_string(&s->w, "session_id", after);
    json_end_object(&s->w);
}

struct str store_user_page_end(struct store *s, const struct dynamo_answer *answer)
{
    struct json_object *end = json_get(answer->body, "LastEvaluatedKey");
    return arena_str(s->arena, item_string(end, "session_id"));
}

void store_session_query(struct store *s, struct str user_id, bool forward, int64_t limit,
                         struct str after)
{
    store_begin_call(s, s->shared->sessions_table);
    if (s->shared->consistent)
        json_put_bool(&s->w, "ConsistentRead", true);
    json_put_bool(&s->w, "ScanIndexForward", forward);
    if (limit)
        json_put_int(&s->w, "Limit", limit);
    /* Helpers of the partition begin with '!', the character below. */
    json_put_string(&s->w, "KeyConditionExpression", STR("user_id = :u AND session_id >= :first"));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":u", user_id);
    item_put_string(&s->w, ":first", STR("\""));
    json_end_object(&s->w);
    store_user_page_start(s, user_id, after);
}
