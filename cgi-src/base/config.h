/*
 * Configuration: one table of keys (config_table.c), read from the environment first, a .env file
 * second, the default last. .env.example lists the same keys; a test compares the two.
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

enum auth_mode { AUTH_NONE, AUTH_JWT, AUTH_HEADER };

/* Which requests get a line in the log. */
enum logged_requests { LOGGED_PROBLEMS, LOGGED_ALL };

enum config_source { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENVIRONMENT };

/* Every string is owned by the config, NUL-terminated and never NULL ("" when not set). */
struct config {
    /* DynamoDB */
    const char *sessions_table;
    const char *messages_table;
    const char *region; /* AWS_REGION, AWS_DEFAULT_REGION, DEFAULT_AWS_REGION; "" if none */
    bool consistent_read;
    int64_t max_attempts;        /* AWS_MAX_ATTEMPTS, 1-20 */
    int64_t request_deadline_ms; /* total for one API request, all calls and sleeps in it */
    int64_t queue_timeout_ms;    /* 0: no limit */
    int64_t connect_timeout_ms;
    int64_t attempt_timeout_ms;
    /* the pool */
    const char *socket;     /* SOCKET: path of the unix socket */
    int64_t socket_mode;    /* SOCKET_MODE: octal, 0660 */
    int64_t pool_processes; /* 0: max(2, cores) */
    int64_t pool_threads;
    int64_t pool_max_requests;   /* a process is replaced after about that many; 0: never */
    int64_t pool_stop_timeout_s; /* how long requests may finish on stop or reload */
    const char *status_socket; /* STATUS_SOCKET: path of the master's own HTTP socket; "": SOCKET +
                                  ".status" */
    int64_t
        stuck_request_s; /* the watchdog ends a process with a request older than this; 0: off */
    const char *user;    /* POOL_USER: the user to become once root has opened the sockets */
    const char *socket_group; /* SOCKET_GROUP: the group of both sockets; "": the user's own */
    /* requests */
    int64_t max_body_bytes;
    int64_t max_history_bytes; /* of POST /sessions */
    const char *cors_origins;
    bool cors_credentials; /* never together with "*" in cors_origins */
    enum auth_mode auth_mode;
    const char *auth_jwt_jwks_url;
    const char *auth_jwt_jwks_file;
    const char *auth_jwt_secret; /* secret */
    const char *auth_jwt_issuer;
    const char *auth_jwt_audience;
    const char *auth_jwt_user_claim;
    const char *auth_user_header;
    /* logs */
    enum log_level log_level;
    enum log_format log_format;
    const char *log_file;
    enum logged_requests logged_requests; /* LOG_REQUESTS */
    int64_t slow_request_ms;

    struct config_values *values; /* every key's text and source; owned, private to config.c */
};

/*
 * Fills *c from the environment and the file (NULL: none; a missing file is an error only if
 * must_exist). A bad value is ERR_CONFIGURATION naming key, value (not of secrets) and what is
 * allowed; a password in a URL is left out. Also refuses the placeholders of .env.example
 * (your_access_key_id and the like) with a sentence. Warns in the log if the file holds secrets and
 * every user of this machine may read it. On failure *c is freed.
 */
int config_load(struct config *c, const char *file, bool must_exist, struct err *e);
void config_free(struct config *c);

/*
 * The text of any key of the table (and of HOME), from the environment or the file; NULL if in
 * neither or if empty. Both were read by config_load: later changes of the environment do not show,
 * and any thread may call it. HTTPS_PROXY and NO_PROXY are found in lower case too. The credential
 * providers read AWS_PROFILE, AWS_ROLE_ARN and so on in this way, so that .env works for them too.
 */
const char *config_get(const struct config *c, const char *key);

/* Where a key's value came from; CONFIG_FROM_DEFAULT for a key that is not set or not known. */
enum config_source config_source(const struct config *c, const char *key);

/* One row of the table, for `check`, --help and the test of .env.example. */
struct config_row {
    const char *key;
    const char *default_text;   /* as .env.example has it; "" if none */
    const char *unit_or_values; /* "ms, 1 to 60000", "text or json", ... */
    const char *help;           /* one sentence */
    bool secret;
    enum config_source source; /* where c's value came from */
    const char *text;          /* the value in force; "" if none; NULL when secret and set */
    bool url;                  /* there may be a password in it: config_hide_password */
};

/* True if it may be the name of a region: lower-case letters, digits and "-", at most 63, and
 * not a zone of a region ("us-east-1a"). It becomes a part of a host's name. */
bool config_is_region(struct str region);

/* A URL as it may be shown: what stands before its last "@" (a user and a password) is left out. */
void config_hide_password(const char *url, char *out, size_t size);

/* Row number i of the table for c; false when i is past the end. */
bool config_row(const struct config *c, size_t i, struct config_row *out);

#endif
