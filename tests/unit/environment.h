/*
 * An empty environment for code that reads it, but for what cmocka itself asks while tests run.
 */
#ifndef TESTS_ENVIRONMENT_H
#define TESTS_ENVIRONMENT_H

#include <stdio.h>
#include <stdlib.h>

static inline void clear_environment(void)
{
    static const char *const kept[] = {"CMOCKA_MESSAGE_OUTPUT", "TOP", "PATH"};
    enum { KEPT = sizeof(kept) / sizeof(kept[0]) };
    char values[KEPT][4096] = {{0}};

    for (size_t i = 0; i < KEPT; i++) {
        const char *value = getenv(kept[i]);
        if (value)
            snprintf(values[i], sizeof(values[i]), "%s", value);
    }
    clearenv();
    for (size_t i = 0; i < KEPT; i++) {
        if (values[i][0])
            setenv(kept[i], values[i], 1);
    }
}

#endif
