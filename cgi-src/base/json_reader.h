/*
 * A strict pull reader (RFC 8259) over a text that the caller owns: it is walked once, from the
 * front, and the caller takes each value as it comes, without a tree. Strings are unescaped in
 * place, so they are views into the text, and the text is worth nothing afterwards.
 *
 * Every reading function takes exactly one value. One of another type than was asked for is stepped
 * over, and null too. Whatever is stepped over is checked as well; that bytes are UTF-8 is not.
 * Failure is sticky: after the first byte that is not JSON nothing more is read, every loop over
 * members or elements ends, and json_reader_end says so.
 *
 *     json_reader_init(&r, text, n);
 *     if (json_enter_object(&r)) {
 *         while (json_next_member(&r, &name)) {
 *             if (str_is(name, "Count"))
 *                 count = json_read_number(&r);
 *             else
 *                 json_skip(&r);
 *         }
 *     }
 *     good = json_reader_end(&r);
 */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

/* DynamoDB allows 32 levels of nesting, and its notation doubles them: {"M":{"a":{"M":...}}}. */
#define JSON_READER_DEPTH 256

struct json_reader {
    char *p; /* what is read next */
    char *end;
    bool failed;
    bool at_first; /* nothing of the innermost object or array has been read yet */
    unsigned depth;
    uint64_t objects[JSON_READER_DEPTH / 64]; /* which of the open containers are objects */
};

void json_reader_init(struct json_reader *r, char *text, size_t n);
/* True if the one value was read to its end, and nothing but white space follows. */
bool json_reader_end(struct json_reader *r);

/* Steps into the value if it is an object (an array); else it is stepped over: false. */
bool json_enter_object(struct json_reader *r);
bool json_enter_array(struct json_reader *r);

/* Steps into an object and past the name of its first member in one, if the text goes on as in
 * {"S": with this letter; else nothing is taken. */
bool json_enter_object_at(struct json_reader *r, char letter);

/* The name of the next member of the object; its value must be read (or skipped) before the next
 * call. False at the end of the object, which is then left. Equal names are all reported. */
bool json_next_member(struct json_reader *r, struct str *name);
/* True before each element of the array. */
bool json_next_element(struct json_reader *r);

/* STR_NONE if the value is not a string (or not a number). A lone surrogate escape becomes
 * U+FFFD. */
struct str json_read_string(struct json_reader *r);
struct str json_read_number(struct json_reader *r); /* its text */
/* The value's text as it stands there, nothing unescaped; STR_NONE for null. */
struct str json_read_raw(struct json_reader *r);
void json_skip(struct json_reader *r);
/* The byte that the next value begins with: '{', '[', '"', 'n' of null …; NUL at the end. */
char json_peek(struct json_reader *r);

/* True if the text is one JSON object, every byte of it checked; or if it begins like one. They
 * leave it as it is. */
bool json_is_object_text(struct str text);
bool json_begins_object(struct str text);
/* True for {}, of a text that was read with json_read_raw. */
bool json_is_empty_object(struct str text);

#endif
