/*
 * Provider: the shared files. Decides what a profile's keys mean: keys, a command, SSO, or a role
 * that is assumed with the credentials of another profile or another provider, over any number of
 * steps. profile.c reads the files, sts.c talks to STS, credentials_sso.c to SSO.
 */
#include "aws/credentials_provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/profile.h"
#include "aws/secret.h"
#include "aws/sts.h"

#define CHAIN_MAX 16 /* profiles that refer to one another */

struct resolution {
    const struct credentials_context *context;
    struct profile_files files;
    struct str visited[CHAIN_MAX];
    size_t depth;
};

static enum credentials_result resolve(struct resolution *r, struct str name,
                                       struct credentials *out, struct err *e);
static enum credentials_result from_sso(struct resolution *r, struct str profile,
                                        struct credentials *out, struct err *e);

static enum credentials_result found_if(int result)
{
    return result == 0 ? CREDENTIALS_FOUND : CREDENTIALS_FAILED;
}

static enum credentials_result failed(struct str profile, struct err *e, const char *why)
{
    err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "profile %.*s: %s", (int)profile.n, profile.p, why);
    return CREDENTIALS_FAILED;
}

static struct str resolution_get(const struct resolution *r, struct str profile, const char *key)
{
    return profile_get(&r->files, profile, key);
}

static bool has(const struct resolution *r, struct str profile, const char *key)
{
    return str_is_present(resolution_get(r, profile, key));
}

static bool has_keys(const struct resolution *r, struct str profile)
{
    return has(r, profile, "aws_access_key_id") || has(r, profile, "aws_secret_access_key");
}

static bool has_sso(const struct resolution *r, struct str profile)
{
    return has(r, profile, "sso_session") || has(r, profile, "sso_start_url");
}

static void name_source(struct str profile, char *out, size_t size)
{
    (void)snprintf(out, size, "profile %.*s", (int)profile.n, profile.p);
}

static enum credentials_result from_keys(struct resolution *r, struct str profile,
                                         struct credentials *out, struct err *e)
{
    char source[sizeof out->source];
    struct credentials_strings strings = {
        .access_key_id = resolution_get(r, profile, "aws_access_key_id"),
        .secret_access_key = resolution_get(r, profile, "aws_secret_access_key"),
        .session_token = resolution_get(r, profile, "aws_session_token"),
        .expires_us = CREDENTIALS_NEVER_EXPIRE,
    };
    if (strings.access_key_id.n == 0)
        return failed(profile, e, "aws_secret_access_key is set, but aws_access_key_id is not");
    if (strings.secret_access_key.n == 0)
        return failed(profile, e, "aws_access_key_id is set, but aws_secret_access_key is not");
    name_source(profile, source, sizeof source);
    return found_if(credentials_set(out, source, &strings, e));
}

static enum credentials_result from_process(struct resolution *r, struct str profile,
                                            struct credentials *out, struct err *e)
{
    struct err why = {0};
    char *command = secret_dup(resolution_get(r, profile, "credential_process"));
    if (!command)
        return failed(profile, e, "out of memory");
    int result =
        credentials_run_process(r->context, command, CREDENTIALS_PROCESS_LIMIT_MS, out, &why);
    secret_free(command);
    if (result != 0)
        err_set(e, why.code, "profile %.*s: %s", (int)profile.n, profile.p, why.detail);
    else
        (void)snprintf(out->source, sizeof out->source, "profile %.*s, credential_process",
                       (int)profile.n, profile.p);
    return found_if(result);
}

/* credential_source: the role is assumed with what another provider of the chain has. */
static enum credentials_result from_provider(struct resolution *r, struct str profile,
                                             struct credentials *out, struct err *e)
{
    static const struct credentials_provider sources[] = {
        {"Environment", credentials_environment},
        {"Ec2InstanceMetadata", credentials_imds},
        {"EcsContainer", credentials_container},
    };
    struct str wanted = resolution_get(r, profile, "credential_source");
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (!str_is(wanted, sources[i].name))
            continue;
        enum credentials_result result = sources[i].fetch(r->context, out, e);
        if (result == CREDENTIALS_NOT_HERE)
            return failed(profile, e, "its credential_source has no credentials");
        return result;
    }
    return failed(profile, e,
                  "credential_source must be Environment, Ec2InstanceMetadata or EcsContainer");
}

