/*
 * CRC-32 as zlib counts it (polynomial 0x04C11DB7, reflected): the sum that x-amz-crc32 has of an
 * answer's bytes.
 */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stdint.h>
#include "base/str.h"

uint32_t crc32_of(struct str bytes);

#endif
