/*
 * `chat-sessions check`: whether the service would work on this machine with this configuration,
 * and what is missing. It changes nothing and serves no requests.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stdio.h>

enum check_result {
    CHECK_WORKS,           /* the service would work */
    CHECK_FAILS,           /* it would not: the last line names the first cause */
    CHECK_NOT_CONFIGURABLE /* it would not even start: a value is not allowed */
};

enum check_scope {
    CHECK_EVERYTHING,
    CHECK_CONFIGURATION, /* what is on this machine; nothing is asked over the network */
};

/*
 * Writes a table to out, a line for each finding, and a sentence at its end. env_file as for
 * config_load. Warnings go to standard error, whatever LOG_FILE says. Takes some seconds at most
 * for each thing that does not answer.
 */
enum check_result check_run(const char *env_file, bool env_file_must_exist, enum check_scope scope,
                            FILE *out);

#endif
