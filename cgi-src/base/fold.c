/*
 * Folding, run by run. Most characters of most texts fold into themselves or into one that is a
 * fixed distance away, and join with nothing before them: they are copied. libunistring, which
 * takes a hundred times as long, gets the runs of other characters, each with the character before
 * it, since a mark joins with that one.
 */
#include "base/fold.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

/* A text is at most as long as an item, and folding makes at most eleven bytes of one. */
#define FOLD_MAX_BYTES ((size_t)8 * 1024 * 1024)

/* Code points that fold to the one `add` further, and that are never the second of a composition.
 */
struct plain_range {
    ucs4_t first;
    ucs4_t last;
    ucs4_t add;
};

static const struct plain_range plain[] = {
    {'A', 'Z', 0x20},    {0x00, 0x7F, 0},       {0xC0, 0xD6, 0x20},   {0xD8, 0xDE, 0x20},
    {0xE0, 0xFF, 0},     {0x391, 0x3A1, 0x20},  {0x3A3, 0x3A9, 0x20}, {0x3B1, 0x3C1, 0},
    {0x3C3, 0x3C9, 0},   {0x410, 0x42F, 0x20},  {0x430, 0x44F, 0},    {0x5D0, 0x5EA, 0},
    {0x621, 0x64A, 0},   {0x2010, 0x2010, 0},   {0x2012, 0x2016, 0},  {0x2018, 0x2022, 0},
    {0x3001, 0x3015, 0}, {0x3041, 0x3096, 0},   {0x30A1, 0x30FC, 0},  {0x4E00, 0x9FFF, 0},
    {0xAC00, 0xD7A3, 0}, {0x1F300, 0x1FAFF, 0},
};

#define NOT_PLAIN 0xFFFFFFFFu

/* What the character folds to by itself, or NOT_PLAIN. */
static ucs4_t fold_plain(ucs4_t c)
{
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (c >= plain[i].first && c <= plain[i].last)
            return c + plain[i].add;
    }
    return NOT_PLAIN;
}

static const uint8_t *start_of(struct str s)
{
    return (const uint8_t *)s.p;
}

/* A character at the start of a text: its bytes, and what it folds to. */
struct character {
    size_t n;
    ucs4_t folded; /* NOT_PLAIN, also for bytes that are not UTF-8 */
};

static struct character first_of(struct str text)
{
    ucs4_t c;
    int n = u8_mbtoucr(&c, start_of(text), text.n);

    return n > 0 ? (struct character){(size_t)n, fold_plain(c)} : (struct character){1, NOT_PLAIN};
}

static struct str skip_bytes(struct str text, size_t n)
{
    return (struct str){text.p + n, text.n - n};
}

static void append_character(struct buf *out, ucs4_t c)
{
    uint8_t bytes[6];
    int n = u8_uctomb(bytes, c, sizeof(bytes));

    buf_append(out, bytes, (size_t)n);
}

/* ASCII, which is most of what comes. Returns how many bytes of it there were. */
static size_t append_ascii(struct buf *out, struct str text)
{
    size_t n = 0;

    while (n < text.n && (unsigned char)text.p[n] < 0x80)
        n++;
    char *to = buf_reserve(out, n);
    for (size_t i = 0; to && i < n; i++)
        to[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + 0x20 : text.p[i]);
    if (to)
        buf_added(out, n);
    return n;
}

/* The library does not promise what it makes of bytes that are not UTF-8, so it gets none. */
static void append_by_library(struct buf *out, struct str run)
{
    uint8_t room[256];
    size_t n = sizeof(room);

    if (!str_is_utf8(run)) {
        buf_append_str(out, run);
        return;
    }
    uint8_t *folded = u8_casefold(start_of(run), run.n, NULL, UNINORM_NFKC, room, &n);
    if (!folded)
        abort();
    buf_append(out, folded, n);
    if (folded != room)
        free(folded);
}

/* Bytes up to the next plain character. */
static size_t odd_run(struct str text)
{
    size_t n = 0;

    while (n < text.n) {
        struct character c = first_of(skip_bytes(text, n));
        if (c.folded != NOT_PLAIN)
            break;
        n += c.n;
    }
    return n;
}

void fold_append(struct buf *out, struct str text)
{
    size_t last = 0;    /* bytes of the plain character before: in the text */
    size_t written = 0; /* in out */

    while (text.n > 0) {
        size_t before = out->len;
        size_t ascii = append_ascii(out, text);
        struct character c = ascii > 0 ? (struct character){ascii, 0} : first_of(text);
        if (ascii > 0) {
            last = written = 1;
        } else if (c.folded != NOT_PLAIN) {
            append_character(out, c.folded);
            last = c.n;
            written = out->len - before;
        } else {
            c.n = odd_run(text);
            buf_truncate(out, before - written);
            append_by_library(out, (struct str){text.p - last, last + c.n});
            last = written = 0;
        }
        text = skip_bytes(text, c.n);
    }
}

void fold_init(struct fold *f, struct str needle)
{
    buf_init(&f->needle, FOLD_MAX_BYTES);
    buf_init(&f->text, FOLD_MAX_BYTES);
    fold_append(&f->needle, needle);
}

void fold_free(struct fold *f)
{
    buf_free(&f->needle);
    buf_free(&f->text);
}

bool fold_finds(struct fold *f, struct str text)
{
    struct str needle = buf_str(&f->needle);

    buf_reset(&f->text);
    fold_append(&f->text, text);
    struct str folded = buf_str(&f->text);
    return memmem(folded.p, folded.n, needle.p, needle.n) != NULL;
}
