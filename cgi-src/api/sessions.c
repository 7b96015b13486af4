/*
 * Handles /sessions: create, list, read, change, delete.
 */
#include <inttypes.h>

#include "api/api.h"

static void session_answer(struct api *api, struct response *r, int status, const char *message,
                           const struct session *session)
{
    struct json_writer w;

    response_begin(r, status, &w);
    if (message)
        json_put_string(&w, "message", str_from(message));
    json_key(&w, "session");
    shape_session(&w, session);
    response_end(&w, api_now_us(api));
    api_etag(r, session->version);
}

static void session_new_fingerprint(struct session_new *new)
{
    struct fingerprint *f = fingerprint_begin();

    fingerprint_add(f, new->fields.user_id);
    api_fingerprint_session(f, &new->fields);
    api_fingerprint_history(f, new);
    fingerprint_end(f, new->idempotency.fingerprint);
}

static int session_new_read(struct api *api, struct request *q, struct session_new *out,
                            struct err *e)
{
    struct parameters p;

    *out = (struct session_new){0};
    if (parameters_of_object(q, &p, e) < 0 || api_new_user(api, &p, &out->fields.user_id, e) < 0 ||
        api_session_fields(&p, &out->fields, e) < 0 ||
        api_idempotency_key(q, &out->idempotency, e) < 0 || api_history(api, q, out, e) < 0)
        return -1;
    if (str_is_present(out->idempotency.key))
        session_new_fingerprint(out);
    return api_history_times(api, out, e);
}

static void session_put_location(struct response *r, const struct session *session)
{
    buf_puts(&r->headers, "Location: /api/v1/sessions/");
    uri_encode(&r->headers, session->user_id);
    buf_putc(&r->headers, '/');
    uri_encode(&r->headers, session->session_id);
    buf_puts(&r->headers, "\r\n");
}

int sessions_create(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct session_new wanted;
    struct session session;

    if (session_new_read(api, q, &wanted, e) < 0)
        return -1;
    if (wanted.history.count)
        store_set_deadline(api->store, api->history_deadline_us);
    enum store_write end = store_session_create(api->store, &wanted, &session, e);
    if (end == STORE_WRITE_FAILED)
        return -1;
    session_answer(api, r, end == STORE_REPLAYED ? 200 : 201, NULL, &session);
    session_put_location(r, &session);
    if (end == STORE_REPLAYED)
        response_header(r, "Idempotent-Replayed", STR("true"));
    return 0;
}

/* The parameters of a list, besides the cursor. */
static const char *const list_parameters[] = {"limit", "sort", "archived", "pinned",
                                              "tag",   "q",    "user_id",  NULL};

struct session_list_request {
    struct session_query query;
    struct str scope; /* the list that its cursors belong to */
};

static int filter_read_flag(const struct parameters *p, const char *name, enum wanted_flag *out,
                            struct err *e)
{
    static const char *const names[] = {[FLAG_ANY] = "any",
                                        [FLAG_SET] = "true",
                                        [FLAG_NOT_SET] = "false",
                                        [FLAG_NOT_SET + 1] = NULL};
    int flag = (int)*out;

    if (parameter_choice(p, name, names, &flag, e) < 0)
        return -1;
    *out = (enum wanted_flag)flag;
    return 0;
}

/* Archived sessions are shown only to those who ask for them. */
static int filter_read(const struct parameters *p, struct session_filter *out, struct err *e)
{
    static const struct parameter_limits tag_limits = {.min_bytes = 1,
                                                       .max_characters = TAG_MAX_CHARACTERS};

    *out = (struct session_filter){.archived = FLAG_NOT_SET};
    if (filter_read_flag(p, "archived", &out->archived, e) < 0 ||
        filter_read_flag(p, "pinned", &out->pinned, e) < 0 ||
        parameter_string(p, "tag", &tag_limits, &out->tag, e) < 0 ||
        parameter_string(p, "q", &api_search_limits, &out->text, e) < 0)
        return -1;
    return 0;
}

static uint64_t filter_hash(struct str text)
{
    return str_is_present(text) ? str_hash(text) : 0;
}

/* The list that a cursor belongs to. The name of the usual list, of all sessions but the archived
 * ones, must not change: clients have its cursors. */
static struct str session_list_scope(const struct session_query *query, const char *order,
                                     struct arena *a)
{
    const struct session_filter *f = &query->filter;
    bool is_usual = f->archived == FLAG_NOT_SET && f->pinned == FLAG_ANY &&
                    !str_is_present(f->tag) && !str_is_present(f->text);

    if (is_usual)
        return arena_printf(a, "sessions %s %.*s", order, (int)query->user_id.n, query->user_id.p);
    return arena_printf(a, "sessions-filtered %s %d %d %" PRIx64 " %" PRIx64 " %.*s", order,
                        (int)f->archived, (int)f->pinned, filter_hash(f->tag), filter_hash(f->text),
                        (int)query->user_id.n, query->user_id.p);
}

