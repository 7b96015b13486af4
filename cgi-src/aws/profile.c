/*
 * The parser of the shared files. It keeps the text and a flat list of (section, key, value) that
 * points into it; a look-up takes the entry that wins. It decides nothing about credentials.
 */
#include "aws/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/secret.h"
#include "base/log.h"

#define FILE_MAX 1048576 /* bytes; the CLI's own files have a few thousand */

/* From SECTION_CONFIG_DEFAULT on: profiles. */
enum section_kind {
    SECTION_OTHER, /* whatever comes yet: skipped */
    SECTION_SERVICES,
    SECTION_SSO_SESSION,
    SECTION_CONFIG_DEFAULT, /* [default] in the config file */
    SECTION_CONFIG,         /* [profile x] in the config file */
    SECTION_CREDENTIALS,    /* [x] in the credentials file */
};

struct profile_entry {
    enum section_kind kind;
    struct str name;
    struct str parent; /* of a nested value; else STR_NONE */
    struct str key;    /* STR_NONE: the section's own line */
    struct str value;
};

struct parser {
    struct profile_files *files;
    bool is_credentials; /* which of the two files */
    enum section_kind kind;
    struct str name;
    struct str key; /* of the last line that was not indented deeper */
    size_t indent;  /* of that line */
    bool failed;
};

static void parser_add(struct parser *p, struct str parent, struct str key, struct str value)
{
    struct profile_files *f = p->files;
    if (f->count == f->size) {
        size_t size = f->size ? f->size * 2 : 32;
        struct profile_entry *entries = realloc(f->entries, size * sizeof *entries);
        if (!entries) {
            p->failed = true;
            return;
        }
        f->entries = entries;
        f->size = size;
    }
    f->entries[f->count++] = (struct profile_entry){p->kind, p->name, parent, key, value};
}

/* If s begins with the word and a blank, drops both. */
static bool profile_take_word(struct str *s, const char *word)
{
    size_t n = strlen(word);
    if (!str_starts_with(*s, word) || s->n <= n || (s->p[n] != ' ' && s->p[n] != '\t'))
        return false;
    *s = secret_trim((struct str){s->p + n, s->n - n});
    return true;
}

static struct str without_quotes(struct str s)
{
    if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0])
        return (struct str){s.p + 1, s.n - 2};
    return s;
}

static enum section_kind section_of_config(struct str *name)
{
    if (str_is(*name, "default"))
        return SECTION_CONFIG_DEFAULT;
    if (profile_take_word(name, "profile"))
        return SECTION_CONFIG;
    if (profile_take_word(name, "services"))
        return SECTION_SERVICES;
    if (profile_take_word(name, "sso-session"))
        return SECTION_SSO_SESSION;
    return SECTION_OTHER;
}

/* "[name]", perhaps followed by a comment. */
static void parse_section(struct parser *p, struct str line)
{
    const char *end = memchr(line.p, ']', line.n);
    p->kind = SECTION_OTHER;
    p->key = STR_NONE;
    p->indent = 0;
    if (!end)
        return; /* what follows belongs to nothing that we know */
    struct str name = secret_trim((struct str){line.p + 1, (size_t)(end - line.p) - 1});
    p->kind = p->is_credentials ? SECTION_CREDENTIALS : section_of_config(&name);
    p->name = without_quotes(name);
    if (p->kind == SECTION_CONFIG && str_is(p->name, "default"))
        p->files->has_prefixed_default = true;
    parser_add(p, STR_NONE, STR_NONE, STR_NONE);
}

/* Cuts a comment off: "#" or ";" after a blank. */
static struct str without_comment(struct str value)
{
    for (size_t i = 1; i < value.n; i++) {
        if ((value.p[i] == '#' || value.p[i] == ';') &&
            (value.p[i - 1] == ' ' || value.p[i - 1] == '\t'))
            return secret_trim((struct str){value.p, i});
    }
    return value;
}

static bool equals_ignoring_case(struct str a, const char *b)
{
    return a.n == strlen(b) && strncasecmp(a.p, b, a.n) == 0;
}

