/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The path of one packet.  Order matters: what cannot be read is refused before it may latch; what is latched is
 * counted before direction decides whether it goes on, so that a phone on hold keeps its place.
 */
#include <string.h>
#include "base/mem.h"
#include "media/film.h"
#include "media/relay.h"
#include "media/secure.h"
#include "media/voice.h"
#include "media/web.h"

static struct stream_end *refuse(struct stream_end *in)
{
	in->rx_refused++;
	return NULL;
}

static int32_t budget_of(const struct stream *s)
{
	return s->remote.kind == MEDIA_AUDIO ? RELAY_BUDGET_AUDIO : RELAY_BUDGET_OTHER;
}

void stream_end_aim(struct stream_end *e, const struct addr *a)
{
	struct sockaddr_storage ss;

	e->nto = 0;
	if (!a->family || !a->port)
		return;
	e->nto = addr_to_sockaddr(a, &ss);
	memcpy(&e->to, &ss, e->nto);
}

/* Whom we listen to is whom we answer; as long as nobody spoke, or when it is believed, whom the description names. */
static void aim(struct stream_end *e, bool may_aim)
{
	const struct addr none = {0};

	if (e->web && web_has_ice(e->web))
		return; /* to the pair that was nominated */
	if (!may_aim)
		stream_end_aim(e, &none);
	else if (e->stream->remote.is_believed)
		stream_end_aim(e, &e->latch.expected);
	else
		stream_end_aim(e, e->latch.source.family ? &e->latch.source : &e->latch.expected);
}

/* RTCP comes from where RTP comes from, one port up, unless the description's own RTCP address speaks. */
static void arm_rtcp(struct stream *s)
{
	const struct addr *rtp = &s->rtp.latch.source;
	struct addr expected = s->remote.rtcp;

	if (!expected.family && s->remote.rtp.family) {
		expected = s->remote.rtp;
		expected.port++;
	}
	if (rtp->family && !addr_eq(rtp, &s->remote.rtp) && !s->remote.is_believed) {
		expected = *rtp;
		expected.port++;
	}
	latch_arm(&s->rtcp.latch, &expected, rtp->family ? rtp : &s->remote.hint, &latch_rule_rtcp);
	s->rtcp.latch.is_strict = rtp->family != 0 || s->remote.is_believed;
	aim(&s->rtcp, s->remote.rtp.family != 0);
}

bool stream_end_hear(struct stream_end *in, const struct addr *src, const struct latch_mark *mark,
		     uint64_t now_us)
{
	struct stream *s = in->stream;

	if (__builtin_expect(in->web != NULL, 0) && web_has_ice(in->web)) {
		if (!web_is_valid(in->web, src))
			return false;
		in->latch.source = *src;
		return true;
	}
	switch (latch_hear(&in->latch, src, mark, now_us / 1000)) {
	case LATCH_REFUSED:
		return false;
	case LATCH_SAME:
		return true;
	case LATCH_CHANGED:
		break;
	}
	aim(in, s->remote.rtp.family != 0);
	if (in->role == RELAY_RTP)
		arm_rtcp(s);
	return true;
}

/* What the right source sent: counted, unless faster than any phone does. */
static bool let_in(struct stream_end *in, struct stream *s, size_t n)
{
	if (s->budget <= 0)
		return false;
	s->budget--;
	in->rx_packets++;
	in->rx_bytes += n;
	return true;
}

static void mark_heard(struct stream *s, uint64_t now_us)
{
	s->heard_us = now_us;
	if (__builtin_expect(!s->was_heard || s->is_silent, 0)) {
		s->was_heard = true;
		s->is_silent = false;
		s->news = (uint8_t)((s->news & ~RELAY_SILENT) | RELAY_HEARD);
	}
}

static struct stream_end *rtp_end(struct stream *s)
{
	return s->carrier ? &s->carrier->rtp : &s->rtp;
}

