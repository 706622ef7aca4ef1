/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests only: connectivity checks as a browser makes them. */
#ifndef MEDIA_CHECK_FIXTURE_H
#define MEDIA_CHECK_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include "media/check.h"

enum { CHECK_NOMINATES = 1, CHECK_IS_CONTROLLED = 2, CHECK_MAX_BYTES = 200 };

static inline size_t check_attribute(uint8_t *p, unsigned type, const void *value, size_t n)
{
	p[0] = (uint8_t)(type >> 8);
	p[1] = (uint8_t)type;
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
	memset(p + 4, 0, (n + 3) / 4 * 4);
	if (n)
		memcpy(p + 4, value, n);
	return 4 + (n + 3) / 4 * 4;
}

/* A binding request for "user", signed with the password; returns its length. */
static inline size_t check_make(uint8_t p[CHECK_MAX_BYTES], const char *user, const char *password,
				unsigned what)
{
	static const uint8_t head[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 'i', 'd'};
	static const uint8_t zeros[8];
	unsigned nmac = 20;
	uint8_t mac[20];
	size_t n = sizeof(head);

	memcpy(p, head, n);
	n += check_attribute(p + n, 0x0006, user, strlen(user));
	n += check_attribute(p + n, 0x0024, zeros, 4);
	n += check_attribute(p + n, what & CHECK_IS_CONTROLLED ? 0x8029 : 0x802a, zeros, 8);
	if (what & CHECK_NOMINATES)
		n += check_attribute(p + n, 0x0025, NULL, 0);
	p[3] = (uint8_t)(n + 24 - sizeof(head));
	HMAC(EVP_sha1(), password, (int)strlen(password), p, n, mac, &nmac);
	return n + check_attribute(p + n, 0x0008, mac, sizeof(mac));
}

#endif
