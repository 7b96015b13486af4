/*
 * The change to a newer program in place of this one: the same process id, the same listening
 * sockets. For pool/ alone.
 */
#ifndef POOL_UPGRADE_H
#define POOL_UPGRADE_H

#include <signal.h>
#include <stdbool.h>
#include "base/err.h"

/* Remembers how the program was started. To be called while argv is as it was given. */
void upgrade_init(int argc, char **argv);

/* True if another file has been put in the place of the program that runs. */
bool upgrade_is_due(void);

/* What the next program is given. */
struct upgrade_sockets {
    int listener;
    int status_listener;
    bool own; /* opened by this program, which removes their files when it stops; not systemd's */
};

/*
 * Executes that file in this process, with the arguments of the start. The sockets are passed as
 * systemd does (sd_listen_fds(3)). mask: the signals that were blocked when the program began.
 * Returns only if it could not be done, -1 with e; then everything is as it was.
 */
int upgrade_run(const struct upgrade_sockets *sockets, const sigset_t *mask, struct err *e);

/* True if this program was started in that way. */
bool upgrade_was_done(void);
/* True if it was, and the sockets are its own (`own` above). */
bool upgrade_gave_own_sockets(void);

#endif
