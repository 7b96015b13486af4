/*
 * The tokens that `aws sso login` leaves in ~/.aws/sso/cache: one JSON file for each SSO session
 * (or start URL), read and written as the AWS CLI does, so that both go on with the same token.
 */
#ifndef AWS_SSO_CACHE_H
#define AWS_SSO_CACHE_H

#include <stdint.h>
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

#define SSO_CACHE_PATH_SIZE 512

/* A token. The strings point into `text`, or wherever who changes them says; STR_NONE if absent. */
struct sso_token {
    struct buf text;
    struct str start_url;
    struct str region;
    struct str access_token;
    struct str expires_at; /* RFC 3339 */
    struct str client_id;  /* these four renew it */
    struct str client_secret;
    struct str registration_expires_at;
    struct str refresh_token;
};
void sso_token_free(struct sso_token *token); /* cleanses the text */

/* The file for a session's name or a start URL. -1 with ERR_CREDENTIALS_NOT_CONFIGURED if HOME is
 * not set or too long. */
int sso_cache_path(const struct config *config, struct str name, char out[SSO_CACHE_PATH_SIZE],
                   struct err *e);

enum sso_cache_result {
    SSO_CACHE_FOUND,
    SSO_CACHE_EMPTY,  /* there is no file, or no token in it: nobody has signed in */
    SSO_CACHE_FAILED, /* it cannot be read, or is no JSON; e says so */
};

/* Free the token in any case. */
enum sso_cache_result sso_cache_read(const char *path, struct sso_token *out, struct err *e);

/* Replaces the file, for its owner alone. Returns 0 or an errno value. */
int sso_cache_write(const char *path, const struct sso_token *token);

/* When the time of a token's member is, microseconds since the epoch; -1 if it is none. The CLI has
 * written "UTC" in place of "Z". */
int64_t sso_cache_time_us(struct str time);

#endif
