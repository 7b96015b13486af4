/*
 * JSON: a strict scanner that keeps slices of the text as it was sent, a writer that owns commas
 * and escaping, and the only use of json-c, for trees of small documents (credentials, key sets,
 * descriptions of tables). What DynamoDB answers to requests is read without a tree: see
 * json_reader.h. json-c is not suited to what clients send: it changes numbers beyond 64 bits,
 * turns lone surrogates into U+FFFD, and keeps the last of two equal keys.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* How deep a client's document may be nested. DynamoDB's own limit for nested values is 32, but
 * metadata is stored as text and so is not subject to it. */
#define JSON_MAX_DEPTH 100

/* Not "enum json_type": json-c has one of that name, and files that use both include both. */
enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value of a document: its type, and its text exactly as it was sent. */
struct json_value {
    enum json_kind type;
    struct str text;
};

struct json_member {
    struct str name; /* decoded */
    struct json_value value;
};

/*
 * Checks the whole text against RFC 8259, UTF-8 well-formed, no lone surrogate escapes, depth at
 * most JSON_MAX_DEPTH, nothing after the value but white space. On success *out is the top value
 * without the white space around it. ERR_INVALID_JSON (or ERR_INVALID_ENCODING for bad UTF-8) with
 * the byte offset and what was expected.
 */
int json_scan(struct str text, struct json_value *out, struct err *e);

/*
 * The members of a scanned object, or elements of a scanned array, in order. The views point into
 * the text and the arena. Equal names are all listed. Only for text that json_scan has passed.
 */
size_t json_members(struct json_value object, struct arena *a, struct json_member **out);
size_t json_elements(struct json_value array, struct arena *a, struct json_value **out);

/* The same for what a client has sent: if there are more than max, nothing is built, *out is
 * NULL and the result is max + 1. */
size_t json_members_at_most(struct json_value object, size_t max, struct arena *a,
                            struct json_member **out);
size_t json_elements_at_most(struct json_value array, size_t max, struct arena *a,
                             struct json_value **out);

/*
 * Steps through a scanned array, or object, one element (member) after the other; nothing is built
 * of them, however many there are. False after the last one.
 *
 *     struct json_walk walk = json_walk_begin(array);
 *     while (json_walk_element(&walk, &element))
 *         ...
 *
 * Of a member's name only one with escapes takes room in the arena.
 */
struct json_walk {
    const char *p;
    const char *end;
};
struct json_walk json_walk_begin(struct json_value container);
bool json_walk_element(struct json_walk *w, struct json_value *out);
bool json_walk_member(struct json_walk *w, struct arena *a, struct json_member *out);

/* A scanned JSON string without its quotes and escapes. May contain NUL. */
struct str json_decode_string(struct json_value string, struct arena *a);

/* A scanned JSON number that is an integer in the range of int64_t: 1, -3, 0; not 1.0, not 1e3. */
bool json_integer(struct json_value number, int64_t *out);

/* A tree of a small document; depth 256; the whole text. Owned by the caller: json_tree_free.
 * NULL with ERR_INVALID_JSON if it is not JSON, or is null. The error is worded for an answer of
 * AWS: a caller that passes it on gives it another code. */
struct json_object;
struct json_object *json_tree(struct str text, struct err *e);
void json_tree_free(struct json_object *tree);

/* Member of a tree, NULL if absent or if tree is NULL. Borrowed. */
struct json_object *json_get(struct json_object *tree, const char *name);
/* The bytes of a string member, STR_NONE if it is absent or not a string. Borrowed from the
 * tree. */
struct str json_get_str(struct json_object *tree, const char *name);
/* How many elements an array has, 0 if it is absent or not an array; and one of them, borrowed. */
size_t json_length(struct json_object *array);
struct json_object *json_at(struct json_object *array, size_t i);

/* Writes one document to a buffer. Failure is that of the buffer: it is sticky. */
struct json_writer {
    struct buf *out;
    bool comma; /* a comma is due before the next key or element */
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *name); /* name needs no escaping */
/* A key whose text was prepared, with its quotes and colon, and a comma in front that is left out
 * where none is due: ,"title": */
void json_prepared_key(struct json_writer *w, struct str key);
void json_string(struct json_writer *w, struct str s); /* well-formed UTF-8; '/' is not escaped */
void json_int(struct json_writer *w, int64_t n);
void json_boolean(struct json_writer *w, bool b); /* json_bool is a type of json-c */
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, struct str json); /* a value's text as it is */

/* A string with its quotes and escapes, and the digits of an integer with a NUL (their number is
 * returned), for callers that write the text around them themselves. */
void json_append_string(struct buf *out, struct str s);
#define JSON_DIGITS_SIZE 24
size_t json_digits(int64_t n, char out[JSON_DIGITS_SIZE]);

/* json_key and the value in one. */
void json_put_string(struct json_writer *w, const char *name, struct str s);
void json_put_int(struct json_writer *w, const char *name, int64_t n);
void json_put_bool(struct json_writer *w, const char *name, bool b);
void json_put_raw(struct json_writer *w, const char *name, struct str json);

#endif
