/*
 * Lets the threads of a process append to one session in turn. The transaction's conditions already
 * make appends correct; but of appends that race all but one fail, and each of those costs a
 * further round trip.
 */
#ifndef STORE_GATE_H
#define STORE_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"

struct gate;
struct gate *gate_new(void);
void gate_free(struct gate *g);

/* Waits for the session's turn until deadline_us (CLOCK_MONOTONIC). False if it passed. */
bool gate_enter(struct gate *g, struct str session_id, int64_t deadline_us);
void gate_leave(struct gate *g, struct str session_id);

#endif
