/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What STUN messages are made of: pure functions over bytes, for the checks of ICE (media/check.h) and the keep-alives of
 * telephones (sip/stun_ping.h).
 *
 * Thread     any
 * Errors     none
 * Sources    RFC 8489 5, 14
 */
#ifndef BASE_STUN_H
#define BASE_STUN_H

#include "base/addr.h"

enum { STUN_HEAD_BYTES = 20, STUN_ID_BYTES = 12, STUN_ADDRESS_BYTES = 24 };
enum stun_type {
	STUN_BINDING_REQUEST = 0x0001,
	STUN_BINDING_SUCCESS = 0x0101,
	STUN_BINDING_ERROR = 0x0111
};
enum stun_attribute {
	STUN_USERNAME = 0x0006,
	STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_ERROR_CODE = 0x0009,
	STUN_UNKNOWN_ATTRIBUTES = 0x000a,
	STUN_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_PRIORITY = 0x0024,
	STUN_USE_CANDIDATE = 0x0025,
	STUN_OPTIONAL = 0x8000, /* and above: may be ignored */
	STUN_FINGERPRINT = 0x8028,
	STUN_ICE_CONTROLLED = 0x8029
};

/* By the first bytes: what may stand on the same port begins otherwise (RFC 7983; a letter or a line end in SIP). */
static inline bool stun_is(const uint8_t *p, size_t n)
{
	return n >= STUN_HEAD_BYTES && p[0] < 4 && p[4] == 0x21 && p[5] == 0x12 && p[6] == 0xa4 &&
	       p[7] == 0x42;
}

static inline unsigned stun_u16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static inline void stun_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void stun_put32(uint8_t *p, uint32_t v)
{
	stun_put16(p, v >> 16);
	stun_put16(p + 2, v & 0xffff);
}

/* A Binding request of just that length. */
bool stun_is_request(const uint8_t *p, size_t n);
/* The head of an answer to the message with that id; nbody: bytes behind it. */
void stun_put_head(uint8_t dst[STUN_HEAD_BYTES], enum stun_type type,
		   const uint8_t id[STUN_ID_BYTES], size_t nbody);
/* XOR-MAPPED-ADDRESS; its length. */
size_t stun_put_address(uint8_t dst[STUN_ADDRESS_BYTES], const uint8_t id[STUN_ID_BYTES],
			const struct addr *from);
/* ERROR-CODE without words; its length. */
size_t stun_put_error(uint8_t dst[8], unsigned code);

#endif