static struct stream_end *leave_rtcp(struct stream *s)
{
	struct stream_end *out;

	if (s->mode != RELAY_PEER)
		return NULL; /* an echoed report would speak of packets that nobody sent */
	out = s->peer->remote.rtcp_mux ? rtp_end(s->peer) : &s->peer->rtcp;
	return out->nto ? out : NULL;
}

/* Before anything is believed of a protected packet, its source address included. */
static struct secure *secure_of(const struct stream_end *e)
{
	const struct stream *s = e->stream;

	return e->role == RELAY_RTCP && e->web ? s->secure_rtcp : s->secure;
}

static bool unseal(struct stream_end *in, bool is_rtcp, uint8_t *p, size_t *np)
{
	struct secure *keys;

	if (__builtin_expect(!in->stream->is_protected, 1))
		return true;
	keys = secure_of(in);
	if (keys && !secure_open(keys, is_rtcp, p, np))
		return true;
	in->rx_forged++;
	return false;
}

static struct stream_end *seal(struct stream_end *out, bool is_rtcp, uint8_t *p, size_t *np)
{
	struct secure *keys;

	if (!out || __builtin_expect(!out->stream->is_protected, 1))
		return out;
	keys = secure_of(out);
	if (keys && !secure_seal(keys, is_rtcp, p, np))
		return out;
	out->tx_failed++;
	return NULL;
}

static struct stream_end *relay_rtcp(struct stream_end *in, const struct addr *src, uint8_t *p,
				     size_t *np, uint64_t now_us)
{
	struct stream_end *out;
	struct stream *s;

	if (!unseal(in, true, p, np) || rtcp_check(p, *np) ||
	    !stream_end_hear(in, src, NULL, now_us) || !let_in(in, in->stream, *np))
		return refuse(in);
	s = bundle_of_rtcp(in->stream, p, *np);
	out = leave_rtcp(s);
	if (out)
		splice_reports(&s->splice, &s->peer->splice, p, *np);
	return seal(out, true, p, np);
}

static struct stream_end *leave_rtp(struct stream *s, uint8_t *p)
{
	struct stream_end *out;

	if (!s->remote.may_send)
		return NULL;
	if (s->mode == RELAY_PEER) {
		bool hears = s->peer->remote.may_receive & !s->peer->is_taken;

		out = hears ? rtp_end(s->peer) : NULL;
	} else if (s->mode == RELAY_ECHO && s->remote.may_receive) {
		out = rtp_end(s);
		/* With its own SSRC a phone would see a loop (RFC 3550 8.2) and stay silent. */
		for (int i = 0; p && i < 4; i++)
			p[8 + i] ^= (uint8_t)(s->echo_mask >> (24 - 8 * i));
	} else {
		out = NULL;
	}
	return out && out->nto ? out : NULL;
}

static uint32_t clock_of(const struct stream *s, uint8_t pt)
{
	uint32_t hz = rtp_static_clock_hz(pt);

	return hz ? hz : s->remote.clock_hz;
}

/* Video keeps its SSRCs: it may have several at a time, and its receivers begin anew with a key frame. */
static void join_on(struct stream *to, uint8_t *p, uint8_t pt, uint64_t now_us)
{
	if (to->remote.kind == MEDIA_AUDIO)
		splice_pass(&to->splice, p, clock_of(to, pt), now_us);
}

static struct stream_end *relay_raw(struct stream_end *in, const struct addr *src, size_t n,
				    uint64_t now_us)
{
	struct stream *s = in->stream;

	if (!n || !stream_end_hear(in, src, NULL, now_us) || !let_in(in, s, n))
		return refuse(in);
	if (in->role == RELAY_RTCP)
		return leave_rtcp(s);
	mark_heard(s, now_us);
	return leave_rtp(s, NULL);
}

