/*
 * Options, subcommands, the choice of mode and the wiring of the layers; nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/check.h"
#include "service/create_tables.h"
#include "service/service.h"
#include "tool/tool.h"
#include "base/config.h"
#include "base/config_print.h"
#include "base/log.h"
#include "base/memory.h"
#include "pool/pool.h"

#ifndef CHAT_SESSIONS_VERSION
#define CHAT_SESSIONS_VERSION "development"
#endif

/* Exit codes of sysexits.h, which systemd and shells know. */
enum { EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69, EXIT_NOT_PERMITTED = 77, EXIT_CONFIG = 78 };

#define CREATE_TABLES_DEADLINE_MS 60000
#define SERVE_TABLES_DEADLINE_MS 20000

static const struct pool_handler handler = {
    .process_new = service_process_new,
    .process_free = service_process_free,
    .thread_new = service_thread_new,
    .thread_free = service_thread_free,
    .handle = service_handle,
};

struct options {
    const char *command; /* NULL: none was given */
    const char *env_file;
    bool env_file_must_exist;
    bool configuration_only; /* check */
    bool wait;               /* create-tables */
    bool protect;            /* create-tables */
    struct tool_call tool;   /* export, import, purge */
    char **words;            /* behind the command: keys of config, arguments of a tool */
    size_t word_count;
};

static struct options options = {.env_file = ".env"};

static void print_help(FILE *out)
{
    fputs("Usage: chat-sessions [--env-file FILE] COMMAND\n"
          "\n"
          "Keeps chat sessions in Amazon DynamoDB: a FastCGI application for nginx.\n"
          "\n"
          "Commands:\n"
          "  serve          run the pool of workers on the unix socket SOCKET\n"
          "  create-tables  make the two DynamoDB tables if they are missing, and exit;\n"
          "                 with --wait: try again until it has been done;\n"
          "                 with --protect: protect both against deletion, new or not, and\n"
          "                 keep their changes of 35 days (point-in-time recovery)\n"
          "  check          say whether the service would work here, and what is missing\n"
          "  export         write everything that a user has, as lines of JSON\n"
          "  import         create what an export has, for a user\n"
          "  purge          delete what has not been used for long\n"
          "  config         print the configuration in force, or that of the KEYs that follow,\n"
          "                 as KEY='value' lines for a shell; no secrets\n"
          "\n"
          "Options:\n"
          "  --configuration  check looks only at the configuration and makes no calls\n"
          "  --env-file FILE  read configuration from FILE too (default: .env, if it is there);\n"
          "                   the environment wins\n"
          "  --version        print the version\n"
          "  --help           print this; behind export, import or purge: what they take\n"
          "\n"
          "Without a command it serves what it is given: a listening socket (as spawn-fcgi,\n"
          "mod_fcgid and systemd give it) or one CGI request.\n"
          "Every configuration key is described in .env.example.\n",
          out);
}

static int usage_error(const char *what, const char *argument)
{
    fprintf(stderr, "chat-sessions: %s: %s\n\n", what, argument);
    print_help(stderr);
    return EXIT_USAGE;
}

static int report_failure(const struct err *e, int code)
{
    log_error("%s", e->detail);
    return code;
}

static int load_configuration(struct config *config, struct err *e)
{
    if (config_load(config, options.env_file, options.env_file_must_exist, e) < 0)
        return -1;
    if (log_open(config->log_level, config->log_format, config->log_file, e) == 0)
        return 0;
    config_free(config);
    return -1;
}

static enum service_tables wanted_tables(void)
{
    return options.protect ? SERVICE_TABLES_PROTECTED : SERVICE_TABLES_MADE;
}

/* If protection is not permitted, that has a status of its own, because the tables are there. */
static int exit_code_of(const struct err *e)
{
    if (e->code == ERR_CONFIGURATION)
        return EXIT_CONFIG;
    if (e->code == ERR_DYNAMODB_DENIED && options.protect)
        return EXIT_NOT_PERMITTED;
    return EXIT_UNAVAILABLE;
}

static int create_tables(void)
{
    struct config config;
    struct err e = {0};

    if (options.wait)
        return service_create_tables_at_last(load_configuration, wanted_tables()) < 0 ? EXIT_CONFIG
                                                                                      : 0;
    if (load_configuration(&config, &e) < 0)
        return report_failure(&e, EXIT_CONFIG);
    int r = service_create_tables(&config, wanted_tables(), CREATE_TABLES_DEADLINE_MS, &e);
    config_free(&config);
    return r < 0 ? report_failure(&e, exit_code_of(&e)) : 0;
}

