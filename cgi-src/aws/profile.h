/*
 * The files that the AWS CLI writes: ~/.aws/credentials and ~/.aws/config (or
 * AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE), read into profiles. credentials_profile.c knows
 * what a profile's keys mean for credentials.
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/str.h"

struct profile_entry;

struct profile_files {
    struct buf credentials; /* the text of the files; the entries point into it */
    struct buf config;
    struct profile_entry *entries; /* owned */
    size_t count;
    size_t size;
    bool has_prefixed_default; /* [profile default] in the config file: [default] there is void */
};

/*
 * Reads both files. One that is not there is empty; so is one in the home directory that may not be
 * read, because a service often runs with somebody else's HOME. One that was named and cannot be
 * read, and one with a NUL byte in it, is ERR_CREDENTIALS_NOT_CONFIGURED. Free in either case.
 */
int profile_files_load(const struct config *config, struct profile_files *files, struct err *e);
void profile_files_free(struct profile_files *files); /* cleanses the text */

/* AWS_PROFILE, else "default". Borrowed from config. */
const char *profile_active(const struct config *config);

bool profile_exists(const struct profile_files *files, struct str name);

/*
 * A profile's value; STR_NONE if there is none or it is empty. The credentials file wins over the
 * config file, a later line over an earlier one. Keys are compared without regard to case. Nested
 * values have the key "parent.child".
 */
struct str profile_get(const struct profile_files *files, struct str name, const char *key);

/* The same from a [services name] section of the config file. */
struct str profile_service_get(const struct profile_files *files, struct str name, const char *key);

/* The same from a [sso-session name] section of the config file. */
struct str profile_sso_session_get(const struct profile_files *files, struct str name,
                                   const char *key);

/*
 * The active profile's region, and its endpoint for a service ("dynamodb", "sts"): the one of its
 * services section before its plain endpoint_url. "" if there is none. -1 only if a file cannot be
 * read or a value does not fit.
 */
int profile_region(const struct config *config, char *out, size_t size, struct err *e);
int profile_endpoint(const struct config *config, const char *service, char *out, size_t size,
                     struct err *e);

/* A setting that AWS's tools read from a variable of the environment and from the profile. */
struct profile_setting {
    const char *config_key;  /* "AWS_USE_FIPS_ENDPOINT", a key of the configuration's table */
    const char *profile_key; /* "use_fips_endpoint" */
};

/* Its value: the configuration's before the active profile's; "" if neither has it. -1 as above.
 * A profile's value is not checked by anybody else. */
int profile_setting(const struct config *config, const struct profile_setting *setting, char *out,
                    size_t size, struct err *e);
/* Whether it is "true", in capitals or not; any other text is false, as for AWS's tools. */
int profile_setting_is_true(const struct config *config, const struct profile_setting *setting,
                            bool *out, struct err *e);

#endif
