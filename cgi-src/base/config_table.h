/*
 * The table of configuration keys, and the check of one value. For base/config.c alone.
 */
#ifndef BASE_CONFIG_TABLE_H
#define BASE_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"

enum config_type {
    CONFIG_TEXT,    /* at least min and at most max bytes, if those are set */
    CONFIG_PATH,    /* a file name of at most max bytes, if that is set */
    CONFIG_TOKEN,   /* visible ASCII: it becomes a part of a header line */
    CONFIG_REGION,  /* the name of an AWS region */
    CONFIG_TABLE,   /* the name of a DynamoDB table */
    CONFIG_URL,     /* http:// or https:// */
    CONFIG_HEADER,  /* the name of an HTTP header */
    CONFIG_ORIGINS, /* origins for CORS, or "*" */
    CONFIG_INTEGER, /* min to max */
    CONFIG_OCTAL,   /* min to max */
    CONFIG_FLAG,    /* 0 or 1 */
    CONFIG_CHOICE,  /* a word; field is an enum that counts them from 0 */
};

#define CONFIG_NO_FIELD SIZE_MAX

struct config_key {
    const char *key;
    const char *alias; /* also looked for, after key; NULL if none */
    enum config_type type;
    const char *default_text; /* NULL: none, for texts and secrets alone */
    const char *allowed;      /* unit or values, as .env.example has it */
    const char *help;
    const char *const *choices; /* CONFIG_CHOICE: the words, ended by NULL */
    int64_t min;
    int64_t max;
    size_t field; /* offset in struct config; texts may share one: the first that is set wins */
    bool secret;
    bool hidden; /* not shown by config_row, not in .env.example; such rows stand last */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* A checked value: a number, a place among the choices, or just the text. */
union config_value {
    int64_t number;
    const char *text;
};

/* True if the text is what the row allows. *out may be NULL. */
bool config_check(const struct config_key *row, const char *text, union config_value *out);

/* True if the value stands in quotes that a tool has left in it: `docker run --env-file` does not
 * take them off. */
bool config_is_quoted(const char *text);

/*
 * What is wrong with a value that config_check refuses, as far as its bytes show it: the middle of
 * a sentence, without the value, ended by "; ". "" if only the limits of the row are broken.
 */
#define CONFIG_FAULT_SIZE 160
void config_fault(const struct config_key *row, const char *text, char out[CONFIG_FAULT_SIZE]);

#endif
