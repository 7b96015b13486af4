/*
 * Cursors as clients see them: opaque, URL-safe, and good only for the list that gave them. The
 * check sum is against mistakes, not attacks: a cursor opens nothing that its path does not.
 */
#ifndef HTTP_CURSOR_H
#define HTTP_CURSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* scope names the list: path and order. position is what the list needs to go on. In the arena. */
struct str cursor_encode(struct arena *a, struct str scope, struct str position);

/* ERR_INVALID_CURSOR if the text is not a cursor of that scope. */
int cursor_decode(struct arena *a, struct str scope, struct str text, struct str *position,
                  struct err *e);

#endif
