/*
 * One line of the log as text or JSON, with its end. Pure, except for the process's id. For
 * base/log alone.
 */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include <stdint.h>
#include "base/buf.h"
#include "base/log.h"

enum log_target {
    LOG_TO_FILE,    /* or a terminal, or a pipe: a line of text begins with its time */
    LOG_TO_JOURNAL, /* the journal knows the time: a line begins with its priority, "<4>" */
};

struct log_fields {
    const struct log_field *list;
    unsigned count;
};

struct log_line {
    enum log_target target;
    enum log_format format;
    enum log_level level;
    int64_t wall_us;
    struct str message;
    struct log_fields context; /* of the thread; they come before those of the line */
    struct log_fields fields;
};

void log_line_put(struct buf *out, const struct log_line *line);

#endif
