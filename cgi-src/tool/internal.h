/*
 * What the files of tool/ share: the tables, a line of progress, and being interrupted.
 */
#ifndef TOOL_INTERNAL_H
#define TOOL_INTERNAL_H

#include "base/arena.h"
#include "store/store.h"
#include "tool/tool.h"

/* ---- the tables (tool/tables.c) ---- */

/* A way to the tables of its own, as a thread of the service has one. */
struct tables {
    struct dynamo_shared *dynamo_shared;
    struct dynamo *dynamo;
    struct store_shared *store_shared;
    struct store *store;
    struct arena arena; /* the store's: to be reset by the command */
};

/* -1 with e. tables_close in either case. */
int tables_open(struct tables *t, const struct config *config, struct err *e);
void tables_close(struct tables *t);
/* Gives the calls that follow this time, all together. */
void tables_begin(struct tables *t, int64_t time_ms);

/* True for an error that the next session would meet, too: there is no use in going on. */
bool tables_are_out_of_reach(const struct err *e);

/* ---- progress (tool/progress.c) ---- */

/* One line on standard error, written over as it changes, if that is a terminal; else none. */
struct progress_line {
    bool is_shown;
    int64_t next_us;
};

void progress_init(struct progress_line *p);
/* At most ten times a second. */
void progress_show(struct progress_line *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes the line away: before anything else is written there, and at the end. */
void progress_clear(struct progress_line *p);

/* "chat-sessions: " and the text on standard error, a line, in the place of the progress. */
void tool_complain(struct progress_line *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- being interrupted (tool/interrupt.c) ---- */

/* From here on SIGINT and SIGTERM let the command finish the session that it works on. The second
 * one ends it at once. */
void interrupt_begin(void);
bool interrupt_is_wanted(void);

/* ---- the commands ---- */
enum tool_exit tool_export(const struct tool_call *call, struct tables *t);
enum tool_exit tool_import(const struct tool_call *call, struct tables *t);
enum tool_exit tool_purge(const struct tool_call *call, struct tables *t);

#endif
