/*
 * Answers whether the service is healthy, for monitoring. The master answers for metrics.
 */
#include "api/api.h"

int health(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct json_writer w;

    (void)q;
    (void)e;
    response_begin(r, 200, &w);
    json_put_bool(&w, "healthy", true);
    response_end(&w, api_now_us(api));
    return 0;
}

int health_ready(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct json_writer w;

    (void)q;
    if (store_tables_ready(api->store, e) < 0)
        return -1;
    response_begin(r, 200, &w);
    json_put_bool(&w, "ready", true);
    response_end(&w, api_now_us(api));
    return 0;
}
