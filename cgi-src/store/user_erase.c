/*
 * Erases a user. The first walk through the partition deletes every session and every build that
 * nobody has finished; the second deletes the helper items that are left.
 */
#include "store/creation.h"
#include "store/session_query.h"

/* A marker is deleted with its session, so that a key holds as long as its session. The second pass
 * deletes the markers that are left. */
enum erase_pass { ERASE_SESSIONS, ERASE_REST, ERASE_PASSES };

struct erased {
    int64_t sessions;
    int64_t messages;
};

static int user_erase_session(struct store *s, const struct session_key *key, struct erased *erased,
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
    e->code = ERR_NONE; /* another request was faster */
    return 0;
}

/* If the build was finished since the page was read, there is now a session, which the page does
 * not contain. */
static int user_erase_build(struct store *s, const struct session_key *key, struct erased *erased,
                            struct err *e)
{
    const struct session_key session = {key->user_id, store_build_session(key->session_id)};

    switch (store_build_delete(s, key, e)) {
    case BUILD_DELETED:
        return 0;
    case BUILD_IS_SESSION:
        return user_erase_session(s, &session, erased, e);
    default:
        return -1;
    }
}

static int user_erase_item(struct store *s, const struct session_key *key, enum erase_pass pass,
                           struct erased *erased, struct err *e)
{
    const struct key item = store_session_key(key->user_id, key->session_id);

    if (store_is_build(key->session_id))
        return user_erase_build(s, key, erased, e);
    if (store_is_session_id(key->session_id))
        return user_erase_session(s, key, erased, e);
    return pass == ERASE_REST ? store_item_delete(s, &item, e) : 0;
}

static int user_erase_pass(struct store *s, struct user_walk *walk, enum erase_pass pass,
                           struct erased *erased, struct err *e)
{
    enum items_end end;

    do {
        struct session session;
        int r = user_walk_page(s, walk, e);
        while (r == 0 && user_walk_next(walk, &session)) {
            struct session_key key = {walk->user_id, session.session_id};
            r = user_erase_item(s, &key, pass, erased, e);
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
        if (user_erase_pass(s, &walk, (enum erase_pass)pass, &erased, e) < 0)
            return store_out_of_time(s, walk.pages + (unsigned)pass,
                                     "the time for this request was over before all was erased; "
                                     "repeat the request, it goes on where this one ended",
                                     e);
    }
    *deleted_sessions = erased.sessions;
    *deleted_messages = erased.messages;
    return 0;
}
