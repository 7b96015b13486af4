/*
 * The title of a process in ps. For pool/ alone; see pool_title_init.
 */
#ifndef POOL_TITLE_H
#define POOL_TITLE_H

/* Nothing happens without pool_title_init. */
void title_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