static enum credentials_result from_source_profile(struct resolution *r, struct str profile,
                                                   struct credentials *out, struct err *e)
{
    struct str source = resolution_get(r, profile, "source_profile");
    if (!profile_exists(&r->files, source))
        return failed(profile, e, "its source_profile does not exist");
    /* SSO and keys end the chain, also where a profile names itself as its source. */
    if (has_sso(r, source))
        return from_sso(r, source, out, e);
    if (has_keys(r, source))
        return from_keys(r, source, out, e);
    enum credentials_result result = resolve(r, source, out, e);
    if (result == CREDENTIALS_NOT_HERE)
        return failed(profile, e, "its source_profile has no credentials");
    return result;
}

/* The keys of a role, as strings for sts.h. */
struct role_strings {
    char *arn;
    char *session_name;
    char *external_id;
    char *duration;
};

/* NULL for a value that is not there. */
static char *profile_copy(struct resolution *r, struct str profile, const char *key)
{
    struct str value = resolution_get(r, profile, key);
    return str_is_present(value) ? secret_dup(value) : NULL;
}

static void role_strings_free(struct role_strings *s)
{
    secret_free(s->arn);
    secret_free(s->session_name);
    secret_free(s->external_id);
    secret_free(s->duration);
}

static bool is_duration(struct str s)
{
    int seconds = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || seconds > 43200)
            return false;
        seconds = seconds * 10 + (s.p[i] - '0');
    }
    return seconds >= 900 && seconds <= 43200;
}

static enum credentials_result assume_role(struct resolution *r, struct str profile,
                                           const struct credentials *from, struct credentials *out,
                                           struct err *e)
{
    char source[sizeof out->source];
    struct role_strings s = {
        .arn = profile_copy(r, profile, "role_arn"),
        .session_name = profile_copy(r, profile, "role_session_name"),
        .external_id = profile_copy(r, profile, "external_id"),
        .duration = profile_copy(r, profile, "duration_seconds"),
    };
    const struct sts_role role = {s.arn, s.session_name, s.external_id, s.duration};
    enum credentials_result result;
    name_source(profile, source, sizeof source);
    if (s.duration && !is_duration(str_from(s.duration)))
        result = failed(profile, e, "duration_seconds must be 900 to 43200");
    else if (!s.arn)
        result = failed(profile, e, "out of memory");
    else
        result = found_if(sts_assume_role(r->context, from, &role, source, out, e));
    role_strings_free(&s);
    return result;
}

static enum credentials_result from_role(struct resolution *r, struct str profile,
                                         struct credentials *out, struct err *e)
{
    bool by_profile = has(r, profile, "source_profile");
    bool by_provider = has(r, profile, "credential_source");
    if (by_profile == by_provider)
        return failed(profile, e,
                      "role_arn needs either source_profile or credential_source, and not both");
    if (has(r, profile, "mfa_serial"))
        return failed(profile, e,
                      "mfa_serial asks for a code that a service cannot type; use a role without "
                      "it or a credential_process");
    struct credentials from = {0};
    enum credentials_result result = by_profile ? from_source_profile(r, profile, &from, e)
                                                : from_provider(r, profile, &from, e);
    if (result == CREDENTIALS_FOUND)
        result = assume_role(r, profile, &from, out, e);
    credentials_clear(&from);
    return result;
}

static enum credentials_result from_token(struct resolution *r, struct str profile,
                                          struct credentials *out, struct err *e)
{
    char *arn = profile_copy(r, profile, "role_arn");
    char *file = profile_copy(r, profile, "web_identity_token_file");
    char *session_name = profile_copy(r, profile, "role_session_name");
    enum credentials_result result =
        arn && file
            ? found_if(credentials_from_token_file(r->context, arn, file, session_name, out, e))
            : failed(profile, e, "out of memory");
    secret_free(arn);
    secret_free(file);
    secret_free(session_name);
    return result;
}