static int session_list_read(struct api *api, struct request *q, struct session_list_request *out,
                             struct err *e)
{
    static const char *const orders[] = {"activity", "created", NULL};
    static const struct parameter_limits any = {0};
    struct session_query *query = &out->query;
    int order = SESSIONS_BY_ACTIVITY;
    struct parameters p;
    struct str text;

    *out = (struct session_list_request){.query = {.limit = 1000}};
    parameters_of_request(q, &p);
    if (api_named_user(api, q, &query->user_id, e) < 0 ||
        parameter_integer(&p, "limit", 1, 1000, &query->limit, e) < 0 ||
        parameter_choice(&p, "sort", orders, &order, e) < 0 ||
        filter_read(&p, &query->filter, e) < 0 ||
        parameter_string(&p, "cursor", &any, &text, e) < 0)
        return -1;
    query->order = (enum session_order)order;
    out->scope = session_list_scope(query, orders[order], q->arena);
    const struct cursor_text cursor = {.scope = out->scope, .text = text};
    return str_is_present(text)
               ? cursor_decode(api->cursor_key, q->arena, &cursor, &query->cursor, e)
               : 0;
}

int sessions_list(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct session_list_request list;
    struct shape_list out;
    struct session_page page;
    struct str cursor = STR_NONE;

    response_header(r, "Vary", STR("Accept"));
    if (export_is_wanted(q))
        return sessions_export(api, q, r, e);
    if (session_list_read(api, q, &list, e) < 0)
        return -1;
    response_begin(r, 200, &out.w);
    shape_list_begin(&out, "sessions");
    const struct session_visitor visitor = {shape_list_session, &out};
    if (store_sessions_list(api->store, &list.query, &visitor, &page, e) < 0)
        return -1;
    shape_list_end(&out);
    if (str_is_present(page.next_cursor)) {
        cursor = cursor_encode(api->cursor_key, q->arena, list.scope, page.next_cursor);
        api_link_next(r, q, list_parameters, cursor);
    }
    api_put_page(&out.w, out.count, cursor);
    response_end(&out.w, api_now_us(api));
    return 0;
}

static int session_key_read(const struct api *api, const struct request *q, struct session_key *out,
                            struct err *e)
{
    out->session_id = request_path(q, "session_id");
    return api_path_user(api, q, &out->user_id, e);
}

int session_get(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct versions if_none_match;
    struct session session;
    struct session_key key;

    if (session_key_read(api, q, &key, e) < 0 ||
        store_session_get(api->store, &key, &session, e) < 0)
        return -1;
    request_versions(q, "HTTP_IF_NONE_MATCH", &if_none_match);
    if (if_none_match.present && versions_include(&if_none_match, session.version)) {
        r->status = 304;
        api_etag(r, session.version);
        return 0;
    }
    session_answer(api, r, 200, NULL, &session);
    return 0;
}

/* Reads the session that a change is about, and the versions in If-Match. */
static int session_target_read(const struct api *api, const struct request *q,
                               struct session_target *out, struct err *e)
{
    request_versions(q, "HTTP_IF_MATCH", &out->if_match);
    return session_key_read(api, q, &out->key, e);
}

/* Tells the caller of a failed precondition which ETag would have held. */
static int precondition_put_etag(struct response *r, const struct session *session,
                                 const struct err *e)
{
    if (e->code == ERR_PRECONDITION_FAILED)
        api_etag(r, session->version);
    return -1;
}

int session_update(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct session_changes changes;
    struct session_target target;
    struct session session;

    if (session_target_read(api, q, &target, e) < 0 || api_session_changes(q, &changes, e) < 0)
        return -1;
    if (store_session_update(api->store, &target, &changes, &session, e) < 0)
        return precondition_put_etag(r, &session, e);
    session_answer(api, r, 200, "Session updated successfully", &session);
    return 0;
}

int session_delete(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct session_target target;
    struct session session;
    int64_t deleted_messages = 0;
    struct json_writer w;

    if (session_target_read(api, q, &target, e) < 0)
        return -1;
    if (store_session_delete(api->store, &target, &session, &deleted_messages, e) < 0)
        return precondition_put_etag(r, &session, e);
    response_begin(r, 200, &w);
    json_put_string(&w, "message", STR("Session deleted successfully"));
    json_put_int(&w, "deleted_messages", deleted_messages);
    response_end(&w, api_now_us(api));
    return 0;
}

int sessions_erase(struct api *api, struct request *q, struct response *r, struct err *e)
{
    int64_t sessions;
    int64_t messages;
    struct json_writer w;
    struct str user_id;

    if (api_named_user(api, q, &user_id, e) < 0 ||
        store_user_erase(api->store, user_id, &sessions, &messages, e) < 0)
        return -1;
    response_begin(r, 200, &w);
    json_put_string(&w, "message", STR("User erased successfully"));
    json_put_int(&w, "deleted_sessions", sessions);
    json_put_int(&w, "deleted_messages", messages);
    response_end(&w, api_now_us(api));
    return 0;
}
