/*
 * The log: one line a call. A write(2) has whole lines, so that those of several processes do not
 * mix. LOG_FORMAT=text gives "2026-11-23T08:30:02.342117Z INFO: ...", json one object a line with
 * time, level, message, pid and the fields. Safe from any thread; never called in a signal handler.
 *
 * Where standard error is the journal's (JOURNAL_STREAM of systemd.exec(5)), each line begins with
 * its priority as in sd-daemon(3), "<4>", and a line of text has no time: the journal knows it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_LEVELS };
enum log_format { LOG_TEXT, LOG_JSON };

/* A named value of a line: a string if `text` is present, else the number. With `thousandths`
 * the number counts thousandths and is shown with three decimals. */
struct log_field {
    const char *name;
    struct str text;
    int64_t number;
    bool thousandths;
};

/* Opens file for appending ("" is standard error). The log works before this call too: info, text,
 * standard error. */
int log_open(enum log_level level, enum log_format format, const char *file, struct err *e);

/* Opens the same file again (after logrotate has moved it away). Keeps the old one on failure. */
void log_reopen(void);

/* Gives the log file to another user, who must be able to open it again. Root calls this before
 * it becomes that user. Only a regular file is given away. 0, or -1 with errno. */
int log_give(uid_t user, gid_t group);

/*
 * For a process whose threads serve requests, after fork: from log_begin_queue to log_end_queue a
 * thread of the process writes the lines of those threads that have called
 * log_queue_lines_of_this_thread, so that none of them waits for the file. Their lines come up to
 * 20 ms later (errors at once), and those in hand are lost if the process is killed. log_end_queue
 * writes what is left; call it when those threads have ended.
 */
void log_begin_queue(void);
void log_end_queue(void);
void log_queue_lines_of_this_thread(void);

bool log_enabled(enum log_level level);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line with fields: text format appends " name=value" (values quoted if need be). */
void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                unsigned count);

/*
 * Sets the fields that every line of the calling thread has from now on, before its own: they say
 * for which request it works. They are asked for with each line, because most requests have no
 * line. The fields are borrowed until the next call; NULL ends it.
 */
#define LOG_CONTEXT_MAX 4
struct log_context {
    /* Fills in at most LOG_CONTEXT_MAX and returns how many. */
    unsigned (*fields)(const struct log_context *self, struct log_field out[LOG_CONTEXT_MAX]);
};
void log_set_context(const struct log_context *context);

#endif
