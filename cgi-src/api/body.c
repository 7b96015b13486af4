#include "api/body.h"

static int take(struct large_bodies *large, struct err *e)
{
    if (++large->count <= LARGE_BODIES_MAX)
        return 0;
    return err_set(e, ERR_OVERLOADED,
                   "too many long histories are being written at once; wait as long as Retry-After "
                   "says and send this one again");
}

void large_body_done(struct large_bodies *large)
{
    large->count--;
}

int body_read(struct request *q, const struct body_rules *rules, bool *is_large, struct err *e)
{
    const struct config *config = rules->config;
    bool takes_history = q->method == HTTP_POST && rules->route->takes_history;
    int64_t usual = config->max_body_bytes;
    int64_t limit =
        takes_history && config->max_history_bytes > usual ? config->max_history_bytes : usual;
    int64_t size = request_body_bytes(q);

    *is_large = size > usual && size <= limit;
    if (*is_large && take(rules->large, e) < 0)
        return -1;
    return request_read_body(q, limit, e);
}
