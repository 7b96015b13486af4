/*
 * Root is needed only to open what no other user can open, and is given up for good before the
 * first worker starts.
 */
#include "pool/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/pool.h"

/* user: NULL if POOL_USER is not set. */
static int find_user(const struct config *config, const struct passwd **user, struct err *e)
{
    *user = NULL;
    if (*config->user == '\0')
        return 0;
    // cppcheck-suppress getpwnamCalled ; the master has one thread
    *user = getpwnam(config->user);
    if (!*user)
        return err_set(e, ERR_CONFIGURATION, "POOL_USER: there is no user %s", config->user);
    return 0;
}

static int socket_group(const struct config *config, const char *path, const struct passwd *user,
                        gid_t *group, struct err *e)
{
    struct stat s;

    *group = (gid_t)-1;
    if (*config->socket_group) {
        // cppcheck-suppress getgrnamCalled ; the master has one thread
        const struct group *g = getgrnam(config->socket_group);
        if (!g)
            return err_set(e, ERR_CONFIGURATION, "SOCKET_GROUP: there is no group %s",
                           config->socket_group);
        *group = g->gr_gid;
    } else if (user && stat(path, &s) == 0 && s.st_gid == getegid()) {
        *group = user->pw_gid;
    }
    return 0;
}

int privileges_give_socket(const struct config *config, const char *path, struct err *e)
{
    const struct passwd *user;
    gid_t group;

    if (!path)
        return 0;
    if (find_user(config, &user, e) < 0)
        return -1;
    if (geteuid() != 0)
        user = NULL;
    if (socket_group(config, path, user, &group, e) < 0)
        return -1;
    if (!user && group == (gid_t)-1)
        return 0;
    if (chown(path, user ? user->pw_uid : (uid_t)-1, group) == 0)
        return 0;
    return err_set(e, ERR_CONFIGURATION, "cannot give %s to POOL_USER %s, SOCKET_GROUP %s: %s",
                   path, config->user, config->socket_group, strerrordesc_np(errno));
}

int privileges_drop(const struct config *config, struct err *e)
{
    const struct passwd *user;

    if (find_user(config, &user, e) < 0)
        return -1;
    if (!user)
        return 0;
    if (geteuid() != 0) {
        if (geteuid() != user->pw_uid)
            log_warning("POOL_USER is ignored: only root can become %s", user->pw_name);
        return 0;
    }
    if (log_give(user->pw_uid, user->pw_gid) < 0)
        return err_set(e, ERR_CONFIGURATION, "cannot give the log file to %s: %s", user->pw_name,
                       strerrordesc_np(errno));
    if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
        setuid(user->pw_uid) < 0)
        return err_set(e, ERR_CONFIGURATION, "cannot become the user %s: %s", user->pw_name,
                       strerrordesc_np(errno));
    pool_forbid_core_dumps();
    return 0;
}
