/*
 * Finds the owner of a session. The message paths name no user, so the owner is found in the owner
 * item (timestamp 0 of the session's partition). Where an earlier backend wrote none, it is what
 * the caller says.
 */
#include "store/internal.h"

int store_owner_check(struct store *s, const struct session_claim *claim,
                      const struct owner_item *item, struct owner *out, struct err *e)
{
    struct str hint = claim->hint;

    if (!store_is_user_id(item->user_id) || item->deleted || str_is_present(item->building_at) ||
        (str_is_present(hint) && !str_equals(hint, item->user_id)))
        return store_session_not_found(e);
    owner_cache_put(s->shared->owners, claim->session_id, item->user_id, 0);
    *out = (struct owner){.user_id = arena_str(s->arena, item->user_id), .has_item = true};
    return 0;
}

static int owner_read(struct store *s, const struct session_claim *claim,
                      enum consistency consistency, struct owner *out, struct err *e)
{
    const struct lookup lookup = {.key = store_message_key(claim->session_id, TIMESTAMP_OWNER),
                                  .kind = &item_owner,
                                  .consistency = consistency};
    struct owner_item item;

    *out = (struct owner){.user_id = STR_NONE};
    switch (store_lookup(s, &lookup, &item, e)) {
    case LOOKUP_FOUND:
        return store_owner_check(s, claim, &item, out, e);
    case LOOKUP_ABSENT:
        return 0;
    default:
        return -1;
    }
}

int store_owner_get(struct store *s, const struct session_claim *claim, struct owner *out,
                    struct err *e)
{
    int r = owner_read(s, claim, CONSISTENT_IF_SET, out, e);

    /* A session that another process has just created must not be taken for an old one. */
    if (r == 0 && !out->has_item && !s->shared->consistent)
        r = owner_read(s, claim, CONSISTENT, out, e);
    return r;
}

int store_owner_from_hint(struct store *s, const struct session_claim *claim,
                          enum owner_trust trust, struct owner *out, struct err *e)
{
    struct session_key key = {claim->hint, claim->session_id};
    struct session session;

    if (!str_is_present(claim->hint))
        return err_set(e, ERR_SESSION_NOT_FOUND,
                       "there is no such session; for one that an earlier backend made, give its "
                       "user_id");
    if (trust == OWNER_VERIFIED && store_session_get(s, &key, &session, e) < 0)
        return -1;
    *out = (struct owner){.user_id = claim->hint};
    return 0;
}

int store_owner_find(struct store *s, const struct session_claim *claim, enum owner_trust trust,
                     struct owner *out, struct err *e)
{
    struct str hint = claim->hint;

    if (!store_is_session_id(claim->session_id))
        return store_session_not_found(e);
    *out = (struct owner){.has_item = true};
    if (trust == OWNER_BELIEVED && owner_cache_get(s->shared->owners, claim->session_id, s->arena,
                                                   &out->user_id, &out->last_timestamp))
        return str_is_present(hint) && !str_equals(hint, out->user_id) ? store_session_not_found(e)
                                                                       : 0;
    if (store_owner_get(s, claim, out, e) < 0)
        return -1;
    return out->has_item ? 0 : store_owner_from_hint(s, claim, trust, out, e);
}

size_t store_put_owner(struct transaction *t, struct str session_id, struct str user_id)
{
    const struct owner_item item = {
        .session_id = session_id, .timestamp = TIMESTAMP_OWNER, .user_id = user_id};

    return transaction_put(t, &item_owner, &item, STR(IS_NEW RETURN_OLD), NO_VALUES);
}
