/*
 * Search that treats texts as equal which readers see as equal: case is folded and compatible forms
 * are unified (Unicode's NFKC and default case folding, as in its toNFKC_Casefold, except that
 * nothing is dropped). "straße" is in "STRASSE", "ﬁn" in "FINE", and it does not matter whether an
 * "é" came as one code point or as two. NFKC and not NFC, because full-width letters, ligatures and
 * the like come from keyboards and PDF files, and nobody who searches means them. Composed and not
 * decomposed, because an accent must not be lost: "cafe" is not in "café", and a Hangul syllable is
 * one character. Folding does not depend on a language: the Turkish "İ" becomes "i" with a dot
 * above.
 */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include <stdbool.h>
#include "base/buf.h"
#include "base/str.h"

/* What is searched for, folded once, and room for folding what is searched. */
struct fold {
    struct buf needle;
    struct buf text;
};

/* The needle is copied. Neither it nor the texts need be UTF-8: bytes that are not stay as they
 * are. */
void fold_init(struct fold *f, struct str needle);
void fold_free(struct fold *f);

/* True if the needle is in the text. Grows its room to a few times the text's size. */
bool fold_finds(struct fold *f, struct str text);

/* Appends the text folded. Running out of memory aborts; the caller's cap may make it fail, too. */
void fold_append(struct buf *out, struct str text);

#endif
