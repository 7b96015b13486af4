/*
 * Identifiers: UUIDv7 (RFC 9562) with 74 random bits, so that session ids cannot be guessed and
 * sort in the order of creation.
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

#define IDS_UUID_SIZE 37 /* 36 characters and the NUL */

/* A new UUIDv7 for the given time, lower case. Random bits from the kernel, drawn in blocks. Safe
 * from any thread and after a fork. */
void ids_uuid7(int64_t wall_ms, char out[IDS_UUID_SIZE]);

/* The pure core: the same from the given 10 random bytes (74 bits of them are used). */
void ids_uuid7_from(int64_t wall_ms, const unsigned char random[10], char out[IDS_UUID_SIZE]);

/* Fills out with random bytes from the kernel; aborts if there are none. */
void ids_random(void *out, size_t n);

#endif
