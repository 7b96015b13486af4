/*
 * A program around the pool with a handler that needs no DynamoDB: the tests in this directory run
 * it behind nginx. It shows what the pool does, not what Chat Sessions does.
 *
 * The path says what a request does: /pid, /echo, /ignore (leaves the body unread), /sleep?MS,
 * /big?BYTES, /crash, /gone?MS (waits until the client has gone).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/request.h"
#include "pool/pool.h"

static const char *const routes[] = {"/all"};
static const char *env_file;

static void *process_new(const struct config *config, struct err *e)
{
    const char *refuse = getenv("EXAMPLE_REFUSE_FILE");

    if (refuse && access(refuse, F_OK) == 0) {
        err_set(e, ERR_CONFIGURATION, "told to refuse by %s", refuse);
        return NULL;
    }
    return (void *)config;
}

static void process_free(void *process)
{
    (void)process;
}

static void *thread_new(void *process, struct err *e)
{
    (void)process;
    (void)e;
    return malloc(1);
}

static void thread_free(void *thread)
{
    free(thread);
}

static void sleep_ms(long ms)
{
    clock_system.sleep_us(clock_system.context, ms * 1000);
}

static void answer(struct gateway *g, const char *body, size_t n)
{
    char head[128];
    int length =
        snprintf(head, sizeof(head),
                 "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", n);

    if (g->write(g, head, (size_t)length) == 0)
        g->write(g, body, n);
}

static void answer_text(struct gateway *g, const char *text)
{
    answer(g, text, strlen(text));
}

static void echo(struct gateway *g)
{
    static const size_t max = (size_t)8 * 1024 * 1024;
    char *body = malloc(max);
    size_t n = 0;
    long got = 0;

    while (body && n < max && (got = g->read(g, body + n, max - n)) > 0)
        n += (size_t)got;
    if (got < 0)
        answer_text(g, "broken");
    else
        answer(g, body, n);
    free(body);
}

static void big(struct gateway *g, long n)
{
    char *body = malloc((size_t)n + 1);

    if (!body)
        return;
    memset(body, 'x', (size_t)n);
    answer(g, body, (size_t)n);
    free(body);
}

static void gone(struct gateway *g, long ms)
{
    for (; ms > 0 && !g->client_gone(g); ms -= 10)
        sleep_ms(10);
    log_info(ms > 0 ? "the client has gone" : "the client has stayed");
    answer_text(g, "late\n");
}

static void handle(void *thread, struct gateway *g)
{
    const char *target = g->param(g, "REQUEST_URI");
    int64_t begin = clock_system.mono_us(clock_system.context);
    char text[64];

    (void)thread;
    if (!target)
        target = "/";
    const char *query = strchr(target, '?');
    long n = query ? strtol(query + 1, NULL, 10) : 0;
    if (strncmp(target, "/echo", 5) == 0) {
        echo(g);
    } else if (strncmp(target, "/sleep", 6) == 0) {
        sleep_ms(n);
        answer_text(g, "slept\n");
    } else if (strncmp(target, "/big", 4) == 0) {
        big(g, n);
    } else if (strncmp(target, "/gone", 5) == 0) {
        gone(g, n);
    } else if (strncmp(target, "/crash", 6) == 0) {
        raise(SIGKILL);
    } else {
        snprintf(text, sizeof(text), "%d\n", (int)getpid());
        answer_text(g, text);
    }
    metrics_request(&(struct metrics_answer){
        .status = 200, .duration_us = clock_system.mono_us(clock_system.context) - begin});
}

static struct config *load(struct err *e)
{
    struct config *c = malloc(sizeof(*c));

    if (c && config_load(c, env_file, false, e) == 0 &&
        log_open(c->log_level, c->log_format, c->log_file, e) == 0)
        return c;
    free(c);
    return NULL;
}

static int run(const char *mode, const struct config *config, struct err *e)
{
    static const struct pool_handler handler = {process_new, process_free, thread_new, thread_free,
                                                handle};

    if (strcmp(mode, "single") == 0)
        return pool_run_single(config, &handler, pool_given_listener(), e);
    if (strcmp(mode, "cgi") == 0)
        return pool_run_cgi(config, &handler, e);
    return pool_run(&(struct pool_options){config, &handler, load}, e);
}

int main(int argc, char **argv)
{
    pool_begin(argc, argv);
    struct err e = {.code = ERR_NONE};
    struct metrics_labels labels = {
        .routes = routes, .route_count = 1, .methods = http_method_names, .method_count = 1};
    char *mode = strdup(argc > 1 ? argv[1] : "pool");
    char *file = argc > 2 ? strdup(argv[2]) : NULL;

    env_file = file;
    struct config *config = load(&e);
    int result = -1;
    if (config && mode && metrics_init(&labels, pool_slots(), &e) == 0)
        result = run(mode, config, &e);
    if (result != 0)
        log_error("%s", e.detail);
    if (config)
        config_free(config);
    free(config);
    free(mode);
    free(file);
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
