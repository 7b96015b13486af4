/*
 * What handlers are given, and the handlers of each resource. A handler validates everything, calls
 * the store once, and writes the answer.
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

/* How many exports a process makes at once: each holds a thread and up to some MB for as long as it
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
    int64_t history_deadline_us; /* of a request that brings a history; monotonic clock */
};

int64_t api_now_us(const struct api *api);

/* routes.c: every path, with its handlers. */
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

/* export.c: the answer to sessions_list for who asks for lines of JSON */
bool export_is_wanted(const struct request *q);
int sessions_export(struct api *api, struct request *q, struct response *r, struct err *e);

/* messages.c */
int messages_list(struct api *api, struct request *q, struct response *r, struct err *e);
int messages_append(struct api *api, struct request *q, struct response *r, struct err *e);
int message_get(struct api *api, struct request *q, struct response *r, struct err *e);
int message_update(struct api *api, struct request *q, struct response *r, struct err *e);
int message_delete(struct api *api, struct request *q, struct response *r, struct err *e);

/* message_new.c: what a client says of a message that is to be written */

/* `content` as it is kept, and the content_type that goes with it (see store/item.h). */
struct content_given {
    enum parameter_presence presence; /* null is a content */
    struct str text;                  /* STR_NONE if it is left out */
    struct str type;
};
int api_content(const struct parameters *p, struct content_given *out, struct err *e);

/* Role, content, metadata and message_id, all that can be known without the session checked. Errors
 * name the parameter behind p->prefix. Views into the request. */
int api_message_new(const struct parameters *p, struct message_new *out, struct err *e);

/* Adds all of the message to the fingerprint of a payload. */
struct fingerprint;
void api_fingerprint_message(struct fingerprint *f, const struct message_new *message);

/* history_new.c: what a client says of the history that a session is created with */

/* `created_at` and `messages`; neither needs to be there. */
int api_history(const struct api *api, const struct request *q, struct session_new *out,
                struct err *e);

/* Adds what was given of it to the fingerprint of a payload: nothing where nothing was. */
void api_fingerprint_history(struct fingerprint *f, const struct session_new *wanted);

/*
 * After the fingerprint, which is of what was given: settles when the session was created, where it
 * has a history and neither created_at nor the first message says so. It is now then. With that all
 * times are known: ERR_INVALID_PARAMETER if they do not increase.
 */
int api_history_times(const struct api *api, struct session_new *out, struct err *e);

/* ops.c */
int health(struct api *api, struct request *q, struct response *r, struct err *e);
int health_ready(struct api *api, struct request *q, struct response *r, struct err *e);

/* common.c: what the handlers share */

/* user_id of 1 to 2048 bytes; a given one must be the principal's if there is one. *out is STR_NONE
 * if neither says. */
int api_user(const struct api *api, const struct parameters *p, struct str *out, struct err *e);
/* The user of a new session: there must be one, and the path of a URL must be able to carry the id.
 */
int api_new_user(const struct api *api, const struct parameters *p, struct str *out, struct err *e);
/* {user_id} of the path, or where the route has none the parameter user_id, which must be given
 * then: the way to a user whose id no path can carry. */
int api_named_user(const struct api *api, const struct request *q, struct str *out, struct err *e);
/* {user_id} of the path. */
int api_path_user(const struct api *api, const struct request *q, struct str *out, struct err *e);

/* Of `q`, what is searched for. */
extern const struct parameter_limits api_search_limits;

int api_missing(const char *prefix, const char *name, struct err *e);

/* Idempotency-Key, STR_NONE if there is none; with one the fingerprint is the caller's to fill. */
int api_idempotency_key(const struct request *q, struct idempotency *out, struct err *e);
/* A payload's fingerprint: SHA-256 over its fields, each with its length, absent ones told from
 * empty ones. */
struct fingerprint *fingerprint_begin(void);
void fingerprint_add(struct fingerprint *f, struct str field);
void fingerprint_end(struct fingerprint *f, unsigned char out[32]); /* frees f */

void api_etag(struct response *r, int64_t version);
/* Link: <…>; rel="next" of the same request with another cursor. names (ended by NULL): the query's
 * parameters that the list knows. */
void api_link_next(struct response *r, const struct request *q, const char *const *names,
                   struct str cursor);
/* "next_cursor" and "has_more" of a list. cursor: STR_NONE at the end. */
void api_put_page(struct json_writer *w, int64_t count, bool more, struct str cursor);

/* shapes.c: sessions and messages as clients see them */
void shape_session(struct json_writer *w, const struct session *s);
void shape_message(struct json_writer *w, const struct message *m);

/* A list that is written as the store comes to its items: for the visitors of the store. */
struct shape_list {
    struct json_writer w;
    size_t begin; /* of the list in the body */
    int64_t count;
};
void shape_list_begin(struct shape_list *list, const char *name);
void shape_list_end(struct shape_list *list);
enum visit shape_list_session(void *list, const struct session *s);
enum visit shape_list_message(void *list, const struct message *m);

#endif
