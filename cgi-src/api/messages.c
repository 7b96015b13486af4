/*
 * Handles /sessions/{session_id}/messages: append and list, and one message by its timestamp.
 */
#include <inttypes.h>

#include "api/api.h"

static const struct parameter_limits any_string = {0};

/* The session's owner, if the request says who that is: the principal or user_id. */
static int hint_read(const struct api *api, struct request *q, struct str *hint, struct err *e)
{
    struct parameters p;

    parameters_of_request(q, &p);
    return api_user(api, &p, hint, e);
}

struct append_request {
    struct str hint;
    bool is_array;
    size_t count;
    struct message_new *messages;
    struct idempotency idempotency;
};

/* Two messages of one array with one id are a mistake: nothing could tell them apart later. */
static int append_request_check_id(const struct message_new *messages, size_t last, struct err *e)
{
    struct str id = messages[last].message_id;

    for (size_t i = 0; str_is_present(id) && i < last; i++) {
        if (str_is_present(messages[i].message_id) && str_equals(messages[i].message_id, id))
            return err_set(e, ERR_INVALID_PARAMETER,
                           "[%zu].message_id is the same as [%zu].message_id: give each message an "
                           "id of its own",
                           last, i);
    }
    return 0;
}

static int append_request_read_array(const struct api *api, struct request *q,
                                     struct append_request *out, struct err *e)
{
    struct json_value *elements;
    struct parameters p;
    struct str user_id;

    out->count = json_elements_at_most(q->body, STORE_APPEND_MAX, q->arena, &elements);
    if (out->count < 1 || out->count > STORE_APPEND_MAX)
        return err_set(e, ERR_INVALID_PARAMETER,
                       "the array must have 1 to %d messages, this one has %s", STORE_APPEND_MAX,
                       out->count ? "more" : "none");
    out->messages = arena_array(q->arena, out->count, sizeof(*out->messages));
    for (size_t i = 0; i < out->count; i++) {
        if (parameters_of_element(q, elements[i], i, &p, e) < 0 ||
            api_message_new(&p, &out->messages[i], e) < 0 || api_user(api, &p, &user_id, e) < 0)
            return -1;
        if (str_is_present(user_id) && str_is_present(out->hint) && !str_equals(user_id, out->hint))
            return err_set(e, ERR_INVALID_PARAMETER,
                           "user_id must be the same in all messages of the array");
        if (str_is_present(user_id))
            out->hint = user_id;
        if (append_request_check_id(out->messages, i, e) < 0)
            return -1;
    }
    return 0;
}

static void append_request_fingerprint(struct append_request *a)
{
    struct fingerprint *f = fingerprint_begin();

    fingerprint_add(f, a->is_array ? STR("array") : STR("one"));
    for (size_t i = 0; i < a->count; i++)
        api_fingerprint_message(f, &a->messages[i]);
    fingerprint_end(f, a->idempotency.fingerprint);
}

static int append_request_read(const struct api *api, struct request *q, struct append_request *out,
                               struct err *e)
{
    struct parameters p;

    if (hint_read(api, q, &out->hint, e) < 0 || api_idempotency_key(q, &out->idempotency, e) < 0)
        return -1;
    out->is_array = q->has_body && q->body.type == JSON_ARRAY;
    if (out->is_array) {
        if (append_request_read_array(api, q, out, e) < 0)
            return -1;
    } else if (q->has_body && q->body.type != JSON_OBJECT) {
        return err_set(e, ERR_INVALID_PARAMETER,
                       "the body must be a JSON object, or an array of them");
    } else {
        parameters_of_request(q, &p);
        out->count = 1;
        out->messages = arena_array(q->arena, out->count, sizeof(*out->messages));
        if (api_message_new(&p, &out->messages[0], e) < 0)
            return -1;
    }
    if (str_is_present(out->idempotency.key))
        append_request_fingerprint(out);
    return 0;
}

