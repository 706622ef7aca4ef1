/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include "media/stun.h"

enum {
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	XOR_MAPPED_ADDRESS = 0x0020,
	PRIORITY = 0x0024,
	USE_CANDIDATE = 0x0025,
	OPTIONAL = 0x8000, /* and above: may be ignored */
	ICE_CONTROLLED = 0x8029,
	FINGERPRINT = 0x8028,
	INTEGRITY_BYTES = 20,
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

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Over a message whose head says that it ends behind the attribute itself (RFC 8489 14.5). */
static bool integrity(uint8_t mac[INTEGRITY_BYTES], const uint8_t *p, size_t n, struct str password)
{
	unsigned nmac = INTEGRITY_BYTES;

	return HMAC(EVP_sha1(), password.p, (int)password.n, p, n, mac, &nmac) != NULL;
}

static bool is_authentic(const uint8_t *p, size_t at, const uint8_t *mac, struct str password)
{
	uint8_t copy[1500], ours[INTEGRITY_BYTES];

	if (at > sizeof(copy))
		return false;
	memcpy(copy, p, at);
	put16(copy + 2, (unsigned)(at + 4 + INTEGRITY_BYTES - STUN_HEAD_BYTES));
	return integrity(ours, copy, at, password) &&
	       str_same_secret((struct str){(const char *)ours, INTEGRITY_BYTES},
			       (struct str){(const char *)mac, INTEGRITY_BYTES});
}

/* "ours:theirs" */
static bool is_for_us(const uint8_t *p, size_t n, struct str ufrag)
{
	return n > ufrag.n && !memcmp(p, ufrag.p, ufrag.n) && p[ufrag.n] == ':';
}

int stun_read(struct stun_check *c, const uint8_t *p, size_t n, struct str ufrag,
	      struct str password)
{
	bool has_name = false;

	memset(c, 0, sizeof(*c));
	if (!stun_is(p, n) || u16(p) != BINDING_REQUEST || u16(p + 2) % 4 ||
	    (size_t)u16(p + 2) + STUN_HEAD_BYTES != n)
		return EBADMSG;
	memcpy(c->id, p + 8, STUN_ID_BYTES);
	for (size_t at = STUN_HEAD_BYTES; at + 4 <= n;) {
		unsigned type = u16(p + at), size = u16(p + at + 2);
		const uint8_t *value = p + at + 4;

		if (at + 4 + size > n)
			return EBADMSG;
		switch (type) {
		case USERNAME:
			has_name = is_for_us(value, size, ufrag);
			break;
		case USE_CANDIDATE:
			c->is_nomination = true;
			break;
		case ICE_CONTROLLED:
			c->is_controlled = true;
			break;
		case MESSAGE_INTEGRITY: /* what follows it but a fingerprint does not count */
			if (size != INTEGRITY_BYTES)
				return EBADMSG;
			return has_name && is_authentic(p, at, value, password) ? 0 : EACCES;
		default:
			if (type < OPTIONAL && type != PRIORITY)
				return EBADMSG; /* something that must be understood */
		}
		at += 4 + (size + 3) / 4 * 4;
	}
	return EACCES;
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static size_t put_address(uint8_t *p, const struct stun_check *c, const struct addr *from)
{
	size_t nip = from->family == 6 ? 16 : 4;

	put16(p, XOR_MAPPED_ADDRESS);
	put16(p + 2, (unsigned)(4 + nip));
	p[4] = 0;
	p[5] = from->family == 6 ? 2 : 1;
	put16(p + 6, from->port ^ 0x2112u);
	for (size_t i = 0; i < nip; i++)
		p[8 + i] = from->ip[i] ^ (i < 4 ? cookie[i] : c->id[i - 4]);
	return 8 + nip;
}

static size_t put_conflict(uint8_t *p)
{
	put16(p, ERROR_CODE);
	put16(p + 2, 4);
	put32(p + 4, 4 << 8 | 87);
	return 8;
}

size_t stun_answer(uint8_t *dst, const struct stun_check *c, const struct addr *from,
		   struct str password)
{
	size_t n = STUN_HEAD_BYTES;

	put16(dst, c->is_controlled ? BINDING_ERROR : BINDING_SUCCESS);
	memcpy(dst + 4, cookie, sizeof(cookie));
	memcpy(dst + 8, c->id, STUN_ID_BYTES);
	n += c->is_controlled ? put_conflict(dst + n) : put_address(dst + n, c, from);
	put16(dst + 2, (unsigned)(n + 4 + INTEGRITY_BYTES - STUN_HEAD_BYTES));
	put16(dst + n, MESSAGE_INTEGRITY);
	put16(dst + n + 2, INTEGRITY_BYTES);
	if (!integrity(dst + n + 4, dst, n, password))
		return 0;
	n += 4 + INTEGRITY_BYTES;
	put16(dst + 2, (unsigned)(n + 8 - STUN_HEAD_BYTES));
	put16(dst + n, FINGERPRINT);
	put16(dst + n + 2, 4);
	put32(dst + n + 4, crc32_of(dst, n) ^ 0x5354554eu);
	return n + 8;
}
