/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "net/stun_ping.h"

enum {
	HEAD_BYTES = 20,
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	XOR_MAPPED_ADDRESS = 0x0020,
	OPTIONAL = 0x8000, /* and above: may be ignored */
	MAX_UNKNOWN = 4,   /* that are named */
};

static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

static unsigned u16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Attributes that nobody may pass over, and we know none.  False: it is malformed. */
static bool read_unknown(uint16_t unknown[MAX_UNKNOWN], size_t *np, const uint8_t *p, size_t n)
{
	*np = 0;
	for (size_t at = HEAD_BYTES; at < n;) {
		size_t left = n - at, size = left < 4 ? 0 : u16(p + at + 2);

		if (left < 4 || (size + 3) / 4 * 4 > left - 4)
			return false;
		if (u16(p + at) < OPTIONAL && *np < MAX_UNKNOWN)
			unknown[(*np)++] = (uint16_t)u16(p + at);
		at += 4 + (size + 3) / 4 * 4;
	}
	return true;
}

static size_t put_address(uint8_t *dst, const uint8_t *head, const struct addr *from)
{
	size_t n = from->family == 4 ? 4 : 16;

	put16(dst, XOR_MAPPED_ADDRESS);
	put16(dst + 2, (unsigned)(4 + n));
	dst[4] = 0;
	dst[5] = from->family == 4 ? 1 : 2;
	put16(dst + 6, from->port ^ u16(cookie));
	for (size_t i = 0; i < n; i++) /* with the cookie, and the id behind it */
		dst[8 + i] = from->ip[i] ^ head[4 + i];
	return 8 + n;
}

/* 420: which ones (14.9). */
static size_t put_unknown(uint8_t *dst, const uint16_t *unknown, size_t n)
{
	size_t bytes = (2 * n + 3) / 4 * 4;

	put16(dst, ERROR_CODE);
	put16(dst + 2, 4);
	put16(dst + 4, 0);
	put16(dst + 6, 4 << 8 | 20);
	put16(dst + 8, UNKNOWN_ATTRIBUTES);
	put16(dst + 10, (unsigned)(2 * n));
	memset(dst + 12, 0, bytes);
	for (size_t i = 0; i < n; i++)
		put16(dst + 12 + 2 * i, unknown[i]);
	return 12 + bytes;
}

size_t stun_ping(uint8_t dst[STUN_PING_BYTES], const uint8_t *p, size_t n, const struct addr *from)
{
	uint16_t unknown[MAX_UNKNOWN];
	size_t nunknown, nbody;

	if (n < HEAD_BYTES || u16(p) != BINDING_REQUEST ||
	    memcmp(p + 4, cookie, sizeof(cookie)) != 0 || (size_t)u16(p + 2) + HEAD_BYTES != n ||
	    !read_unknown(unknown, &nunknown, p, n))
		return 0;
	memcpy(dst, p, HEAD_BYTES);
	nbody = nunknown ? put_unknown(dst + HEAD_BYTES, unknown, nunknown)
			 : put_address(dst + HEAD_BYTES, p, from);
	put16(dst, nunknown ? BINDING_ERROR : BINDING_SUCCESS);
	put16(dst + 2, (unsigned)nbody);
	return HEAD_BYTES + nbody;
}
