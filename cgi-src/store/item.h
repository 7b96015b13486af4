/*
 * Sessions and messages as the program knows them, and as DynamoDB keeps them: attribute JSON in
 * both directions. Reads what earlier backends wrote, too: missing attributes, times without a
 * zone, metadata that is no JSON.
 */
#ifndef STORE_ITEM_H
#define STORE_ITEM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

/* DynamoDB's limit for one item, names and values together. */
#define ITEM_MAX_BYTES (400 * 1024)

/* Views; valid as long as the tree or arena they were read from. Times are RFC 3339 with Z. */
struct session {
    struct str session_id;
    struct str user_id;
    struct str title;
    struct str created_at;
    struct str updated_at;
    struct str metadata;      /* the text of a JSON object; STR_NONE if there is none */
    struct str create_marker; /* sort key of the idempotency marker of its creation, or STR_NONE */
    int64_t message_count;
    /* -1 and 0 if an earlier backend wrote the item and nothing was changed since. */
    int64_t last_timestamp;
    int64_t version;
    bool deleted; /* a delete has begun */
};

struct message {
    struct str session_id;
    struct str message_id;
    struct str role;
    struct str content;
    struct str created_at;
    struct str updated_at; /* STR_NONE unless it was edited */
    struct str metadata;   /* the text of a JSON object or STR_NONE */
    int64_t timestamp;     /* milliseconds since the epoch */
};

/* From an item of DynamoDB ({"name":{"S":"..."}, ...}). The arena takes what had to be rewritten.
 */
void item_read_session(struct json_object *item, struct arena *a, struct session *out);
void item_read_message(struct json_object *item, struct arena *a, struct message *out);

/* One attribute of an item. Borrowed; STR_NONE / fallback if absent or of another type. */
struct str item_string(struct json_object *item, const char *name);
int64_t item_number(struct json_object *item, const char *name, int64_t fallback);

/* Whole items, as values for Put. */
void item_write_session(struct json_writer *w, const struct session *s);
void item_write_message(struct json_writer *w, const struct message *m);

/* Single attributes: "name":{"S":"..."} and "name":{"N":"..."}. A number that may be beyond int64_t
 * (DynamoDB's have up to 38 digits) is put as its digits. */
void item_put_string(struct json_writer *w, const char *name, struct str value);
void item_put_number(struct json_writer *w, const char *name, int64_t value);
void item_put_digits(struct json_writer *w, const char *name, struct str digits);

/* Bytes that DynamoDB counts for the item, attribute names included. */
size_t item_session_size(const struct session *s);
size_t item_message_size(const struct message *m);

/* About how many bytes it takes in an answer's JSON: what escapes make of it counts, the names of
 * members do not. */
size_t item_session_json_size(const struct session *s);
size_t item_message_json_size(const struct message *m);

#endif
