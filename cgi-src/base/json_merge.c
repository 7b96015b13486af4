/*
 * Merges member by member. The members of a patch are sorted by name once for each level, so that
 * the time for a large patch of a large object grows only with the length of both. It calls itself
 * once for each level of nesting, of which json_scan allows JSON_MAX_DEPTH.
 */
#include "base/json_merge.h"

#include <stdlib.h>

/* A member of the patch. */
struct change {
    const struct json_member *member;
    size_t position; /* in the patch */
    bool done;
};

struct changes {
    struct change *sorted; /* by name, then by position */
    size_t count;
};

static const struct json_value nothing = {.type = JSON_NULL, .text = STR_INIT("null")};

static int compare_names(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    int order = compare_names(x->member->name, y->member->name);

    return order ? order : (x->position > y->position) - (x->position < y->position);
}

static struct changes sort_changes(const struct json_member *members, size_t count, struct arena *a)
{
    struct changes c = {arena_array(a, count, sizeof(struct change)), count};

    for (size_t i = 0; i < count; i++)
        c.sorted[i] = (struct change){.member = &members[i], .position = i};
    if (count > 1)
        qsort(c.sorted, count, sizeof(*c.sorted), compare_changes);
    return c;
}

/* The last change of this name; NULL if there is none. */
static struct change *find_change(const struct changes *c, struct str name)
{
    size_t low = 0;
    size_t high = c->count;

    while (low < high) { /* the first change of a greater name */
        size_t middle = low + (high - low) / 2;
        if (compare_names(c->sorted[middle].member->name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || !str_equals(c->sorted[low - 1].member->name, name))
        return NULL;
    return &c->sorted[low - 1];
}

static void merge_values(struct json_writer *w, struct json_value target, struct json_value patch,
                         struct arena *a);

static void write_name(struct json_writer *w, struct str name)
{
    json_string(w, name);
    buf_putc(w->out, ':');
    w->comma = false;
}

/* The target's members, each with the value of the patch if the patch names it. */
static void merge_members(struct json_writer *w, struct json_value target, struct changes *changes,
                          struct arena *a)
{
    struct json_member *members;
    size_t count = json_members(target, a, &members);

    for (size_t i = 0; i < count; i++) {
        struct change *change = find_change(changes, members[i].name);
        if (!change) {
            write_name(w, members[i].name);
            json_raw(w, members[i].value.text);
            continue;
        }
        if (!change->done && change->member->value.type != JSON_NULL) {
            write_name(w, members[i].name);
            merge_values(w, members[i].value, change->member->value, a);
        }
        change->done = true;
    }
}

/* The members of the patch that the target does not have. */
static void add_members(struct json_writer *w, const struct json_member *members,
                        const struct changes *changes, struct arena *a)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = find_change(changes, members[i].name);
        if (change->done || change->position != i)
            continue;
        change->done = true;
        if (members[i].value.type == JSON_NULL)
            continue;
        write_name(w, members[i].name);
        merge_values(w, nothing, members[i].value, a);
    }
}

static void merge_values(struct json_writer *w, struct json_value target, struct json_value patch,
                         struct arena *a)
{
    struct json_member *members;

    if (patch.type != JSON_OBJECT) {
        json_raw(w, patch.text);
        return;
    }
    size_t count = json_members(patch, a, &members);
    struct changes changes = sort_changes(members, count, a);
    json_begin_object(w);
    merge_members(w, target, &changes, a);
    add_members(w, members, &changes, a);
    json_end_object(w);
}

struct str json_merge_patch(struct json_value target, struct json_value patch, size_t cap,
                            struct arena *a)
{
    struct str merged = STR_NONE;
    struct json_writer w;
    struct buf text;

    buf_init(&text, cap);
    json_writer_init(&w, &text);
    merge_values(&w, target, patch, a);
    if (buf_ok(&text))
        merged = arena_str(a, buf_str(&text));
    buf_free(&text);
    return merged;
}
