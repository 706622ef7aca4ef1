/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tags, Call-IDs and branches that we make: a stranger cannot guess them, and we know our own when we see them.
 *
 * A tag is 28 bytes in base64url: node, boot and a running index (each cut to 32 bits, for whoever routes by node), 64
 * random bits, and a MAC over all of it.  A branch is the transaction's id and a MAC, so that a response is found by
 * index and an invented one is not.
 */
#include <stdio.h>
#include <string.h>
#include "base/thread.h"
#include "sip/stack.h"

enum { TAG_DATA = 20, TAG_RAW = 28, TAG_CHARS = 38 };

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint64_t mac(const struct sip *s, const void *p, size_t n)
{
	uint8_t in[sizeof(s->secret) + TAG_DATA];

	memcpy(in, s->secret, sizeof(s->secret));
	memcpy(in + sizeof(s->secret), p, n);
	return map_hash(in, sizeof(s->secret) + n);
}

static void put32(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void base64url(char *dst, const uint8_t *p, size_t n)
{
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			*dst++ = digits[bits >> (have - 6) & 63];
	}
	if (have)
		*dst++ = digits[bits << (6 - have) & 63];
	*dst = '\0';
}

static bool unbase64url(uint8_t *dst, size_t n, struct str s)
{
	uint32_t bits = 0;
	int have = 0;
	size_t at = 0;

	for (size_t i = 0; i < s.n; i++) {
		const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;

		if (!d)
			return false;
		bits = bits << 6 | (uint32_t)(d - digits);
		have += 6;
		if (have >= 8 && at < n) {
			have -= 8;
			dst[at++] = (uint8_t)(bits >> have);
		}
	}
	return at == n;
}

static void make(struct sip *s, char out[TAG_CHARS + 1])
{
	uint8_t raw[TAG_RAW];
	uint64_t random = rng_u64(s->conf.env.rng), sum;

	put32(raw, s->conf.node);
	put32(raw + 4, s->conf.boot);
	put32(raw + 8, ++s->tag_index);
	memcpy(raw + 12, &random, 8);
	sum = mac(s, raw, TAG_DATA);
	memcpy(raw + TAG_DATA, &sum, 8);
	base64url(out, raw, TAG_RAW);
}

void tag_mark(const struct sip *s, char mark[FLOW_THIN_MARK + 1])
{
	uint8_t raw[TAG_RAW] = {0}; /* the index begins with zeros for a long time */
	char text[TAG_CHARS + 1];

	put32(raw, s->conf.node);
	put32(raw + 4, s->conf.boot);
	base64url(text, raw, TAG_RAW);
	str_fit(mark, FLOW_THIN_MARK + 1, (struct str){text, FLOW_THIN_MARK});
}

bool tag_is_ours(const struct sip *s, struct str tag)
{
	uint8_t raw[TAG_RAW];
	uint64_t sum;

	if (tag.n != TAG_CHARS || !unbase64url(raw, TAG_RAW, tag))
		return false;
	sum = mac(s, raw, TAG_DATA);
	return !memcmp(raw + TAG_DATA, &sum, 8);
}

void sip_make_tag(struct sip *s, char *dst, size_t dst_bytes)
{
	char text[TAG_CHARS + 1];

	ON_THREAD(THREAD_CORE);
	make(s, text);
	str_fit(dst, dst_bytes, (struct str){text, TAG_CHARS});
}

void sip_make_call_id(struct sip *s, char *dst, size_t dst_bytes)
{
	sip_make_tag(s, dst, dst_bytes);
}

void tag_branch(const struct sip *s, oid id, char branch[SIP_BRANCH_BYTES])
{
	_Static_assert(SIP_BRANCH_BYTES >= 7 + 16 + 16 + 1, "cookie, id, MAC");
	memcpy(branch, "z9hG4bK", 7);
	str_hex64(branch + 7, id);
	str_hex64(branch + 7 + 16, mac(s, &id, sizeof(id)));
}

static bool hex64(struct str s, uint64_t *v)
{
	uint8_t raw[8];
	size_t n;

	if (hex_decode(raw, sizeof(raw), s, &n) || n != sizeof(raw))
		return false;
	*v = 0;
	for (size_t i = 0; i < n; i++)
		*v = *v << 8 | raw[i];
	return true;
}

oid tag_branch_id(const struct sip *s, struct str branch)
{
	uint64_t id, sum;

	if (branch.n != 7 + 32)
		return 0;
	if (!hex64((struct str){branch.p + 7, 16}, &id) ||
	    !hex64((struct str){branch.p + 23, 16}, &sum))
		return 0;
	return mac(s, &id, sizeof(id)) == sum ? id : 0;
}
