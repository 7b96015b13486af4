/*
 * Answers GET /sessions/{user_id} to a client that wants lines of JSON: everything that the user
 * has, sent in parts while it is read.
 */
#include "api/api.h"
#include "base/metrics.h"
#include "http/accept.h"

#define EXPORT_TYPE "application/x-ndjson"
#define RETRY_AFTER_S 10 /* an export of 1,000 sessions takes about as long */

bool export_is_wanted(const struct request *q)
{
    struct str accept = request_header(q, "HTTP_ACCEPT");

    return str_is_present(accept) && accept_prefers(accept, EXPORT_TYPE, "application/json");
}

static int export_place_take(struct export_places *places, struct err *e)
{
    if (atomic_fetch_add(&places->taken, 1) < places->max)
        return 0;
    atomic_fetch_sub(&places->taken, 1);
    err_set(e, ERR_OVERLOADED,
            "as many exports as the service makes at once are under way; wait as long as "
            "Retry-After says and try again");
    e->retry_after_s = RETRY_AFTER_S;
    return -1;
}

struct export_stream {
    struct api *api;
    struct request *request;
    struct response *response;
};

static int export_flush(void *context, struct err *e)
{
    const struct export_stream *s = context;

    if (response_flush(s->response, s->request->gateway) < 0)
        return err_set(e, ERR_INTERNAL, "the export could not be sent");
    return 0;
}

/* An export may take longer than STUCK_REQUEST_S without being stuck. */
static void export_note_progress(void *context)
{
    const struct clock *clock = ((const struct export_stream *)context)->api->clock;

    metrics_slot_goes_on(clock->mono_us(clock->context));
}

int sessions_export(struct api *api, struct request *q, struct response *r, struct err *e)
{
    struct export_stream stream = {api, q, r};
    const struct export_sink sink = {&r->body, export_flush, export_note_progress, &stream};
    struct export_counts counts;
    struct str user_id;

    if (api_named_user(api, q, &user_id, e) < 0)
        return -1;
    r->status = 200;
    r->content_type = EXPORT_TYPE;
    if (q->method == HTTP_HEAD)
        return export_flush(&stream, e);
    if (export_place_take(api->export_places, e) < 0)
        return -1;
    int result = store_user_export(api->store, user_id, &sink, &counts, e);
    atomic_fetch_sub(&api->export_places->taken, 1);
    return result;
}
