/*
 * Listening unix sockets: opened here, or taken over from systemd (sd_listen_fds(3)). For pool/
 * alone.
 */
#ifndef POOL_LISTENER_H
#define POOL_LISTENER_H

#include <stdbool.h>
#include <sys/stat.h>
#include "base/err.h"

struct listener {
    int fd;           /* close-on-exec, not blocking; -1: none */
    const char *path; /* borrowed; NULL: it came from systemd, which keeps it */
    dev_t device;     /* the file that was made here, */
    ino_t inode;      /* so that no other program's is removed */
};

/* True if the descriptor is a listening socket. */
bool listener_is_one(int fd);
/* Warns in the log if others than this machine's users may reach it, since FastCGI trusts its
 * client. */
void listener_warn_if_open(int fd);

/* Warns in the log if the kernel keeps fewer connections waiting (net.core.somaxconn). */
void listener_warn_if_short(int wait);

/*
 * Opens the socket with these permissions. A file that a dead pool left behind is replaced; if one
 * answers there, that is an error. wait: how many connections the kernel keeps waiting.
 */
int listener_open(struct listener *l, const char *path, unsigned mode, int wait, struct err *e);

/*
 * Takes over the socket that systemd calls by this name (FileDescriptorName=); NULL takes the first
 * that is not called "status". False if there is none. Call before listener_forget_environment.
 */
bool listener_from_systemd(struct listener *l, const char *name);
/* The socket at this path, which was taken over, is this program's own: its file is to be removed
 * at the end. */
void listener_own(struct listener *l, const char *path);
/* LISTEN_FDS and its like were meant for this process alone. */
void listener_forget_environment(void);

/* Closes it. removes the file if it is still the one made here. */
void listener_close(struct listener *l);
/* Removes the file if it is still the one made here; the socket goes on. */
void listener_unlink(struct listener *l);

#endif
