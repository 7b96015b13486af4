/*
 * The JSON shapes of the contract.
 */
#include "api/api.h"

void shape_session(struct json_writer *w, const struct session *s)
{
    json_begin_object(w);
    json_put_string(w, "session_id", s->session_id);
    json_put_string(w, "user_id", s->user_id);
    json_put_string(w, "title", s->title);
    json_put_string(w, "created_at", s->created_at);
    json_put_string(w, "updated_at", s->updated_at);
    json_put_int(w, "message_count", s->message_count);
    if (s->metadata.p)
        json_put_raw(w, "metadata", s->metadata);
    json_end_object(w);
}

void shape_message(struct json_writer *w, const struct message *m)
{
    json_begin_object(w);
    json_put_string(w, "message_id", m->message_id);
    json_put_string(w, "session_id", m->session_id);
    json_put_int(w, "timestamp", m->timestamp);
    json_put_string(w, "role", m->role);
    json_put_string(w, "content", m->content);
    json_put_string(w, "created_at", m->created_at);
    if (m->updated_at.p)
        json_put_string(w, "updated_at", m->updated_at);
    json_put_raw(w, "metadata", m->metadata.p ? m->metadata : STR("null"));
    json_end_object(w);
}
