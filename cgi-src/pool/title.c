/*
 * What ps shows for a process. Linux shows the memory in which the arguments were, so that is
 * overwritten; the environment behind it is moved away first to make room.
 */
#include "pool/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *area;
static size_t area_size;
/* Never freed: setenv may make a table of its own, whose entries still point into this one. */
static char **moved;

/* The end of the strings that follow each other without a gap from `end` on. */
static char *end_of_strings(char *const *strings, char *end)
{
    for (; *strings; strings++) {
        if (*strings == end)
            end += strlen(end) + 1;
    }
    return end;
}

/* The copy is one piece of memory: the pointers, then the strings. */
static int move_environment(void)
{
    size_t n = 0;
    size_t bytes = 0;

    for (; environ[n]; n++)
        bytes += strlen(environ[n]) + 1;
    moved = malloc((n + 1) * sizeof(*moved) + bytes);
    if (!moved)
        return -1;
    char *at = (char *)(moved + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(environ[i]) + 1;
        moved[i] = memcpy(at, environ[i], size);
        at += size;
    }
    moved[n] = NULL;
    environ = moved;
    return 0;
}

void title_init(int argc, char **argv)
{
    if (argc < 1 || !argv[0] || area)
        return;
    char *arguments_end = end_of_strings(argv, argv[0]);
    char *end = end_of_strings(environ, arguments_end);
    if (end > arguments_end && move_environment() < 0)
        end = arguments_end;
    area = argv[0];
    area_size = (size_t)(end - argv[0]);
}

void title_set(const char *format, ...)
{
    char title[128];
    va_list args;

    va_start(args, format);
    vsnprintf(title, sizeof(title), format, args);
    va_end(args);
    if (area_size < 2)
        return;
    memset(area, 0, area_size);
    memcpy(area, title, strnlen(title, area_size - 1));
}