static inline bool is_event(const struct stream *s, uint8_t pt)
{
	const struct media_format *f = &s->remote.format;

	return (pt == f->events_in) | (pt == f->events_out);
}

static void listen_to(struct stream *s, const struct rtp_head *h, const uint8_t *p, uint64_t now_us)
{
	if (s->voice)
		voice_hear(s->voice, h, p, now_us);
	if (s->film)
		film_hear(s->film, h, p, &s->remote.pictures, now_us);
}

struct stream_end *relay_packet(struct stream_end *in, const struct addr *src, uint8_t *p,
				size_t *np, uint64_t now_us)
{
	struct stream *s = in->stream;
	struct rtp_head h;
	struct latch_mark mark;
	struct stream_end *out;

	if (__builtin_expect(in->web != NULL, 0) && web_kind_of(p, *np) != WEB_MEDIA) {
		stream_web_hear(in, src, p, *np, now_us);
		return NULL;
	}
	if (__builtin_expect(!s->is_remote_known, 0) && stream_web_keep(in, src, p, *np))
		return NULL;
	if (s->remote.kind == MEDIA_RAW)
		return relay_raw(in, src, *np, now_us);
	if (in->role == RELAY_RTCP || (s->remote.rtcp_mux && rtp_is_rtcp(p, *np)))
		return relay_rtcp(in, src, p, np, now_us);
	if (rtp_read(&h, p, *np))
		return refuse(in);
	if (__builtin_expect(s->ncarried, 0))
		s = bundle_of_rtp(s, h.pt);
	/* Somebody who can forge the phone's address still does not know its SSRC. */
	if (s->source.has_started && h.ssrc != s->source.ssrc && s->remote.kind == MEDIA_AUDIO &&
	    now_us - s->heard_us < RELAY_SSRC_GUARD_US && addr_eq(src, &in->latch.source))
		return refuse(in);
	mark = (struct latch_mark){.ssrc = h.ssrc, .seq = h.seq};
	if (!unseal(in, false, p, np) || !stream_end_hear(in, src, &mark, now_us) ||
	    !let_in(in, s, *np))
		return refuse(in);
	mark_heard(s, now_us);
	s->nrtp++;
	s->pt = h.pt;
	if (__builtin_expect(!(s->remote.types[h.pt / 8] >> h.pt % 8 & 1), 0))
		s->nundescribed++;
	if (h.ssrc != s->sources[0])
		bundle_note(s, h.ssrc);
	rtp_source_hear(&s->source, &h, clock_of(s, h.pt), now_us);
	/* Read again: opening has taken the tag from its end. */
	if (__builtin_expect((s->voice != NULL) | (s->film != NULL), 0) && s->remote.may_send &&
	    !rtp_read(&h, p, *np))
		listen_to(s, &h, p, now_us);
	if (__builtin_expect(is_event(s, h.pt), 0) && !stream_keys_pass(s, &h, p)) {
		splice_skip(&s->peer->splice, &h);
		return NULL;
	}
	out = leave_rtp(s, p);
	if (out)
		join_on(s->mode == RELAY_PEER ? s->peer : s, p, p[1] & 0x7f, now_us);
	return seal(out, false, p, np);
}

struct stream_end *relay_speak(struct stream *s, uint8_t *p, size_t *np, uint64_t now_us)
{
	struct stream_end *out = rtp_end(s);

	if (!out->nto || !s->remote.may_receive)
		return NULL;
	join_on(s, p, p[1] & 0x7f, now_us);
	return seal(out, false, p, np);
}

struct stream_end *relay_report(struct stream *s, uint8_t *p, size_t *np)
{
	struct stream_end *out = s->remote.rtcp_mux ? rtp_end(s) : &s->rtcp;
	const struct splice ours = {0}; /* what we hear is what was sent */

	if (!out->nto)
		return NULL;
	splice_reports(&ours, &s->splice, p, *np);
	return seal(out, true, p, np);
}

