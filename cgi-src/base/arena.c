/*
 * Memory that lives as long as one request: blocks in a list, filled from the front. It has no cap
 * of its own; the caps on bodies and answers bound what it holds.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDINARY_SIZE ((size_t)32 * 1024)

struct arena_block {
    struct arena_block *next; /* the one filled before; owned */
    size_t size;              /* of data */
    size_t used;
    alignas(max_align_t) char data[];
};

void arena_init(struct arena *a)
{
    a->block = NULL;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;
    struct arena_block *rest = NULL;
    while (a->block) {
        struct arena_block *block = a->block;
        a->block = block->next;
        bool keep = !kept && block->size == ORDINARY_SIZE;
        block->next = keep ? NULL : rest;
        *(keep ? &kept : &rest) = block;
    }
    free_blocks(rest);
    if (kept)
        kept->used = 0;
    a->block = kept;
}

void arena_free(struct arena *a)
{
    free_blocks(a->block);
    a->block = NULL;
}

static struct arena_block *new_block(size_t size)
{
    if (size > SIZE_MAX / 2)
        abort();
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        abort();
    block->size = size;
    block->used = 0;
    return block;
}

/* Bytes that the caller fills itself. */
static void *arena_take(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        abort();
    size = (size + align - 1) / align * align;
    if (size > ORDINARY_SIZE / 4 && (!a->block || size > a->block->size - a->block->used)) {
        /* A large piece gets a block of its own, behind the one being filled. */
        struct arena_block *own = new_block(size);
        own->used = size;
        own->next = a->block ? a->block->next : NULL;
        *(a->block ? &a->block->next : &a->block) = own;
        return own->data;
    }
    if (!a->block || size > a->block->size - a->block->used) {
        struct arena_block *block = new_block(ORDINARY_SIZE);
        block->next = a->block;
        a->block = block;
    }
    char *p = a->block->data + a->block->used;
    a->block->used += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    /* At least one byte, so that no two allocations have the same address. */
    if (size == 0)
        size = 1;
    return memset(arena_take(a, size), 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        abort();
    return arena_alloc(a, count * size);
}

char *arena_text(struct arena *a, size_t size)
{
    return arena_take(a, size ? size : 1);
}

struct str arena_str(struct arena *a, struct str s)
{
    if (!str_is_present(s))
        return STR_NONE;
    if (s.n == SIZE_MAX)
        abort();
    char *p = arena_take(a, s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        abort();
    char *p = arena_take(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return (struct str){p, (size_t)n};
}