/* The token of `aws login` is bound to a key that the AWS CLI keeps to itself. */
static enum credentials_result refuse_login(struct str profile, struct err *e)
{
    err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
            "profile %.*s signs in with `aws login`, which goes through a command here: add a "
            "profile with \"credential_process = aws configure export-credentials --profile %.*s\" "
            "and name it in AWS_PROFILE",
            (int)profile.n, profile.p, (int)profile.n, profile.p);
    return CREDENTIALS_FAILED;
}

/* A key that the profile and its [sso-session] may both have must say the same in both, as for the
 * AWS CLI. */
static int join_session(struct resolution *r, const struct credentials_sso *sso, const char *key,
                        struct str *value, struct err *e)
{
    struct str common = profile_sso_session_get(&r->files, sso->session, key);
    int n = (int)sso->profile.n;
    if (!str_is_present(common))
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                       "profile %.*s: the config file has no [sso-session %.*s] with %s", n,
                       sso->profile.p, (int)sso->session.n, sso->session.p, key);
    if (str_is_present(*value) && !str_equals(*value, common))
        return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED,
                       "profile %.*s: its %s is not that of [sso-session %.*s]", n, sso->profile.p,
                       key, (int)sso->session.n, sso->session.p);
    *value = common;
    return 0;
}

static enum credentials_result from_sso(struct resolution *r, struct str profile,
                                        struct credentials *out, struct err *e)
{
    struct credentials_sso sso = {
        .profile = profile,
        .session = resolution_get(r, profile, "sso_session"),
        .start_url = resolution_get(r, profile, "sso_start_url"),
        .region = resolution_get(r, profile, "sso_region"),
        .account_id = resolution_get(r, profile, "sso_account_id"),
        .role_name = resolution_get(r, profile, "sso_role_name"),
    };
    if (str_is_present(sso.session) &&
        (join_session(r, &sso, "sso_start_url", &sso.start_url, e) < 0 ||
         join_session(r, &sso, "sso_region", &sso.region, e) < 0))
        return CREDENTIALS_FAILED;
    return found_if(credentials_from_sso(r->context, &sso, out, e));
}

/* A role comes before keys: a profile that has both means the role. So does SSO, as for the AWS
 * CLI: other tools leave keys of an earlier hour in the credentials file. */
static enum credentials_result resolve(struct resolution *r, struct str name,
                                       struct credentials *out, struct err *e)
{
    for (size_t i = 0; i < r->depth; i++) {
        if (str_equals(r->visited[i], name))
            return failed(name, e, "its source_profile leads back to itself");
    }
    if (r->depth == CHAIN_MAX)
        return failed(name, e, "the chain of source_profile is too long");
    r->visited[r->depth++] = name;

    if (has(r, name, "role_arn") && has(r, name, "web_identity_token_file"))
        return from_token(r, name, out, e);
    if (has(r, name, "role_arn"))
        return from_role(r, name, out, e);
    if (has_sso(r, name))
        return from_sso(r, name, out, e);
    if (has_keys(r, name))
        return from_keys(r, name, out, e);
    if (has(r, name, "credential_process"))
        return from_process(r, name, out, e);
    if (has(r, name, "login_session"))
        return refuse_login(name, e);
    return CREDENTIALS_NOT_HERE;
}

enum credentials_result credentials_profile(const struct credentials_context *context,
                                            struct credentials *out, struct err *e)
{
    struct resolution r = {.context = context};
    struct str name = str_from(profile_active(context->config));
    enum credentials_result result = CREDENTIALS_FAILED;
    if (profile_files_load(context->config, &r.files, e) == 0) {
        if (profile_exists(&r.files, name))
            result = resolve(&r, name, out, e);
        else if (!config_get(context->config, "AWS_PROFILE"))
            result = CREDENTIALS_NOT_HERE;
        else
            result = failed(name, e,
                            "AWS_PROFILE names it, but neither the credentials file nor the "
                            "config file has it");
    }
    profile_files_free(&r.files);
    return result;
}
