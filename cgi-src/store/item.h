/*
 * Sessions, messages and their helper items as the program knows them. For each kind of item one
 * table of fields says how it is kept in DynamoDB and shown in the API's JSON; reading, writing,
 * sizes and copies follow from it. The table of sessions also says how clients set a field; taking
 * it from a request, changing it and importing it follow from that. To add a field, add a member to
 * the struct and a line to the table.
 *
 * What earlier backends wrote is read too: items with attributes missing, times without a zone,
 * metadata that is not JSON.
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

#define TAG_MAX_CHARACTERS 50

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
    /* Of the last message: its timestamp, its role, and how its content begins. last_shown is 0 if
     * there is none. */
    int64_t last_shown;
    struct str last_role;
    struct str last_preview;
    int64_t message_count;
    /* -1 and 0 if an earlier backend wrote the item and it was not changed since. */
    int64_t last_timestamp;
    int64_t version;
    bool archived;
    bool pinned;
    bool deleted; /* a delete has begun */
};

/*
 * The type of a message's content. For a string it is STR_NONE, and the string is kept as it is, so
 * that other backends can read it. For parts (CONTENT_IS_PARTS) content is the text of a JSON array
 * of objects. For null (CONTENT_IS_NULL) content is "".
 */
#define CONTENT_IS_PARTS STR("parts")
#define CONTENT_IS_NULL STR("null")

#define ITEM_NO_TIMESTAMP INT64_MIN /* the item has no timestamp that can be read */

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
    /* Members of the owner item, which lies before the messages of its session (timestamp 0). */
    struct str user_id;
    bool deleted;
    struct str building_at;
};

/* The owner item of a session, in the messages table. */
struct owner_item {
    struct str session_id;
    int64_t timestamp; /* 0 */
    struct str user_id;
    struct str building_at; /* since when the session is being built, unseen by anybody; STR_NONE if
                               it is not */
    bool deleted;
    int64_t built_until; /* of a build: the timestamp of the last message that is written; 0 if none
                            is */
};

/* The idempotency marker of an append, in the messages table. */
struct append_marker {
    struct str session_id;
    struct str timestamp; /* digits, since it is larger than an int64_t */
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

/* What a purge reads of any item of the sessions table: a session, the item of a build, or another
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

/* The sort key of any item in a session's partition; STR_NONE if it cannot be read. */
struct sort_digits {
    struct str timestamp;
};

/* A kind of item. The tables of fields are in item.c; item_table.h says what a table contains. */
struct item_kind;
extern const struct item_kind item_session;       /* struct session */
extern const struct item_kind item_message;       /* struct message */
extern const struct item_kind item_owner;         /* struct owner_item */
extern const struct item_kind item_append_marker; /* struct append_marker */
extern const struct item_kind item_create_marker; /* struct create_marker */
extern const struct item_kind item_build;         /* struct build */
extern const struct item_kind item_purge;         /* struct purge_item; only read */
extern const struct item_kind item_sort_digits;   /* struct sort_digits; only read */

/* The table in which items of this kind lie. */
enum store_table item_table(const struct item_kind *kind);

/*
 * Reads the next value of r, an item as DynamoDB writes it ({"name":{"S":"..."},...}), into the
 * kind's struct. A field that is absent or of another type gets the value that the table of fields
 * names. False if the value is no object. What had to be rewritten is in the arena; everything else
 * is a view of the reader's text.
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

/* Writes the item as clients see it. */
void item_show(struct json_writer *w, const struct item_kind *kind, const void *item);

/* The most bytes that DynamoDB may count for the item, names of attributes included, and with what
 * is later added to every item of the kind. */
size_t item_size(const struct item_kind *kind, const void *item);

/* The bytes of all strings of the item together. */
size_t item_string_bytes(const struct item_kind *kind, const void *item);
/* Copies the strings to `to`, which has room for that many bytes, and lets the item point there. */
void item_take_strings(const struct item_kind *kind, void *item, char *to);
/* Copies the strings into the arena, and lets the item point there. */
void item_keep(const struct item_kind *kind, void *item, struct arena *a);

#endif
