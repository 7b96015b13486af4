/*
 * Work beside the pool, in a process of its own: before it starts, or while it runs. main.c says
 * what the work is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/pool.h"
#include "pool/signals.h"
#include "pool/privileges.h"

_Noreturn static void run_child(pid_t parent, const sigset_t *signals, const struct config *config,
                                int (*work)(const struct config *config))
{
    struct err e = {.code = ERR_NONE};

    /* It may start other programs (credential_process), which must not run as root. */
    if (privileges_drop(config, &e) < 0) {
        log_error("%s", e.detail);
        _exit(EXIT_FAILURE);
    }
    /* If the parent ends, nobody waits for the result. A change of the user would undo this
     * call. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    sigprocmask(SIG_SETMASK, signals, NULL);
    _exit(work(config));
}

/* Signals to reload or to reopen the log wait for the pool; a stop does not. True if it was a
 * stop. */
static bool wait_for(pid_t pid, int *status)
{
    bool stopped = false;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    while (waitpid(pid, status, WNOHANG) == 0) {
        int number = sigwaitinfo(&set, NULL);
        if (number < 0 || number == SIGCHLD)
            continue;
        stopped = true;
        kill(pid, SIGKILL);
    }
    return stopped;
}

enum pool_aside pool_run_aside(const struct config *config,
                               int (*work)(const struct config *config), int *result, struct err *e)
{
    sigset_t before;
    int status = -1;
    pid_t parent = getpid();

    signals_hold(&before);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        err_set(e, ERR_INTERNAL, "fork: %s", strerrordesc_np(errno));
        return POOL_ASIDE_FAILED;
    }
    if (pid == 0)
        run_child(parent, &before, config, work);
    if (wait_for(pid, &status))
        return POOL_ASIDE_STOPPED;
    *result = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return POOL_ASIDE_DONE;
}

/* The descriptor of the last one; -1: there was none. Its process id may belong to another
 * process by now. */
static int beside = -1;

_Noreturn static void run_beside(pid_t parent, const struct config *config, char *const *arguments)
{
    struct err e = {.code = ERR_NONE};
    sigset_t none;

    if (privileges_drop(config, &e) < 0) {
        log_error("%s", e.detail);
        _exit(EXIT_FAILURE);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Executed, so that it has none of the master's descriptors. */
    execv("/proc/self/exe", arguments);
    log_error("cannot start %s: %s", arguments[0], strerrordesc_np(errno));
    _exit(EXIT_FAILURE);
}

void pool_start_beside(const struct config *config, char *const *arguments)
{
    pid_t parent = getpid();

    if (beside >= 0) {
        (void)pidfd_send_signal(beside, SIGKILL, NULL, 0);
        close(beside);
        beside = -1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        run_beside(parent, config, arguments);
    if (pid < 0)
        log_error("fork: %s", strerrordesc_np(errno));
    else
        beside = pidfd_open(pid, 0); /* close-on-exec by itself */
}
