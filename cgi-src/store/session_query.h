/*
 * What those share that read a user's partition of the sessions table: the two orders of listing,
 * and the erasing of a user.
 */
#ifndef STORE_SESSION_QUERY_H
#define STORE_SESSION_QUERY_H

#include "store/internal.h"

/* Lets the Query being written begin after a session; STR_NONE: at the beginning. */
void store_user_page_start(struct store *s, struct str user_id, struct str after);
/* After which session the next page begins. In the arena; STR_NONE at the end. */
struct str store_user_page_end(struct store *s, const struct dynamo_answer *answer);

/* Writes a Query over the user's sessions. limit 0: DynamoDB's page of 1 MB; after: exclusive
 * start. */
void store_session_query(struct store *s, struct str user_id, bool forward, int64_t limit,
                         struct str after);

int store_sessions_by_activity(struct store *s, const struct session_query *query,
                               struct session_page *out, struct err *e);

#endif