static void parse_property(struct parser *p, struct str line, size_t indent)
{
    const char *equals = memchr(line.p, '=', line.n);
    if (!equals)
        return;
    struct str key = secret_trim((struct str){line.p, (size_t)(equals - line.p)});
    struct str value =
        secret_trim((struct str){equals + 1, (size_t)(line.p + line.n - equals) - 1});
    /* A blank before the comment was trimmed off with it if there is nothing else. */
    if (value.n > 0 && (value.p[0] == '#' || value.p[0] == ';') && value.p > equals + 1)
        value.n = 0;
    /* In a command both characters may belong to the shell, for which "#" is a comment as well. */
    if (!equals_ignoring_case(key, "credential_process"))
        value = without_comment(value);
    if (p->key.n > 0 && indent > p->indent) {
        parser_add(p, p->key, key, value);
        return;
    }
    p->key = key;
    p->indent = indent;
    parser_add(p, STR_NONE, key, value);
}

static void parse_line(struct parser *p, struct str raw)
{
    struct str line = secret_trim(raw);
    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
        return;
    size_t indent = (size_t)(line.p - raw.p);
    if (line.p[0] == '[' && (p->key.n == 0 || indent <= p->indent))
        parse_section(p, line);
    else
        parse_property(p, line, indent);
}

static int parse_file(struct profile_files *files, bool is_credentials)
{
    struct str rest = buf_str(is_credentials ? &files->credentials : &files->config);
    struct parser p = {.files = files, .is_credentials = is_credentials};
    if (str_starts_with(rest, "\xEF\xBB\xBF"))
        rest = (struct str){rest.p + 3, rest.n - 3};
    while (rest.n > 0 && !p.failed) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        parse_line(&p, (struct str){rest.p, n});
        n += end ? 1 : 0;
        rest = (struct str){rest.p + n, rest.n - n};
    }
    return p.failed ? -1 : 0;
}

/* A "~" at the start is the home directory, as in a shell. */
static void find_path(const struct config *config, const char *path, char *out, size_t size)
{
    const char *home = config_get(config, "HOME");
    bool in_home = path[0] == '~' && path[1] == '/';
    (void)snprintf(out, size, "%s%s", in_home && home ? home : "", in_home ? path + 1 : path);
}

/* A NUL would end a name for some readers and not for others. */
static int refuse_nul(const char *path, struct str text, struct err *e)
{
    unsigned line = 1;
    const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL;

    if (!nul)
        return 0;
    for (const char *p = text.p; p < nul; p++)
        line += *p == '\n';
    return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s line %u: it holds a NUL byte", path,
                   line);
}

static int load_file(const struct config *config, const char *key, const char *fallback,
                     struct buf *out, struct err *e)
{
    char path[4096];
    const char *named = config_get(config, key);
    find_path(config, named ? named : fallback, path, sizeof path);
    int error = secret_read_file(path, FILE_MAX, out);
    if (error == 0)
        return refuse_nul(path, buf_str(out), e);
    buf_reset(out);
    if (error == ENOENT || error == ENOTDIR)
        return 0;
    if (!named) {
        log_debug("%s cannot be read (%s) and is ignored", path, strerror(error));
        return 0;
    }
    return err_set(e, ERR_CREDENTIALS_NOT_CONFIGURED, "%s names %s, which cannot be read: %s", key,
                   path, error == EFBIG ? "larger than 1 MiB" : strerror(error));
}

