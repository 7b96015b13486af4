/*
 * The ways to run without a master: one process on a socket that somebody else has opened, and one
 * request as plain CGI.
 */
#include "pool/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/listener.h"
#include "pool/no_auth.h"
#include "pool/process.h"
#include "pool/scoreboard.h"
#include "pool/title.h"
#include "pool/upgrade.h"

void pool_forbid_core_dumps(void)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    /* The sanitizers need to trace their own process. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

void pool_begin(int argc, char **argv)
{
    signal(SIGCHLD, SIG_DFL);
    pool_forbid_core_dumps();
    upgrade_init(argc, argv);
    title_init(argc, argv);
}

bool pool_is_upgrade(void)
{
    return upgrade_was_done();
}

unsigned pool_slots(void)
{
    return SCOREBOARD_PLACES * SCOREBOARD_THREADS;
}

int pool_given_listener(void)
{
    struct listener l;

    /* FCGI_LISTENSOCK_FILENO of the FastCGI specification, section 2.2. */
    if (listener_is_one(STDIN_FILENO))
        return STDIN_FILENO;
    return listener_from_systemd(&l, NULL) ? l.fd : -1;
}

int pool_run_single(const struct config *config, const struct pool_handler *handler, int listener,
                    struct err *e)
{
    int flags = fcntl(listener, F_GETFL);

    if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_set(e, ERR_CONFIGURATION, "there is no socket to listen on: %s",
                       strerrordesc_np(errno));
    listener_forget_environment();
    listener_warn_if_open(listener);
    no_auth_warn(config, listener);
    struct scoreboard *scoreboard = scoreboard_new(1, e);
    if (!scoreboard)
        return -1;
    scoreboard_set(scoreboard, 0, SCOREBOARD_STARTING, (unsigned)config->pool_threads);
    struct process_setup setup = {.config = config,
                                  .handler = handler,
                                  .scoreboard = scoreboard,
                                  .place = 0,
                                  .listener = listener,
                                  .control = -1};
    int status = process_run(&setup);
    scoreboard_free(scoreboard);
    return status == EXIT_SUCCESS ? 0 : err_set(e, ERR_INTERNAL, "the process has failed");
}

/* A server that uses one socket for both directions loses the answer if the body was not read to
 * its end. */
static void read_to_end(struct gateway *gateway)
{
    char rest[8192];

    while (gateway->read(gateway, rest, sizeof(rest)) > 0)
        ;
}

int pool_run_cgi(const struct config *config, const struct pool_handler *handler, struct err *e)
{
    int result = -1;

    signal(SIGPIPE, SIG_IGN); /* the log reports it, a signal must not end the process */
    void *process = handler->process_new(config, e);
    if (!process)
        return -1;
    void *thread = handler->thread_new(process, e);
    if (thread) {
        struct gateway *gateway = gateway_cgi();
        no_auth_warn_cgi(config, gateway->param(gateway, "SERVER_ADDR"));
        handler->handle(thread, gateway);
        read_to_end(gateway);
        handler->thread_free(thread);
        result = 0;
    }
    handler->process_free(process);
    return result;
}
