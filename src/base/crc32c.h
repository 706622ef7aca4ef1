/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CRC-32C, by the processor's instruction where it has one.
 *
 * Thread     any
 * Sources    RFC 3720 B.4 (test values)
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/defs.h"

/* Continue from crc (0 to start) over n bytes. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
uint32_t crc32c_portable(uint32_t crc, const void *p,
			 size_t n); /* the same, without the instruction */

#endif
