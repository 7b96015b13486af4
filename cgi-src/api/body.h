/*
 * How large a request's body may be, and how many large ones a process works on at once: they must
 * not take the memory of all the others.
 */
#ifndef API_BODY_H
#define API_BODY_H

#include <stdbool.h>
#include "base/config.h"
#include "http/request.h"
#include "http/route.h"

/* Bodies above the usual limit, in a process: each takes several times its size. */
#define LARGE_BODIES_MAX 4

struct large_bodies {
    _Atomic unsigned count; /* being worked on */
};

/* What the limit of a body depends on. All borrowed. */
struct body_rules {
    const struct route *route;
    const struct config *config;
    struct large_bodies *large;
};

/* Reads the body. *is_large: it counts as a large one until large_body_done, also if this fails.
 * Errors of request_read_body; ERR_OVERLOADED if there are too many large ones. */
int body_read(struct request *q, const struct body_rules *rules, bool *is_large, struct err *e);
void large_body_done(struct large_bodies *large);

#endif
