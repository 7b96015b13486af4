/*
 * The commands, their arguments, and what they do alike before and after their work.
 */
#include "tool/tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tool/internal.h"

#define USER_MAX_BYTES 2048
#define DAY_US INT64_C(86400000000)
#define DAYS_MAX 36500

enum tool_option {
    OPTION_USER = 1,
    OPTION_OUTPUT = 2,
    OPTION_AGE = 4,
    OPTION_FLAGS = 8,
    FILE_NAME = 16
};

struct tool_command {
    const char *name;
    enum tool_exit (*run)(const struct tool_call *call, struct tables *t);
    unsigned takes; /* of enum tool_option */
    unsigned needs;
    const char *help;
};

static const struct tool_command commands[] = {
    {"export", tool_export, OPTION_USER | OPTION_OUTPUT, OPTION_USER,
     "Usage: chat-sessions [--env-file FILE] export --user USER [--output FILE]\n"
     "\n"
     "Writes every session of the user, archived ones too, each followed by its messages, one\n"
     "JSON object a line. The last line is {\"type\":\"end\",…} with the counts.\n"
     "\n"
     "  --user USER    whose sessions\n"
     "  --output FILE  write to FILE instead of standard output; the file appears under its name\n"
     "                 when it is whole\n"},
    {"import", tool_import, OPTION_USER | FILE_NAME, OPTION_USER | FILE_NAME,
     "Usage: chat-sessions [--env-file FILE] import --user USER FILE\n"
     "\n"
     "Creates for the user the sessions that an export has in FILE (-: standard input), with\n"
     "their messages and the times of these; sessions get new ids. What an earlier import of the\n"
     "same sessions has made is skipped, so it may be repeated until nothing fails. The last line\n"
     "is \"imported N, skipped N, failed N\"; for each that failed a line says why.\n"
     "\n"
     "  --user USER    whose the sessions will be\n"},
    {"purge", tool_purge, OPTION_AGE | OPTION_FLAGS, OPTION_AGE,
     "Usage: chat-sessions [--env-file FILE] purge --older-than DAYSd [--archived] [--dry-run]\n"
     "\n"
     "Deletes the sessions of all users that were last active so many days ago, with their\n"
     "messages. Also what was left a day ago and earlier by deletes and by long sessions that "
     "were\n"
     "cut off as they were created. Reads the sessions table once from its beginning to its end.\n"
     "\n"
     "  --older-than DAYSd  for example 365d\n"
     "  --archived          only sessions that are archived\n"
     "  --dry-run           delete nothing, list what would be deleted\n"},
};

bool tool_find(const char *name, struct tool_call *out)
{
    *out = (struct tool_call){0};
    for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            out->command = &commands[i];
    }
    return out->command != NULL;
}

void tool_print_help(const struct tool_call *call, FILE *out)
{
    fputs(call->command->help, out);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static int tool_argument_error(const struct tool_call *call, const char *what, const char *argument)
{
    fprintf(stderr, "chat-sessions %s: %s: %s\n\n", call->command->name, what, argument);
    tool_print_help(call, stderr);
    return -1;
}

/* Reads "365d", as microseconds. 0 if it is something else. */
static int64_t tool_read_days(const char *text)
{
    char *end;

    if (*text < '1' || *text > '9')
        return 0;
    long days = strtol(text, &end, 10);
    return strcmp(end, "d") == 0 && days <= DAYS_MAX ? days * DAY_US : 0;
}

static int tool_take_user(struct tool_call *call, const char *value)
{
    struct str user = str_from(value);

    if (user.n == 0 || user.n > USER_MAX_BYTES || !str_is_utf8(user))
        return tool_argument_error(call, "--user must be 1 to 2048 bytes of UTF-8", value);
    call->user = value;
    return 0;
}

static int tool_take_value(struct tool_call *call, const char *option, const char *value)
{
    if (!value)
        return tool_argument_error(call, "a value must follow", option);
    if (strcmp(option, "--user") == 0)
        return tool_take_user(call, value);
    if (strcmp(option, "--output") == 0) {
        call->output = value;
        return *value ? 0 : tool_argument_error(call, "a file name must follow", option);
    }
    call->older_us = tool_read_days(value);
    return call->older_us
               ? 0
               : tool_argument_error(call, "--older-than must be 1d to 36500d (days)", value);
}

static bool tool_takes(const struct tool_call *call, enum tool_option option)
{
    return (call->command->takes & option) != 0;
}

static bool tool_is_option(const struct tool_call *call, const char *word, const char *name,
                           enum tool_option option)
{
    return tool_takes(call, option) && strcmp(word, name) == 0;
}

/* Returns how many words it took, or -1. */
static int tool_take_word(struct tool_call *call, const char *word, const char *next)
{
    if (tool_is_option(call, word, "--user", OPTION_USER) ||
        tool_is_option(call, word, "--output", OPTION_OUTPUT) ||
        tool_is_option(call, word, "--older-than", OPTION_AGE))
        return tool_take_value(call, word, next) < 0 ? -1 : 2;
    if (tool_is_option(call, word, "--archived", OPTION_FLAGS))
        call->archived = true;
    else if (tool_is_option(call, word, "--dry-run", OPTION_FLAGS))
        call->dry_run = true;
    else if (word[0] == '-' && word[1])
        return tool_argument_error(call, "unknown option", word);
    else if (!tool_takes(call, FILE_NAME) || call->file || !*word)
        return tool_argument_error(call, "unexpected argument", word);
    else
        call->file = word;
    return 1;
}

int tool_read_arguments(struct tool_call *call, char **words, size_t count)
{
    unsigned needs = call->command->needs;

    for (size_t i = 0; i < count;) {
        int taken = tool_take_word(call, words[i], i + 1 < count ? words[i + 1] : NULL);
        if (taken < 0)
            return -1;
        i += (size_t)taken;
    }
    if ((needs & OPTION_USER) && !call->user)
        return tool_argument_error(call, "missing argument", "--user USER");
    if ((needs & FILE_NAME) && !call->file)
        return tool_argument_error(call, "missing argument", "FILE (or - for standard input)");
    if ((needs & OPTION_AGE) && !call->older_us)
        return tool_argument_error(call, "missing argument", "--older-than DAYSd");
    return 0;
}

/* ---- doing it -------------------------------------------------------------------------------- */

enum tool_exit tool_run(const struct tool_call *call, const struct config *config)
{
    struct tables tables;
    struct err e = {0};

    /* Where the credentials come from, and the like, does not matter here. */
    if (config->log_level == LOG_INFO)
        (void)log_open(LOG_WARNING, config->log_format, config->log_file, NULL);
    interrupt_begin();
    enum tool_exit result = TOOL_UNAVAILABLE;
    if (tables_open(&tables, config, &e) == 0)
        result = call->command->run(call, &tables);
    else
        fprintf(stderr, "chat-sessions: %s\n", e.detail);
    tables_close(&tables);
    return result;
}
