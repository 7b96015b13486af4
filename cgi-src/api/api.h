/*
 * What handlers are given, and the handlers of each resource. A handler checks everything that it
 * was sent, calls the store once, and writes the answer.
 */
#ifndef API_API_H
#define API_API_H

#include <stdatomic.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "http/cursor.h"
#include "http/parameter.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "store/store.h"

/* How many exports a process makes at once. Each holds a thread, and up to some MB, as long as it
 * takes. */
struct export_places {
    unsigned max;
    atomic_uint taken;
};

struct api {
    struct store *store;
    struct principal principal;
    const struct clock *clock;
    const struct cursor_key *cursor_key;
    struct export_places *export_places;
    int64_t history_deadline_us; /* of a request with a history; monotonic clock */
};

int64_t api_now_us(const struct api *api);

/* routes.c: every path with its handlers */
#define API_ROUTES_MAX 32
extern const struct route api_routes[];
extern const size_t api_route_count; /* at most API_ROUTES_MAX */

/* sessions.c */
int sessions_create(struct api *api, struct request *q, struct response *r, struct err *e);
int sessions_list(struct api *api, struct request *q, struct response *r, struct err *e);
int sessions_erase(struct api *api, struct request *q, struct response *r, struct err *e);
int session_get(struct api *api, struct request *q, struct response *r, struct err *e);
int session_update(struct api *api, struct request *q, struct response *r, struct err *e);
int session_delete(struct api *api, struct request *q, struct response *r, struct err *e);

/* export.c: what sessions_list answers to a client that wants lines of JSON */
bool export_is_wanted(const struct request *q);
int sessions_export(struct api *api, struct request *q, struct response *r, struct err *e);

/* messages.c */
int messages_list(struct api *api, struct request *q, struct response *r, struct err *e);
int messages_append(struct api *api, struct request *q, struct response *r, struct err *e);
int message_get(struct api *api, struct request *q, struct response *r, struct err *e);
int message_update(struct api *api, struct request *q, struct response *r, struct err *e);
int message_delete(struct api *api, struct request *q, struct response *r, struct err *e);

/* message_new.c: what a client says of a message that is to be written */

/* `content` as it is stored, with its content_type (see store/item.h). */
struct content_given {
    enum parameter_presence presence; /* null is a content */
    struct str text;                  /* STR_NONE if it is left out */
    struct str type;
};
int api_content(const struct parameters *p, struct content_given *out, struct err *e);

/* Reads role, content, metadata and message_id, and checks all that can be checked without the
 * session. Errors name the parameter after p->prefix. The strings are views of the request. */
int api_message_new(const struct parameters *p, struct message_new *out, struct err *e);

/* Adds the whole message to the fingerprint of a payload. */
struct fingerprint;
void api_fingerprint_message(struct fingerprint *f, const struct message_new *message);

/* session_fields.c: the fields that clients set of a session, by the table in store/item.c */

/* Reads the fields of a new session. Null means the same as left out. */
int api_session_fields(const struct parameters *p, struct session *out, struct err *e);

/* Reads a change. In a merge patch null clears a field, and an object is merged into the old one.
 */
int api_session_changes(const struct request *q, struct session_changes *out, struct err *e);

/* Adds the fields of a new session to the fingerprint of a payload. */
void api_fingerprint_session(struct fingerprint *print, const struct session *session);

/* history_new.c: what a client says of the history that a session is created with */

/* Reads `created_at` and `messages`. Both are optional. */
int api_history(const struct api *api, const struct request *q, struct session_new *out,
                struct err *e);

/* Adds the history to the fingerprint of a payload; nothing if none was given. */
void api_fingerprint_history(struct fingerprint *f, const struct session_new *wanted);

/*
 * Call this after the fingerprint was made, since that is of what was given. If there is a history,
 * and neither created_at nor the first message says when the session was created, it is created
 * now. Then all times are known: ERR_INVALID_PARAMETER if they do not increase.
 */
int api_history_times(const struct api *api, struct session_new *out, struct err *e);

/* ops.c */
int health(struct api *api, struct request *q, struct response *r, struct err *e);
int health_ready(struct api *api, struct request *q, struct response *r, struct err *e);

/* common.c: what the handlers share */

/* Reads user_id, of 1 to 2048 bytes. If there is a principal, it must be the principal's, and need
 * not be given. *out is STR_NONE if there is neither. */
int api_user(const struct api *api, const struct parameters *p, struct str *out, struct err *e);
/* The user of a new session: it is required, and the path of a URL must be able to carry the id. */
int api_new_user(const struct api *api, const struct parameters *p, struct str *out, struct err *e);
/* {user_id} of the path; if the route has none, the parameter user_id, which is then required. That
 * is how to name a user whose id no path can carry. */
int api_named_user(const struct api *api, const struct request *q, struct str *out, struct err *e);
/* {user_id} of the path. */
int api_path_user(const struct api *api, const struct request *q, struct str *out, struct err *e);

/* The limits of `q`, the text that is searched for. */
extern const struct parameter_limits api_search_limits;

int api_missing(const char *prefix, const char *name, struct err *e);

/* Reads Idempotency-Key, STR_NONE if there is none. If there is one, the caller fills in the
 * fingerprint. */
int api_idempotency_key(const struct request *q, struct idempotency *out, struct err *e);
/* A payload's fingerprint: SHA-256 over its fields, each with its length, so that an absent field
 * differs from an empty one. */
struct fingerprint *fingerprint_begin(void);
void fingerprint_add(struct fingerprint *f, struct str field);
void fingerprint_end(struct fingerprint *f, unsigned char out[32]); /* frees f */

void api_etag(struct response *r, int64_t version);
/* Writes Link: <…>; rel="next", with the same request and another cursor. names: the parameters
 * that the list knows, ended by NULL. */
void api_link_next(struct response *r, const struct request *q, const char *const *names,
                   struct str cursor);
/* Writes count, "has_more" and "next_cursor" of a list. cursor: STR_NONE at the end. */
void api_put_page(struct json_writer *w, int64_t count, struct str cursor);

/* shapes.c: sessions and messages as clients see them */
void shape_session(struct json_writer *w, const struct session *s);
void shape_message(struct json_writer *w, const struct message *m);

/* A list that is written while the store reads it. Its functions are visitors of the store. */
struct shape_list {
    struct json_writer w;
    size_t begin; /* where the list begins in the body */
    int64_t count;
};
void shape_list_begin(struct shape_list *list, const char *name);
void shape_list_end(struct shape_list *list);
enum visit shape_list_session(void *list, const struct session *s);
enum visit shape_list_message(void *list, const struct message *m);

#endif
