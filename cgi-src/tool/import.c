/*
 * import: 1. reads the lines of an export 2. collects a session with its messages 3. creates it
 * with its history. The Idempotency-Key is made of the session's old id, so that another import
 * finds the session done. A session that cannot be read or created is reported with its line, and
 * the others are imported.
 */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "tool/import_line.h"
#include "tool/internal.h"

#define CREATE_TIME_MS 600000 /* a session may have very many messages */

/* The session whose lines are being read. */
struct gathering {
    bool is_open;
    bool is_bad; /* it is reported, and its other lines are passed over */
    int64_t line;
    struct str session_id; /* its old id */
    struct session_new session;
    struct history_message *messages; /* owned */
    size_t count, room;
    EVP_MD_CTX *digest; /* of the session's lines; owned */
};

struct import {
    const struct tool_call *call;
    struct tables *tables;
    const char *name; /* the file's name, for messages */
    FILE *in;
    int64_t line; /* the number of the line being read */
    struct gathering now;
    struct arena arena; /* holds what is collected */
    struct progress_line progress;
    int64_t imported, skipped, failed;
    struct export_counts seen; /* counted since the last line "end" */
    bool ended;                /* the last line was "end" */
    bool unreachable;
};

static void import_report_failure(struct import *im, int64_t line, const char *why)
{
    tool_complain(&im->progress, "%s:%" PRId64 ": %s", im->name, line, why);
    im->failed++;
}

/* ---- 3. creating ----------------------------------------------------------------------------- */

/* No client can use the same key: theirs are visible ASCII. */
static struct str import_key_of(struct import *im)
{
    static const struct str prefix = STR_INIT("import of ");
    struct str id = im->now.session_id;
    char *key = arena_text(&im->arena, prefix.n + id.n);

    memcpy(key, prefix.p, prefix.n);
    memcpy(key + prefix.n, id.p, id.n);
    return (struct str){key, prefix.n + id.n};
}

static enum store_write import_create(struct import *im, struct err *e)
{
    struct gathering *g = &im->now;
    struct session_new wanted = g->session;
    struct session created;

    wanted.fields.user_id = str_from(im->call->user);
    wanted.history = (struct history){g->messages, g->count};
    wanted.idempotency.key = import_key_of(im);
    EVP_DigestFinal_ex(g->digest, wanted.idempotency.fingerprint, NULL);
    tables_begin(im->tables, CREATE_TIME_MS);
    enum store_write end = store_session_create(im->tables->store, &wanted, &created, e);
    arena_reset(&im->tables->arena);
    return end;
}

/* 0, or -1 if the import cannot continue. */
static int import_end_session(struct import *im, struct err *e)
{
    if (!im->now.is_open)
        return 0;
    im->now.is_open = false;
    if (im->now.is_bad)
        return 0;
    enum store_write end = import_create(im, e);
    if (end != STORE_WRITE_FAILED) {
        im->skipped += end == STORE_REPLAYED;
        im->imported += end == STORE_WRITTEN;
        return interrupt_is_wanted() ? -1 : 0;
    }
    if (tables_are_out_of_reach(e)) {
        im->unreachable = true;
        return -1;
    }
    import_report_failure(
        im, im->now.line,
        e->code == ERR_IDEMPOTENCY_KEY_REUSED
            ? "this session was imported before with other content; the imported one is "
              "left as it is"
            : e->detail);
    *e = (struct err){.code = ERR_NONE};
    return 0;
}

/* ---- 2. gathering ---------------------------------------------------------------------------- */

static void import_spoil_session(struct import *im, const char *why)
{
    if (!im->now.is_bad)
        import_report_failure(im, im->line, why);
    im->now.is_bad = true;
}

static void import_begin_session(struct import *im, const struct import_line *line)
{
    struct gathering *g = &im->now;

    g->is_open = true;
    g->is_bad = false;
    g->line = im->line;
    g->session_id = line->session_id;
    g->session = line->session;
    g->count = 0;
    EVP_DigestInit_ex(g->digest, EVP_sha256(), NULL);
    im->seen.sessions++;
}

static void import_add_message(struct import *im, const struct import_line *line)
{
    struct gathering *g = &im->now;

    im->seen.messages++;
    if (g->is_bad)
        return;
    if (str_is_present(line->session_id) && !str_equals(line->session_id, g->session_id)) {
        import_spoil_session(im, "session_id must be that of the session before the message");
        return;
    }
    if (g->count && line->message.timestamp <= g->messages[g->count - 1].timestamp) {
        import_spoil_session(im, "timestamp must be greater than that of the message before");
        return;
    }
    if (g->count == g->room) {
        g->room = g->room ? g->room * 2 : 64;
        g->messages = reallocarray(g->messages, g->room, sizeof(*g->messages));
        if (!g->messages)
            abort();
    }
    g->messages[g->count++] = line->message;
}

