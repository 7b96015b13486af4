/*
 * Shared by the files of tool/: access to the tables, the line of progress, and interruption.
 */
#ifndef TOOL_INTERNAL_H
#define TOOL_INTERNAL_H

#include "base/arena.h"
#include "store/store.h"
#include "tool/tool.h"

/* ---- the tables (tool/tables.c) ---- */

/* Access to the tables, as a thread of the service has it. */
struct tables {
    struct dynamo_shared *dynamo_shared;
    struct dynamo *dynamo;
    struct store_shared *store_shared;
    struct store *store;
    struct arena arena; /* the store's; the command resets it */
};

/* -1 with e. Call tables_close in either case. */
int tables_open(struct tables *t, const struct config *config, struct err *e);
void tables_close(struct tables *t);
/* Sets the deadline of all calls that follow together. */
void tables_begin(struct tables *t, int64_t time_ms);

/* True for an error that the next session would meet too, so that the command ends. */
bool tables_are_out_of_reach(const struct err *e);

/* ---- progress (tool/progress.c) ---- */

/* One line on standard error, which is overwritten as it changes. Nothing is shown if that is not a
 * terminal. */
struct progress_line {
    bool is_shown;
    int64_t next_us;
};

void progress_init(struct progress_line *p);
/* Shows the line, at most ten times a second. */
void progress_show(struct progress_line *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Removes the line. Call this before anything else is written there, and at the end. */
void progress_clear(struct progress_line *p);

/* Writes "chat-sessions: " and the text as a line on standard error, over the progress. */
void tool_complain(struct progress_line *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- being interrupted (tool/interrupt.c) ---- */

/* From here on, the first SIGINT or SIGTERM lets the command finish the session that it works on.
 * The second ends it at once. */
void interrupt_begin(void);
bool interrupt_is_wanted(void);

/* ---- the commands ---- */
enum tool_exit tool_export(const struct tool_call *call, struct tables *t);
enum tool_exit tool_import(const struct tool_call *call, struct tables *t);
enum tool_exit tool_purge(const struct tool_call *call, struct tables *t);

#endif
