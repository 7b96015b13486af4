/*
 * Which media type a client prefers: the Accept header (RFC 9110 section 12.5.1).
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stdbool.h>
#include "base/str.h"

/*
 * True if the header names the media type `other` itself and wants it no less than `usual`, which
 * is what is sent otherwise. A range with a star in it counts for `usual` alone: a client that does
 * not know of the other type never gets it. A range that cannot be read is ignored.
 */
bool accept_prefers(struct str header, const char *other, const char *usual);

#endif
