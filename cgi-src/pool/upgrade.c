/*
 * Executes the newer program. The master decides when that is done; listener.c takes the sockets
 * over as if they came from systemd.
 */
#include "pool/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define SOCKETS 2
/* In the environment of the next program: "own" or "given". */
#define NAME "CHAT_SESSIONS_UPGRADE"

static char program[PATH_MAX]; /* "" if it is not known */
static char **arguments;       /* copies: argv becomes the title of the processes */

void upgrade_init(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

    program[n > 0 ? n : 0] = '\0';
    arguments = calloc((size_t)argc + 1, sizeof(*arguments));
    for (int i = 0; arguments && i < argc; i++)
        arguments[i] = strdup(argv[i]);
}

bool upgrade_is_due(void)
{
    struct stat running;
    struct stat there;

    return program[0] && arguments && stat("/proc/self/exe", &running) == 0 &&
           stat(program, &there) == 0 && S_ISREG(there.st_mode) && access(program, X_OK) == 0 &&
           (running.st_dev != there.st_dev || running.st_ino != there.st_ino);
}

static void set_environment(bool own)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%d", (int)getpid());
    setenv("LISTEN_PID", id, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "fastcgi:status", 1);
    setenv(NAME, own ? "own" : "given", 1);
}

static void unset_environment(void)
{
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv(NAME);
}

/* The descriptors that stand where the sockets are to be, kept aside; -1: none was there. */
static void keep_aside(int kept[SOCKETS])
{
    for (int i = 0; i < SOCKETS; i++)
        kept[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, FIRST + SOCKETS);
}

static void put_back(const int kept[SOCKETS])
{
    for (int i = 0; i < SOCKETS; i++) {
        if (kept[i] < 0) {
            close(FIRST + i);
        } else {
            dup3(kept[i], FIRST + i, O_CLOEXEC);
            close(kept[i]);
        }
    }
}

/* Through copies: one of the two may stand in the other's place. */
static int put_sockets(const struct upgrade_sockets *sockets)
{
    int copies[SOCKETS] = {fcntl(sockets->listener, F_DUPFD_CLOEXEC, FIRST + SOCKETS),
                           fcntl(sockets->status_listener, F_DUPFD_CLOEXEC, FIRST + SOCKETS)};
    int result = 0;

    for (int i = 0; i < SOCKETS; i++) {
        if (copies[i] < 0 || dup2(copies[i], FIRST + i) < 0) /* without close-on-exec */
            result = -1;
        if (copies[i] >= 0)
            close(copies[i]);
    }
    return result;
}

int upgrade_run(const struct upgrade_sockets *sockets, const sigset_t *mask, struct err *e)
{
    int kept[SOCKETS];
    sigset_t blocked;

    keep_aside(kept);
    if (put_sockets(sockets) == 0) {
        set_environment(sockets->own);
        sigprocmask(SIG_SETMASK, mask, &blocked);
        execv(program, arguments);
        int error = errno;
        sigprocmask(SIG_SETMASK, &blocked, NULL);
        unset_environment();
        errno = error;
    }
    err_set(e, ERR_INTERNAL, "%s cannot be executed: %s", program, strerrordesc_np(errno));
    put_back(kept);
    return -1;
}

bool upgrade_was_done(void)
{
    return getenv(NAME) != NULL;
}

bool upgrade_gave_own_sockets(void)
{
    const char *how = getenv(NAME);

    return how && strcmp(how, "own") == 0;
}
