/*
 * Shared by the files about the tables themselves: their definition, and how DynamoDB describes
 * them.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "store/internal.h"

struct json_object;

struct table_definition {
    const char *title; /* "Sessions" */
    const char *word;  /* "sessions" */
    const char *name;
    const char *partition_key;
    const char *sort_key;
    const char *sort_type;
};

/* The sessions table, then the messages table. */
void tables_list(const struct store *s, struct table_definition out[2]);

/* Starts the body of a call with the table's name; more members may follow. */
void tables_begin_call(struct store *s, const struct table_definition *t);
/* Writes the body of CreateTable, all but its end. */
void tables_begin_create(struct store *s, const struct table_definition *t);

/* The pause between two looks at a table that is not ready. */
#define TABLES_WAIT_STEP_US 200000

/* True for the TableStatus of a table that takes reads and writes. */
bool tables_is_usable(struct str status);

/* The keys as in "user_id (S), session_id (S)": those of a table's description, and those that the
 * table must have. In the arena. */
struct str tables_keys(struct store *s, struct json_object *table);
struct str tables_wanted_keys(struct store *s, const struct table_definition *t);

#endif
