/*
 * purge: deletes what store_purge_walk finds, one session after the other; or only lists it.
 */
#include <inttypes.h>

#include "tool/internal.h"

#define DELETE_TIME_MS 600000 /* a session may have very many messages */

struct purge {
    const struct tool_call *call;
    struct tables *tables;
    struct progress_line progress;
    struct buf line;
    int64_t pages;
    int64_t sessions, builds, deletes; /* purged; or found, in a dry run */
    int64_t messages;
    int64_t kept, failed;
    bool unreachable;
};

static const char *const names[] = {[PURGE_SESSION] = "session",
                                    [PURGE_DELETE] = "cut-off delete",
                                    [PURGE_BUILD] = "cut-off build"};

static void purge_count(struct purge *p, enum purge_find what)
{
    p->sessions += what == PURGE_SESSION;
    p->deletes += what == PURGE_DELETE;
    p->builds += what == PURGE_BUILD;
}

/* Prints the item's time, what it is, and its key as JSON, since an id may hold any character. */
static void purge_list_item(struct purge *p, enum purge_find what, const struct purge_item *item)
{
    struct str time = what == PURGE_BUILD    ? item->building_at
                      : what == PURGE_DELETE ? item->deleted_at
                                             : item->updated_at;

    buf_reset(&p->line);
    buf_append_str(&p->line, time);
    buf_printf(&p->line, "\t%s\t", names[what]);
    json_append_string(&p->line, item->user_id);
    buf_putc(&p->line, '\t');
    json_append_string(&p->line, item->session_id);
    buf_putc(&p->line, '\n');
    progress_clear(&p->progress);
    if (buf_ok(&p->line))
        fwrite(p->line.data, 1, p->line.len, stdout);
}

static int purge_delete_item(struct purge *p, enum purge_find what, const struct purge_item *item,
                             struct err *e)
{
    tables_begin(p->tables, DELETE_TIME_MS);
    enum purge_end end = store_purge(p->tables->store, what, item, &p->messages, e);
    arena_reset(&p->tables->arena);
    if (end == PURGED)
        purge_count(p, what);
    else if (end == PURGE_KEPT)
        p->kept++;
    if (end != PURGE_FAILED)
        return 0;
    p->failed++;
    p->unreachable = tables_are_out_of_reach(e);
    if (p->unreachable)
        return -1;
    tool_complain(&p->progress, "%s %.*s: %s", names[what], (int)item->session_id.n,
                  item->session_id.p, e->detail);
    *e = (struct err){.code = ERR_NONE};
    return 0;
}

static void purge_show(struct purge *p)
{
    progress_show(&p->progress, "%" PRId64 " MB read, %s %" PRId64, p->pages,
                  p->call->dry_run ? "found" : "purged", p->sessions + p->builds + p->deletes);
}

static int purge_stop_if_wanted(struct err *e)
{
    return interrupt_is_wanted() ? err_set(e, ERR_INTERNAL, "interrupted; start it again to go on")
                                 : 0;
}

static int purge_visit_item(void *context, enum purge_find what, const struct purge_item *item,
                            struct err *e)
{
    struct purge *p = context;

    purge_show(p);
    if (!p->call->dry_run)
        return purge_delete_item(p, what, item, e) < 0 ? -1 : purge_stop_if_wanted(e);
    purge_list_item(p, what, item);
    purge_count(p, what);
    return purge_stop_if_wanted(e);
}

static int purge_visit_page(void *context, struct err *e)
{
    struct purge *p = context;

    p->pages++;
    purge_show(p);
    return purge_stop_if_wanted(e);
}

static void purge_print_result(const struct purge *p)
{
    if (p->call->dry_run) {
        printf("would purge %" PRId64 " sessions, and what is left of %" PRId64
               " deletes and %" PRId64 " builds\n",
               p->sessions, p->deletes, p->builds);
        return;
    }
    printf("purged %" PRId64 " sessions with %" PRId64 " messages, and what was left of %" PRId64
           " deletes and %" PRId64 " builds; %" PRId64 " were used meanwhile, %" PRId64 " failed\n",
           p->sessions, p->messages, p->deletes, p->builds, p->kept, p->failed);
}

enum tool_exit tool_purge(const struct tool_call *call, struct tables *t)
{
    struct purge p = {.call = call, .tables = t};
    const struct purge_visitor visitor = {purge_visit_item, purge_visit_page, &p};
    const struct purge_query query = {.before_us = clock_system.wall_us(clock_system.context) -
                                                   call->older_us,
                                      .archived = call->archived};
    struct err e = {0};
    struct arena arena;

    /* Deleting uses an arena that is emptied each time, so the walk has another. */
    arena_init(&arena);
    struct store *walked = store_new(t->store_shared, t->dynamo, &arena);
    buf_init(&p.line, (size_t)64 * 1024);
    progress_init(&p.progress);
    tables_begin(t, 0); /* the walk sets the deadline of each call */
    int r = store_purge_walk(walked, &query, &visitor, &e);
    buf_free(&p.line);
    store_free(walked);
    arena_free(&arena);
    progress_clear(&p.progress);
    purge_print_result(&p);
    if (r < 0)
        tool_complain(&p.progress, "%s", e.detail);
    if (r < 0)
        return interrupt_is_wanted() && !p.unreachable ? TOOL_INTERRUPTED : TOOL_UNAVAILABLE;
    return p.failed ? TOOL_INCOMPLETE : TOOL_DONE;
}