static void message_put_location(struct response *r, const struct message *message)
{
    buf_puts(&r->headers, "Location: /api/v1/sessions/");
    uri_encode(&r->headers, message->session_id);
    buf_printf(&r->headers, "/messages/%" PRId64 "\r\n", message->timestamp);
}

static enum store_write append_request_execute(struct store *store, const struct request *q,
                                               const struct append_request *wanted,
                                               struct message *out, struct err *e)
{
    struct append_new append_new = {
        .session_id = request_path(q, "session_id"),
        .hint = wanted->hint,
        .messages = wanted->messages,
        .count = wanted->count,
        .idempotency = wanted->idempotency,
    };
    return store_messages_append(store, &append_new, out, e);
}

int messages_append(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct append_request wanted = {.count = 0};
    struct json_writer w;

    if (append_request_read(api, q, &wanted, e) < 0)
        return -1;
    struct message *messages = arena_array(q->arena, wanted.count, sizeof(*messages));
    enum store_write end = append_request_execute(api->store, q, &wanted, messages, e);
    if (end == STORE_WRITE_FAILED)
        return -1;
    response_begin(r, end == STORE_REPLAYED ? 200 : 201, &w);
    json_key(&w, wanted.is_array ? "messages" : "message");
    if (wanted.is_array)
        json_begin_array(&w);
    for (size_t i = 0; i < wanted.count; i++)
        shape_message(&w, &messages[i]);
    if (wanted.is_array)
        json_end_array(&w);
    response_end(&w, api_now_us(api));
    if (!wanted.is_array)
        message_put_location(r, &messages[0]);
    if (end == STORE_REPLAYED)
        response_header(r, "Idempotent-Replayed", STR("true"));
    return 0;
}

/* The parameters of a list, besides the cursor. */
static const char *const list_parameters[] = {"limit", "order",   "after", "before",
                                              "q",     "user_id", NULL};

struct message_list_request {
    struct message_query query;
    struct str scope; /* the list that its cursors belong to */
};

/* A cursor holds the timestamp at which the last page ended. */
static int message_list_apply_cursor(const struct api *api, struct request *q,
                                     struct message_list_request *l, struct str text, struct err *e)
{
    const struct cursor_text cursor = {.scope = l->scope, .text = text};
    struct str position;
    int64_t timestamp;

    if (cursor_decode(api->cursor_key, q->arena, &cursor, &position, e) < 0)
        return -1;
    if (!json_integer((struct json_value){JSON_NUMBER, position}, &timestamp) || timestamp < 0 ||
        timestamp == INT64_MAX)
        return err_set(e, ERR_INVALID_CURSOR, "cursor is not one that this API gave");
    if (l->query.descending && timestamp < l->query.before)
        l->query.before = timestamp;
    else if (!l->query.descending && timestamp > l->query.after)
        l->query.after = timestamp;
    return 0;
}

/* The scope of a search has another beginning, and the length of the text, so that none is taken
 * for another. */
static struct str message_list_scope(const struct message_query *query, struct arena *a)
{
    const char *order = query->descending ? "desc" : "asc";

    if (!str_is_present(query->text))
        return arena_printf(a, "messages %s %.*s", order, (int)query->session_id.n,
                            query->session_id.p);
    return arena_printf(a, "messages-search %s %zu %.*s %.*s", order, query->text.n,
                        (int)query->text.n, query->text.p, (int)query->session_id.n,
                        query->session_id.p);
}

static int message_list_read(const struct api *api, struct request *q,
                             struct message_list_request *out, struct err *e)
{
    static const char *const orders[] = {"asc", "desc", NULL};
    struct message_query *query = &out->query;
    struct parameters p;
    struct str cursor;
    int order = 0;

