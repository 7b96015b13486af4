/*
 * What a message's content says in words: a string, the `text` of parts, nothing of null. For
 * previews and searches.
 */
#ifndef STORE_CONTENT_H
#define STORE_CONTENT_H

#include "base/json.h"
#include "store/item.h"

/* True for the text of a JSON array of objects. *parts: the same without white space around it. */
bool content_are_parts(struct str text, struct str *parts);

/* A walk through the texts of a message's content. The message must outlive it. */
struct content_texts {
    struct str string; /* STR_NONE if there is none, or it was taken */
    struct json_walk parts;
};

void content_texts_begin(struct content_texts *texts, const struct message *m);
/* The next text; false after the last one. A view of the content, or in the arena if it has
 * escapes there. */
bool content_texts_next(struct content_texts *texts, struct arena *a, struct str *out);

#endif
