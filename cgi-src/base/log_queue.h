/*
 * Lines on their way to the log file, so that a thread that serves requests never waits for a
 * write, its own or another thread's: it copies its line into a buffer, and one thread of the
 * process writes what has gathered there. For base/log.c alone.
 */
#ifndef BASE_LOG_QUEUE_H
#define BASE_LOG_QUEUE_H

#include <stdbool.h>
#include "base/str.h"

#define LOG_QUEUE_DELAY_MS 20

/* Called by the writing thread alone. */
struct log_queue_sink {
    void (*write)(struct str lines);
    void (*report_dropped)(unsigned long lines); /* there was no room for so many */
};

/*
 * Starts the writing thread. False if there is no memory or no thread: every thread then writes its
 * own lines. Call after fork.
 */
bool log_queue_start(const struct log_queue_sink *sink);

/* Writes what is left and ends the thread. No thread may put lines meanwhile. */
void log_queue_stop(void);

/*
 * Takes a copy of a line with its newline; it is written LOG_QUEUE_DELAY_MS later. False if the
 * queue is not running. A line for which there is no room is dropped and counted.
 */
bool log_queue_put(struct str line);

#endif