int profile_files_load(const struct config *config, struct profile_files *files, struct err *e)
{
    *files = (struct profile_files){0};
    if (load_file(config, "AWS_CONFIG_FILE", "~/.aws/config", &files->config, e) != 0 ||
        load_file(config, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", &files->credentials,
                  e) != 0)
        return -1;
    if (parse_file(files, false) != 0 || parse_file(files, true) != 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    return 0;
}

void profile_files_free(struct profile_files *files)
{
    secret_buf_free(&files->credentials);
    secret_buf_free(&files->config);
    free(files->entries);
    *files = (struct profile_files){0};
}

const char *profile_active(const struct config *config)
{
    const char *name = config_get(config, "AWS_PROFILE");
    return name ? name : "default";
}

static bool is_of_profile(const struct profile_files *files, const struct profile_entry *entry,
                          struct str name)
{
    if (entry->kind < SECTION_CONFIG_DEFAULT || !str_equals(entry->name, name))
        return false;
    return entry->kind != SECTION_CONFIG_DEFAULT || !files->has_prefixed_default;
}

bool profile_exists(const struct profile_files *files, struct str name)
{
    for (size_t i = 0; i < files->count; i++) {
        if (is_of_profile(files, &files->entries[i], name))
            return true;
    }
    return false;
}

/* key is "name", or "parent.name" for a nested value. */
static bool has_key(const struct profile_entry *entry, const char *key)
{
    if (!str_is_present(entry->parent))
        return entry->key.n > 0 && equals_ignoring_case(entry->key, key);
    const char *point = strchr(key, '.');
    return point && (size_t)(point - key) == entry->parent.n &&
           strncasecmp(entry->parent.p, key, entry->parent.n) == 0 &&
           equals_ignoring_case(entry->key, point + 1);
}

static struct str value_or_none(const struct profile_entry *entry)
{
    return entry && entry->value.n > 0 ? entry->value : STR_NONE;
}

struct str profile_get(const struct profile_files *files, struct str name, const char *key)
{
    const struct profile_entry *best = NULL;
    for (size_t i = 0; i < files->count; i++) {
        const struct profile_entry *entry = &files->entries[i];
        if (is_of_profile(files, entry, name) && has_key(entry, key))
            best = entry; /* the last one wins, and the credentials file was read last */
    }
    return value_or_none(best);
}

static struct str section_get(const struct profile_files *files, enum section_kind kind,
                              struct str name, const char *key)
{
    const struct profile_entry *best = NULL;
    for (size_t i = 0; i < files->count; i++) {
        const struct profile_entry *entry = &files->entries[i];
        if (entry->kind == kind && str_equals(entry->name, name) && has_key(entry, key))
            best = entry;
    }
    return value_or_none(best);
}

struct str profile_service_get(const struct profile_files *files, struct str name, const char *key)
{
    return section_get(files, SECTION_SERVICES, name, key);
}

struct str profile_sso_session_get(const struct profile_files *files, struct str name,
                                   const char *key)
{
    return section_get(files, SECTION_SSO_SESSION, name, key);
}

static int setting_copy(struct str value, const char *key, char *out, size_t size, struct err *e)
{
    if (value.n >= size)
        return err_set(e, ERR_CONFIGURATION, "the profile's %s is longer than %zu bytes", key,
                       size - 1);
    if (value.n > 0)
        memcpy(out, value.p, value.n);
    out[value.n] = '\0';
    return 0;
}

/* The active profile's value, "" if it has none. */
static int active_value(const struct config *config, const char *key, char *out, size_t size,
                        struct err *e)
{
    struct profile_files files;
    out[0] = '\0';
    int result = profile_files_load(config, &files, e);
    if (result == 0)
        result = setting_copy(profile_get(&files, str_from(profile_active(config)), key), key, out,
                              size, e);
    profile_files_free(&files);
    return result;
}

int profile_region(const struct config *config, char *out, size_t size, struct err *e)
{
    return active_value(config, "region", out, size, e);
}

int profile_setting(const struct config *config, const struct profile_setting *setting, char *out,
                    size_t size, struct err *e)
{
    const char *value = config_get(config, setting->config_key);
    if (!value)
        return active_value(config, setting->profile_key, out, size, e);
    if ((size_t)snprintf(out, size, "%s", value) >= size)
        return err_set(e, ERR_CONFIGURATION, "%s is longer than %zu bytes", setting->config_key,
                       size - 1);
    return 0;
}

int profile_setting_is_true(const struct config *config, const struct profile_setting *setting,
                            bool *out, struct err *e)
{
    char value[256];
    if (profile_setting(config, setting, value, sizeof(value), e) < 0)
        return -1;
    *out = strcasecmp(value, "true") == 0;
    return 0;
}

int profile_endpoint(const struct config *config, const char *service, char *out, size_t size,
                     struct err *e)
{
    struct profile_files files;
    out[0] = '\0';
    int result = profile_files_load(config, &files, e);
    if (result == 0) {
        struct str name = str_from(profile_active(config));
        struct str services = profile_get(&files, name, "services");
        struct str url = STR_NONE;
        char key[64];
        (void)snprintf(key, sizeof key, "%s.endpoint_url", service);
        if (str_is_present(services))
            url = profile_service_get(&files, services, key);
        if (!str_is_present(url))
            url = profile_get(&files, name, "endpoint_url");
        result = setting_copy(url, "endpoint_url", out, size, e);
    }
    profile_files_free(&files);
    return result;
}
