/*
 * Cursors as clients see them: opaque, URL-safe, and good only for the list that gave them. Each is
 * authenticated: the position in it is one that this service wrote, so that nobody can make
 * DynamoDB begin at a key that they made up. A cursor is not a secret, and it gives access to
 * nothing that its path does not.
 */
#ifndef HTTP_CURSOR_H
#define HTTP_CURSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* The same in every process and on every machine that serves the same tables, and after a restart.
 */
struct cursor_key {
    unsigned char bytes[32];
};

void cursor_key_init(struct cursor_key *key, const char *sessions_table,
                     const char *messages_table);

/* scope names the list: path and order. position is what the list needs to go on. In the arena. */
struct str cursor_encode(const struct cursor_key *key, struct arena *a, struct str scope,
                         struct str position);

/* A cursor, and the list that is to go on behind it. */
struct cursor_text {
    struct str scope;
    struct str text;
};

/* ERR_INVALID_CURSOR if the text is not a cursor of that scope. *position is in the arena. */
int cursor_decode(const struct cursor_key *key, struct arena *a, const struct cursor_text *cursor,
                  struct str *position, struct err *e);

#endif
