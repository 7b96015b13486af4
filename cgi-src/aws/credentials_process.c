/*
 * Runs a profile's credential_process and reads its answer (version 1 of its JSON). The command
 * gets no descriptor of this process, and its standard error is not kept: neither is for a log.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
#include "aws/credentials_provider.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/secret.h"

/* Real time, also under a test's clock: the command is real. */
static int64_t now_ms(void)
{
    return clock_system.mono_us(NULL) / 1000;
}

static int remaining_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - now_ms();
    return left < 0 ? 0 : (int)(left < 60000 ? left : 60000);
}

static int wait_readable(int fd, int64_t deadline_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do {
        n = poll(&p, 1, remaining_ms(deadline_ms));
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return ETIMEDOUT;
    return n < 0 ? errno : 0;
}

/* Reads to the end of the output. 0 or an errno value. */
static int read_output(int fd, int64_t deadline_ms, struct buf *out)
{
    for (;;) {
        int error = wait_readable(fd, deadline_ms);
        if (error)
            return error;
        if (out->len == out->cap)
            return EFBIG;
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len);
        if (n == 0)
            return 0;
        if (n > 0)
            buf_added(out, (size_t)n);
        else if (errno != EINTR)
            return errno;
    }
}

/* The command closed its output; it may still take its time to end. */
static int wait_end(pid_t pid, int64_t deadline_ms)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return errno;
    int error = wait_readable(fd, deadline_ms);
    close(fd);
    return error;
}

/* Kills the command, and what it started, if it has not ended; collects its status. */
static int collect(pid_t pid, bool kill_first)
{
    int status = 0;
    pid_t n;
    if (kill_first)
        kill(-pid, SIGKILL); /* it leads a process group of its own */
    do {
        n = waitpid(pid, &status, 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : status;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setpgroup(attributes, 0);
    if (!error)
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return error;
}

static int set_descriptors(posix_spawn_file_actions_t *actions, int output)
{
    int error = posix_spawn_file_actions_adddup2(actions, output, 1);
    if (!error)
        error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
    /* Clients' connections among them: libfcgi does not mark them close-on-exec. */
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return error;
}

static int spawn(const char *command, int output, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char sh[] = "sh";
    char c[] = "-c";
    char *argv[] = {sh, c, (char *)command, NULL};
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = set_attributes(&attributes);
        if (!error)
            error = set_descriptors(&actions, output);
        if (!error)
            error = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* 0 with the whole output and *status, or an errno value: the command is gone in either case. */
static int command_run(const char *command, int64_t limit_ms, struct buf *out, int *status)
{
    int pipe_ends[2];
    pid_t pid;
    int64_t deadline_ms = now_ms() + limit_ms;
    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        return errno;
    int error = spawn(command, pipe_ends[1], &pid);
    close(pipe_ends[1]);
    if (!error) {
        error = read_output(pipe_ends[0], deadline_ms, out);
        if (!error)
            error = wait_end(pid, deadline_ms);
        *status = collect(pid, error != 0);
    }
    close(pipe_ends[0]);
    return error;
}

static int process_explain(int error, int status, int64_t limit_ms, struct err *e)
{
    const enum err_code code = ERR_CREDENTIALS_NOT_CONFIGURED;
    if (error == ETIMEDOUT)
        return err_set(e, ERR_DYNAMODB_UNAVAILABLE,
                       "credential_process: the command did not end within %lld ms",
                       (long long)limit_ms);
    if (error == EFBIG)
        return err_set(e, code, "credential_process: the command printed more than %d bytes",
                       CREDENTIALS_BODY_MAX - 1);
    if (error)
        return err_set(e, code, "credential_process: the command could not be run: %s",
                       strerror(error));
    if (status > 0 && WIFSIGNALED(status))
        return err_set(e, code, "credential_process: the command was ended by signal %d",
                       WTERMSIG(status));
    /* No status (-1) is no failure: somebody else may collect this process's children. */
    if (status > 0)
        return err_set(e, code,
                       "credential_process: the command ended with status %d; run it by hand to "
                       "see why",
                       WEXITSTATUS(status));
    return 0;
}

int credentials_run_process(const struct credentials_context *context, const char *command,
                            int64_t limit_ms, struct credentials *out, struct err *e)
{
    static const struct credentials_dialect dialect = {.token_name = "SessionToken",
                                                       .version_1 = true};
    struct buf output;
    int status = -1;
    secret_buf_init(&output, CREDENTIALS_BODY_MAX);
    int error = buf_ok(&output) ? command_run(command, limit_ms, &output, &status) : ENOMEM;
    int result = process_explain(error, status, limit_ms, e);
    if (result == 0)
        result =
            credentials_read_document(buf_str(&output), &dialect, "credential_process",
                                      context->clock->wall_us(context->clock->context), out, e);
    secret_buf_free(&output);
    return result;
}
