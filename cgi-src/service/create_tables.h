/*
 * Makes the two tables where they are missing: once, or again and again until it has been done. To
 * be called in a process beside the pool, so that no connection and no thread crosses its fork.
 */
#ifndef SERVICE_CREATE_TABLES_H
#define SERVICE_CREATE_TABLES_H

#include "base/config.h"
#include "base/err.h"

enum service_tables { SERVICE_TABLES_MADE, SERVICE_TABLES_PROTECTED };

/* Makes the tables, and protects them if that is wanted. deadline_ms: how long it may take. */
int service_create_tables(const struct config *config, enum service_tables wanted,
                          int64_t deadline_ms, struct err *e);

/* Reads the configuration and opens its log: 0, or -1 with e. The caller frees it. */
typedef int service_load(struct config *config, struct err *e);

/*
 * Tries until the tables are there, with pauses of 1 to 60 s and with the configuration as it is
 * read each time: credentials may come later, a network may be down, a file may just be edited.
 * What stands in the way is written to the log, once for each reason. Returns 0, or -1 if a table
 * has other keys, which no waiting mends.
 */
int service_create_tables_at_last(service_load *load, enum service_tables wanted);

#endif
