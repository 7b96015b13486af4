/*
 * Configuration: puts the values together from the environment, the .env file and the defaults,
 * checks them, and fills struct config. config_table.c has the keys, dotenv.c reads the format of
 * .env.
 */
#include "base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/config_table.h"
#include "base/dotenv.h"

#define FILE_CAP ((size_t)1024 * 1024)

struct setting {
    char *text; /* in config_values.texts; NULL when neither the environment nor the file has it */
    enum config_source source;
    unsigned line; /* of the file */
};

struct config_values {
    const char *file; /* its name, for messages; borrowed while config_load runs */
    mode_t file_mode; /* 0: there is none */
    struct arena texts;
    struct setting rows[]; /* one for each row of config_keys */
};

/* The bytes are cleansed: they may be a secret. */
static void setting_forget(struct setting *setting)
{
    if (setting->text)
        explicit_bzero(setting->text, strlen(setting->text));
    *setting = (struct setting){0};
}

void config_free(struct config *c)
{
    if (!c)
        return;
    if (c->values) {
        for (size_t i = 0; i < config_key_count; i++)
            setting_forget(&c->values->rows[i]);
        arena_free(&c->values->texts);
        free(c->values);
    }
    *c = (struct config){0};
}

static bool key_is(const struct config_key *row, struct str key)
{
    return str_is(key, row->key) || (row->alias && str_is(key, row->alias));
}

static const struct config_key *find_key(struct str key)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (key_is(&config_keys[i], key))
            return &config_keys[i];
    }
    return NULL;
}

static struct setting *setting_of(const struct config *c, const struct config_key *row)
{
    return &c->values->rows[row - config_keys];
}

static struct setting *setting_of_key(const struct config *c, const char *key)
{
    return setting_of(c, find_key(str_from(key)));
}

/* Replaces the value; an empty text leaves the key not set. */
static void setting_set(struct config *c, struct setting *setting, struct str text,
                        enum config_source source)
{
    setting_forget(setting);
    if (text.n == 0)
        return;
    setting->text = arena_alloc(&c->values->texts, text.n + 1);
    memcpy(setting->text, text.p, text.n);
    setting->source = source;
}

static int setting_take_pair(void *context, struct str key, struct str text, unsigned line,
                             struct err *e)
{
    (void)e; /* an unknown key is no reason to stop */
    struct config *c = context;
    const struct config_key *row = find_key(key);
    if (!row) {
        log_warning("%s line %u: unknown key %.*s", c->values->file, line, (int)key.n, key.p);
        return 0;
    }
    struct setting *setting = setting_of(c, row);
    if (setting->text)
        log_warning("%s line %u: %s was set in line %u already, the last one counts",
                    c->values->file, line, row->key, setting->line);
    setting_set(c, setting, text, CONFIG_FROM_FILE);
    setting->line = line;
    return 0;
}

/* Appends what can be read of fd. Returns 0 or -1 with errno. */
static int read_descriptor(int fd, struct buf *out)
{
    for (;;) {
        char *room = buf_reserve(out, 4096);
        if (!room) {
            errno = EFBIG;
            return -1;
        }
        ssize_t n = read(fd, room, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        buf_added(out, (size_t)n);
    }
}

static int read_file(struct config *c, const char *file, bool must_exist, struct err *e)
{
    struct buf text;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT && !must_exist)
        return 0;
    if (fd < 0)
        return err_set(e, ERR_CONFIGURATION, "cannot read %s: %s", file, strerrordesc_np(errno));
    int result = -1;
    struct stat st;
    if (fstat(fd, &st) == 0)
        c->values->file_mode = st.st_mode;
    buf_init(&text, FILE_CAP);
    if (read_descriptor(fd, &text) != 0)
        err_set(e, ERR_CONFIGURATION, "cannot read %s: %s", file, strerrordesc_np(errno));
    else
        result = dotenv_parse(file, buf_str(&text), setting_take_pair, c, e);
    if (text.data)
        explicit_bzero(text.data, text.size);
    buf_free(&text);
    close(fd);
    return result;
}

static void read_environment(struct config *c)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *row = &config_keys[i];
        const char *text = getenv(row->key);
        if ((!text || !*text) && row->alias)
            text = getenv(row->alias);
        if (!text || !*text)
            continue;
        setting_set(c, setting_of(c, row), str_from(text), CONFIG_FROM_ENVIRONMENT);
    }
}

static const char *setting_place(const struct config *c, const struct setting *setting)
{
    return setting->source == CONFIG_FROM_FILE ? c->values->file : "the environment";
}

/* A proxy's URL is not a CONFIG_URL, since its scheme may be left out. */
static bool is_url_row(const struct config_key *row)
{
    return row->type == CONFIG_URL || row->type == CONFIG_ORIGINS || strstr(row->key, "_PROXY");
}

