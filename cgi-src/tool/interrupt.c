/*
 * Lets a command stop on SIGINT or SIGTERM where it can continue the next time.
 */
#include <signal.h>

#include "tool/internal.h"

static volatile sig_atomic_t is_wanted;

static void interrupt_note(int signal_number)
{
    (void)signal_number;
    is_wanted = 1;
}

void interrupt_begin(void)
{
    /* The second signal has its default action. System calls continue after the first. */
    struct sigaction action = {.sa_handler = interrupt_note,
                               .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* a failed write tells that nobody reads */
}

bool interrupt_is_wanted(void)
{
    return is_wanted != 0;
}
