/*
 * How the C library's allocator keeps memory. The settings are for the whole process; what is
 * allocated, and how much a client can cause, is limited elsewhere.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/* Once, before the first thread: what is freed goes back to the system. */
void memory_begin(void);

#endif