static int setting_error(const struct config *c, const struct config_key *row, struct err *e)
{
    const struct setting *setting = setting_of(c, row);
    char shown[512] = "";
    char fault[CONFIG_FAULT_SIZE];
    if (is_url_row(row))
        config_hide_password(setting->text, shown, sizeof(shown));
    else if (!row->secret)
        snprintf(shown, sizeof(shown), "%s", setting->text);
    config_fault(row, setting->text, fault);
    return err_set(e, ERR_CONFIGURATION, "%s%s%s in %s is not allowed: %sexpected %s", row->key,
                   row->secret ? "" : "=", shown, setting_place(c, setting), fault, row->allowed);
}

/* In the file quotes are part of the format; in the environment they are left over from
 * somewhere. */
static bool setting_is_allowed(const struct config_key *row, const struct setting *setting,
                               union config_value *out)
{
    bool left_over = setting->source == CONFIG_FROM_ENVIRONMENT && !row->hidden &&
                     config_is_quoted(setting->text);
    return config_check(row, setting->text, out) && !left_over;
}

static void field_store_text(struct config *c, const struct config_key *row, const char *text)
{
    const char **field = (const char **)(void *)((char *)c + row->field);
    /* Texts that share a field stand in the order of precedence. */
    if (!*field || !**field)
        *field = text;
}

static void field_store(struct config *c, const struct config_key *row, union config_value value)
{
    void *field = (char *)c + row->field;
    switch (row->type) {
    case CONFIG_INTEGER:
    case CONFIG_OCTAL:
        *(int64_t *)field = value.number;
        break;
    case CONFIG_FLAG:
        *(bool *)field = value.number != 0;
        break;
    case CONFIG_CHOICE: {
        /* Every enum of struct config has the size of an int. */
        int chosen = (int)value.number;
        memcpy(field, &chosen, sizeof chosen);
        break;
    }
    default:
        field_store_text(c, row, value.text);
    }
}

_Static_assert(sizeof(enum auth_mode) == sizeof(int), "field_store copies an int");
_Static_assert(sizeof(enum log_level) == sizeof(int), "field_store copies an int");
_Static_assert(sizeof(enum log_format) == sizeof(int), "field_store copies an int");

static int fields_fill(struct config *c, struct err *e)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *row = &config_keys[i];
        const struct setting *set = setting_of(c, row);
        const char *text = set->text;
        const char *default_text = row->default_text ? row->default_text : "";
        union config_value value = {.text = default_text};
        if (text && !setting_is_allowed(row, set, &value))
            return setting_error(c, row, e);
        if (!text && *default_text && !config_check(row, default_text, &value))
            return err_set(e, ERR_INTERNAL, "the default of %s is not allowed", row->key);
        if (row->field != CONFIG_NO_FIELD)
            field_store(c, row, value);
    }
    return 0;
}

/* "your_access_key_id", "YOUR-SECRET", "<key>": what example files have in place of a key. Real
 * ones have neither of these shapes. */
static bool is_placeholder(const char *text)
{
    size_t n = strlen(text);
    if (strncasecmp(text, "your", 4) == 0 && text[4] != '\0' && strchr("_- ", text[4]))
        return true;
    return n >= 2 && text[0] == '<' && text[n - 1] == '>';
}

static int check_placeholder(const struct config *c, const char *key, struct err *e)
{
    const struct setting *setting = setting_of_key(c, key);
    if (!setting->text || !is_placeholder(setting->text))
        return 0;
    return err_set(
        e, ERR_CONFIGURATION,
        "%s in %s is still the placeholder of the example: put your real key there, or "
        "remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and use \"aws configure\" or "
        "an IAM role",
        key, setting_place(c, setting));
}

/* To be called before the values are checked: of "your access key" that check would only say
 * that there is a blank in it. */
static int check_placeholders(const struct config *c, struct err *e)
{
    static const char *const keys[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                       "AWS_SESSION_TOKEN"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (check_placeholder(c, keys[i], e) < 0)
            return -1;
    }
    return 0;
}

