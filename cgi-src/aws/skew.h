/*
 * This machine's clock and AWS's: signatures are made for AWS's time, which a refusal tells. One
 * difference for a process, whichever service told it.
 */
#ifndef AWS_SKEW_H
#define AWS_SKEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/str.h"

/* What is added to this machine's clock, in seconds. Zero it to begin; every thread may use it. */
struct skew {
    _Atomic int64_t s;
};
int64_t skew_get(const struct skew *skew);

/* Between sending and answer: begin before the one, ask after the other. */
struct skew_interval {
    int64_t wall_us;
    int64_t mono_us;
};
struct skew_interval skew_interval_begin(const struct clock *clock);

/* What this machine's clock said (seconds since the epoch) halfway through it, when the server
 * wrote its Date. */
int64_t skew_interval_middle_s(const struct clock *clock, const struct skew_interval *interval);

/* True if an error refuses a signature for its time, and not for its key. */
bool skew_is_named(struct str type, struct str message);

#define SKEW_TIME_UNKNOWN (-1)

/*
 * The server's time out of "Signature expired: 20150830T123600Z is now earlier than
 * 20150830T124500Z (20150830T125000Z - 5 min.)", which is the one in parentheses;
 * SKEW_TIME_UNKNOWN if it is not there.
 */
int64_t skew_time_in_message(struct str message);

/* server_s - clock_s if a signature can fail by that much; else, or if server_s is unknown, 0. */
int64_t skew_between(int64_t server_s, int64_t clock_s);

/*
 * After a refusal that skew_is_named: takes server_s for the right time, of which clock_s was this
 * machine's, if the signature, corrected by signed_s, was so far from it that this explains the
 * refusal. If not, the process was held up between signing and sending, and the time is as it was.
 * Either way the next signature is made for another moment.
 */
void skew_correct(struct skew *skew, int64_t server_s, int64_t clock_s, int64_t signed_s);

#endif
