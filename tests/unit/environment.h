/*
 * An empty environment for code that reads it, but for what cmocka itself asks while tests run.
 */
#ifndef TESTS_ENVIRONMENT_H
#define TESTS_ENVIRONMENT_H

#include <stdlib.h>
#include <string.h>

static inline void clear_environment(void)
{
    static const char *const kept[] = {"CMOCKA_MESSAGE_OUTPUT", "TOP", "PATH"};
    enum { KEPT = sizeof(kept) / sizeof(kept[0]) };
    char *values[KEPT];

    for (size_t i = 0; i < KEPT; i++)
        values[i] = getenv(kept[i]) ? strdup(getenv(kept[i])) : NULL;
    clearenv();
    for (size_t i = 0; i < KEPT; i++) {
        if (values[i])
            setenv(kept[i], values[i], 1);
        free(values[i]);
    }
}

#endif
