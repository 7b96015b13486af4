/*
 * The one rule about users: an authenticated principal acts only for itself.
 */
#include "auth/principal.h"

int principal_check_user(const struct principal *p, struct str user_id, struct err *e)
{
    if (!p->authenticated || str_equals(p->user_id, user_id))
        return 0;
    return err_set(e, ERR_FORBIDDEN, "these credentials do not belong to the user in the request");
}
