/*
 * The allocator's settings. Left to itself, it raises its threshold for mapped blocks to 32 MB as
 * soon as a large block is freed, and then never gives back what many threads have freed.
 */
#include "base/memory.h"

#include <malloc.h>

#define LARGE_BYTES                                                                                \
    (128 * 1024) /* bodies and answers of this size are mapped, and unmapped by free */
#define SPARE_BYTES (128 * 1024) /* kept at the end of each of the allocator's areas */

void memory_begin(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    mallopt(M_TRIM_THRESHOLD, SPARE_BYTES);
}
