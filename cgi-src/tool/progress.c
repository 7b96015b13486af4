/*
 * The line that shows how far a command is to a person at a terminal.
 */
#include <stdarg.h>
#include <unistd.h>

#include "tool/internal.h"

#define SHOWN_EVERY_US INT64_C(100000)
#define CLEAR_LINE "\r\033[K"

void progress_init(struct progress_line *p)
{
    *p = (struct progress_line){.is_shown = isatty(STDERR_FILENO) == 1};
}

void progress_show(struct progress_line *p, const char *format, ...)
{
    int64_t now_us = clock_system.mono_us(clock_system.context);
    va_list arguments;

    if (!p->is_shown || now_us < p->next_us)
        return;
    p->next_us = now_us + SHOWN_EVERY_US;
    fputs(CLEAR_LINE, stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fflush(stderr);
}

void progress_clear(struct progress_line *p)
{
    if (!p->is_shown || p->next_us == 0)
        return;
    fputs(CLEAR_LINE, stderr);
    fflush(stderr);
    p->next_us = 0;
}

void tool_complain(struct progress_line *p, const char *format, ...)
{
    va_list arguments;

    progress_clear(p);
    fputs("chat-sessions: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
