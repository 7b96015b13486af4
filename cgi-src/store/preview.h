/*
 * How a message begins: what its session keeps of its last message, so that a list of sessions can
 * show it.
 */
#ifndef STORE_PREVIEW_H
#define STORE_PREVIEW_H

#include "base/arena.h"
#include "store/item.h"

#define PREVIEW_MAX_CHARACTERS 200 /* Unicode code points */
#define PREVIEW_MAX_BYTES (PREVIEW_MAX_CHARACTERS * 4)

/* The first PREVIEW_MAX_CHARACTERS of the message's content, none of them cut; of parts, of their
 * texts with a blank between them. A view of it, or in the arena; never absent. */
struct str preview_of(struct arena *arena, const struct message *m);

#endif