/* After a failure the counts mean nothing: a line that could not be read is not counted. */
static void import_check_end(struct import *im, const struct import_line *line)
{
    bool differ =
        line->counts.sessions != im->seen.sessions || line->counts.messages != im->seen.messages;

    if (differ && im->failed == 0)
        import_report_failure(
            im, im->line,
            "the counts differ from those of the lines before: some lines are missing");
    im->seen = (struct export_counts){0};
    im->ended = true;
}

/* ---- 1. reading ------------------------------------------------------------------------------ */

/* The copy of the line lives as long as its session. */
static int import_read_line(struct import *im, struct str text, struct import_line *out,
                            struct err *e)
{
    char *kept = arena_text(&im->arena, text.n + 1);

    memcpy(kept, text.p, text.n);
    kept[text.n] = '\0';
    return import_line_read((struct str){kept, text.n}, &im->arena, out, e);
}

/* 0, or -1 if the import cannot continue. */
static int import_take_line(struct import *im, struct str text, struct err *e)
{
    struct err why = {0};
    struct import_line line;
    int r = import_read_line(im, text, &line, &why);

    im->ended = false;
    if (line.type == LINE_SESSION) {
        if (import_end_session(im, e) < 0)
            return -1;
        arena_reset(&im->arena);
        r = import_read_line(im, text, &line, &why);
        import_begin_session(im, &line);
    } else if (!im->now.is_open && (r < 0 || line.type == LINE_MESSAGE)) {
        import_report_failure(im, im->line,
                              r < 0 ? why.detail : "there is no session before this message");
        return 0;
    }
    if (r < 0)
        import_spoil_session(im, why.detail);
    if (line.type == LINE_MESSAGE)
        import_add_message(im, &line);
    if (r == 0 && line.type == LINE_END) {
        if (import_end_session(im, e) < 0)
            return -1;
        import_check_end(im, &line);
        return 0;
    }
    EVP_DigestUpdate(im->now.digest, text.p, text.n);
    return 0;
}

static struct str line_without_break(const char *text, ssize_t n)
{
    struct str line = {text, (size_t)n};

    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    return line;
}

static int import_take_lines(struct import *im, struct err *e)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t n;
    int r = 0;

    while (r == 0 && (n = getline(&text, &size, im->in)) >= 0) {
        struct str line = line_without_break(text, n);
        im->line++;
        progress_show(&im->progress,
                      "line %" PRId64 ": imported %" PRId64 ", skipped %" PRId64
                      ", failed %" PRId64,
                      im->line, im->imported, im->skipped, im->failed);
        if (line.n)
            r = import_take_line(im, line, e);
    }
    free(text);
    return r;
}

/* Prints how the import ended, and the counts. */
static enum tool_exit import_print_result(struct import *im, int result, const struct err *e)
{
    enum tool_exit exit = TOOL_DONE;

    if (result < 0) {
        exit = im->unreachable ? TOOL_UNAVAILABLE : TOOL_INTERRUPTED;
        tool_complain(&im->progress, "%s; import it again to go on",
                      im->unreachable ? e->detail : "interrupted");
    } else if (ferror(im->in)) {
        exit = TOOL_FILE;
        tool_complain(&im->progress, "%s: %s", im->name, strerror(errno));
    } else if (!im->ended) {
        /* The session is not imported: half of it would be in the way of the whole one. */
        if (im->now.is_open && !im->now.is_bad)
            im->failed++;
        exit = TOOL_INCOMPLETE;
        tool_complain(&im->progress,
                      "%s: the line \"end\" is missing: the export was cut off, and its last "
                      "session is not imported",
                      im->name);
    }
    progress_clear(&im->progress);
    printf("imported %" PRId64 ", skipped %" PRId64 ", failed %" PRId64 "\n", im->imported,
           im->skipped, im->failed);
    return exit == TOOL_DONE && im->failed ? TOOL_INCOMPLETE : exit;
}

static enum tool_exit import_from(struct import *im)
{
    struct err e = {0};

    arena_init(&im->arena);
    progress_init(&im->progress);
    im->now.digest = EVP_MD_CTX_new();
    if (!im->now.digest)
        abort();
    int r = import_take_lines(im, &e);
    enum tool_exit exit = import_print_result(im, r, &e);
    EVP_MD_CTX_free(im->now.digest);
    free(im->now.messages);
    arena_free(&im->arena);
    return exit;
}

enum tool_exit tool_import(const struct tool_call *call, struct tables *t)
{
    bool is_stdin = strcmp(call->file, "-") == 0;
    struct import im = {.call = call,
                        .tables = t,
                        .name = is_stdin ? "standard input" : call->file,
                        .in = is_stdin ? stdin : fopen(call->file, "re")};

    if (!im.in) {
        tool_complain(&im.progress, "%s: %s", call->file, strerror(errno));
        return TOOL_FILE;
    }
    enum tool_exit exit = import_from(&im);
    if (!is_stdin)
        (void)fclose(im.in);
    return exit;
}
