/*
 * export: writes the lines of GET /sessions/{user_id} into a file or to standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/internal.h"

#define LINES_CAP                                                                                  \
    (16 * 1024 * 1024) /* an item of 400 KB, each byte of it escaped, and much more                \
                        */

struct export_file {
    FILE *out;
    const char *name; /* the file's name, for messages */
    struct buf lines;
    int64_t bytes;
    struct progress_line progress;
    bool write_failed;
};

static int export_write_lines(struct export_file *x, struct err *e)
{
    if (!buf_ok(&x->lines))
        return err_set(e, ERR_INTERNAL, "a line is too long");
    size_t n = x->lines.len;
    x->write_failed = fwrite(x->lines.data, 1, n, x->out) != n;
    if (x->write_failed)
        return err_set(e, ERR_INTERNAL, "%s: %s", x->name, strerror(errno));
    x->bytes += (int64_t)n;
    buf_reset(&x->lines);
    return 0;
}

static int export_flush_file(void *context, struct err *e)
{
    struct export_file *x = context;

    if (export_write_lines(x, e) < 0)
        return -1;
    progress_show(&x->progress, "%.1f MB", (double)x->bytes / 1e6);
    return interrupt_is_wanted() ? err_set(e, ERR_INTERNAL, "interrupted; the export is incomplete")
                                 : 0;
}

/* Writing what is still in the C library's buffer may fail, too. */
static int export_end_file(struct export_file *x, struct err *e)
{
    if (export_write_lines(x, e) < 0)
        return -1;
    if (fflush(x->out) == 0 && (x->out == stdout || fsync(fileno(x->out)) == 0))
        return 0;
    x->write_failed = true;
    return err_set(e, ERR_INTERNAL, "%s: %s", x->name, strerror(errno));
}

static enum tool_exit export_to(struct export_file *x, const char *user, struct tables *t)
{
    const struct export_sink sink = {.lines = &x->lines, .flush = export_flush_file, .context = x};
    struct export_counts counts;
    struct err e = {0};

    buf_init(&x->lines, LINES_CAP);
    progress_init(&x->progress);
    tables_begin(t, 0); /* the export sets the deadline of each call */
    int r = store_user_export(t->store, str_from(user), &sink, &counts, &e);
    if (r == 0)
        r = export_end_file(x, &e);
    buf_free(&x->lines);
    if (r < 0) {
        tool_complain(&x->progress, "%s", e.detail);
        return x->write_failed         ? TOOL_FILE
               : interrupt_is_wanted() ? TOOL_INTERRUPTED
                                       : TOOL_UNAVAILABLE;
    }
    progress_clear(&x->progress);
    if (x->progress.is_shown)
        fprintf(stderr, "exported %" PRId64 " sessions with %" PRId64 " messages\n",
                counts.sessions, counts.messages);
    return TOOL_DONE;
}

/* Only the owner may read the file: it holds conversations. */
static FILE *file_create_private(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd < 0 ? NULL : fdopen(fd, "w");
}

/* The file has another name until it is whole, so that an export that is cut off does not replace
 * an earlier one. */
static enum tool_exit export_to_file(const struct tool_call *call, struct tables *t)
{
    struct str part = arena_printf(&t->arena, "%s.part", call->output);
    struct export_file x = {.out = file_create_private(part.p), .name = part.p};

    if (!x.out) {
        tool_complain(&x.progress, "%s: %s", part.p, strerror(errno));
        return TOOL_FILE;
    }
    enum tool_exit result = export_to(&x, call->user, t);
    (void)fclose(x.out);
    if (result != TOOL_DONE) {
        unlink(part.p);
    } else if (rename(part.p, call->output) < 0) {
        tool_complain(&x.progress, "%s: %s", call->output, strerror(errno));
        result = TOOL_FILE;
    }
    return result;
}

enum tool_exit tool_export(const struct tool_call *call, struct tables *t)
{
    struct export_file x = {.out = stdout, .name = "standard output"};

    return call->output ? export_to_file(call, t) : export_to(&x, call->user, t);
}
