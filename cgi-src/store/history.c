/*
 * Walks through a history and says the timestamp of each message.
 */
#include "store/history.h"

struct history_walk history_begin(const struct history *history, int64_t first_ms)
{
    return (struct history_walk){.history = history, .first = first_ms};
}

int64_t history_timestamp(const struct history_walk *walk)
{
    int64_t own = walk->history->messages[walk->next].timestamp;

    if (own)
        return own;
    return walk->next ? walk->before + 1 : walk->first;
}

void history_step(struct history_walk *walk)
{
    walk->before = history_timestamp(walk);
    walk->next++;
}

void history_skip(struct history_walk *walk, int64_t timestamp)
{
    while (walk->next < walk->history->count && history_timestamp(walk) <= timestamp)
        history_step(walk);
}

int64_t history_last(const struct history *history, int64_t first_ms)
{
    struct history_walk walk = history_begin(history, first_ms);

    history_skip(&walk, INT64_MAX);
    return walk.before;
}

size_t history_disorder(const struct history *history, int64_t first_ms)
{
    struct history_walk walk = history_begin(history, first_ms);

    while (walk.next < history->count && history_timestamp(&walk) > walk.before)
        history_step(&walk);
    return walk.next;
}
