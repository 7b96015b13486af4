/*
 * How the C library's allocator keeps memory. For the whole process; what is allocated, and how
 * much of it a client can cause, is decided elsewhere.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/* Once, before the first thread: what is freed goes back to the system. */
void memory_begin(void);

#endif
