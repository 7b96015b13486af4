/*
 * Writes sessions, messages and lists of them in the JSON of the contract. The tables of
 * store/item.c say which member a field becomes.
 */
#include "api/api.h"

/* Most lists fit into this, so that their buffer does not grow step by step. */
#define LIST_ROOM ((size_t)12 * 1024)

/* A page of a list ends before its JSON is larger than this, whatever its limit. */
#define LIST_MAX_BYTES ((size_t)4 * 1024 * 1024)

void shape_session(struct json_writer *w, const struct session *s)
{
    item_show(w, &item_session, s);
}

void shape_message(struct json_writer *w, const struct message *m)
{
    item_show(w, &item_message, m);
}

void shape_list_begin(struct shape_list *list, const char *name)
{
    json_key(&list->w, name);
    json_begin_array(&list->w);
    list->begin = list->w.out->len;
    list->count = 0;
    (void)buf_reserve(list->w.out, LIST_ROOM); /* a failure shows when the list is written */
}

void shape_list_end(struct shape_list *list)
{
    json_end_array(&list->w);
}

/* The item is written, and taken back if the list has become too large. */
static enum visit shape_list_add(struct shape_list *list, const struct item_kind *kind,
                                 const void *item)
{
    struct json_writer before = list->w;
    size_t length = before.out->len;

    item_show(&list->w, kind, item);
    if (list->count > 0 && list->w.out->len - list->begin > LIST_MAX_BYTES && buf_ok(before.out)) {
        buf_truncate(before.out, length);
        list->w = before;
        return VISIT_FULL;
    }
    list->count++;
    return VISIT_TAKEN;
}

enum visit shape_list_session(void *list, const struct session *s)
{
    return shape_list_add(list, &item_session, s);
}

enum visit shape_list_message(void *list, const struct message *m)
{
    return shape_list_add(list, &item_message, m);
}
