/*
 * Exports a user: every session in the order of creation, each followed by its messages, one JSON
 * object a line. 1. Read a page of sessions. 2. Read the messages of each, slice after slice. 3.
 * Hand the lines over whenever there are enough. However much there is, only one page of sessions
 * and one page of messages are held at a time.
 */
#include <inttypes.h>

#include "store/session_query.h"

#define SESSIONS_A_PAGE 50
/* Between two slices the session's owner item is read again, and memory is given back. */
#define MESSAGES_A_SLICE 1000
#define LINES_ENOUGH ((size_t)64 * 1024)
#define POSITION_MAX_BYTES 4096

struct user_export {
    struct str user_id;
    const struct export_sink *sink;
    struct export_counts counts;
    /* Each store has an arena of its own, which is emptied as the export proceeds. */
    struct arena page;
    struct arena slice;
    struct store *sessions; /* in `page` */
    struct store *messages; /* in `slice` */
    struct buf position;    /* the last session id of the page before; empty at the beginning */
    /* the session being exported */
    const struct session *session;
    bool begun; /* its line is written */
    struct err *err;
    bool refused; /* the sink failed, and err says why */
};

/* ---- 1. lines -------------------------------------------------------------------------------- */

/* Metadata is kept as it was sent, with its line breaks. They stand between tokens, where they are
 * white space: inside of strings they are escaped. */
static void line_remove_breaks(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            text[i] = ' ';
    }
}

/* The item as clients see it, with its type before the other members. */
static void export_add_line(struct buf *lines, const char *type, const struct item_kind *kind,
                            const void *item)
{
    struct json_writer w;

    buf_puts(lines, "{\"type\":\"");
    buf_puts(lines, type);
    buf_putc(lines, '"');
    size_t begin = lines->len;
    json_writer_init(&w, lines);
    item_show(&w, kind, item);
    if (!buf_ok(lines))
        return;
    lines->data[begin] = ','; /* this was the opening brace of the item's object */
    line_remove_breaks(lines->data + begin, lines->len - begin);
    buf_putc(lines, '\n');
}

/* Gives the next call to DynamoDB its own time, and tells the sink that the export proceeds. */
static void export_renew_deadline(struct user_export *x)
{
    store_renew_deadline(x->sessions);
    if (x->sink->goes_on)
        x->sink->goes_on(x->sink->context);
}

static int export_flush_if_full(struct user_export *x)
{
    if (x->sink->lines->len < LINES_ENOUGH && buf_ok(x->sink->lines))
        return 0;
    x->refused = x->sink->flush(x->sink->context, x->err) < 0;
    return x->refused ? -1 : 0;
}

static int export_begin_session(struct user_export *x)
{
    if (x->begun)
        return 0;
    x->begun = true;
    x->counts.sessions++;
    export_add_line(x->sink->lines, "session", &item_session, x->session);
    return export_flush_if_full(x);
}

/* ---- 2. the messages of a session ------------------------------------------------------------ */

/* VISIT_FULL ends the slice, and so a sink that fails ends the export. */
static enum visit export_take_message(void *context, const struct message *m)
{
    struct user_export *x = context;

    if (export_begin_session(x) < 0)
        return VISIT_FULL;
    export_add_line(x->sink->lines, "message", &item_message, m);
    x->counts.messages++;
    if (export_flush_if_full(x) < 0)
        return VISIT_FULL;
    export_renew_deadline(x);
    return VISIT_TAKEN;
}

/* A session that is deleted meanwhile is left out, or its messages end early. */
static int export_pass_over_deleted(struct err *e)
{
    if (e->code != ERR_SESSION_NOT_FOUND)
        return -1;
    *e = (struct err){.code = ERR_NONE};
    return 0;
}

static int export_session(struct user_export *x, const struct session *session)
{
    const struct message_visitor visitor = {export_take_message, x};
    struct message_query query = {.session_id = session->session_id,
                                  .hint = x->user_id,
                                  .before = INT64_MAX,
                                  .limit = MESSAGES_A_SLICE};
    struct message_page page;

    x->session = session;
    x->begun = false;
    do {
        export_renew_deadline(x);
        int r = store_messages_list(x->messages, &query, &visitor, &page, x->err);
        arena_reset(&x->slice);
        if (x->refused)
            return -1;
        if (r < 0)
            return export_pass_over_deleted(x->err);
        query.after = page.last;
    } while (page.more);
    return export_begin_session(x); /* the session may have no messages */
}

/* ---- 3. the sessions of the user ------------------------------------------------------------- */

static enum items_end export_end_page(struct user_export *x, struct user_walk *walk)
{
    enum items_end end = user_walk_end_page(x->sessions, walk, x->err);

    if (end != ITEMS_MORE)
        return end;
    buf_reset(&x->position);
    buf_append_str(&x->position, walk->position);
    return buf_ok(&x->position) ? ITEMS_MORE
                                : (enum items_end)store_unreadable(DYNAMO_QUERY, x->err);
}

static enum items_end export_page(struct user_export *x)
{
    struct user_walk walk = {.user_id = x->user_id,
                             .query = {.table = STORE_SESSIONS_TABLE,
                                       .text = user_sessions_text,
                                       .values = USER_SESSIONS_VALUES(x->user_id),
                                       .direction = FORWARD,
                                       .limit = SESSIONS_A_PAGE,
                                       .consistency = CONSISTENT_IF_SET},
                             .after = x->position.len ? buf_str(&x->position) : STR_NONE};
    struct session session;

    export_renew_deadline(x);
    int r = user_walk_page(x->sessions, &walk, x->err);
    while (r == 0 && user_walk_next(&walk, &session)) {
        if (!session.deleted)
            r = export_session(x, &session);
    }
    if (r < 0) {
        user_walk_stop(&walk);
        return ITEMS_FAILED;
    }
    return export_end_page(x, &walk);
}

static void export_init(struct user_export *x, struct store *s)
{
    arena_init(&x->page);
    arena_init(&x->slice);
    buf_init(&x->position, POSITION_MAX_BYTES);
    x->sessions = store_new(s->shared, s->dynamo, &x->page);
    x->messages = store_new(s->shared, s->dynamo, &x->slice);
}

static void export_free(struct user_export *x)
{
    store_free(x->sessions);
    store_free(x->messages);
    buf_free(&x->position);
    arena_free(&x->page);
    arena_free(&x->slice);
}

int store_user_export(struct store *s, struct str user_id, const struct export_sink *sink,
                      struct export_counts *out, struct err *e)
{
    struct user_export x = {.user_id = user_id, .sink = sink, .err = e};
    enum items_end end;

    export_init(&x, s);
    do {
        end = export_page(&x);
        arena_reset(&x.page);
    } while (end == ITEMS_MORE);
    export_free(&x);
    if (end == ITEMS_FAILED)
        return -1;
    buf_printf(sink->lines,
               "{\"type\":\"end\",\"sessions\":%" PRId64 ",\"messages\":%" PRId64 "}\n",
               x.counts.sessions, x.counts.messages);
    *out = x.counts;
    return 0;
}
