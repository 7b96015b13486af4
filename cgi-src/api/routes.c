/*
 * Every path of the API and its handlers. 404, 405, Allow and HEAD follow from this table.
 */
#include "api/api.h"

const struct route api_routes[] = {
    {.path = "/api/v1/sessions",
     .get = sessions_list,
     .post = sessions_create,
     .delete = sessions_erase,
     .takes_history = true},
    {.path = "/api/v1/sessions/{session_id}/messages",
     .get = messages_list,
     .post = messages_append},
    {.path = "/api/v1/sessions/{session_id}/messages/{timestamp}",
     .get = message_get,
     .put = message_update,
     .patch = message_update,
     .delete = message_delete},
    {.path = "/api/v1/sessions/{user_id}", .get = sessions_list, .delete = sessions_erase},
    {.path = "/api/v1/sessions/{user_id}/{session_id}",
     .get = session_get,
     .put = session_update,
     .patch = session_update,
     .merge_patch = true,
     .delete = session_delete},
    {.path = "/api/v1/health", .get = health, .open = true},
    {.path = "/api/v1/health/ready", .get = health_ready, .open = true},
};

const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);
_Static_assert(sizeof(api_routes) / sizeof(api_routes[0]) <= API_ROUTES_MAX, "API_ROUTES_MAX");
