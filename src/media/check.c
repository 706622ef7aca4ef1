/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include "media/check.h"

enum { INTEGRITY_BYTES = 20 };

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
	stun_put16(copy + 2, (unsigned)(at + 4 + INTEGRITY_BYTES - STUN_HEAD_BYTES));
	return integrity(ours, copy, at, password) &&
	       str_same_secret((struct str){(const char *)ours, INTEGRITY_BYTES},
			       (struct str){(const char *)mac, INTEGRITY_BYTES});
}

/* "ours:theirs" */
static bool is_for_us(const uint8_t *p, size_t n, struct str ufrag)
{
	return n > ufrag.n && !memcmp(p, ufrag.p, ufrag.n) && p[ufrag.n] == ':';
}

int check_read(struct ice_check *c, const uint8_t *p, size_t n, struct str ufrag,
	       struct str password)
{
	bool has_name = false;

	memset(c, 0, sizeof(*c));
	if (!stun_is_request(p, n))
		return EBADMSG;
	memcpy(c->id, p + 8, STUN_ID_BYTES);
	for (size_t at = STUN_HEAD_BYTES; at + 4 <= n;) {
		unsigned type = stun_u16(p + at), size = stun_u16(p + at + 2);
		const uint8_t *value = p + at + 4;

		if (at + 4 + size > n)
			return EBADMSG;
		switch (type) {
		case STUN_USERNAME:
			has_name = is_for_us(value, size, ufrag);
			break;
		case STUN_USE_CANDIDATE:
			c->is_nomination = true;
			break;
		case STUN_ICE_CONTROLLED:
			c->is_controlled = true;
			break;
		case STUN_MESSAGE_INTEGRITY: /* what follows it but a fingerprint does not count */
			if (size != INTEGRITY_BYTES)
				return EBADMSG;
			return has_name && is_authentic(p, at, value, password) ? 0 : EACCES;
		default:
			if (type < STUN_OPTIONAL && type != STUN_PRIORITY)
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

size_t check_answer(uint8_t *dst, const struct ice_check *c, const struct addr *from,
		    struct str password)
{
	size_t n = STUN_HEAD_BYTES;

	stun_put_head(dst, c->is_controlled ? STUN_BINDING_ERROR : STUN_BINDING_SUCCESS, c->id, 0);
	n += c->is_controlled ? stun_put_error(dst + n, 487)
			      : stun_put_address(dst + n, c->id, from);
	stun_put16(dst + 2, (unsigned)(n + 4 + INTEGRITY_BYTES - STUN_HEAD_BYTES));
	stun_put16(dst + n, STUN_MESSAGE_INTEGRITY);
	stun_put16(dst + n + 2, INTEGRITY_BYTES);
	if (!integrity(dst + n + 4, dst, n, password))
		return 0;
	n += 4 + INTEGRITY_BYTES;
	stun_put16(dst + 2, (unsigned)(n + 8 - STUN_HEAD_BYTES));
	stun_put16(dst + n, STUN_FINGERPRINT);
	stun_put16(dst + n + 2, 4);
	stun_put32(dst + n + 4, crc32_of(dst, n) ^ 0x5354554eu);
	return n + 8;
}
