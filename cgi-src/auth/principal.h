/*
 * Who makes a request. The rest of auth/ finds that out: by a token, by a header, or not at all.
 */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include <stdbool.h>
#include "base/err.h"
#include "base/str.h"

struct principal {
    bool authenticated; /* false with AUTH_MODE=none: every client that knows an id may use it */
    struct str user_id; /* present if authenticated */
};

/* 0 if the principal may act for the user that a path or parameter names, else ERR_FORBIDDEN. */
int principal_check_user(const struct principal *p, struct str user_id, struct err *e);

#endif
