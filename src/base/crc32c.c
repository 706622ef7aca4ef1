/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/crc32c.h"

/* Remainders of the 16 values of half a byte, polynomial 0x82f63b78 (reflected). */
static const uint32_t half[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	crc = ~crc;
	while (n--) {
		crc ^= *b++;
		crc = half[crc & 15] ^ (crc >> 4);
		crc = half[crc & 15] ^ (crc >> 4);
	}
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const void *p,
								 size_t n)
{
	const uint8_t *b = p;
	uint64_t c = ~crc;

	for (; n >= 8; n -= 8, b += 8) {
		uint64_t word;

		memcpy(&word, b, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	while (n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *b++);
	return ~(uint32_t)c;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, p, n)
						: crc32c_portable(crc, p, n);
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	crc = ~crc;
	for (; n >= 8; n -= 8, b += 8) {
		uint64_t word;

		memcpy(&word, b, sizeof(word));
		crc = __crc32cd(crc, word);
	}
	while (n--)
		crc = __crc32cb(crc, *b++);
	return ~crc;
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return crc32c_portable(crc, p, n);
}
#endif
