/*
 * Memory that lives as long as one request. Allocation never returns NULL: when the machine is out
 * of memory, the process aborts and the master starts another one. The caps on bodies and answers,
 * which are checked before, limit how much a client can make the arena hold.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *block; /* the block being filled; owned */
};

void arena_init(struct arena *a);
/* Forgets everything that was allocated and frees the memory, except for one block of 32 KB,
 * which the next request uses again. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* size bytes, zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
/* count * size bytes, zeroed; aborts on overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* size bytes that the caller fills itself: a large one takes memory only as it is filled. */
char *arena_text(struct arena *a, size_t size);
/* A NUL-terminated copy. STR_NONE stays STR_NONE. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
