/*
 * Says what is to be created: the session, and the messages of its history. A transaction takes as
 * many of the messages as fit; the transactions are made in session_create.c and session_build.c.
 */
#include "store/creation.h"

#include "base/ids.h"
#include "store/item_table.h"
#include "store/preview.h"

/* ---- the session ----------------------------------------------------------------------------- */

/* "Chat Session 2026-11-23 08:30", from an RFC 3339 time. */
static struct str default_title(struct store *s, struct str created_at)
{
    return arena_printf(s->arena, "Chat Session %.10s %.5s", created_at.p, created_at.p + 11);
}

/* An array that was not given is empty. */
static void creation_fill_arrays(struct session *session)
{
    const struct item_field *f;
    size_t position = 0;

    while ((f = session_client_field_next(&position))) {
        if (f->type == FIELD_STRINGS && !str_is_present(field_text_of(f, session)))
            *field_text(f, session) = STR("[]");
    }
}

int64_t creation_first_ms(const struct creation *c)
{
    return c->created_us / 1000;
}

static void creation_describe_history(struct store *s, const struct creation *c)
{
    const struct history *history = &c->wanted->history;
    struct session *out = c->out;

    if (history->count == 0)
        return;
    const struct message_new *last_new = &history->messages[history->count - 1].message;
    out->message_count = (int64_t)history->count;
    out->last_timestamp = history_last(history, creation_first_ms(c));
    out->updated_at = store_time(s, out->last_timestamp * 1000);
    const struct message last = {.content = last_new->content,
                                 .content_type = last_new->content_type};
    out->last_shown = out->last_timestamp;
    out->last_role = last_new->role;
    out->last_preview = preview_of(s->arena, &last);
}

void creation_describe(struct store *s, struct creation *c, struct str session_id,
                       int64_t created_us)
{
    const struct session_new *wanted = c->wanted;
    struct str created_at = store_time(s, created_us);

    c->created_us = created_us;
    *c->out = wanted->fields;
    c->out->session_id = session_id;
    c->out->created_at = created_at;
    c->out->updated_at = created_at;
    c->out->version = 1;
    if (!str_is_present(c->out->title))
        c->out->title = default_title(s, created_at);
    creation_fill_arrays(c->out);
    if (str_is_present(wanted->idempotency.key))
        c->out->create_marker = store_marker_session(s, wanted->idempotency.key);
    creation_describe_history(s, c);
}

void creation_describe_new(struct store *s, struct creation *c)
{
    const struct session_new *wanted = c->wanted;
    int64_t created_us = wanted->created_us;
    char id[IDS_UUID_SIZE];

    if (!created_us && wanted->history.count)
        created_us = wanted->history.messages[0].timestamp * 1000;
    if (!created_us)
        created_us = store_now_us(s);
    ids_uuid7(created_us / 1000, id);
    creation_describe(s, c, arena_str(s->arena, str_from(id)), created_us);
}

/* ---- the messages of its history ------------------------------------------------------------- */

/* The message that the walk has come to, without its id and the text of its time. */
static struct message creation_message_at(const struct creation *c, const struct history_walk *walk)
{
    const struct message_new *wanted = &walk->history->messages[walk->next].message;

    return (struct message){
        .session_id = c->out->session_id,
        .message_id = wanted->message_id,
        .role = wanted->role,
        .content = wanted->content,
        .content_type = wanted->content_type,
        .metadata = wanted->metadata,
        .timestamp = history_timestamp(walk),
    };
}

/* The size that the message will have with its id and its time. */
static size_t creation_size_at(const struct creation *c, const struct history_walk *walk)
{
    struct message message = creation_message_at(c, walk);

    message.created_at = c->out->created_at;
    if (!str_is_present(message.message_id))
        message.message_id = c->out->session_id;
    return item_size(&item_message, &message);
}

int creation_check_history(struct store *s, struct creation *c, struct err *e)
{
    struct history_walk walk = history_begin(&c->wanted->history, creation_first_ms(c));
    size_t sum = 0;

    for (; walk.next < walk.history->count; history_step(&walk)) {
        size_t size = creation_size_at(c, &walk);
        if (size > ITEM_MAX_BYTES)
            return err_set(e, ERR_ITEM_TOO_LARGE,
                           "messages[%zu] has %zu KB as DynamoDB counts them, and a message may "
                           "have %d KB: shorten it, or split it into several",
                           walk.next, (size + 1023) / 1024, ITEM_MAX_BYTES / 1024);
        sum += size;
    }
    c->is_long = walk.history->count > s->shared->history_batch || sum > HISTORY_BATCH_BYTES;
    return 0;
}

/* The id is the caller's, or is made for the time of the message. No message can be under this key
 * yet, so there is no condition. */
static void creation_put_message(struct transaction *t, struct message message)
{
    char id[IDS_UUID_SIZE];
    char created_at[CLOCK_TIME_SIZE];

    ids_uuid7(message.timestamp, id);
    clock_format_us(message.timestamp * 1000, created_at);
    message.created_at = str_from(created_at);
    if (!str_is_present(message.message_id))
        message.message_id = str_from(id);
    transaction_put(t, &item_message, &message, STR(""), NO_VALUES);
}

void creation_put_messages(struct transaction *t, const struct creation *c,
                           struct history_walk *walk)
{
    size_t end = walk->next + t->store->shared->history_batch;
    size_t bytes = 0;

    for (; walk->next < walk->history->count && walk->next < end; history_step(walk)) {
        size_t size = creation_size_at(c, walk);
        if (bytes > 0 && bytes + size > HISTORY_BATCH_BYTES)
            break;
        creation_put_message(t, creation_message_at(c, walk));
        bytes += size;
    }
}
