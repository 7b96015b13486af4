/*
 * Listening sockets. libfcgi's own FCGX_OpenSocket removes a file without asking whether somebody
 * listens there, leaves its permissions to the umask, and ends the process on failure.
 */
#include "pool/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define SYSTEMD_FIRST 3 /* SD_LISTEN_FDS_START */

/* Others hold the lock for as long as it takes to open a socket. */
#define LOCK_TRIES 100
#define LOCK_WAIT_US 20000

bool listener_is_one(int fd)
{
    int yes = 0;
    socklen_t n = sizeof(yes);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

void listener_warn_if_open(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t n = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &n) == 0 && address.ss_family != AF_UNIX)
        log_warning("the FastCGI socket is not a unix socket: whoever can connect to it can speak "
                    "for any user and can stop a worker");
}

void listener_warn_if_short(int wait)
{
    FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");
    char text[32] = "";

    if (!f)
        return;
    if (fgets(text, sizeof(text), f)) {
        long most = strtol(text, NULL, 10);
        if (most > 0 && most < wait)
            log_warning("net.core.somaxconn is %ld: only so many requests can wait while every "
                        "worker is busy, and nginx answers 503 to more at once; set "
                        "net.core.somaxconn to %d, the most that this service uses",
                        most, wait);
    }
    fclose(f);
}

/* True if a program accepts connections there. */
static bool socket_is_in_use(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true; /* not known: better not to replace the socket */
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
                   (errno == ECONNREFUSED || errno == ENOENT);
    close(fd);
    return !refused;
}

static bool is_socket(const char *path)
{
    struct stat s;

    return lstat(path, &s) == 0 && S_ISSOCK(s.st_mode);
}

/* The socket is never more open than asked for, not even between bind and chmod. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0177);
    int result = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    int error = errno;

    umask(before);
    errno = error;
    return result;
}

/*
 * Two that start at once must not take each other's new socket, which does not listen yet, for one
 * that was left behind. The directory is locked, not a file, which would be left behind too.
 * Returns the descriptor that holds the lock, or -1 if there is none, which must not prevent the
 * start.
 */
static int lock_directory(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    free(copy);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        clock_system.sleep_us(clock_system.context, LOCK_WAIT_US);
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static int bind_or_replace(int fd, const struct sockaddr_un *address, struct err *e)
{
    if (bind_private(fd, address) == 0)
        return 0;
    if (errno == EADDRINUSE && is_socket(address->sun_path)) {
        if (socket_is_in_use(address))
            return err_set(e, ERR_CONFIGURATION,
                           "already running: a program answers on %s; stop that one first, or set "
                           "SOCKET or STATUS_SOCKET to another path",
                           address->sun_path);
        log_warning("replacing %s, on which no program listens any more", address->sun_path);
        if (unlink(address->sun_path) == 0 && bind_private(fd, address) == 0)
            return 0;
    }
    return err_set(e, ERR_CONFIGURATION, "cannot open the socket %s: %s", address->sun_path,
                   strerrordesc_np(errno));
}

static int listen_there(struct listener *l, unsigned mode, int wait, struct err *e)
{
    struct stat s;

    if (chmod(l->path, mode) < 0 || stat(l->path, &s) < 0 || listen(l->fd, wait) < 0)
        return err_set(e, ERR_CONFIGURATION, "cannot listen on the socket %s: %s", l->path,
                       strerrordesc_np(errno));
    l->device = s.st_dev;
    l->inode = s.st_ino;
    return 0;
}

int listener_open(struct listener *l, const char *path, unsigned mode, int wait, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *l = (struct listener){.fd = -1, .path = path};
    if (strlen(path) >= sizeof(address.sun_path))
        return err_set(e, ERR_CONFIGURATION, "the path of the socket is too long: %s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return err_set(e, ERR_INTERNAL, "cannot make a socket: %s", strerrordesc_np(errno));
    int lock = lock_directory(path);
    int result = bind_or_replace(l->fd, &address, e) == 0 ? listen_there(l, mode, wait, e) : -1;
    if (lock >= 0)
        close(lock);
    if (result == 0)
        return 0;
    close(l->fd);
    l->fd = -1;
    return -1;
}

/* ---- systemd ---- */

static long environment_number(const char *name)
{
    const char *text = getenv(name);
    char *end;

    if (!text)
        return 0;
    long n = strtol(text, &end, 10);
    return *text && *end == '\0' ? n : 0;
}

/* Whether the i-th of the names between colons is this one. */
static bool is_named(long i, const char *name)
{
    const char *names = getenv("LISTEN_FDNAMES");

    for (; names && i > 0; i--) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    return names && strcspn(names, ":") == strlen(name) && strncmp(names, name, strlen(name)) == 0;
}

bool listener_from_systemd(struct listener *l, const char *name)
{
    *l = (struct listener){.fd = -1};
    if (environment_number("LISTEN_PID") != getpid())
        return false;
    for (long i = 0; i < environment_number("LISTEN_FDS"); i++) {
        int fd = SYSTEMD_FIRST + (int)i;
        if (name ? !is_named(i, name) : is_named(i, "status"))
            continue;
        if (!listener_is_one(fd))
            continue;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        l->fd = fd;
        return true;
    }
    return false;
}

void listener_own(struct listener *l, const char *path)
{
    struct stat s;

    if (stat(path, &s) < 0 || !S_ISSOCK(s.st_mode))
        return;
    l->path = path;
    l->device = s.st_dev;
    l->inode = s.st_ino;
}

void listener_forget_environment(void)
{
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

/* ---- end ---- */

void listener_unlink(struct listener *l)
{
    struct stat s;

    if (l->fd >= 0 && l->path && stat(l->path, &s) == 0 && s.st_dev == l->device &&
        s.st_ino == l->inode)
        unlink(l->path);
    l->path = NULL;
}

void listener_close(struct listener *l)
{
    listener_unlink(l);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
