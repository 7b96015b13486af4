/*
 * JSON Merge Patch (RFC 7396) on texts: what the patch does not name stays as it was sent, numbers
 * in their spelling too.
 */
#ifndef BASE_JSON_MERGE_H
#define BASE_JSON_MERGE_H

#include "base/arena.h"
#include "base/json.h"

/*
 * The text of `target` after `patch`; both are values of texts that json_scan has passed, a target
 * that is not an object counts as {}. Members that the patch names are replaced where they stand,
 * new ones follow in the patch's order. Of equal names in the patch the last counts; of equal names
 * in the target one is left once the patch names it. In the arena, which takes what is as large as
 * both texts, and the lists of their members. STR_NONE if the result would pass `cap` bytes.
 */
struct str json_merge_patch(struct json_value target, struct json_value patch, size_t cap,
                            struct arena *a);

#endif
