/*
 * What the table of a kind of item says about a field. Only store/item*.c use this: item.c has the
 * tables and writes by them, item_read.c reads by them.
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

struct item_field {
    struct str name;
    struct str attribute; /* ,"name":{"S": */
    struct str member;    /* ,"name": */
    enum field_type type;
    enum field_shape shape;
    enum field_storage storage;
    size_t offset;  /* in the struct */
    int64_t absent; /* the value of a number that is absent */
    size_t room; /* the least bytes that count for its value in the item's size, since it is written
                    later */
    /* Writes the member where the API shows more there than the field; else NULL. */
    void (*show)(struct json_writer *w, const void *item);
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

#endif
