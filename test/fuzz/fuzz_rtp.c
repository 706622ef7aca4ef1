/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two joined streams and whatever may arrive at their four ends, from the described addresses, from behind a NAT and from
 * strangers, while descriptions change and time passes.
 *
 * Input: steps of one byte (bits 0-1: source, 2: leg, 4-7: what happens, an odd packet being RTCP) and an argument byte; a packet's
 * argument is its length, its bytes follow.
 */
#include <string.h>
#include "fuzz.h"
#include "media/relay.h"

enum { PACKET_KINDS = 12, STEP_REMOTE = 12, STEP_TIME, STEP_SWEEP, STEP_MODE };

struct call {
	struct stream leg[2];
	struct addr from[2][4]; /* as each leg describes itself, its NAT, two strangers */
	uint64_t now_us;
};

static struct addr v4(uint8_t last, uint16_t port)
{
	return (struct addr){.family = 4, .port = port, .ip = {192, 0, 2, last}};
}

static void remote(struct call *c, unsigned leg, uint8_t flags)
{
	struct media_remote r = {
		.may_send = flags & 1, .may_receive = flags & 2, .rtcp_mux = flags & 4};

	r.kind = (flags >> 3 & 3) % 3;
	r.clock_hz = flags & 32 ? 48000 : 0;
	if (flags & 64)
		r.hint = c->from[leg][1];
	if (!(flags & 128))
		r.rtp = c->from[leg][0];
	stream_remote(&c->leg[leg], &r, c->now_us);
}

static void begin(struct call *c)
{
	memset(c, 0, sizeof(*c));
	c->now_us = 1000000000;
	for (uint8_t leg = 0; leg < 2; leg++) {
		stream_init(&c->leg[leg], leg);
		for (uint8_t k = 0; k < 4; k++)
			c->from[leg][k] =
				v4((uint8_t)(1 + 10 * leg + k / 2), (uint16_t)(4000 + 2 * k));
		remote(c, leg, 3);
	}
	stream_join(&c->leg[0], &c->leg[1]);
}

static void packet(struct call *c, unsigned leg, bool is_rtcp, unsigned k, const uint8_t *p,
		   size_t n)
{
	struct stream *s = &c->leg[leg];
	struct stream_end *in = is_rtcp ? &s->rtcp : &s->rtp, *out;
	struct stream_end before = *in;
	struct addr src = c->from[leg][k];
	uint8_t *exact = malloc(n ? n : 1); /* one byte too many is seen */
	bool is_settled, is_other;

	MUST(exact);
	memcpy(exact, p, n);
	src.port = (uint16_t)(src.port + is_rtcp);
	is_settled = before.latch.rank == LATCH_SDP &&
		     c->now_us / 1000 - before.latch.heard_ms < latch_rule_rtp.rebind_ms;
	is_other = !addr_eq(&src, &before.latch.source);
	out = relay_packet(in, &src, exact, &n, c->now_us);
	free(exact);

	/* Each is let in or refused, and a refused one goes nowhere. */
	MUST(in->rx_packets + in->rx_refused == before.rx_packets + before.rx_refused + 1);
	MUST(!out || (in->rx_packets > before.rx_packets && out->nto));
	/* Once the described address speaks, only it. */
	MUST(!(is_settled && is_other) || in->rx_refused > before.rx_refused);
	MUST(!out || s->mode != RELAY_PEER || out->stream == s->peer);
	MUST(!out || s->mode != RELAY_ECHO || out == &s->rtp);
	MUST(s->budget >= 0);
	MUST(rtp_source_lost(&s->source) < UINT32_MAX);
	if (out)
		relay_sent(out, n);
}

static void change_mode(struct call *c, unsigned leg, uint8_t mode)
{
	stream_part(&c->leg[leg]);
	if (mode & 1 && c->leg[!leg].mode == RELAY_NOWHERE)
		stream_join(&c->leg[0], &c->leg[1]);
	else if (mode & 2)
		stream_echo(&c->leg[leg], mode);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct call c;

	begin(&c);
	while (n >= 2) {
		unsigned k = p[0] & 3, leg = p[0] >> 2 & 1, step = p[0] >> 4;
		uint8_t arg = p[1];

		p += 2;
		n -= 2;
		if (step < PACKET_KINDS) {
			size_t take = arg < n ? arg : n;

			packet(&c, leg, step & 1, k, p, take);
			p += take;
			n -= take;
		} else if (step == STEP_REMOTE) {
			remote(&c, leg, arg);
		} else if (step == STEP_TIME) {
			c.now_us += 50000ull * arg;
		} else if (step == STEP_SWEEP) {
			stream_sweep(&c.leg[leg], 10000000, c.now_us);
		} else {
			change_mode(&c, leg, arg);
		}
	}
	return 0;
}
