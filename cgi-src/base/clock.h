/*
 * Time, sleep and chance behind one table, so that tests take no time and always run in the same
 * way.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_TIME_SIZE 28 /* "2026-11-23T08:30:02.342117Z" and its NUL */

struct clock {
    int64_t (*wall_us)(void *context); /* microseconds since the epoch, may step */
    int64_t (*mono_us)(void *context); /* microseconds, never steps; for intervals */
    void (*sleep_us)(void *context, int64_t us);
    double (*chance)(void *context); /* uniform in [0, 1) */
    void *context;
};

/* The machine's clocks, nanosleep and the kernel's random numbers. Safe from any thread. */
extern const struct clock clock_system;

/* RFC 3339, UTC, microseconds, with Z. Years 1970 to 9999. */
void clock_format_us(int64_t wall_us, char out[CLOCK_TIME_SIZE]);

/*
 * Reads an RFC 3339 or Python isoformat() time: "T" or a blank between, 0 to 9 digits of a
 * fraction, "Z", "+hh:mm" or no zone at all (taken as UTC). Returns microseconds since the epoch or
 * -1.
 */
int64_t clock_parse_us(const char *text, unsigned long length);

#endif
