/*
 * Signals come through a descriptor, so that nothing is ever done in a handler.
 */
#include "pool/signals.h"

#include <sys/signalfd.h>

static void list_signals(sigset_t *set)
{
    static const int wanted[] = {SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGQUIT};

    sigemptyset(set);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        sigaddset(set, wanted[i]);
}

void signals_hold(sigset_t *before)
{
    sigset_t set;

    list_signals(&set);
    sigprocmask(SIG_BLOCK, &set, before);
}

int signals_open(sigset_t *before)
{
    sigset_t set;

    list_signals(&set);
    signals_hold(before);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}
