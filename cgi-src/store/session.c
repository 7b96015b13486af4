/*
 * One session: read, change. How it is created is told in session_create.c, how it is deleted in
 * session_delete.c, how a user's are listed in session_list.c and session_activity.c.
 */
#include "store/internal.h"

#define IS_LIVE "attribute_exists(session_id) AND attribute_not_exists(deleted_at)"

static bool is_session_key(const struct session_key *key)
{
    return store_is_session_id(key->session_id) && store_is_user_id(key->user_id);
}

int store_session_read(struct store *s, const struct session_key *key, enum consistency consistency,
                       struct session *out, struct err *e)
{
    const struct lookup lookup = {.key = store_session_key(key->user_id, key->session_id),
                                  .kind = &item_session,
                                  .consistency = consistency};

    if (!is_session_key(key))
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

int store_check_version(const struct versions *if_match, int64_t version, struct err *e)
{
    if (!if_match->present || versions_include(if_match, version))
        return 0;
    return err_set(e, ERR_PRECONDITION_FAILED,
                   "the session has changed since: read it again and repeat the request with its "
                   "current ETag");
}

struct str store_version_digits(struct store *s, const struct versions *if_match, int64_t version)
{
    char digits[JSON_DIGITS_SIZE];

    if (!if_match->present || if_match->any || version == 0)
        return STR_NONE;
    return arena_str(s->arena, (struct str){digits, json_digits(version, digits)});
}

/* With If-Match the write goes through only on the version that was checked. */
const char *store_version_condition(const struct versions *if_match, int64_t version)
{
    if (!if_match->present || if_match->any)
        return "";
    return version == 0 ? " AND attribute_not_exists(version)" : " AND version = :version";
}

static struct str update_text(struct store *s, const struct session_changes *changes,
                              const char *version_condition)
{
    return arena_printf(
        s->arena,
        UPDATE("SET updated_at = :now%s%s ADD version :one%s") CONDITION(IS_LIVE "%s") RETURN_OLD,
        changes->title.p ? ", title = :title" : "",
        changes->metadata.p ? ", metadata = :metadata" : "",
        changes->has_metadata && !changes->metadata.p ? " REMOVE metadata" : "", version_condition);
}

/* A change of a session under way. */
struct session_update {
    const struct session_key *key;
    const struct session_changes *changes;
    const struct versions *if_match;
    struct session now; /* with a precondition or a large value: as it was read last */
};

static size_t write_update(struct store *s, struct transaction *t, const struct session_update *u)
{
    const struct key key = store_session_key(u->key->user_id, u->key->session_id);
    int64_t version = u->now.version;
    struct str text = update_text(s, u->changes, store_version_condition(u->if_match, version));

    transaction_begin(s, t);
    return transaction_update(
        t, &key, text,
        VALUES(STRING_VALUE(":now", store_time(s, store_now_us(s))), NUMBER_VALUE(":one", 1),
               STRING_VALUE(":title", u->changes->title),
               STRING_VALUE(":metadata", u->changes->metadata),
               DIGITS_VALUE(":version", store_version_digits(s, u->if_match, version))));
}

/* What became of an attempt, where it is not -1 with e. UPDATE_AGAIN: the session is not at that
 * version any more, look again. */
enum update { UPDATE_FAILED = -1, UPDATED, UPDATE_AGAIN };

static enum update try_update(struct store *s, const struct session_update *u, struct err *e)
{
    struct session found;
    struct transaction t;
    size_t action = write_update(s, &t, u);
    enum transaction_end end = transaction_commit(&t, e);
    enum update r = end == TRANSACTION_DONE ? UPDATED : UPDATE_FAILED;

    if (end == TRANSACTION_CANCELED) {
        bool lives = transaction_read_item(&t, action, &item_session, &found) && !found.deleted;
        r = lives ? UPDATE_AGAIN : UPDATE_FAILED;
        if (!lives)
            store_session_not_found(e);
    }
    transaction_free(&t);
    return r;
}

static int check_changed_size(const struct session *current, const struct session_changes *changes,
                              struct err *e)
{
    struct session after = *current;

    if (changes->title.p)
        after.title = changes->title;
    if (changes->has_metadata)
        after.metadata = changes->metadata;
    return store_check_size(item_size(&item_session, &after), "session", e);
}

/* It has become too large: how large, only a read tells. If that finds it small enough by now, e
 * stays as it is. */
static void explain_size(struct store *s, const struct session_update *u, struct err *e)
{
    struct session now;

    if (store_session_read(s, u->key, CONSISTENT, &now, e) == 0)
        check_changed_size(&now, u->changes, e);
}

/*
 * The write needs to know the session only to check a precondition, or a value that may be too
 * large for DynamoDB to look at.
 */
static int read_before_update(struct store *s, struct session_update *u, struct err *e)
{
    if (!u->if_match->present && u->changes->metadata.n < ITEM_MAX_BYTES / 2)
        return 0;
    if (store_session_read(s, u->key, CONSISTENT, &u->now, e) < 0)
        return -1;
    if (u->now.deleted)
        return store_session_not_found(e);
    if (store_check_version(u->if_match, u->now.version, e) < 0)
        return -1;
    return check_changed_size(&u->now, u->changes, e);
}

static int update(struct store *s, struct session_update *u, struct err *e)
{
    enum update r;

    do {
        if (read_before_update(s, u, e) < 0)
            return -1;
        r = try_update(s, u, e);
        if (r == UPDATE_FAILED && e->code == ERR_ITEM_TOO_LARGE)
            explain_size(s, u, e);
    } while (r == UPDATE_AGAIN);
    return r == UPDATED ? 0 : -1;
}

int store_session_update(struct store *s, const struct session_key *key,
                         const struct session_changes *changes, const struct versions *if_match,
                         struct session *out, struct err *e)
{
    struct session_update u = {.key = key, .changes = changes, .if_match = if_match};

    *out = (struct session){0};
    if (!is_session_key(key))
        return store_session_not_found(e);
    if (update(s, &u, e) < 0) {
        *out = u.now; /* its version is what the precondition did not hold for */
        return -1;
    }
    if (store_session_read(s, key, CONSISTENT, out, e) < 0)
        return store_changed_unseen(e);
    return out->deleted ? store_session_not_found(e) : 0;
}
