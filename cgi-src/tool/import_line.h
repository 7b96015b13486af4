/*
 * Reads a line of an export for the import: strict about what is needed, and with one sentence
 * about what is wrong.
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
    struct export_counts counts; /* of the line "end" */
};

/*
 * Reads one line without its line break. Its strings are views of the text, or in the arena.
 * Unknown members are passed over. -1 with ERR_INVALID_JSON or ERR_INVALID_PARAMETER; out->type is
 * then LINE_SESSION or LINE_MESSAGE if that much could be read, else LINE_END.
 */
int import_line_read(struct str text, struct arena *a, struct import_line *out, struct err *e);

#endif
