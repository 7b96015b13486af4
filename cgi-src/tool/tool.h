/*
 * The subcommands for administrators that work on the tables without the web server: export,
 * import, purge. They run in the foreground, may be interrupted at any time, and continue when they
 * are started again.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/config.h"

/* Exit codes. They are those of sysexits.h, which shells and systemd know, and a shell's own for
 * SIGINT. */
enum tool_exit {
    TOOL_DONE = 0,
    TOOL_INCOMPLETE = 1, /* a part could not be done; the output says which */
    TOOL_USAGE = 64,
    TOOL_UNAVAILABLE = 69, /* DynamoDB */
    TOOL_FILE = 74,        /* a file cannot be read or written */
    TOOL_INTERRUPTED = 130
};

/* What was asked for. The strings are borrowed from the arguments. */
struct tool_call {
    const struct tool_command *command;
    const char *user;   /* export, import */
    const char *file;   /* of import; "-": standard input */
    const char *output; /* of export; NULL: standard output */
    int64_t older_us;   /* purge; 0: not given */
    bool archived;      /* purge */
    bool dry_run;       /* purge */
};

/* Finds the command. False if it is none of these. */
bool tool_find(const char *name, struct tool_call *out);

void tool_print_help(const struct tool_call *call, FILE *out);

/* Reads the arguments after the command. -1 after a message on standard error. */
int tool_read_arguments(struct tool_call *call, char **words, size_t count);

/* Runs the command. Errors are written to standard error. */
enum tool_exit tool_run(const struct tool_call *call, const struct config *config);

#endif
