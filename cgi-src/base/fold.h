/*
 * Search that takes texts for equal which readers take for equal: case is folded and compatible
 * forms are made one (Unicode's NFKC and default case folding, as in its toNFKC_Casefold, but that
 * nothing is dropped). "straße" is in "STRASSE", "ﬁn" in "FINE", and it does not matter whether an
 * "é" came as one code point or as two. NFKC, not NFC: full-width letters, ligatures and the like
 * come from keyboards and PDF files, and nobody means them when searching. Composed, not
 * decomposed: "cafe" is not in "café", since an accent is not left out unseen; a Hangul syllable is
 * a character. No language is asked for: the Turkish "İ" is "i" with a dot above.
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

/* The needle is copied. It need not be UTF-8, nor need the texts: what is not stays as it is. */
void fold_init(struct fold *f, struct str needle);
void fold_free(struct fold *f);

/* True if the needle is in the text. Grows its room to a few times the text's size. */
bool fold_finds(struct fold *f, struct str text);

/* Appends the text folded. Out of memory aborts; the caller's cap may make it fail, too. */
void fold_append(struct buf *out, struct str text);

#endif
