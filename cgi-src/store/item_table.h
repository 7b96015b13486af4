/*
 * What the table of a kind of item says of a field. For store/item*.c alone: item.c has the tables,
 * and what follows from them for writing; item_read.c reads.
 */
#ifndef STORE_ITEM_TABLE_H
#define STORE_ITEM_TABLE_H

#include "store/item.h"

/* What a field is: in DynamoDB, and in its struct. */
enum field_type {
    FIELD_STRING,  /* S, struct str */
    FIELD_TIME,    /* S, struct str: read in whatever form, RFC 3339 with Z in the struct */
    FIELD_JSON,    /* S, struct str: the text of a JSON object; "{}" for what is none */
    FIELD_STRINGS, /* L of S, struct str: the text of a JSON array of strings; "[]" for what is none
                    */
    FIELD_NUMBER,  /* N, int64_t */
    FIELD_DIGITS,  /* N, struct str: a number of any size, as it is written */
    FIELD_RAW,     /* any, struct str: in DynamoDB's notation */
    FIELD_BOOL,    /* BOOL, bool; false for what is none */
    FIELD_MARK,    /* any, bool: true if the attribute is there */
};

/* How it stands in the API's JSON. */
enum field_shape {
    HIDDEN,
    ALWAYS,  /* a string that is absent reads as "" */
    PRESENT, /* only if it is there */
    OR_NULL,
};

/* Whether Put writes it, and so whether it counts in the item's size. */
enum field_storage {
    STORED,
    STORED_IF_SET, /* not while it is 0, false or [] */
    READ_ALONE,
};

struct item_field {
    struct str name;
    struct str attribute; /* ,"name":{"S": */
    struct str member;    /* ,"name": */
    enum field_type type;
    enum field_shape shape;
    enum field_storage storage;
    size_t place;   /* in the struct */
    int64_t absent; /* a number's value if there is none */
    size_t room;    /* bytes that its value has at least in the item's size: it is written later */
    /* Writes the member, where the API shows more of the item there than the field; else NULL. */
    void (*show)(struct json_writer *w, const void *item);
};

struct item_kind {
    enum store_table table;
    const struct item_field *fields; /* in the order of the API's JSON */
    size_t count;
    void (*complete)(void *item); /* what one field says for another; may be NULL */
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
    return (struct str *)(void *)((char *)item + f->place);
}

static inline int64_t *field_number(const struct item_field *f, void *item)
{
    return (int64_t *)(void *)((char *)item + f->place);
}

static inline bool *field_flag(const struct item_field *f, void *item)
{
    return (bool *)item + f->place;
}

#endif
