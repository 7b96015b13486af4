/*
 * The texts of a message's content: the string, or the `text` of each part. Null has none. Previews
 * and searches are made of them.
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
/* The next text, which is a view of the content, or lies in the arena if it is written with
 * escapes. False after the last one. */
bool content_texts_next(struct content_texts *texts, struct arena *a, struct str *out);

#endif
