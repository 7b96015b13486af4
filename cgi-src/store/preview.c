/*
 * Makes the preview of a message: its first characters, counted as Unicode code points.
 */
#include "store/preview.h"

#include "store/content.h"

/* How many bytes the first `characters` characters have, or the whole text if it has fewer. If the
 * text is not UTF-8, the bytes are bounded all the same. */
static size_t characters_bytes(struct str text, size_t characters)
{
    size_t most = text.n < PREVIEW_MAX_BYTES ? text.n : PREVIEW_MAX_BYTES;
    size_t n = most < characters ? most : characters;
    size_t begun = str_utf8_length((struct str){text.p, n});

    for (; n < most; n++) {
        bool begins = ((unsigned char)text.p[n] & 0xC0) != 0x80;
        if (begins && begun++ == characters)
            break;
    }
    return n;
}

static struct str text_beginning(struct str text, size_t characters)
{
    return (struct str){text.p, characters_bytes(text, characters)};
}

/* Joins the texts of parts with a blank between them, up to the length of a preview. */
static struct str preview_join(struct arena *arena, struct content_texts *texts)
{
    size_t left = PREVIEW_MAX_CHARACTERS;
    struct buf joined;
    struct str text;

    buf_init(&joined, (size_t)2 * PREVIEW_MAX_BYTES);
    while (left > 0 && content_texts_next(texts, arena, &text)) {
        if (text.n == 0)
            continue;
        if (joined.len > 0) {
            buf_putc(&joined, ' ');
            left--;
        }
        text = text_beginning(text, left);
        left -= str_utf8_length(text);
        buf_append_str(&joined, text);
    }
    struct str preview = arena_str(arena, buf_str(&joined));
    buf_free(&joined);
    return preview;
}

struct str preview_of(struct arena *arena, const struct message *m)
{
    struct content_texts texts;

    if (!str_is_present(m->content))
        return STR("");
    if (!str_is_present(m->content_type))
        return text_beginning(m->content, PREVIEW_MAX_CHARACTERS);
    content_texts_begin(&texts, m);
    return preview_join(arena, &texts);
}
