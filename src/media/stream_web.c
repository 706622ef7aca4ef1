/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a stream meets ICE and DTLS: which packets they get, when keys are taken over, what failure means.
 */
#include <sodium.h>
#include <string.h>
#include "base/mem.h"
#include "media/relay.h"
#include "media/secure.h"
#include "media/web.h"

struct early {
	struct addr src;
	size_t n;
	uint8_t bytes[DTLS_DATAGRAM_BYTES];
};

static int end_open(struct stream_end *e, const struct dtls_identity *i,
		    const struct media_dtls *conf, const struct addr *peer)
{
	return e->web ? web_change(e->web, conf, peer) : web_alloc(&e->web, i, conf, peer);
}

static void end_close(struct stream_end *e)
{
	e->web = web_free(e->web);
	e->early = mem_free(e->early);
}

void stream_web_close(struct stream *s)
{
	end_close(&s->rtp);
	end_close(&s->rtcp);
	s->secure_rtcp = secure_free(s->secure_rtcp);
	s->failure = 0;
}

int stream_dtls(struct stream *s, const struct dtls_identity *i, const struct media_dtls *conf,
		uint64_t now_us)
{
	int err;

	if (!i)
		return ENOTSUP;
	s->is_protected = true;
	s->failure = 0;
	err = end_open(&s->rtp, i, conf, &conf->rtp);
	if (!err && !conf->rtcp_mux)
		err = end_open(&s->rtcp, i, conf, &conf->rtcp);
	else if (!err)
		end_close(&s->rtcp);
	if (err) {
		stream_web_close(s);
		s->secure = secure_free(s->secure);
		return err;
	}
	stream_web_sweep(s, now_us);
	return 0;
}

/* Without ICE: it comes from where the description or the signalling points to. */
static bool is_trusted(const struct stream_end *in, const struct addr *src)
{
	const struct media_remote *r = &in->stream->remote;

	return (r->rtp.family && addr_ip_eq(src, &r->rtp)) ||
	       (!r->is_believed && r->hint.family && addr_ip_eq(src, &r->hint));
}

static int take_keys(struct stream_end *e)
{
	struct stream *s = e->stream;
	struct secure **sp = e->role == RELAY_RTP ? &s->secure : &s->secure_rtcp;
	struct media_key in, out;
	int err = web_keys(e->web, &in, &out);

	if (!err && !*sp)
		err = secure_alloc(sp);
	if (!err)
		err = secure_key_in(*sp, &in);
	if (!err)
		err = secure_key_out(*sp, &out);
	sodium_memzero(&in, sizeof(in));
	sodium_memzero(&out, sizeof(out));
	return err;
}

static void fail(struct stream *s, int err)
{
	const struct addr none = {0};

	if (!s->failure)
		s->news |= RELAY_BROKEN;
	s->failure = err;
	stream_end_aim(&s->rtp, &none);
	stream_end_aim(&s->rtcp, &none);
}

void stream_web_hear(struct stream_end *in, const struct addr *src, const uint8_t *p, size_t n,
		     uint64_t now_us)
{
	struct stream *s = in->stream;

	if (s->budget <= 0) {
		in->rx_refused++;
		return;
	}
	s->budget--;
	if (s->remote.is_believed && !is_trusted(in, src)) {
		in->rx_refused++;
		return;
	}
	switch (web_packet(in->web, src, is_trusted(in, src), p, n, now_us)) {
	case WEB_REFUSED:
		in->rx_refused++;
		return;
	case WEB_PAIR:
		stream_end_aim(in, src);
		break;
	case WEB_KEYS:
		if (take_keys(in))
			fail(s, ENOMEM);
		else if (
			!web_has_ice(
				in->web)) /* behind a NAT it is heard from elsewhere than it says */
			(void)stream_end_hear(in, src, NULL, now_us);
		break;
	case WEB_OLD:
		break;
	}
	s->news |= RELAY_SAYS;
}

bool stream_web_keep(struct stream_end *in, const struct addr *src, const uint8_t *p, size_t n)
{
	/* A socket kept for a later call hears whom the one before spoke to. */
	if (!in->stream->owner || n > DTLS_DATAGRAM_BYTES || !web_is_client_hello(p, n))
		return false;
	if (!in->early)
		in->early = mem_alloc(sizeof(*in->early));
	if (!in->early)
		return false;
	in->early->src = *src;
	in->early->n = n;
	memcpy(in->early->bytes, p, n);
	return true;
}

static void end_catch_up(struct stream_end *e, uint64_t now_us)
{
	struct early *early = e->early;

	e->early = NULL;
	if (early && e->web)
		stream_web_hear(e, &early->src, early->bytes, early->n, now_us);
	mem_free(early);
}

void stream_web_catch_up(struct stream *s, uint64_t now_us)
{
	end_catch_up(&s->rtp, now_us);
	end_catch_up(&s->rtcp, now_us);
}

size_t stream_web_take(struct stream_end *e, uint8_t *dst, size_t size, struct addr *to)
{
	return e->web ? web_take(e->web, dst, size, to) : 0;
}

void stream_web_sweep(struct stream *s, uint64_t now_us)
{
	int err = web_sweep(s->rtp.web, now_us);

	if (!err && s->rtcp.web)
		err = web_sweep(s->rtcp.web, now_us);
	if (err && !s->failure)
		fail(s, err);
	s->news |= RELAY_SAYS;
}

enum media_guard stream_guard(const struct stream *s)
{
	struct media_key in, out;
	bool is_done;

	if (!s->rtp.web)
		return MEDIA_GUARD_NONE;
	if (s->failure)
		return MEDIA_GUARD_FAILED;
	is_done = !web_keys(s->rtp.web, &in, &out);
	sodium_memzero(&in, sizeof(in));
	sodium_memzero(&out, sizeof(out));
	if (is_done)
		return MEDIA_GUARD_DONE;
	return web_has_ice(s->rtp.web) && !web_pair(s->rtp.web) ? MEDIA_GUARD_NO_PAIR
								: MEDIA_GUARD_SHAKING;
}
