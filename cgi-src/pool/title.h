/*
 * The title of a process in ps. For pool/ alone.
 */
#ifndef POOL_TITLE_H
#define POOL_TITLE_H

/* Makes room for titles in argv; see pool_begin. */
void title_init(int argc, char **argv);
/* Nothing happens without title_init. */
void title_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
