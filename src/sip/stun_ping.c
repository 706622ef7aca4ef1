/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "sip/stun_ping.h"

enum { MAX_UNKNOWN = 4 }; /* that are named */

/* Attributes that nobody may pass over, and we know none.  False: it is malformed. */
static bool read_unknown(uint16_t unknown[MAX_UNKNOWN], size_t *np, const uint8_t *p, size_t n)
{
	*np = 0;
	for (size_t at = STUN_HEAD_BYTES; at < n;) {
		size_t left = n - at, size = left < 4 ? 0 : stun_u16(p + at + 2);

		if (left < 4 || (size + 3) / 4 * 4 > left - 4)
			return false;
		if (stun_u16(p + at) < STUN_OPTIONAL && *np < MAX_UNKNOWN)
			unknown[(*np)++] = (uint16_t)stun_u16(p + at);
		at += 4 + (size + 3) / 4 * 4;
	}
	return true;
}

/* 420: which ones (14.9). */
static size_t put_unknown(uint8_t *dst, const uint16_t *unknown, size_t n)
{
	size_t bytes = (2 * n + 3) / 4 * 4, at = stun_put_error(dst, 420);

	stun_put16(dst + at, STUN_UNKNOWN_ATTRIBUTES);
	stun_put16(dst + at + 2, (unsigned)(2 * n));
	memset(dst + at + 4, 0, bytes);
	for (size_t i = 0; i < n; i++)
		stun_put16(dst + at + 4 + 2 * i, unknown[i]);
	return at + 4 + bytes;
}

size_t stun_ping(uint8_t dst[STUN_PING_BYTES], const uint8_t *p, size_t n, const struct addr *from)
{
	uint16_t unknown[MAX_UNKNOWN];
	size_t nunknown, nbody;

	if (!stun_is_request(p, n) || !read_unknown(unknown, &nunknown, p, n))
		return 0;
	nbody = nunknown ? put_unknown(dst + STUN_HEAD_BYTES, unknown, nunknown)
			 : stun_put_address(dst + STUN_HEAD_BYTES, p + 8, from);
	stun_put_head(dst, nunknown ? STUN_BINDING_ERROR : STUN_BINDING_SUCCESS, p + 8, nbody);
	return STUN_HEAD_BYTES + nbody;
}
