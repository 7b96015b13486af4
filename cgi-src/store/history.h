/*
 * The times of a history's messages: each its own, or the next one after the message before it.
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include <stdint.h>
#include "store/store.h"

/* A walk through a history, message by message. */
struct history_walk {
    const struct history *history;
    size_t next;    /* the message it has come to; history->count at the end */
    int64_t before; /* the timestamp of the message before that, 0 before the first */
    int64_t first;  /* the timestamp of the first one, if that has none of its own */
};

/* first_ms: greater than 0. */
struct history_walk history_begin(const struct history *history, int64_t first_ms);
/* The timestamp of the message that the walk has come to, which there must be. */
int64_t history_timestamp(const struct history_walk *walk);
void history_step(struct history_walk *walk);
/* Moves beyond all messages that are not later than the timestamp. */
void history_skip(struct history_walk *walk, int64_t timestamp);

/* The timestamp of the last message, 0 if there is none. */
int64_t history_last(const struct history *history, int64_t first_ms);

/* The index of the first message whose timestamp is not later than that of the message before it;
 * history->count if there is none. */
size_t history_disorder(const struct history *history, int64_t first_ms);

#endif
