/*
 * The part of `check` about the configuration: which keys are set and where, whether what they name
 * is there, what the region and the endpoint come from, and whether these fit each other.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/report.h"
#include "auth/auth.h"
#include "aws/endpoint.h"
#include "aws/imds.h"
#include "aws/profile.h"
#include "aws/region.h"
#include "base/json.h"

#define KEYS_CAP (1024 * 1024)

/* ---- keys ------------------------------------------------------------------------------------ */

static const char *key_source(const struct check *c, const struct config_row *row)
{
    return row->source == CONFIG_FROM_FILE ? c->env_file : "the environment";
}

/* A URL may have a password before its host, that of a proxy above all. */
static struct str key_text_shown(struct check *c, const struct config_row *row)
{
    const char *text = row->text;
    if (!text || row->secret)
        return STR("(not shown)");
    if (strcmp(row->key, "AWS_ACCESS_KEY_ID") == 0) {
        size_t n = strlen(text);
        return arena_printf(&c->arena, "...%s", n > 8 ? text + n - 4 : "");
    }
    return str_from(row->url ? check_url(c, text) : text);
}

static void list_keys(struct check *c)
{
    struct config_row row;
    unsigned defaults = 0;

    for (size_t i = 0; config_row(&c->config, i, &row); i++) {
        if (row.source == CONFIG_FROM_DEFAULT) {
            defaults++;
            continue;
        }
        check_line(&c->report, CHECK_GOOD, row.key, "%s, from %s", key_text_shown(c, &row).p,
                   key_source(c, &row));
    }
    check_line(&c->report, CHECK_NOTE, "other keys",
               "%u are not set: their defaults are in .env.example", defaults);
}

static bool holds_a_secret(const struct check *c)
{
    struct config_row row;

    for (size_t i = 0; config_row(&c->config, i, &row); i++) {
        if (row.secret && row.source == CONFIG_FROM_FILE)
            return true;
    }
    return false;
}

static void check_file(struct check *c)
{
    struct stat st;

    if (!c->env_file[0])
        return;
    if (stat(c->env_file, &st) == 0 && (st.st_mode & S_IROTH) && holds_a_secret(c))
        check_line(&c->report, CHECK_NOTE, "file",
                   "%s holds secrets, and every user of this machine may read it (mode %04o): "
                   "chmod o-r %s",
                   c->env_file, (unsigned)st.st_mode & 07777, c->env_file);
    else if (access(c->env_file, R_OK) == 0)
        check_line(&c->report, CHECK_GOOD, "file", "%s", c->env_file);
    else
        check_line(&c->report, CHECK_NOTE, "file",
                   "%s is not in this directory: only the environment counts", c->env_file);
}

/* Only root can become another user. */
static void check_user(struct check *c)
{
    const char *user = c->config.user;

    if (geteuid() != 0)
        return;
    if (!user[0])
        check_line(&c->report, CHECK_NOTE, "user",
                   "this is root, and POOL_USER is not set: serve, started by root, would work on "
                   "requests as root");
    // cppcheck-suppress getpwnamCalled ; check has one thread
    else if (getpwnam(user))
        check_line(&c->report, CHECK_GOOD, "user", "%s, once the sockets are open", user);
    else
        check_line(&c->report, CHECK_BAD, "user", "POOL_USER=%s: there is no such user", user);
}

static void check_log_file(struct check *c)
{
    const char *file = c->config.log_file;
    const char *slash = strrchr(file, '/');
    struct str directory = STR(".");

    if (!file[0])
        return;
    if (slash)
        directory = arena_printf(&c->arena, "%.*s", (int)(slash - file + 1), file);
    bool there = access(file, F_OK) == 0;
    if (access(there ? file : directory.p, W_OK) == 0)
        check_line(&c->report, CHECK_GOOD, "log", "%s can be written", file);
    else
        check_line(&c->report, CHECK_BAD, "log", "LOG_FILE=%s cannot be written by this user: %s",
                   file, strerror(errno));
}

/* 0 if the URL answers with a key to verify tokens with. */
static int key_set_try(struct check *c, const char *url, struct err *e)
{
    struct transport_response response = {0};
    int r = 0;

    buf_init(&response.body, KEYS_CAP);
    transport_get_key_set(c->context.transport, url, &response);
    struct json_object *tree = json_tree(buf_str(&response.body), NULL);
    struct json_object *keys = json_get(tree, "keys");
    if (response.outcome != TRANSPORT_ANSWERED)
        r = err_set(e, ERR_CONFIGURATION, "does not answer: %s", response.error);
    else if (response.status != 200)
        r = err_set(e, ERR_CONFIGURATION, "answers with status %d", response.status);
    else if (json_length(keys) == 0)
        r = err_set(e, ERR_CONFIGURATION, "answers without keys");
    json_tree_free(tree);
    buf_free(&response.body);
    return r;
}

/* Without its keys every token is refused. */
static void check_keys_url(struct check *c)
{
    const char *url = c->config.auth_jwt_jwks_url;
    struct err e = {0};

    if (c->config.auth_mode != AUTH_JWT || !url[0] || !c->context.transport ||
        c->scope == CHECK_CONFIGURATION)
        return;
    if (key_set_try(c, url, &e) == 0)
        check_line(&c->report, CHECK_GOOD, "keys of the tokens", "%s answers", check_url(c, url));
    else
        check_line(&c->report, CHECK_BAD, "keys of the tokens", "AUTH_JWT_JWKS_URL=%s %s",
                   check_url(c, url), e.detail);
}

