/*
 * Reads one session. It is created in session_create.c, changed in session_update.c and deleted in
 * session_delete.c; a user's sessions are listed in session_list.c and session_activity.c.
 */
#include "store/internal.h"

bool store_is_session_key(const struct session_key *key)
{
    return store_is_session_id(key->session_id) && store_is_user_id(key->user_id);
}

int store_session_read(struct store *s, const struct session_key *key, enum consistency consistency,
                       struct session *out, struct err *e)
{
    const struct lookup lookup = {.key = store_session_key(key->user_id, key->session_id),
                                  .kind = &item_session,
                                  .consistency = consistency};

    if (!store_is_session_key(key))
        return store_session_not_found(e);
    switch (store_lookup(s, &lookup, out, e)) {
    case LOOKUP_FOUND:
        return 0;
    case LOOKUP_ABSENT:
        return store_session_not_found(e);
    default:
        return -1;
    }
}

int store_session_get(struct store *s, const struct session_key *key, struct session *out,
                      struct err *e)
{
    if (store_session_read(s, key, CONSISTENT_IF_SET, out, e) < 0)
        return -1;
    return out->deleted ? store_session_not_found(e) : 0;
}
