/*
 * Reads a user's partition of the sessions table. Used by both orders of listing, by exports, and
 * to erase a user.
 */
#ifndef STORE_SESSION_QUERY_H
#define STORE_SESSION_QUERY_H

#include "store/internal.h"
#include "store/session_filter.h"

/* A walk through a user's partition, page by page, in the order of its sort keys. The caller sets
 * the members before the line. */
struct user_walk {
    struct str user_id;
    struct query query; /* all but its start */
    struct str after;   /* the sort key after which the walk begins; STR_NONE: at the beginning */
    struct session_matcher *matcher; /* which sessions are wanted, borrowed; NULL: all */
    /* ---- */
    struct items items;
    struct str start;      /* where the next page begins, the JSON of a key */
    struct str position;   /* the last sort key that was passed */
    struct str page_start; /* the sort key after which the page begins */
    unsigned pages;        /* pages that were read to their end */
    int64_t passed_over;   /* sessions that did not match */
};

/* The texts of two Queries: over the user's sessions only, and over all items of the partition. The
 * values are USER_SESSIONS_VALUES(user_id) and USER_ALL_VALUES(user_id). */
extern const struct str user_sessions_text;
extern const struct str user_all_text;
#define USER_SESSIONS_VALUES(user_id)                                                              \
    VALUES(STRING_VALUE(":u", (user_id)), STRING_VALUE(":first", STR("\"")))
#define USER_ALL_VALUES(user_id) VALUES(STRING_VALUE(":u", (user_id)))

/* Compares as DynamoDB orders strings, by their bytes: less than 0, 0, or greater than 0. */
int sort_key_compare(struct str a, struct str b);

/* Reads the next page. Call user_walk_end_page or user_walk_stop in either case. */
int user_walk_page(struct store *s, struct user_walk *walk, struct err *e);
/* The next session of the page that is in order and matches; its strings are views of the page.
 * False after the last one. */
bool user_walk_next(struct user_walk *walk, struct session *out);
/* Ends the page and says whether there is another. ITEMS_FAILED with e, also if the pages make no
 * progress. */
enum items_end user_walk_end_page(struct store *s, struct user_walk *walk, struct err *e);
/* Use this instead of user_walk_end_page when the rest of the page is not wanted. */
void user_walk_stop(struct user_walk *walk);

int store_sessions_by_activity(struct store *s, const struct session_query *query,
                               const struct session_visitor *visitor, struct session_page *out,
                               struct err *e);

#endif