/* The halves of two different keys make no valid signature, so both must come from one place. */
static int check_key_pair(struct config *c, struct err *e)
{
    const struct setting *id = setting_of_key(c, "AWS_ACCESS_KEY_ID");
    const struct setting *secret = setting_of_key(c, "AWS_SECRET_ACCESS_KEY");
    struct setting *token = setting_of_key(c, "AWS_SESSION_TOKEN");
    if (!id->text && !secret->text)
        return 0;
    if (!id->text || !secret->text)
        return err_set(e, ERR_CONFIGURATION, "%s is set in %s, but %s is not: set both or neither",
                       id->text ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       setting_place(c, id->text ? id : secret),
                       id->text ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    if (id->source != secret->source)
        return err_set(
            e, ERR_CONFIGURATION,
            "AWS_ACCESS_KEY_ID is set in %s, but AWS_SECRET_ACCESS_KEY in %s: set both in "
            "the same place",
            setting_place(c, id), setting_place(c, secret));
    if (token->text && token->source != id->source) {
        log_warning("AWS_SESSION_TOKEN in %s is ignored: the keys are set in %s",
                    setting_place(c, token), setting_place(c, id));
        setting_forget(token);
    }
    return 0;
}

/* Longer header lines are refused by many servers, DynamoDB Local among them. */
#define LONG_TOKEN 8000

static void warn_of_long_token(const struct config *c)
{
    const struct setting *token = setting_of_key(c, "AWS_SESSION_TOKEN");
    if (token->text && strlen(token->text) > LONG_TOKEN)
        log_warning("AWS_SESSION_TOKEN in %s has %zu bytes, far more than session tokens have: "
                    "DynamoDB may refuse the calls; is it one token?",
                    setting_place(c, token), strlen(token->text));
}

/* The group may be the service's own, so only access for everybody is warned of. */
static void warn_of_open_file(const struct config *c)
{
    if (!(c->values->file_mode & S_IROTH) || !S_ISREG(c->values->file_mode))
        return;
    for (size_t i = 0; i < config_key_count; i++) {
        const struct setting *setting = &c->values->rows[i];
        if (!config_keys[i].secret || !setting->text || setting->source != CONFIG_FROM_FILE)
            continue;
        log_warning("%s holds %s, and every user of this machine may read it: chmod o-r %s",
                    c->values->file, config_keys[i].key, c->values->file);
        return;
    }
}

/* Checks what the row of one key cannot show. */
static int check_together(struct config *c, struct err *e)
{
    if (strcmp(c->sessions_table, c->messages_table) == 0)
        return err_set(e, ERR_CONFIGURATION,
                       "DYNAMODB_CHAT_SESSIONS_TABLE and DYNAMODB_CHAT_MESSAGES_TABLE are both %s: "
                       "they must be two tables",
                       c->sessions_table);
    if (c->auth_mode == AUTH_JWT && !*c->auth_jwt_jwks_url && !*c->auth_jwt_jwks_file &&
        !*c->auth_jwt_secret)
        return err_set(e, ERR_CONFIGURATION,
                       "AUTH_MODE=jwt needs a key to check tokens with: set AUTH_JWT_JWKS_URL, "
                       "AUTH_JWT_JWKS_FILE or AUTH_JWT_SECRET");
    if (c->cors_credentials && strchr(c->cors_origins, '*'))
        return err_set(
            e, ERR_CONFIGURATION,
            "CORS_CREDENTIALS=1 and CORS_ORIGINS=%s do not go together: every page on the "
            "web could act for who is signed in; name the origins",
            c->cors_origins);
    if (c->stuck_request_s && c->stuck_request_s * 1000 <= c->request_deadline_ms)
        log_warning(
            "STUCK_REQUEST_S is not longer than REQUEST_DEADLINE_MS: requests that are only "
            "slow will end their process");
    return check_key_pair(c, e);
}

int config_load(struct config *c, const char *file, bool must_exist, struct err *e)
{
    *c = (struct config){0};
    c->values = calloc(1, sizeof *c->values + config_key_count * sizeof *c->values->rows);
    if (!c->values)
        return err_set(e, ERR_INTERNAL, "out of memory");
    arena_init(&c->values->texts);
    c->values->file = file;
    int result = file ? read_file(c, file, must_exist, e) : 0;
    read_environment(c);
    if (result != 0 || check_placeholders(c, e) != 0 || fields_fill(c, e) != 0 ||
        check_together(c, e) != 0) {
        config_free(c);
        return -1;
    }
    warn_of_open_file(c);
    warn_of_long_token(c);
    c->values->file = NULL;
    return 0;
}

const char *config_get(const struct config *c, const char *key)
{
    const struct config_key *row = find_key(str_from(key));
    return row && c->values ? setting_of(c, row)->text : NULL;
}

enum config_source config_source(const struct config *c, const char *key)
{
    const struct config_key *row = find_key(str_from(key));
    return row && c->values ? setting_of(c, row)->source : CONFIG_FROM_DEFAULT;
}

bool config_row(const struct config *c, size_t i, struct config_row *out)
{
    if (i >= config_key_count || config_keys[i].hidden)
        return false;
    const struct config_key *row = &config_keys[i];
    const struct setting *setting = setting_of(c, row);
    const char *default_text = row->default_text ? row->default_text : "";
    *out = (struct config_row){
        .key = row->key,
        .default_text = default_text,
        .unit_or_values = row->allowed,
        .help = row->help,
        .secret = row->secret,
        .source = setting->source,
        .url = is_url_row(row),
        .text = !setting->text ? default_text
                : row->secret  ? NULL
                               : setting->text,
    };
    return true;
}