static int run_check(void)
{
    enum check_scope scope = options.configuration_only ? CHECK_CONFIGURATION : CHECK_EVERYTHING;

    switch (check_run(options.env_file, options.env_file_must_exist, scope, stdout)) {
    case CHECK_WORKS:
        return 0;
    case CHECK_NOT_CONFIGURABLE:
        return EXIT_CONFIG;
    default:
        return EXIT_UNAVAILABLE;
    }
}

static int print_config(void)
{
    struct config config;
    struct err e = {0};

    if (config_load(&config, options.env_file, options.env_file_must_exist, &e) < 0)
        return report_failure(&e, EXIT_CONFIG);
    int r = config_print(&config, options.words, options.word_count, stdout, &e);
    config_free(&config);
    return r < 0 ? report_failure(&e, EXIT_USAGE) : 0;
}

static int run_tool(void)
{
    struct config config;
    struct err e = {0};

    if (tool_read_arguments(&options.tool, options.words, options.word_count) < 0)
        return EXIT_USAGE;
    if (load_configuration(&config, &e) < 0)
        return report_failure(&e, EXIT_CONFIG);
    enum tool_exit result = tool_run(&options.tool, &config);
    config_free(&config);
    return (int)result;
}

/* Workers hold credentials and read what strangers send. */
static void warn_of_root(const struct config *config)
{
    if (geteuid() == 0 && !*config->user)
        log_warning("running as root, the workers too: set POOL_USER to a user of their own");
}

static int look_at_tables(const struct config *config)
{
    struct err e = {0};

    if (service_create_tables(config, SERVICE_TABLES_MADE, SERVE_TABLES_DEADLINE_MS, &e) == 0)
        return 0;
    return report_failure(&e, exit_code_of(&e));
}

/* Looks at the tables, and makes those that are missing, in a process beside the pool: for as long
 * as it takes, and with the configuration of each moment. */
static void look_at_tables_later(const struct config *config)
{
    static char name[] = "chat-sessions", file_option[] = "--env-file", command[] = "create-tables",
                wait[] = "--wait";
    char *const with_file[] = {name, file_option, (char *)options.env_file, command, wait, NULL};
    char *const without[] = {name, command, wait, NULL};

    pool_start_beside(config, options.env_file_must_exist ? with_file : without);
}

/* Only tables with other keys stop the start: everything else may become right while the service
 * runs. */
static enum pool_aside prepare_tables(const struct config *config, struct err *e)
{
    int result;
    enum pool_aside how = pool_run_aside(config, look_at_tables, &result, e);

    if (how != POOL_ASIDE_DONE)
        return how;
    if (result == EXIT_CONFIG) {
        err_set(e, ERR_CONFIGURATION, "not started: the tables do not fit");
        return POOL_ASIDE_FAILED;
    }
    if (result != 0) {
        log_warning(
            "the tables could not be looked at; the service starts all the same; it answers "
            "503 until DynamoDB can be used, and then makes missing tables");
        look_at_tables_later(config);
    }
    return POOL_ASIDE_DONE;
}

static struct config *reload_configuration(struct err *e)
{
    struct config *config = calloc(1, sizeof(*config));

    if (!config) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    if (load_configuration(config, e) < 0) {
        free(config);
        return NULL;
    }
    look_at_tables_later(config); /* it may name other tables, or bring the credentials */
    return config;
}

static int serve_with_pool(void)
{
    /* Static, because workers end inside pool_run(): a leak checker must find what they still
     * hold. */
    static struct config config;
    struct err e = {0};

    if (load_configuration(&config, &e) < 0)
        return report_failure(&e, EXIT_CONFIG);
    log_info("chat-sessions %s starts", CHAT_SESSIONS_VERSION);
    warn_of_root(&config);
    /* After an upgrade requests wait in the socket, and the tables were looked at before. */
    switch (pool_is_upgrade() ? POOL_ASIDE_DONE : prepare_tables(&config, &e)) {
    case POOL_ASIDE_FAILED:
        return report_failure(&e, EXIT_CONFIG);
    case POOL_ASIDE_STOPPED:
        log_info("told to stop before the pool was started");
        config_free(&config);
        return 0;
    case POOL_ASIDE_DONE:
        break;
    }
    if (metrics_init(service_metrics_labels(), pool_slots(), &e) < 0)
        return report_failure(&e, EXIT_FAILURE);
    struct pool_options pool = {
        .config = &config, .handler = &handler, .reload = reload_configuration};
    int r = pool_run(&pool, &e);
    config_free(&config);
    return r < 0 ? report_failure(&e, EXIT_FAILURE) : 0;
}

