/*
 * Decides which of a user's sessions a list shows, by a struct session_filter.
 */
#ifndef STORE_SESSION_FILTER_H
#define STORE_SESSION_FILTER_H

#include "base/arena.h"
#include "base/fold.h"
#include "store/store.h"

/* A filter in use. Its text is folded once. */
struct session_matcher {
    struct session_filter filter;
    struct fold text;     /* if the filter has one */
    struct arena scratch; /* for tags that are written with escapes */
};

/* The filter's strings must outlive it. */
void session_matcher_init(struct session_matcher *m, const struct session_filter *filter);
void session_matcher_free(struct session_matcher *m);

bool session_matches(struct session_matcher *m, const struct session *session);

#endif
