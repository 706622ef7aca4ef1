/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several streams over one transport (RFC 9143): which packet belongs to which.
 */
#include <string.h>
#include "media/relay.h"

enum { RTPFB = 205, PSFB = 206, SR = 200, RR = 201, FMT_FIR = 4, FMT_AFB = 15 };

static void let_go(struct stream *s)
{
	struct stream *c = s->carrier;

	if (!c)
		return;
	for (size_t i = 0; i < c->ncarried; i++)
		if (c->carried[i] == s)
			c->carried[i] = c->carried[--c->ncarried];
	s->carrier = NULL;
}

void stream_carry(struct stream *s, struct stream *carrier, const uint8_t types[16])
{
	let_go(s);
	if (!carrier) {
		while (s->ncarried)
			let_go(s->carried[0]);
		return;
	}
	memcpy(s->types, types, sizeof(s->types));
	s->carrier = carrier;
	carrier->carried[carrier->ncarried++] = s;
}

struct stream *bundle_of_rtp(struct stream *s, uint8_t pt)
{
	for (size_t i = 0; i < s->ncarried; i++)
		if (s->carried[i]->types[pt / 8] >> pt % 8 & 1)
			return s->carried[i];
	return s;
}

void bundle_note(struct stream *s, uint32_t ssrc)
{
	for (size_t i = 0; i < RELAY_SOURCES; i++)
		if (s->sources[i] == ssrc)
			return;
	s->sources[s->nsources++ % RELAY_SOURCES] = ssrc;
}

static bool has_source(const struct stream *s, uint32_t ssrc)
{
	for (size_t i = 0; s && i < RELAY_SOURCES; i++)
		if (s->sources[i] == ssrc)
			return ssrc != 0;
	return false;
}

/* The SSRC that a packet speaks of, and whether it is the leg's own.  0: none. */
static uint32_t subject_of(const uint8_t *p, size_t n, bool *is_own)
{
	unsigned fmt = p[0] & 31;

	*is_own = p[1] == SR;
	if (p[1] == SR)
		return n >= 8 ? rtp_get32(p + 4) : 0;
	if (p[1] == RR)
		return n >= 12 ? rtp_get32(p + 8) : 0;
	if (p[1] == PSFB && fmt == FMT_FIR)
		return n >= 16 ? rtp_get32(p + 12) : 0;
	if (p[1] == PSFB && fmt == FMT_AFB)
		return n >= 24 ? rtp_get32(p + 20) : 0;
	return (p[1] == RTPFB || p[1] == PSFB) && n >= 12 ? rtp_get32(p + 8) : 0;
}

static bool is_subject(const struct stream *s, uint32_t ssrc, bool is_own)
{
	return is_own ? has_source(s, ssrc)
		      : has_source(s->peer, ssrc) || splice_is(&s->splice, ssrc);
}

/* The first packet of a compound that speaks of one we know decides. */
struct stream *bundle_of_rtcp(struct stream *s, const uint8_t *p, size_t n)
{
	while (s->ncarried && n >= 4) {
		size_t bytes = 4u * ((size_t)(p[2] << 8 | p[3]) + 1);
		bool is_own;
		uint32_t ssrc;

		if (bytes > n)
			break;
		ssrc = subject_of(p, bytes, &is_own);
		for (size_t i = 0; i < s->ncarried; i++)
			if (is_subject(s->carried[i], ssrc, is_own))
				return s->carried[i];
		if (is_subject(s, ssrc, is_own))
			return s;
		p += bytes;
		n -= bytes;
	}
	return s;
}
