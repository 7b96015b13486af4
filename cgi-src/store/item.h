/*
 * Sessions, messages and their helpers as the program knows them, and one table for each kind of
 * item that says how it stands in DynamoDB and in the API's JSON. Reading, writing, sizes and
 * copies are driven by the tables: a new field is a member of the struct and a line of its table.
 * Reads what earlier backends wrote, too: missing attributes, times without a zone, metadata that
 * is no JSON.
 */
#ifndef STORE_ITEM_H
#define STORE_ITEM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "base/str.h"

/* DynamoDB's limit for one item, names and values together. */
#define ITEM_MAX_BYTES (400 * 1024)

enum store_table { STORE_SESSIONS_TABLE, STORE_MESSAGES_TABLE, STORE_TABLES };

/* Views; valid as long as the answer or arena they were read from. Times are RFC 3339 with Z. */
struct session {
    struct str session_id;
    struct str user_id;
    struct str title;
    struct str created_at;
    struct str updated_at;
    struct str metadata;      /* the text of a JSON object; STR_NONE if there is none */
    struct str create_marker; /* sort key of the idempotency marker of its creation, or STR_NONE */
    struct str tags;          /* the text of a JSON array of strings; "[]" if there are none */
    /* Of the last message, if last_shown is not 0: its timestamp, role, and how it begins. */
    int64_t last_shown;
    struct str last_role;
    struct str last_preview;
    int64_t message_count;
    /* -1 and 0 if an earlier backend wrote the item and nothing was changed since. */
    int64_t last_timestamp;
    int64_t version;
    bool archived;
    bool pinned;
    bool deleted; /* a delete has begun */
};

/*
 * What a message's content is. A string's content_type is STR_NONE; it is kept as it is, so that
 * other backends read what they know. Of parts (CONTENT_IS_PARTS) content is the text of a JSON
 * array of objects; where there is none (CONTENT_IS_NULL) it is "".
 */
#define CONTENT_IS_PARTS STR("parts")
#define CONTENT_IS_NULL STR("null")

#define ITEM_NO_TIMESTAMP INT64_MIN /* the item has none that can be read */

struct message {
    struct str session_id;
    struct str message_id;
    struct str role;
    struct str content;
    struct str content_type;
    struct str created_at;
    struct str updated_at; /* STR_NONE unless it was edited */
    struct str metadata;   /* the text of a JSON object or STR_NONE */
    int64_t timestamp;     /* milliseconds since the epoch */
    /* What the owner item has, which lies before the messages of its session (timestamp 0). */
    struct str user_id;
    bool deleted;
    struct str building_at;
};

/* The owner item of a session, in the messages table. */
struct owner_item {
    struct str session_id;
    int64_t timestamp; /* 0 */
    struct str user_id;
    struct str building_at; /* when the making of a session began that nobody sees yet; STR_NONE */
    bool deleted;
    int64_t built_until; /* the timestamp of its last message that is there; 0: none is */
};

/* The idempotency marker of an append, in the messages table. */
struct append_marker {
    struct str session_id;
    struct str timestamp; /* digits: beyond int64_t */
    struct str fingerprint;
    int64_t first_us;
    struct str message_ids; /* in DynamoDB's notation: {"L":[{"S":"…"},…]} */
};

/* The idempotency marker of a creation, in the sessions table. */
struct create_marker {
    struct str user_id;
    struct str session_id;
    struct str fingerprint;
    struct str created_session_id;
    struct str created_at;
};

/* A session that is being built with its history, in the sessions table. */
struct build {
    struct str user_id;
    struct str session_id; /* "!build#" and the id */
    struct str created_session_id;
    struct str create_marker; /* the session's, or STR_NONE */
    struct str building_at;   /* since when */
};

/* What a purge reads of whatever lies in the sessions table: a session, the item of a build, or a
 * helper. */
struct purge_item {
    struct str user_id;
    struct str session_id; /* the sort key */
    struct str created_at;
    struct str updated_at;  /* created_at if the item has none */
    struct str deleted_at;  /* STR_NONE unless a delete has begun */
    struct str building_at; /* of a build */
    int64_t version;
    bool archived;
};

/* The sort key of whatever lies in a session's partition; STR_NONE if it cannot be read. */
struct sort_digits {
    struct str timestamp;
};

/* One kind of item: its table of fields is in item.c, what a table says in item_table.h. */
struct item_kind;
extern const struct item_kind item_session;       /* struct session */
extern const struct item_kind item_message;       /* struct message */
extern const struct item_kind item_owner;         /* struct owner_item */
extern const struct item_kind item_append_marker; /* struct append_marker */
extern const struct item_kind item_create_marker; /* struct create_marker */
extern const struct item_kind item_build;         /* struct build */
extern const struct item_kind item_purge;         /* struct purge_item; read alone */
extern const struct item_kind item_sort_digits;   /* struct sort_digits; read alone */

/* In which table items of the kind lie. */
enum store_table item_table(const struct item_kind *kind);

/*
 * Reads the next value of r, an item of DynamoDB ({"name":{"S":"..."},...}), into the kind's
 * struct. What is absent or of another type is as the table of fields says. False if it is no
 * object. The arena takes what had to be rewritten; all else are views into the reader's text.
 */
bool item_read(struct json_reader *r, const struct item_kind *kind, struct arena *a, void *out);

/* Reads the next value, {"S":"…"}; STR_NONE if it is of another type. */
struct str item_read_string(struct json_reader *r);

/* Writes the whole item, as a value for Put. */
void item_write(struct buf *out, const struct item_kind *kind, const void *item);

/* A number as the value of an attribute of type N: "12" */
void item_write_number(struct buf *out, int64_t number);

/* The text of a JSON array of strings as the value of an attribute of type L: [{"S":"…"},…] */
void item_write_strings(struct buf *out, struct str strings);

/* Writes it as clients see it. */
void item_show(struct json_writer *w, const struct item_kind *kind, const void *item);

/* Bytes that DynamoDB counts for the item at most, attribute names included, and what is written
 * to every item of the kind later. */
size_t item_size(const struct item_kind *kind, const void *item);

/* Bytes of all strings that the item has views of. */
size_t item_string_bytes(const struct item_kind *kind, const void *item);
/* Copies those strings to `to`, which has that much room, and makes them the item's views. */
void item_take_strings(const struct item_kind *kind, void *item, char *to);
/* The same into an arena. */
void item_keep(const struct item_kind *kind, void *item, struct arena *a);

#endif
