/*
 * What the table of a kind of item says about a field. item.c has the tables and writes by them,
 * item_read.c reads by them. The table of sessions also says how clients set a field:
 * creation.c and session_update.c write sessions by it, and api/session_fields.c and
 * tool/import_line.c read by it what clients give. Nobody else uses this.
 */
#ifndef STORE_ITEM_TABLE_H
#define STORE_ITEM_TABLE_H

#include "store/item.h"

/* The type of a field in DynamoDB, and in its struct. */
enum field_type {
    FIELD_STRING,  /* S, struct str */
    FIELD_TIME,    /* S, struct str: read in any form, in the struct RFC 3339 with Z */
    FIELD_JSON,    /* S, struct str: the text of a JSON object; "{}" if it is something else */
    FIELD_STRINGS, /* L of S, struct str: the text of a JSON array of strings; "[]" if absent */
    FIELD_NUMBER,  /* N, int64_t */
    FIELD_DIGITS,  /* N, struct str: a number of any size, as it is written */
    FIELD_RAW,     /* any, struct str: in DynamoDB's notation */
    FIELD_BOOL,    /* BOOL, bool; false if it is something else */
    FIELD_MARK,    /* any, bool: true if the attribute is there */
};

/* How a field is shown in the API's JSON. */
enum field_shape {
    HIDDEN,
    ALWAYS,  /* a string that is absent reads as "" */
    PRESENT, /* only if it is there */
    OR_NULL,
};

/* Whether Put writes a field, and so whether the field counts in the item's size. */
enum field_storage {
    STORED,
    STORED_IF_SET, /* not while it is 0, false or [] */
    READ_ALONE,
};

/*
 * Whether clients set a field of a session, and since when. The fingerprint of a creation always
 * has the fields of the first version of the API; those that came later it has only if they are
 * set, so that the fingerprints of earlier requests stay what they are.
 */
enum client_access { NOT_SET_BY_CLIENTS, SET_FROM_THE_FIRST, SET_SINCE_LATER };

/* What a change does to a session's place in the order of activity. */
enum field_effect { STAYS_IN_PLACE, MOVES_UP };

/* What null means in a change: in a merge patch it clears the field unless the table says that it
 * is refused; elsewhere it counts as left out unless the table says that it always clears. */
enum field_null { NULL_CLEARS_IN_PATCH, NULL_IS_REFUSED_IN_PATCH, NULL_ALWAYS_CLEARS };

/* What a client may give, as in struct parameter_limits: of a string, or of each string of an
 * array. 0 is no limit, but for max_count, which every array needs. */
struct field_limits {
    size_t min_bytes;
    size_t max_bytes;
    size_t max_characters;
    size_t max_count;
};

struct item_field {
    struct str name;        /* a NUL follows it */
    struct str attribute;   /* ,"name":{"S": */
    struct str placeholder; /* ":name":{"S": */
    struct str member;      /* ,"name": */
    enum field_type type;
    enum field_shape shape;
    enum field_storage storage;
    size_t offset;  /* in the struct */
    int64_t absent; /* the value of a number that is absent */
    size_t room; /* the least bytes that count for its value in the item's size, since it is written
                    later */
    /* Writes the member where the API shows more there than the field; else NULL. */
    void (*show)(struct json_writer *w, const void *item);

    /* How clients set it. A field that they set has one of the types STRING, JSON, STRINGS and
     * BOOL (the last two STORED_IF_SET), and its name is none of DynamoDB's reserved words. */
    enum client_access access;
    enum field_effect effect;
    enum field_null null;
    struct field_limits limits;
};

struct item_kind {
    enum store_table table;
    const struct item_field *fields; /* in the order of the API's JSON */
    size_t count;
    void (*complete)(void *item); /* fills fields from others; may be NULL */
};

static inline bool field_is_flag(const struct item_field *f)
{
    return f->type == FIELD_BOOL || f->type == FIELD_MARK;
}

static inline bool field_is_text(const struct item_field *f)
{
    return f->type != FIELD_NUMBER && !field_is_flag(f);
}

static inline struct str *field_text(const struct item_field *f, void *item)
{
    return (struct str *)(void *)((char *)item + f->offset);
}

static inline int64_t *field_number(const struct item_field *f, void *item)
{
    return (int64_t *)(void *)((char *)item + f->offset);
}

static inline bool *field_flag(const struct item_field *f, void *item)
{
    return (bool *)item + f->offset;
}

static inline struct str field_text_of(const struct item_field *f, const void *item)
{
    return *(const struct str *)(const void *)((const char *)item + f->offset);
}

static inline int64_t field_number_of(const struct item_field *f, const void *item)
{
    return *(const int64_t *)(const void *)((const char *)item + f->offset);
}

static inline bool field_flag_of(const struct item_field *f, const void *item)
{
    return *((const bool *)item + f->offset);
}

/* Whether Put writes the field of this item. Where it does not, a change removes the attribute. */
bool field_is_written(const struct item_field *f, const void *item);

/* Copies the field from one item to another of its kind; a text is a view of the same bytes. */
void field_copy(const struct item_field *f, void *to, const void *from);

/*
 * The next field of a session that clients set; NULL after the last one. They come in the order in
 * which they came to the API, which is that of fingerprints: first those of its first version.
 * *position: 0 at first.
 */
const struct item_field *session_client_field_next(size_t *position);

/* The field's bit in a set of fields (struct session_changes). */
uint32_t session_field_bit(const struct item_field *f);

/* Takes one field out of the set; NULL if the set is empty. */
const struct item_field *session_field_take(uint32_t *set);

#endif
