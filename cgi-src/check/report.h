/*
 * The table that `check` prints, and what its parts share. Each part is a function that looks at
 * one subject and writes its lines.
 */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "check/check.h"
#include "aws/credentials.h"
#include "aws/sts.h"
#include "base/arena.h"
#include "base/config.h"
#include "store/store.h"

enum check_mark {
    CHECK_GOOD,
    CHECK_BAD, /* the service would not work */
    CHECK_NOTE /* worth knowing; it works all the same, or it could not be looked at */
};

struct check_report {
    FILE *out;
    unsigned bad;
    char cause[1024]; /* of the first line that is bad */
};

struct check;

void check_heading(struct check_report *r, const char *title);

/* Writes a line. Bytes that a terminal might take for a command are shown as "?". */
void check_line(struct check_report *r, enum check_mark mark, const char *subject,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A URL as it may be shown; lives as long as the check. */
const char *check_url(struct check *c, const char *url);

/* What the parts have found so far. */
struct check {
    struct check_report report;
    enum check_scope scope;
    const char *env_file;
    struct config config;
    struct arena arena;
    struct credentials_context context; /* with a transport of its own */
    struct dynamo_shared *dynamo_shared;
    struct dynamo *dynamo;
    struct store_shared *store_shared;
    struct store *store;
    struct sts_identity identity; /* "" where it is not known */
};

/* Every key that is set and where; the settings that serve looks at before it starts. */
void check_configuration(struct check *c);

/* Region and endpoint: they are known once dynamo_shared is there. */
void check_region(struct check *c);
/* The key that decides the region: that which is set, or the one to set. Static life. */
const char *check_region_key(const struct check *c);
void check_endpoint(struct check *c);
bool check_endpoint_is_aws(const struct check *c);

/* Both tables and the permissions on them. To be called when DynamoDB has answered. */
void check_tables(struct check *c);

/* Starts the time that one call may take. */
void check_begin_call(struct check *c);

#endif
