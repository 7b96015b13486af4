/*
 * Changes a session: one transaction sets or removes what is given, by the table of fields. The
 * session is read before only if the write depends on what it is like: for a precondition, for a
 * patch of its metadata, or for values that may be too large.
 */
#include "base/json_merge.h"
#include "store/internal.h"
#include "store/item_table.h"

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

/* What becomes of the attribute of a field that is given. */
enum attribute_change { ATTRIBUTE_SET, ATTRIBUTE_REMOVED };

/* Takes the next field out of the rest of those that are given whose attribute the change sets, or
 * removes; NULL if there is none. */
static const struct item_field *change_take(const struct session_changes *c,
                                            enum attribute_change change, uint32_t *rest)
{
    const struct item_field *f;

    while ((f = session_field_take(rest))) {
        if (field_is_written(f, &c->fields) == (change == ATTRIBUTE_SET))
            return f;
    }
    return NULL;
}

/* One field that does is enough. A change of nothing does it too, as it always did. */
static bool changes_move_up(const struct session_changes *c)
{
    const struct item_field *f;
    uint32_t rest = c->given;
    bool moves = c->given == 0;

    while (!moves && (f = session_field_take(&rest)))
        moves = f->effect == MOVES_UP;
    return moves;
}

/* Appends " SET a = :a, b = :true". */
static void update_append_set(struct buf *out, const struct session_changes *c)
{
    const char *before = " SET ";
    const struct item_field *f;
    uint32_t rest = c->given;

    if (changes_move_up(c)) {
        buf_puts(out, " SET updated_at = :now");
        before = ", ";
    }
    for (; (f = change_take(c, ATTRIBUTE_SET, &rest)); before = ", ") {
        buf_puts(out, before);
        buf_append_str(out, f->name);
        buf_append_str(out, STR(" = :"));
        buf_append_str(out, f->type == FIELD_BOOL ? STR("true") : f->name);
    }
}

/* Appends " REMOVE a, b". */
static void update_append_removed(struct buf *out, const struct session_changes *c)
{
    const char *before = " REMOVE ";
    const struct item_field *f;
    uint32_t rest = c->given;

    for (; (f = change_take(c, ATTRIBUTE_REMOVED, &rest)); before = ", ") {
        buf_puts(out, before);
        buf_append_str(out, f->name);
    }
}

static struct str session_update_text(struct store *s, const struct session_update *u)
{
    struct buf text;

    buf_init(&text, 4096);
    buf_puts(&text, ",\"UpdateExpression\":\"ADD version :one");
    update_append_set(&text, &u->changes);
    update_append_removed(&text, &u->changes);
    buf_puts(&text, "\",\"ConditionExpression\":\"" IS_LIVE);
    buf_puts(&text, store_version_condition(u->held, u->now.version));
    buf_puts(&text, "\"" RETURN_OLD);
    struct str out = arena_str(s->arena, buf_str(&text));
    buf_free(&text);
    return out;
}

/* The strings as the value of an attribute of type L, in DynamoDB's notation. */
static struct str update_strings(struct store *s, struct str strings)
{
    struct buf text;

    buf_init(&text, ITEM_MAX_BYTES);
    item_write_strings(&text, strings);
    struct str list = arena_str(s->arena, buf_str(&text));
    buf_free(&text);
    return list;
}

/* One for each field, of which there are at most 32, and those of every update. */
#define UPDATE_VALUES_MAX (32 + 4)

/* Adds the values of the fields that are set, and returns how many there are then. All flags that
 * are set have one value. */
static size_t update_add_values(struct store *s, const struct session_changes *c,
                                struct expression_value *list, size_t count)
{
    const struct item_field *f;
    uint32_t rest = c->given;
    struct str flag = STR_NONE;

    while ((f = change_take(c, ATTRIBUTE_SET, &rest))) {
        if (f->type == FIELD_BOOL) {
            flag = STR("true");
            continue;
        }
        struct expression_value *value = &list[count++];
        *value = (struct expression_value){.attribute = f->placeholder,
                                           .string = field_text_of(f, &c->fields)};
        if (f->type == FIELD_STRINGS) {
            value->kind = VALUE_RAW;
            value->string = update_strings(s, value->string);
        }
    }
    list[count++] = (struct expression_value)RAW_VALUE(":true", "BOOL", flag);
    return count;
}

static size_t session_update_write(struct store *s, struct transaction *t,
                                   const struct session_update *u)
{
    const struct key key = store_session_key(u->key->user_id, u->key->session_id);
    struct str now = changes_move_up(&u->changes) ? store_time(s, store_now_us(s)) : STR_NONE;
    struct expression_value list[UPDATE_VALUES_MAX] = {
        STRING_VALUE(":now", now),
        NUMBER_VALUE(":one", 1),
        DIGITS_VALUE(":version", store_version_digits(s, u->held, u->now.version)),
    };
    const struct values values = {list, update_add_values(s, &u->changes, list, 3)};

    transaction_begin(s, t);
    return transaction_update(t, &key, session_update_text(s, u), values);
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

static int session_check_changed_size(const struct session *current,
                                      const struct session_changes *changes, struct err *e)
{
    struct session after = *current;
    const struct item_field *f;
    uint32_t rest = changes->given;

    while ((f = session_field_take(&rest)))
        field_copy(f, &after, &changes->fields);
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

/* Makes the new object from the one that was read and the patch. */
static int update_merge_field(struct store *s, struct session_update *u, const struct item_field *f,
                              struct err *e)
{
    struct str text = field_text_of(f, &u->now);
    const struct json_value now = {str_is_present(text) ? JSON_OBJECT : JSON_NULL, text};
    const struct json_value patch = {JSON_OBJECT, field_text_of(f, &u->wanted->fields)};
    struct str *merged = field_text(f, &u->changes.fields);

    if (store_check_size(patch.text.n, "session", e) < 0)
        return -1;
    u->changes.given |= session_field_bit(f);
    *merged = json_merge_patch(now, patch, MERGED_MAX_BYTES, s->arena);
    return str_is_present(*merged) ? 0 : store_check_size(MERGED_MAX_BYTES, "session", e);
}

static int session_update_merge(struct store *s, struct session_update *u, struct err *e)
{
    static const struct versions exactly = {.present = true};
    const struct item_field *f;
    uint32_t rest = u->wanted->patched;

    while ((f = session_field_take(&rest))) {
        if (update_merge_field(s, u, f, e) < 0)
            return -1;
    }
    u->held = &exactly;
    return 0;
}

/*
 * Reads the session, but only if the write needs that: to check a precondition, for a patch, or
 * because the values may be so large that DynamoDB would not look at them.
 */
static int session_update_prepare(struct store *s, struct session_update *u, struct err *e)
{
    bool is_patch = u->wanted->patched != 0;

    if (!u->if_match->present && !is_patch &&
        item_string_bytes(&item_session, &u->wanted->fields) < ITEM_MAX_BYTES / 2)
        return 0;
    if (store_session_read(s, u->key, CONSISTENT, &u->now, e) < 0)
        return -1;
    if (u->now.deleted)
        return store_session_not_found(e);
    if (store_check_version(u->if_match, u->now.version, e) < 0)
        return -1;
    if (is_patch && session_update_merge(s, u, e) < 0)
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
