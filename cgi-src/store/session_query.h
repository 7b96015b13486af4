/*
 * What those share that read a user's partition of the sessions table: the two orders of listing,
 * and the erasing of a user.
 */
#ifndef STORE_SESSION_QUERY_H
#define STORE_SESSION_QUERY_H

#include "store/internal.h"
#include "store/session_filter.h"

/* A walk through a user's partition, page by page, in the order of its sort keys. The caller sets
 * what stands before the line. */
struct user_walk {
    struct str user_id;
    struct query query; /* all but its start */
    struct str after;   /* the sort key after which it begins; STR_NONE: at the beginning */
    struct session_matcher
        *matcher; /* borrowed; what does not match is passed over. NULL: nothing */
    /* ---- */
    struct items items;
    struct str start;      /* of the next page, a key's JSON */
    struct str position;   /* the last sort key that was passed */
    struct str page_start; /* the sort key after which the page begins */
    unsigned pages;        /* read to their end */
    int64_t passed_over;   /* so many did not match */
};

/* The text of a Query over the user's sessions alone, without helpers; and of one over all there
 * is. Their values are USER_SESSIONS_VALUES(user_id) and USER_ALL_VALUES(user_id). */
extern const struct str user_sessions_text;
extern const struct str user_all_text;
#define USER_SESSIONS_VALUES(user_id)                                                              \
    VALUES(STRING_VALUE(":u", (user_id)), STRING_VALUE(":first", STR("\"")))
#define USER_ALL_VALUES(user_id) VALUES(STRING_VALUE(":u", (user_id)))

/* Less than 0, 0 or more than 0, as DynamoDB orders strings: by their bytes. */
int sort_key_compare(struct str a, struct str b);

/* Reads the next page. user_walk_end_page in either case. */
int user_walk_page(struct store *s, struct user_walk *walk, struct err *e);
/* The next item of the page that has a place in the order, and matches; views into the page. */
bool user_walk_next(struct user_walk *walk, struct session *out);
/* Whether there is another page. ITEMS_FAILED with e, also if the pages do not move on. */
enum items_end user_walk_end_page(struct store *s, struct user_walk *walk, struct err *e);
/* Instead of user_walk_end_page where the rest is not wanted. */
void user_walk_stop(struct user_walk *walk);

int store_sessions_by_activity(struct store *s, const struct session_query *query,
                               const struct session_visitor *visitor, struct session_page *out,
                               struct err *e);

#endif