int stream_keys(struct stream *s, bool is_protected, const struct media_key *in,
		const struct media_key *out)
{
	int err = 0;

	stream_carry(s, NULL, NULL);
	stream_web_close(s);
	s->is_protected = is_protected;
	if (!is_protected)
		return 0;
	if (!s->secure)
		err = secure_alloc(&s->secure);
	if (!err)
		err = secure_key_in(s->secure, in);
	if (!err)
		err = secure_key_out(s->secure, out);
	if (err)
		s->secure = secure_free(s->secure);
	return err;
}

void stream_close(struct stream *s)
{
	stream_part(s);
	stream_carry(s, NULL, NULL);
	stream_web_close(s);
	s->secure = secure_free(s->secure);
	s->film = film_free(s->film);
	s->sets = mem_free(s->sets);
}

void stream_init(struct stream *s, uint8_t index)
{
	memset(s, 0, sizeof(*s));
	s->index = index;
	s->rtp.stream = s->rtcp.stream = s;
	s->rtp.role = RELAY_RTP;
	s->rtcp.role = RELAY_RTCP;
	s->rtp.fd = s->rtcp.fd = -1;
	s->budget = RELAY_BUDGET_AUDIO;
}

void stream_renew(struct stream *s)
{
	struct stream_end rtp = s->rtp, rtcp = s->rtcp;
	bool is_watched = s->is_watched;

	stream_init(s, 0);
	s->rtp.fd = rtp.fd;
	s->rtp.local = rtp.local;
	s->rtp.latch = rtp.latch;
	s->rtcp.fd = rtcp.fd;
	s->rtcp.local = rtcp.local;
	s->rtcp.latch = rtcp.latch;
	s->is_watched = is_watched;
	latch_renew(&s->rtp.latch);
	latch_renew(&s->rtcp.latch);
}

void stream_remote(struct stream *s, const struct media_remote *r, uint64_t now_us)
{
	struct media_remote before = s->remote;
	bool is_new;

	s->remote = *r;
	if (!r->rtp.family && before.rtp.family && r->kind == before.kind) {
		/* Held with 0.0.0.0: listen to whom we know; nowhere to send until it says where. */
		aim(&s->rtp, false);
		aim(&s->rtcp, false);
		is_new = false;
	} else {
		is_new = !s->is_remote_known || !addr_eq(&r->rtp, &s->rtp.latch.expected) ||
			 !addr_ip_eq(&r->hint, &before.hint) || r->kind != before.kind ||
			 r->is_believed != before.is_believed;
	}
	if (is_new) {
		latch_arm(&s->rtp.latch, &r->rtp, r->is_believed ? NULL : &r->hint,
			  &latch_rule_rtp);
		s->rtp.latch.is_strict = r->is_believed;
		arm_rtcp(s);
	} else if (!addr_eq(&r->rtcp, &before.rtcp)) {
		arm_rtcp(s);
	}
	if (r->rtp.family) {
		aim(&s->rtp, true);
		aim(&s->rtcp, true);
	}
	if (r->kind != before.kind)
		s->budget = budget_of(s);
	/* A leg that may send again has its whole time to begin. */
	if (r->may_send && (is_new || !before.may_send || s->is_silent)) {
		s->since_us = now_us;
		s->is_silent = false;
	}
	s->is_remote_known = true;
	if (__builtin_expect(s->rtp.early || s->rtcp.early, 0))
		stream_web_catch_up(s, now_us);
}

void stream_join(struct stream *a, struct stream *b)
{
	BUG(a == b || a->mode != RELAY_NOWHERE || b->mode != RELAY_NOWHERE);
	a->peer = b;
	b->peer = a;
	a->mode = b->mode = RELAY_PEER;
}

void stream_part(struct stream *s)
{
	if (s->mode == RELAY_PEER) {
		s->peer->peer = NULL;
		s->peer->mode = RELAY_NOWHERE;
		s->peer->is_taken = false;
	}
	s->peer = NULL;
	s->is_taken = false;
	s->mode = RELAY_NOWHERE;
}

