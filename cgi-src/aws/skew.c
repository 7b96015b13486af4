/*
 * When a refusal is about time, and what time it is then. attempts decides whether to try
 * again.
 */
#include "aws/skew.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

#define SKEW_MIN_S 240 /* AWS tolerates 5 min */

int64_t skew_get(const struct skew *skew)
{
    return atomic_load_explicit(&skew->s, memory_order_relaxed);
}

struct skew_interval skew_interval_begin(const struct clock *clock)
{
    return (struct skew_interval){clock->wall_us(clock->context), clock->mono_us(clock->context)};
}

int64_t skew_interval_middle_s(const struct clock *clock, const struct skew_interval *interval)
{
    /* The middle by the clock that does not step. */
    int64_t took_us = clock->mono_us(clock->context) - interval->mono_us;
    return (interval->wall_us + took_us / 2) / 1000000;
}

static bool text_contains(struct str text, const char *words)
{
    return text.n > 0 && memmem(text.p, text.n, words, strlen(words));
}

bool skew_is_named(struct str type, struct str message)
{
    static const char *const about_time[] = {"RequestExpired", "RequestTimeTooSkewed",
                                             "RequestInTheFuture"};
    static const char *const about_a_signature[] = {"InvalidSignatureException",
                                                    "SignatureDoesNotMatch"};
    for (size_t i = 0; i < sizeof about_time / sizeof about_time[0]; i++) {
        if (str_is(type, about_time[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof about_a_signature / sizeof about_a_signature[0]; i++) {
        if (str_is(type, about_a_signature[i]))
            return text_contains(message, "Signature expired") ||
                   text_contains(message, "Signature not yet current");
    }
    return false;
}

int64_t skew_time_in_message(struct str message)
{
    struct tm t = {0};
    char text[17] = "";
    const char *open = message.n ? memchr(message.p, '(', message.n) : NULL;
    if (!open || message.n - (size_t)(open - message.p) < sizeof text)
        return SKEW_TIME_UNKNOWN;
    memcpy(text, open + 1, sizeof text - 1);
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &t);
    return end && *end == '\0' ? (int64_t)timegm(&t) : SKEW_TIME_UNKNOWN;
}

int64_t skew_between(int64_t server_s, int64_t clock_s)
{
    if (server_s < 0 || llabs(server_s - clock_s) < SKEW_MIN_S)
        return 0;
    return server_s - clock_s;
}

void skew_correct(struct skew *skew, int64_t server_s, int64_t clock_s, int64_t signed_s)
{
    /* Far from the time that was signed: that may also be one that was corrected before, on a
     * machine whose clock is right now. */
    if (skew_between(server_s, clock_s + signed_s) == 0)
        return;
    int64_t ahead = server_s - clock_s;
    atomic_store_explicit(&skew->s, ahead, memory_order_relaxed);
    log_warning("this machine's clock is %lld s %s AWS's; signatures are corrected by that",
                llabs(ahead), ahead > 0 ? "behind" : "ahead of");
}
