/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/stun.h"

static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

bool stun_is_request(const uint8_t *p, size_t n)
{
	return stun_is(p, n) && stun_u16(p) == STUN_BINDING_REQUEST &&
	       (size_t)stun_u16(p + 2) + STUN_HEAD_BYTES == n && n % 4 == 0;
}

void stun_put_head(uint8_t dst[STUN_HEAD_BYTES], enum stun_type type,
		   const uint8_t id[STUN_ID_BYTES], size_t nbody)
{
	stun_put16(dst, type);
	stun_put16(dst + 2, (unsigned)nbody);
	memcpy(dst + 4, cookie, sizeof(cookie));
	memcpy(dst + 8, id, STUN_ID_BYTES);
}

size_t stun_put_address(uint8_t dst[STUN_ADDRESS_BYTES], const uint8_t id[STUN_ID_BYTES],
			const struct addr *from)
{
	size_t nip = from->family == 6 ? 16 : 4;

	stun_put16(dst, STUN_XOR_MAPPED_ADDRESS);
	stun_put16(dst + 2, (unsigned)(4 + nip));
	dst[4] = 0;
	dst[5] = from->family == 6 ? 2 : 1;
	stun_put16(dst + 6, from->port ^ stun_u16(cookie));
	for (size_t i = 0; i < nip; i++)
		dst[8 + i] = from->ip[i] ^ (i < 4 ? cookie[i] : id[i - 4]);
	return 8 + nip;
}

size_t stun_put_error(uint8_t dst[8], unsigned code)
{
	stun_put16(dst, STUN_ERROR_CODE);
	stun_put16(dst + 2, 4);
	stun_put32(dst + 4, code / 100 << 8 | code % 100);
	return 8;
}