static void check_authentication(struct check *c)
{
    static const char *const modes[] = {
        [AUTH_NONE] = "not authenticated: all who reach it may use all sessions (AUTH_MODE=none)",
        [AUTH_JWT] = "by bearer tokens (AUTH_MODE=jwt)",
        [AUTH_HEADER] = "by what the web server says in CHAT_SESSIONS_USER (AUTH_MODE=header)",
    };
    struct err e = {0};
    struct auth *auth = auth_new(&c->config, &clock_system, &e);

    if (!auth)
        check_line(&c->report, CHECK_BAD, "callers", "%s", e.detail);
    else
        check_line(&c->report, c->config.auth_mode == AUTH_NONE ? CHECK_NOTE : CHECK_GOOD,
                   "callers", "%s", modes[c->config.auth_mode]);
    if (auth && c->config.auth_mode == AUTH_HEADER)
        check_line(&c->report, CHECK_NOTE, "callers",
                   "no header is read, %s (AUTH_USER_HEADER) neither: nginx's user.conf must hand "
                   "it on as CHAT_SESSIONS_USER; as shipped it names nobody, and all are 401",
                   c->config.auth_user_header);
    auth_free(auth);
}

/* The AWS CLI's files are read before each look-up of credentials: if one is bad, there are no
 * credentials. */
static void check_profile_files(struct check *c)
{
    char region[IMDS_REGION_SIZE];
    struct err e = {0};

    if (profile_region(&c->config, region, sizeof(region), &e) < 0)
        check_line(&c->report, CHECK_BAD, "the AWS CLI's files", "%s", e.detail);
    else if (!c->config.region[0] && region[0] && !region_is_valid(str_from(region)))
        check_line(&c->report, CHECK_BAD, "the AWS CLI's files",
                   "the region of the profile %s is \"%s\", which is not the name of a region",
                   profile_active(&c->config), region);
}

void check_configuration(struct check *c)
{
    check_heading(&c->report, "Configuration");
    check_file(c);
    list_keys(c);
    check_user(c);
    check_log_file(c);
    check_authentication(c);
    check_keys_url(c);
    check_profile_files(c);
}

/* ---- region ---------------------------------------------------------------------------------- */

/* In the order in which they count. */
static const char *const region_keys[] = {"AWS_REGION", "AWS_DEFAULT_REGION", "DEFAULT_AWS_REGION"};
#define REGION_KEYS (sizeof region_keys / sizeof region_keys[0])

/* Sessions seem to be lost when two keys name different regions. */
static void note_hidden_regions(struct check *c, const char *winner, const char *region)
{
    for (size_t i = 0; i < REGION_KEYS; i++) {
        const char *other = config_get(&c->config, region_keys[i]);
        if (other && strcmp(other, region) != 0)
            check_line(&c->report, CHECK_NOTE, "region", "%s=%s is ignored, since %s is set too",
                       region_keys[i], other, winner);
    }
}

static void check_unset_region(struct check *c, const char *region)
{
    char found[IMDS_REGION_SIZE];
    char configured[ENDPOINT_SIZE] = "";
    struct err e = {0};

    (void)endpoint_configured(&c->config, ENDPOINT_DYNAMODB, configured, &e);
    if (profile_region(&c->config, found, sizeof found, &e) == 0 && found[0])
        check_line(&c->report, CHECK_GOOD, "region", "%s, from the profile %s", region,
                   profile_active(&c->config));
    else if (!configured[0] && imds_region(&c->context, found, &e) == CREDENTIALS_FOUND &&
             strcmp(found, region) == 0)
        check_line(&c->report, CHECK_GOOD, "region", "%s, from the instance", region);
    else
        check_line(&c->report, CHECK_NOTE, "region",
                   "%s, because none is set: DEFAULT_AWS_REGION sets another", region);
}

/* NULL if the region is in none of them. */
static const char *winning_key(const struct check *c)
{
    for (size_t i = 0; i < REGION_KEYS; i++) {
        if (config_get(&c->config, region_keys[i]))
            return region_keys[i];
    }
    return NULL;
}

const char *check_region_key(const struct check *c)
{
    const char *key = winning_key(c);

    return key ? key : region_keys[REGION_KEYS - 1];
}

void check_region(struct check *c)
{
    const char *region = dynamo_region(c->dynamo_shared);
    const char *key = winning_key(c);

    if (!key) {
        check_unset_region(c, region);
        return;
    }
    check_line(&c->report, CHECK_GOOD, "region", "%s, from %s", region, key);
    note_hidden_regions(c, key, region);
}

/* ---- endpoint -------------------------------------------------------------------------------- */

static struct str host_without_port(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    host = at ? at + 1 : host;
    return (struct str){host, strcspn(host, ":/")};
}

bool check_endpoint_is_aws(const struct check *c)
{
    return endpoint_is_aws(host_without_port(dynamo_endpoint(c->dynamo_shared)));
}

void check_endpoint(struct check *c)
{
    const char *endpoint = dynamo_endpoint(c->dynamo_shared);
    const char *region = dynamo_region(c->dynamo_shared);
    struct str named = endpoint_region_in(host_without_port(endpoint));

    if (str_is_present(named) && !str_is(named, region))
        check_line(&c->report, CHECK_BAD, "endpoint",
                   "%s is in the region %.*s, but the region is set to %s: make them the same",
                   check_url(c, endpoint), (int)named.n, named.p, region);
    else
        check_line(&c->report, CHECK_GOOD, "endpoint", "%s%s", check_url(c, endpoint),
                   str_is_present(named) ? "" : ", as configured");
}