    *out = (struct message_list_request){
        .query = {.session_id = request_path(q, "session_id"), .before = INT64_MAX, .limit = 100}};
    parameters_of_request(q, &p);
    if (hint_read(api, q, &query->hint, e) < 0 ||
        parameter_integer(&p, "limit", 1, 1000, &query->limit, e) < 0 ||
        parameter_choice(&p, "order", orders, &order, e) < 0 ||
        parameter_integer(&p, "after", 0, INT64_MAX - 1, &query->after, e) < 0 ||
        parameter_integer(&p, "before", 0, INT64_MAX, &query->before, e) < 0 ||
        parameter_string(&p, "q", &api_search_limits, &query->text, e) < 0 ||
        parameter_string(&p, "cursor", &any_string, &cursor, e) < 0)
        return -1;
    query->descending = order == 1;
    out->scope = message_list_scope(query, q->arena);
    return str_is_present(cursor) ? message_list_apply_cursor(api, q, out, cursor, e) : 0;
}

int messages_list(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct message_list_request list;
    struct shape_list out;
    struct str cursor = STR_NONE;
    struct message_page page;

    if (message_list_read(api, q, &list, e) < 0)
        return -1;
    response_begin(r, 200, &out.w);
    json_put_string(&out.w, "session_id", list.query.session_id);
    shape_list_begin(&out, "messages");
    const struct message_visitor visitor = {shape_list_message, &out};
    if (store_messages_list(api->store, &list.query, &visitor, &page, e) < 0)
        return -1;
    shape_list_end(&out);
    if (page.more) {
        cursor = cursor_encode(api->cursor_key, q->arena, list.scope,
                               arena_printf(q->arena, "%" PRId64, page.last));
        api_link_next(r, q, list_parameters, cursor);
    }
    api_put_page(&out.w, out.count, cursor);
    response_end(&out.w, api_now_us(api));
    return 0;
}

/* {timestamp} of the path; 0, which no message has, if it is not a number. */
static int64_t path_timestamp(const struct request *q)
{
    int64_t timestamp = 0;

    if (!json_integer((struct json_value){JSON_NUMBER, request_path(q, "timestamp")}, &timestamp))
        return 0;
    return timestamp;
}

static int message_key_read(const struct api *api, struct request *q, struct message_key *out,
                            struct err *e)
{
    *out = (struct message_key){.session_id = request_path(q, "session_id"),
                                .timestamp = path_timestamp(q)};
    return hint_read(api, q, &out->hint, e);
}

static void message_answer(struct api *api, struct response *r, const struct message *message)
{
    struct json_writer w;

    response_begin(r, 200, &w);
    json_key(&w, "message");
    shape_message(&w, message);
    response_end(&w, api_now_us(api));
}

int message_get(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct message message;
    struct message_key key;

    if (message_key_read(api, q, &key, e) < 0 ||
        store_message_get(api->store, &key, &message, e) < 0)
        return -1;
    message_answer(api, r, &message);
    return 0;
}

int message_update(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct message_changes changes = {.content = STR_NONE};
    enum parameter_presence presence;
    struct content_given content;
    struct parameters p;
    struct message message;
    struct message_key key;

    if (parameters_of_object(q, &p, e) < 0 || message_key_read(api, q, &key, e) < 0 ||
        api_content(&p, &content, e) < 0 ||
        parameter_object(&p, "metadata", &presence, &changes.metadata, e) < 0)
        return -1;
    changes.content = content.text;
    changes.content_type = content.type;
    changes.has_metadata = presence != PARAMETER_LEFT_OUT;
    if (store_message_update(api->store, &key, &changes, &message, e) < 0)
        return -1;
    message_answer(api, r, &message);
    return 0;
}

int message_delete(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct json_writer w;
    struct message_key key;

    if (message_key_read(api, q, &key, e) < 0 || store_message_delete(api->store, &key, e) < 0)
        return -1;
    response_begin(r, 200, &w);
    json_put_string(&w, "message", STR("Message deleted successfully"));
    response_end(&w, api_now_us(api));
    return 0;
}
