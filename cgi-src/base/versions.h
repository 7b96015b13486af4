/*
 * The versions that a caller names in If-Match or If-None-Match, as plain numbers, so that the
 * store needs no HTTP to check them.
 */
#ifndef BASE_VERSIONS_H
#define BASE_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct versions {
    bool present; /* the header was sent */
    bool any;     /* "*": whatever exists */
    size_t count;
    const int64_t *list; /* borrowed */
};

static inline bool versions_include(const struct versions *v, int64_t version)
{
    for (size_t i = 0; i < v->count; i++) {
        if (v->list[i] == version)
            return true;
    }
    return v->any;
}

#endif
