/*
 * The versions that a caller names in If-Match or If-None-Match, as plain numbers, so that the
 * store needs no HTTP to check them.
 */
#ifndef BASE_VERSIONS_H
#define BASE_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#define VERSIONS_MAX 32

struct versions {
    bool present; /* the header was sent */
    bool any;     /* "*": whatever exists */
    unsigned count;
    int64_t list[VERSIONS_MAX];
};

static inline bool versions_include(const struct versions *v, int64_t version)
{
    for (unsigned i = 0; i < v->count; i++) {
        if (v->list[i] == version)
            return true;
    }
    return v->any;
}

#endif
