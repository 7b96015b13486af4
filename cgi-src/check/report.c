/*
 * The lines of the report, and the small things that every part of `check` needs. The parts know
 * what they look at.
 */
#include "check/report.h"

#include <stdarg.h>
#include <string.h>

void check_heading(struct check_report *r, const char *title)
{
    fprintf(r->out, "%s\n", title);
}

static void make_printable(char *text)
{
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
}

void check_line(struct check_report *r, enum check_mark mark, const char *subject,
                const char *format, ...)
{
    static const char *const marks[] = {
        [CHECK_GOOD] = "\u2713", [CHECK_BAD] = "\u2717", [CHECK_NOTE] = "\u2013"};
    char text[900];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    make_printable(text);
    fprintf(r->out, "  %s %-28s %s\n", marks[mark], subject, text);
    fflush(r->out); /* warnings go to standard error, often to the same screen */
    if (mark != CHECK_BAD)
        return;
    if (r->bad++ == 0)
        (void)snprintf(r->cause, sizeof r->cause, "%s: %s", subject, text);
}

const char *check_url(struct check *c, const char *url)
{
    char shown[1024];

    config_hide_password(url, shown, sizeof(shown));
    return arena_printf(&c->arena, "%s", shown).p;
}

void check_begin_call(struct check *c)
{
    dynamo_begin(c->dynamo,
                 clock_system.mono_us(clock_system.context) + c->config.request_deadline_ms * 1000);
}
