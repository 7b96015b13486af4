/*
 * A line of an export, read for the import: strict about what it needs, and with one sentence for
 * what is wrong.
 */
#ifndef TOOL_IMPORT_LINE_H
#define TOOL_IMPORT_LINE_H

#include "store/store.h"

enum line_type { LINE_SESSION, LINE_MESSAGE, LINE_END };

struct import_line {
    enum line_type type;
    struct str session_id; /* of a session, and of a message if it has one */
    struct session_new session;
    struct history_message message;
    struct export_counts counts; /* of the end */
};

/*
 * Reads one line without its line break. Strings are views into the text or live in the arena. What
 * it does not know is passed over. -1 with ERR_INVALID_JSON or ERR_INVALID_PARAMETER; out->type is
 * LINE_SESSION or LINE_MESSAGE then if the line says so much, LINE_END else.
 */
int import_line_read(struct str text, struct arena *a, struct import_line *out, struct err *e);

#endif
