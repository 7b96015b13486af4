/*
 * What handlers are given, and the handlers of each resource. A handler validates everything, calls
 * the store once, and writes the answer.
 */
#ifndef API_API_H
#define API_API_H

#include "auth/principal.h"
#include "base/clock.h"
#include "http/cursor.h"
#include "http/parameter.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "store/store.h"

struct api {
    struct store *store;
    struct principal principal;
    const struct clock *clock;
    const struct cursor_key *cursor_key;
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

/* messages.c */
int messages_list(struct api *api, struct request *q, struct response *r, struct err *e);
int messages_append(struct api *api, struct request *q, struct response *r, struct err *e);
int message_get(struct api *api, struct request *q, struct response *r, struct err *e);
int message_update(struct api *api, struct request *q, struct response *r, struct err *e);
int message_delete(struct api *api, struct request *q, struct response *r, struct err *e);

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

int api_missing(const char *prefix, const char *name, struct err *e);

/* Idempotency-Key, STR_NONE if there is none; with one the fingerprint is the caller's to fill. */
int api_idempotency_key(const struct request *q, struct idempotency *out, struct err *e);
/* A payload's fingerprint: SHA-256 over its fields, each with its length, absent ones told from
 * empty ones. */
struct fingerprint;
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
