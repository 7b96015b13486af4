/*
 * One session: create, read, change. How it is deleted is told in session_delete.c, how a user's
 * are listed in session_list.c and session_activity.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/ids.h"
#include "store/internal.h"

#define KEY_MAX_BYTES 2048

/* "Chat Session 2026-11-23 08:30", from an RFC 3339 time. */
static struct str default_title(struct store *s, struct str created_at)
{
    return arena_printf(s->arena, "Chat Session %.10s %.5s", created_at.p, created_at.p + 11);
}

static void describe_new(struct store *s, const struct session_new *wanted, struct str session_id,
                         struct str created_at, struct session *out)
{
    *out = (struct session){
        .session_id = session_id,
        .user_id = wanted->user_id,
        .title = wanted->title.p ? wanted->title : default_title(s, created_at),
        .created_at = created_at,
        .updated_at = created_at,
        .metadata = wanted->metadata,
        .version = 1,
    };
    if (wanted->idempotency.key.p)
        out->create_marker = store_marker_session(s, wanted->idempotency.key);
}

enum { CREATE_SESSION, CREATE_OWNER, CREATE_MARKER };

/* gone: the id of a session that the marker may still name, or STR_NONE; see replay_create. */
static void put_marker(struct store *s, const struct session_new *wanted,
                       const struct session *session, struct str gone)
{
    store_action_begin(s, "Put", s->shared->sessions_table);
    json_key(&s->w, "Item");
    json_begin_object(&s->w);
    item_put_string(&s->w, "user_id", session->user_id);
    item_put_string(&s->w, "session_id", session->create_marker);
    store_marker_put_fingerprint(s, &wanted->idempotency);
    item_put_string(&s->w, "created_session_id", session->session_id);
    item_put_string(&s->w, "created_at", session->created_at);
    json_end_object(&s->w);
    if (gone.p) {
        json_key(&s->w, "ExpressionAttributeValues");
        json_begin_object(&s->w);
        item_put_string(&s->w, ":gone", gone);
        json_end_object(&s->w);
    }
    store_action_end(s,
                     gone.p ? "attribute_not_exists(session_id) OR created_session_id = :gone"
                            : "attribute_not_exists(session_id)",
                     true);
}

static void write_create(struct store *s, const struct session_new *wanted,
                         const struct session *session, struct str gone)
{
    store_transaction_begin(s);
    store_action_begin(s, "Put", s->shared->sessions_table);
    json_key(&s->w, "Item");
    item_write_session(&s->w, session);
    store_action_end(s, "attribute_not_exists(session_id)", false);
    store_put_owner(s, session->session_id, session->user_id);
    if (session->create_marker.p)
        put_marker(s, wanted, session, gone);
}

/*
 * The first answer again: what was asked for is the same, and the marker keeps the rest. But a key
 * holds only as long as its session lives. 1 with *gone: that one is being deleted, and the marker
 * may be taken over.
 */
static int replay_create(struct store *s, const struct session_new *wanted,
                         struct json_object *marker, struct str *gone, struct session *out,
                         struct err *e)
{
    struct session_key key = {wanted->user_id,
                              arena_str(s->arena, item_string(marker, "created_session_id"))};
    struct str created_at = arena_str(s->arena, item_string(marker, "created_at"));
    struct session now = {0};

    if (!store_is_session_id(key.session_id) || created_at.n != CLOCK_TIME_SIZE - 1)
        return store_key_reused(e); /* it lies there, but is none of this service's */
    int r = store_session_read(s, &key, true, &now, e);
    if (r < 0 && e->code != ERR_SESSION_NOT_FOUND)
        return -1;
    if (r < 0 || now.deleted) {
        *gone = key.session_id;
        return 1;
    }
    if (store_marker_check(s, marker, &wanted->idempotency, e) < 0)
        return -1;
    describe_new(s, wanted, key.session_id, created_at, out);
    return 0;
}

/* 0 with *out, created or *replayed; 1 with *gone: go again; -1 with e. */
static int try_create(struct store *s, const struct session_new *wanted, struct str *gone,
                      struct session *out, bool *replayed, struct err *e)
{
    struct dynamo_answer answer;

    write_create(s, wanted, out, *gone);
    int r = store_transaction_commit(s, &answer, e);
    if (r == 0) {
        owner_cache_put(s->shared->owners, out->session_id, out->user_id, 0);
    } else if (r == 1 && store_reason_is_condition(&answer, CREATE_MARKER)) {
        r = replay_create(s, wanted, store_reason_item(&answer, CREATE_MARKER), gone, out, e);
        *replayed = r == 0;
    } else if (r == 1) {
        r = err_set(e, ERR_INTERNAL, "a new session id was in use already");
    }
    dynamo_answer_free(&answer);
    return r;
}

int store_session_create(struct store *s, const struct session_new *wanted, struct session *out,
                         bool *replayed, struct err *e)
{
    char id[IDS_UUID_SIZE];
    int64_t now_us = store_now_us(s);
    struct str gone = STR_NONE;
    int r;

    *replayed = false;
    ids_uuid7(now_us / 1000, id);
    describe_new(s, wanted, arena_str(s->arena, str_from(id)), store_time(s, now_us), out);
    if (store_check_size(item_session_size(out), "session", e) < 0)
        return -1;
    do
        r = try_create(s, wanted, &gone, out, replayed, e);
    while (r == 1);
    return r;
}

