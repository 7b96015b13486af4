/*
 * Changes a session: one transaction sets or removes what is given. The session is read before only
 * if the write depends on what it is like: for a precondition, for a patch of its metadata, or for
 * a value that may be too large.
 */
#include "base/json_merge.h"
#include "store/internal.h"

/* The size of metadata and patch together, of which neither is larger than an item. */
#define MERGED_MAX_BYTES ((size_t)2 * ITEM_MAX_BYTES)

/* ---- versions -------------------------------------------------------------------------------- */

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
    if (!if_match->present || if_match->any || version == 0)
        return STR_NONE;
    return store_digits(s, version);
}

/* With If-Match the write succeeds only on the version that was checked. */
const char *store_version_condition(const struct versions *if_match, int64_t version)
{
    if (!if_match->present || if_match->any)
        return "";
    return version == 0 ? " AND attribute_not_exists(version)" : " AND version = :version";
}

/* ---- one attempt ----------------------------------------------------------------------------- */

/* A change of a session under way. */
struct session_update {
    const struct session_key *key;
    const struct session_changes *wanted;
    const struct versions *if_match;
    struct session now;             /* the session as it was last read, if it was */
    struct session_changes changes; /* what is wanted, with a patch turned into metadata */
    /* what the write is conditional on: If-Match, or the version that was read */
    const struct versions *held;
};

/* A part of an expression, which is left out if it is not wanted. */
struct clause {
    bool wanted;
    const char *text;
};

/* Appends " SET a = :a, b = :b"; nothing if no clause is wanted. */
static void clauses_append(struct buf *out, const char *keyword, const struct clause *clauses,
                           size_t count)
{
    const char *before = keyword;

    for (size_t i = 0; i < count; i++) {
        if (!clauses[i].wanted)
            continue;
        buf_puts(out, before);
        buf_puts(out, clauses[i].text);
        before = ", ";
    }
}

/* Messages, titles and metadata move a session up in the order of activity; flags and tags alone do
 * not. */
static bool changes_move_up(const struct session_changes *c)
{
    bool is_marked =
        c->archived != FLAG_STAYS || c->pinned != FLAG_STAYS || str_is_present(c->tags);

    return str_is_present(c->title) || c->has_metadata || !is_marked;
}

static bool changes_have_tags(const struct session_changes *c)
{
    return c->tags.n > STR("[]").n;
}

static struct str session_update_text(struct store *s, const struct session_update *u)
{
    const struct session_changes *c = &u->changes;
    const struct clause set[] = {
        {changes_move_up(c), "updated_at = :now"},
        {str_is_present(c->title), "title = :title"},
        {str_is_present(c->metadata), "metadata = :metadata"},
        {c->archived == FLAG_ON, "archived = :true"},
        {c->pinned == FLAG_ON, "pinned = :true"},
        {changes_have_tags(c), "tags = :tags"},
    };
    const struct clause removed[] = {
        {c->has_metadata && !str_is_present(c->metadata), "metadata"},
        {c->archived == FLAG_OFF, "archived"},
        {c->pinned == FLAG_OFF, "pinned"},
        {str_is_present(c->tags) && !changes_have_tags(c), "tags"},
    };
    struct buf text;

    buf_init(&text, 4096);
    buf_puts(&text, ",\"UpdateExpression\":\"ADD version :one");
    clauses_append(&text, " SET ", set, sizeof(set) / sizeof(set[0]));
    clauses_append(&text, " REMOVE ", removed, sizeof(removed) / sizeof(removed[0]));
    buf_puts(&text, "\",\"ConditionExpression\":\"" IS_LIVE);
    buf_puts(&text, store_version_condition(u->held, u->now.version));
    buf_puts(&text, "\"" RETURN_OLD);
    struct str out = arena_str(s->arena, buf_str(&text));
    buf_free(&text);
    return out;
}

/* The value of the attribute tags, in DynamoDB's notation. */
static struct str tags_as_list(struct store *s, struct str tags)
{
    struct buf text;

    buf_init(&text, ITEM_MAX_BYTES);
    item_write_strings(&text, tags);
    struct str list = arena_str(s->arena, buf_str(&text));
    buf_free(&text);
    return list;
}

static size_t session_update_write(struct store *s, struct transaction *t,
                                   const struct session_update *u)
{
    const struct session_changes *c = &u->changes;
    const struct key key = store_session_key(u->key->user_id, u->key->session_id);
    bool turns_on = c->archived == FLAG_ON || c->pinned == FLAG_ON;
    struct str now = store_time(s, store_now_us(s));

    transaction_begin(s, t);
    return transaction_update(
        t, &key, session_update_text(s, u),
        VALUES(STRING_VALUE(":now", changes_move_up(c) ? now : STR_NONE), NUMBER_VALUE(":one", 1),
               STRING_VALUE(":title", c->title), STRING_VALUE(":metadata", c->metadata),
               RAW_VALUE(":true", "BOOL", turns_on ? STR("true") : STR_NONE),
               RAW_VALUE(":tags", "L", changes_have_tags(c) ? tags_as_list(s, c->tags) : STR_NONE),
               DIGITS_VALUE(":version", store_version_digits(s, u->held, u->now.version))));
}

