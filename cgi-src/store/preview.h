/*
 * The beginning of a message. A session keeps it of its last message, so that a list of sessions
 * can show it.
 */
#ifndef STORE_PREVIEW_H
#define STORE_PREVIEW_H

#include "base/arena.h"
#include "store/item.h"

#define PREVIEW_MAX_CHARACTERS 200 /* Unicode code points */
#define PREVIEW_MAX_BYTES (PREVIEW_MAX_CHARACTERS * 4)

/* The first PREVIEW_MAX_CHARACTERS characters of the message's content; no character is cut. Texts
 * of parts are joined with a blank. A view of the content, or in the arena; never absent. */
struct str preview_of(struct arena *arena, const struct message *m);

#endif