/* Views of the session are kept beyond the answer's life. */
void store_session_keep(struct store *s, struct session *session)
{
    struct str *views[] = {&session->session_id,   &session->user_id,    &session->title,
                           &session->created_at,   &session->updated_at, &session->metadata,
                           &session->create_marker};

    for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
        *views[i] = arena_str(s->arena, *views[i]);
}

static bool is_session_key(const struct session_key *key)
{
    return store_is_session_id(key->session_id) && key->user_id.n >= 1 &&
           key->user_id.n <= KEY_MAX_BYTES;
}

int store_session_read(struct store *s, const struct session_key *key, bool consistent,
                       struct session *out, struct err *e)
{
    struct dynamo_answer answer;
    struct json_object *item;

    if (!is_session_key(key))
        return store_session_not_found(e);
    store_begin_call(s, s->shared->sessions_table);
    store_key_session(s, key->user_id, key->session_id);
    int r = store_get_item(s, consistent, &answer, &item, e);
    if (r == 0 && !item)
        r = store_session_not_found(e);
    if (r == 0) {
        item_read_session(item, s->arena, out);
        store_session_keep(s, out);
    }
    dynamo_answer_free(&answer);
    return r;
}

int store_session_get(struct store *s, const struct session_key *key, struct session *out,
                      struct err *e)
{
    if (store_session_read(s, key, s->shared->consistent, out, e) < 0)
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

void store_put_version(struct store *s, const struct versions *if_match, int64_t version)
{
    if (if_match->present && !if_match->any && version != 0)
        item_put_number(&s->w, ":version", version);
}

/* With If-Match the write goes through only on the version that was checked. */
const char *store_version_condition(const struct versions *if_match, int64_t version)
{
    if (!if_match->present || if_match->any)
        return "";
    return version == 0 ? " AND attribute_not_exists(version)" : " AND version = :version";
}

static struct str update_expression(struct store *s, const struct session_changes *changes)
{
    return arena_printf(s->arena, "SET updated_at = :now%s%s ADD version :one%s",
                        changes->title.p ? ", title = :title" : "",
                        changes->metadata.p ? ", metadata = :metadata" : "",
                        changes->has_metadata && !changes->metadata.p ? " REMOVE metadata" : "");
}

static void write_update(struct store *s, const struct session_key *key,
                         const struct session_changes *changes, const struct versions *if_match,
                         int64_t version)
{
    store_transaction_begin(s);
    store_action_begin(s, "Update", s->shared->sessions_table);
    store_key_session(s, key->user_id, key->session_id);
    json_put_string(&s->w, "UpdateExpression", update_expression(s, changes));
    json_key(&s->w, "ExpressionAttributeValues");
    json_begin_object(&s->w);
    item_put_string(&s->w, ":now", store_time(s, store_now_us(s)));
    item_put_number(&s->w, ":one", 1);
    if (changes->title.p)
        item_put_string(&s->w, ":title", changes->title);
    if (changes->metadata.p)
        item_put_string(&s->w, ":metadata", changes->metadata);
    store_put_version(s, if_match, version);
    json_end_object(&s->w);
    struct str condition = arena_printf(
        s->arena, "attribute_exists(session_id) AND attribute_not_exists(deleted_at)%s",
        store_version_condition(if_match, version));
    store_action_end(s, condition.p, true);
}

/* 0: done; 1: it is not at that version any more, look again; -1 with e. */
static int try_update(struct store *s, const struct session_key *key,
                      const struct session_changes *changes, const struct versions *if_match,
                      int64_t version, struct err *e)
{
    struct dynamo_answer answer;

    write_update(s, key, changes, if_match, version);
    int r = store_transaction_commit(s, &answer, e);
    if (r == 1) {
        struct json_object *item = store_reason_item(&answer, 0);
        if (!item || json_get(item, "deleted_at"))
            r = store_session_not_found(e);
    }
    dynamo_answer_free(&answer);
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
    return store_check_size(item_session_size(&after), "session", e);
}

/* It has become too large: how large, only a read tells. If that finds it small enough by now, e
 * stays as it is. */
static void explain_size(struct store *s, const struct session_key *key,
                         const struct session_changes *changes, struct err *e)
{
    struct session now;

    if (store_session_read(s, key, true, &now, e) == 0)
        check_changed_size(&now, changes, e);
}

/*
 * The write needs to know the session only to check a precondition, or a value that may be too
 * large for DynamoDB to look at.
 */
static int read_before_update(struct store *s, const struct session_key *key,
                              const struct session_changes *changes,
                              const struct versions *if_match, struct session *session,
                              struct err *e)
{
    if (!if_match->present && changes->metadata.n < ITEM_MAX_BYTES / 2)
        return 0;
    if (store_session_read(s, key, true, session, e) < 0)
        return -1;
    if (session->deleted)
        return store_session_not_found(e);
    if (store_check_version(if_match, session->version, e) < 0)
        return -1;
    return check_changed_size(session, changes, e);
}

int store_session_update(struct store *s, const struct session_key *key,
                         const struct session_changes *changes, const struct versions *if_match,
                         struct session *out, struct err *e)
{
    int r;

    if (!is_session_key(key))
        return store_session_not_found(e);
    *out = (struct session){0};
    do {
        if (read_before_update(s, key, changes, if_match, out, e) < 0)
            return -1;
        r = try_update(s, key, changes, if_match, out->version, e);
        if (r < 0 && e->code == ERR_ITEM_TOO_LARGE)
            explain_size(s, key, changes, e);
    } while (r == 1);
    if (r < 0)
        return -1;
    if (store_session_read(s, key, true, out, e) < 0)
        return store_changed_unseen(e);
    return out->deleted ? store_session_not_found(e) : 0;
}
