/*
 * The preview of a message: its first characters, counted as Unicode code points.
 */
#include "store/preview.h"

/* A byte that does not begin a character in UTF-8. */
static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Where the character after the first `characters` of them begins, or the text's end. Of what is
 * not UTF-8 the bytes are bounded all the same. */
static size_t bytes_of(struct str text, size_t characters)
{
    size_t most = text.n < PREVIEW_MAX_BYTES ? text.n : PREVIEW_MAX_BYTES;
    size_t n = 0;

    for (; n < most; n++) {
        if (!continues(text.p[n]) && characters-- == 0)
            break;
    }
    return n;
}

struct str preview_of(struct arena *arena, const struct message *m)
{
    (void)arena;
    if (!m->content.p)
        return STR("");
    return (struct str){m->content.p, bytes_of(m->content, PREVIEW_MAX_CHARACTERS)};
}
