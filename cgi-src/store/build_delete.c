/*
 * Deletes a build that nobody has finished, when its user is erased or by a purge. 1. Its owner
 * item and its own item get deleted_at, so that nobody can reveal it any more. 2. Its messages, its
 * owner item and the marker of its key are deleted, as those of a session are. 3. Its own item is
 * deleted last, since a delete that was cut off is found by it.
 */
#include "store/creation.h"

/*
 * BUILD_DELETED: nobody can reveal the build any more. The build's own item is marked together with
 * the owner item: if it is gone, the build has been revealed, whatever has become of the owner item
 * since.
 */
static enum build_end build_mark(struct store *s, const struct session_key *build_key,
                                 struct err *e)
{
    static const struct str text = STR_INIT(
        UPDATE("SET deleted_at = :now") CONDITION("attribute_exists(building_at)") RETURN_OLD);
    const struct key build = store_session_key(build_key->user_id, build_key->session_id);
    const struct key key =
        store_message_key(store_build_session(build_key->session_id), TIMESTAMP_OWNER);
    struct str now = store_time(s, store_now_us(s));
    enum build_end r = BUILD_DELETE_FAILED;
    struct owner_item owner;
    struct transaction t;

    transaction_begin(s, &t);
    size_t action = transaction_update(&t, &key, text, VALUES(STRING_VALUE(":now", now)));
    size_t build_action = transaction_update(&t, &build, text, VALUES(STRING_VALUE(":now", now)));
    switch (transaction_commit(&t, e)) {
    case TRANSACTION_DONE:
        r = BUILD_DELETED;
        break;
    case TRANSACTION_CANCELED: /* no owner item: an earlier delete was cut off after it had deleted
                                  that */
        r = transaction_stopped_by(&t, build_action) ||
                    transaction_read_item(&t, action, &item_owner, &owner)
                ? BUILD_IS_SESSION
                : BUILD_DELETED;
        break;
    default:
        break;
    }
    transaction_free(&t);
    return r;
}

/* Deletes what is left after the mark. The item of the build goes last, since a delete that was cut
 * off is found by it. */
static enum build_end build_delete_rest(struct store *s, const struct session_key *key,
                                        const struct build *build, struct err *e)
{
    const struct session_key session = {key->user_id, store_build_session(key->session_id)};
    const struct key item = store_session_key(key->user_id, key->session_id);
    int64_t messages = 0;

    if (store_partition_delete(s, session.session_id, &messages, e) < 0 ||
        store_create_marker_delete(s, &session, build->create_marker, e) < 0 ||
        store_item_delete(s, &item, e) < 0)
        return BUILD_DELETE_FAILED;
    return BUILD_DELETED;
}

enum build_end store_build_delete(struct store *s, const struct session_key *key, struct err *e)
{
    const struct lookup lookup = {.key = store_session_key(key->user_id, key->session_id),
                                  .kind = &item_build,
                                  .consistency = CONSISTENT};
    struct build build;

    switch (store_lookup(s, &lookup, &build, e)) {
    case LOOKUP_FOUND:
        break;
    case LOOKUP_ABSENT: /* it was deleted, or has become a session */
        return BUILD_IS_SESSION;
    default:
        return BUILD_DELETE_FAILED;
    }
    enum build_end r = build_mark(s, key, e);
    return r == BUILD_DELETED ? build_delete_rest(s, key, &build, e) : r;
}
