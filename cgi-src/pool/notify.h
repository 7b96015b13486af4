/*
 * What systemd wants to know of a service (sd_notify(3)), without libsystemd. For pool/ alone.
 */
#ifndef POOL_NOTIFY_H
#define POOL_NOTIFY_H

#include <stdint.h>

/* Sends lines such as "READY=1\nSTATUS=..."; nothing happens where NOTIFY_SOCKET is not set. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How often systemd wants to see WATCHDOG=1, in microseconds, halved as it advises; 0: never. */
int64_t notify_watchdog_us(void);

#endif