static bool started_as_cgi(void)
{
    struct gateway *gateway = gateway_cgi();
    return gateway->param(gateway, "GATEWAY_INTERFACE") != NULL;
}

/* A CGI program that ends without an answer would become an HTML page of the web server. */
static int report_failure_to_serve(bool listening, const struct err *e, int code)
{
    if (!listening)
        service_refuse(gateway_cgi());
    return report_failure(e, code);
}

/* Started by a web server, by spawn-fcgi or by a plain unit of systemd, which give no arguments. */
static int serve_what_is_given(void)
{
    int listener = pool_given_listener();
    struct config config;
    struct err e = {0};

    if (listener < 0 && !started_as_cgi())
        return usage_error("no command", "give one of those below");
    if (load_configuration(&config, &e) < 0)
        return report_failure_to_serve(listener >= 0, &e, EXIT_CONFIG);
    if (listener >= 0)
        warn_of_root(&config);
    int r = listener >= 0 ? pool_run_single(&config, &handler, listener, &e)
                          : pool_run_cgi(&config, &handler, &e);
    config_free(&config);
    return r < 0 ? report_failure_to_serve(listener >= 0, &e, EXIT_FAILURE) : 0;
}

static int run_command(void)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } commands[] = {{"serve", serve_with_pool},
                    {"create-tables", create_tables},
                    {"check", run_check},
                    {"config", print_config}};

    if (!options.command)
        return serve_what_is_given();
    if (options.tool.command)
        return run_tool();
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(options.command, commands[i].name) == 0)
            return commands[i].run();
    }
    return usage_error("unknown command", options.command);
}

static bool is_command(const char *name)
{
    return options.command && strcmp(options.command, name) == 0;
}

static void take_command(const char *name)
{
    options.command = name;
    (void)tool_find(name, &options.tool);
}

static int take_word(char *word)
{
    options.words[options.word_count++] = word;
    return 1;
}

/* Takes the options and words from number i on. Returns how many it took, or -1 after a message
 * to the user. */
static int take_argument(int argc, char **argv, int i)
{
    if (strcmp(argv[i], "--env-file") == 0) {
        if (i + 1 == argc)
            return usage_error("a file name must follow", "--env-file"), -1;
        options.env_file = strdup(argv[i + 1]); /* argv becomes the title of the processes */
        options.env_file_must_exist = true;
        return 2;
    }
    if (options.tool.command)
        return take_word(argv[i]);
    if (strcmp(argv[i], "--configuration") == 0)
        options.configuration_only = true;
    else if (strcmp(argv[i], "--wait") == 0)
        options.wait = true;
    else if (strcmp(argv[i], "--protect") == 0)
        options.protect = true;
    else if (argv[i][0] == '-')
        return usage_error("unknown option", argv[i]), -1;
    else if (!options.command)
        take_command(argv[i]);
    else if (is_command("config"))
        return take_word(argv[i]);
    else
        return usage_error("one command at a time", argv[i]), -1;
    return 1;
}

int main(int argc, char **argv)
{
    memory_begin();
    pool_begin(argc, argv);
    options.words = calloc((size_t)argc + 1, sizeof(*options.words));
    if (!options.words)
        abort();
    for (int i = 1, taken; i < argc; i += taken) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            options.tool.command ? tool_print_help(&options.tool, stdout) : print_help(stdout);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("chat-sessions %s\n", CHAT_SESSIONS_VERSION);
            return 0;
        }
        taken = take_argument(argc, argv, i);
        if (taken < 0)
            return EXIT_USAGE;
    }
    if (options.configuration_only && !is_command("check"))
        return usage_error("only check takes this option", "--configuration");
    if (options.wait && !is_command("create-tables"))
        return usage_error("only create-tables takes this option", "--wait");
    if (options.protect && !is_command("create-tables"))
        return usage_error("only create-tables takes this option", "--protect");
    return run_command();
}