void stream_echo(struct stream *s, uint32_t mask)
{
	BUG(s->mode != RELAY_NOWHERE);
	s->mode = RELAY_ECHO;
	s->echo_mask = mask | 1;
}

void stream_speak(struct stream *s)
{
	BUG(s->mode != RELAY_NOWHERE);
	s->mode = RELAY_SPOKEN;
}

void stream_sweep(struct stream *s, uint64_t silence_us, uint64_t now_us)
{
	uint64_t last = s->heard_us > s->since_us ? s->heard_us : s->since_us;

	s->budget = budget_of(s);
	if (__builtin_expect(s->rtp.web != NULL, 0))
		stream_web_sweep(s, now_us);
	if (__builtin_expect(s->film != NULL, 0) && film_is_idle(s->film, now_us))
		s->film = film_free(s->film);
	if (!silence_us || !s->is_remote_known || !s->remote.may_send || s->is_silent)
		return;
	if (now_us - last < silence_us)
		return;
	s->is_silent = true;
	s->news = (uint8_t)((s->news & ~RELAY_HEARD) | RELAY_SILENT);
}

static void end_count(const struct stream_end *e, struct media_counters *sum)
{
	sum->rx_packets += e->rx_packets;
	sum->rx_bytes += e->rx_bytes;
	sum->rx_refused += e->rx_refused;
	sum->rx_forged += e->rx_forged;
	sum->tx_packets += e->tx_packets;
	sum->tx_bytes += e->tx_bytes;
	sum->tx_failed += e->tx_failed;
}

void stream_count(const struct stream *s, struct media_counters *sum)
{
	static const uint8_t none[sizeof(s->remote.types)];
	uint32_t jitter_us = rtp_source_jitter_us(&s->source);

	end_count(&s->rtp, sum);
	end_count(&s->rtcp, sum);
	sum->rx_lost += rtp_source_lost(&s->source);
	if (jitter_us > sum->rx_jitter_us)
		sum->rx_jitter_us = jitter_us;
	if (s->index)
		return;
	sum->latched = s->rtp.latch.source;
	sum->rx_rtp = s->nrtp;
	sum->rx_undescribed = memcmp(s->remote.types, none, sizeof(none)) ? s->nundescribed : 0;
	sum->rx_rtp_lost = rtp_source_lost(&s->source);
	sum->rx_pt = s->pt;
	sum->guard = (uint8_t)stream_guard(s);
}

int stream_path(const struct stream *s, struct relay_path *path)
{
	const struct stream *b = s->peer;

	if (s->mode != RELAY_PEER || s->remote.rtcp_mux || !s->remote.may_send ||
	    !b->remote.may_receive || s->is_protected || b->is_protected || b->splice.is_shifted ||
	    !stream_keys_alike(s, b))
		return EAGAIN;
	if (s->rtp.latch.rank < LATCH_HOST || b->rtp.latch.rank < LATCH_HOST || !b->rtp.nto)
		return EAGAIN;
	path->from = s->rtp.latch.source;
	path->at = s->rtp.local;
	path->leave = b->rtp.local;
	path->to = b->rtp.latch.source;
	path->packets = s->rtp.rx_packets;
	path->bytes = s->rtp.rx_bytes;
	return 0;
}

void stream_path_counted(struct stream *s, uint64_t packets, uint64_t bytes, uint64_t now_us)
{
	if (!packets)
		return;
	s->rtp.rx_packets += packets;
	s->rtp.rx_bytes += bytes;
	if (s->mode == RELAY_PEER) {
		s->peer->rtp.tx_packets += packets;
		s->peer->rtp.tx_bytes += bytes;
	}
	s->rtp.latch.heard_ms = now_us / 1000;
	mark_heard(s, now_us);
}