/* How an attempt ended. UPDATE_FAILED with e. UPDATE_AGAIN: the session has another version now. */
enum session_update_end { UPDATE_FAILED = -1, UPDATED, UPDATE_AGAIN };

static enum session_update_end session_try_update(struct store *s, const struct session_update *u,
                                                  struct err *e)
{
    struct session found;
    struct transaction t;
    size_t action = session_update_write(s, &t, u);
    enum transaction_end end = transaction_commit(&t, e);
    enum session_update_end r = end == TRANSACTION_DONE ? UPDATED : UPDATE_FAILED;

    if (end == TRANSACTION_CANCELED) {
        bool lives = transaction_read_item(&t, action, &item_session, &found) && !found.deleted;
        r = lives ? UPDATE_AGAIN : UPDATE_FAILED;
        if (!lives)
            store_session_not_found(e);
    }
    transaction_free(&t);
    return r;
}

/* ---- looking at it before -------------------------------------------------------------------- */

static void flag_apply_change(enum flag_change change, bool *flag)
{
    if (change != FLAG_STAYS)
        *flag = change == FLAG_ON;
}

static int session_check_changed_size(const struct session *current,
                                      const struct session_changes *changes, struct err *e)
{
    struct session after = *current;

    if (str_is_present(changes->title))
        after.title = changes->title;
    if (changes->has_metadata)
        after.metadata = changes->metadata;
    if (str_is_present(changes->tags))
        after.tags = changes->tags;
    flag_apply_change(changes->archived, &after.archived);
    flag_apply_change(changes->pinned, &after.pinned);
    return store_check_size(item_size(&item_session, &after), "session", e);
}

/* The session would be too large. To say how large, it must be read. If it is small enough by now,
 * e stays as it is. */
static void session_update_explain_size(struct store *s, const struct session_update *u,
                                        struct err *e)
{
    struct session now;

    if (store_session_read(s, u->key, CONSISTENT, &now, e) == 0)
        session_check_changed_size(&now, &u->changes, e);
}

/* Makes the new metadata from the session that was read and the patch. */
static int session_update_merge_metadata(struct store *s, struct session_update *u, struct err *e)
{
    static const struct versions exactly = {.present = true};
    const struct json_value now = {str_is_present(u->now.metadata) ? JSON_OBJECT : JSON_NULL,
                                   u->now.metadata};
    const struct json_value patch = {JSON_OBJECT, u->wanted->metadata_patch};

    if (store_check_size(patch.text.n, "session", e) < 0)
        return -1;
    u->changes.has_metadata = true;
    u->changes.metadata = json_merge_patch(now, patch, MERGED_MAX_BYTES, s->arena);
    if (!str_is_present(u->changes.metadata))
        return store_check_size(MERGED_MAX_BYTES, "session", e);
    u->held = &exactly;
    return 0;
}

/*
 * Reads the session, but only if the write needs that: to check a precondition, to patch the
 * metadata, or because a value may be so large that DynamoDB would not look at it.
 */
static int session_update_prepare(struct store *s, struct session_update *u, struct err *e)
{
    bool is_patch = str_is_present(u->wanted->metadata_patch);

    if (!u->if_match->present && !is_patch && u->wanted->metadata.n < ITEM_MAX_BYTES / 2)
        return 0;
    if (store_session_read(s, u->key, CONSISTENT, &u->now, e) < 0)
        return -1;
    if (u->now.deleted)
        return store_session_not_found(e);
    if (store_check_version(u->if_match, u->now.version, e) < 0)
        return -1;
    if (is_patch && session_update_merge_metadata(s, u, e) < 0)
        return -1;
    return session_check_changed_size(&u->now, &u->changes, e);
}

static int session_update_until_settled(struct store *s, struct session_update *u, struct err *e)
{
    enum session_update_end r;

    do {
        if (session_update_prepare(s, u, e) < 0)
            return -1;
        r = session_try_update(s, u, e);
        if (r == UPDATE_FAILED && e->code == ERR_ITEM_TOO_LARGE)
            session_update_explain_size(s, u, e);
    } while (r == UPDATE_AGAIN);
    return r == UPDATED ? 0 : -1;
}

int store_session_update(struct store *s, const struct session_target *target,
                         const struct session_changes *changes, struct session *out, struct err *e)
{
    const struct session_key *key = &target->key;
    struct session_update u = {.key = key,
                               .wanted = changes,
                               .if_match = &target->if_match,
                               .changes = *changes,
                               .held = &target->if_match};

    *out = (struct session){0};
    if (!store_is_session_key(key))
        return store_session_not_found(e);
    if (session_update_until_settled(s, &u, e) < 0) {
        *out = u.now; /* out->version says why the precondition failed */
        return -1;
    }
    if (store_session_read(s, key, CONSISTENT, out, e) < 0)
        return store_changed_unseen(e);
    return out->deleted ? store_session_not_found(e) : 0;
}
