/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands to the media engine.  Answers come to leg_event() through calls_media_event(); DONE is not waited for: commands of a
 * session are carried out in order, so what follows stands on what went before.
 */
#include <string.h>

#include "call/calls.h"
#include "call/leg_keys.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/music.h"
#include "media/format.h"

int leg_media_post(struct leg *leg, struct media_cmd *cmd)
{
	struct calls *cs = leg->cs;

	cmd->session = leg->id;
	cmd->seq = ++cs->seq;
	return cs->conf.media->post(cs->conf.media, cmd);
}

static int open_streams(struct leg *leg, enum media_cmd_type type, uint8_t n)
{
	struct media_cmd cmd = {.type = type};

	cmd.u.open.nstreams = n;
	cmd.u.open.local = leg->bind;
	cmd.u.open.silence_ms = leg->cs->conf.silence_ms;
	cmd.u.open.call = leg->call->rec.id;
	leg->nasked = n;
	return leg_media_post(leg, &cmd);
}

int leg_media_open(struct leg *leg)
{
	int err;

	if (!leg->nstreams || leg->nstreams > MEDIA_MAX_STREAMS)
		return EINVAL;
	err = open_streams(leg, MEDIA_OPEN, leg->nstreams);
	if (!err)
		leg->session = LEG_SESSION_OPEN;
	return err;
}

int leg_media_grow(struct leg *leg, size_t n)
{
	int err;

	if (n <= leg->nstreams || n > MEDIA_MAX_STREAMS)
		return EINVAL;
	switch (leg->session) {
	case LEG_SESSION_OPEN:
		return open_streams(leg, MEDIA_GROW, (uint8_t)n);
	case LEG_SESSION_CLOSING: /* anew, when that is over */
		leg->nasked = (uint8_t)n;
		return 0;
	case LEG_SESSION_NONE:
		err = open_streams(leg, MEDIA_OPEN, (uint8_t)n);
		if (!err)
			leg->session = LEG_SESSION_OPEN;
		return err;
	}
	return EINVAL;
}

int leg_media_wake(struct leg *leg)
{
	leg->is_direct = false;
	if (leg->session != LEG_SESSION_NONE)
		return 0;
	return leg_media_grow(leg, leg->offered ? leg_sdp_streams(leg->offered) : 1);
}

/* What the engine was told is told anew to the next session. */
static void forget_told(struct leg *leg)
{
	struct leg *peer = leg_get(leg->cs, leg->joined);

	if (peer)
		peer->joined = 0;
	leg->joined = 0;
	leg->nstreams = leg->nasked = 0;
	memset(leg->remote, 0, sizeof(leg->remote));
	for (size_t i = 0; i < ARRAY_LEN(leg->lines); i++)
		leg->lines[i].told = leg->lines[i].dtls = 0;
}

void leg_media_drop(struct leg *leg)
{
	if (leg->session == LEG_SESSION_OPEN) {
		leg_media_close(leg);
		forget_told(leg);
	}
	leg->nasked = 0;
}

void leg_media_close(struct leg *leg)
{
	struct media_cmd cmd = {.type = MEDIA_CLOSE};
	int err;

	if (leg->session == LEG_SESSION_CLOSING)
		return;
	leg->session = LEG_SESSION_CLOSING;
	err = leg_media_post(leg, &cmd);

	/* With the ring full the leg's timer goes on without counters, and the engine keeps a session until its stop:
	 * the ring holds more than all sessions may have outstanding, so this is a fault, not load. */
	(void)err;
}

static bool same_remote(const struct media_remote *a, const struct media_remote *b)
{
	return addr_eq(&a->rtp, &b->rtp) && addr_eq(&a->rtcp, &b->rtcp) &&
	       a->is_believed == b->is_believed && a->may_send == b->may_send &&
	       a->may_receive == b->may_receive && a->rtcp_mux == b->rtcp_mux &&
	       a->kind == b->kind && a->clock_hz == b->clock_hz &&
	       !memcmp(a->types, b->types, sizeof(a->types));
}

static uint32_t clock_of(const struct sdp_media *m)
{
	for (size_t i = 0; i < m->nformats; i++)
		if (m->formats[i].pt >= 96 && m->formats[i].clock_hz)
			return m->formats[i].clock_hz;
	return 0;
}

static void describe_types(struct media_remote *r, const struct sdp_media *m)
{
	for (size_t i = 0; i < m->nformats; i++)
		if (m->formats[i].pt >= 0 && m->formats[i].pt < 128)
			r->types[m->formats[i].pt / 8] |= (uint8_t)(1 << m->formats[i].pt % 8);
}

static enum media_kind kind_of(const struct sdp_media *m)
{
	if (!sdp_proto_is_rtp(m->proto))
		return MEDIA_RAW;
	return str_ieq(m->kind, STR("audio")) ? MEDIA_AUDIO : MEDIA_VIDEO;
}

/* ACC-5, always: its port is all that is taken from a description, until media comes and tells it. */
static void ignore_ip(struct addr *a, const struct addr *from)
{
	uint16_t port = a->port;

	if (!a->family)
		return;
	*a = *from;
	a->port = port;
}

/* Where the two share nothing each speaks its own, and is answered in it. */
static struct media_format format_of(const struct leg *leg, const struct sdp_media *theirs,
				     const struct sdp_media *other)
{
	struct media_format f = {0};

	if (str_ieq(theirs->kind, STR("audio")))
		f = media_format_of(theirs, other);
	if (!f.codec && leg->converts)
		f = media_format_of(theirs, theirs);
	if (f.codec)
		leg_press_format(leg, theirs, &f);
	return f;
}

/* Stream i as both descriptions leave it: a leg may send what the other side takes, and the other way round. */
static struct media_remote stream_remote(const struct leg *leg, const struct sdp *theirs,
					 const struct sdp *other, size_t i)
{
	const struct sdp_media *m = i < theirs->nmedia ? &theirs->media[i] : NULL;
	enum sdp_direction peer = SDP_SENDRECV;
	struct media_remote r = {0};

	if (!m || !m->port)
		return r;
	if (i >= other->nmedia || !other->media[i].port)
		return r;
	peer = other->media[i].is_held ? other->media[i].direction & SDP_SENDONLY
				       : other->media[i].direction;
	if (music_is_for(leg, &other->media[i]))
		peer = SDP_SENDONLY;
	r.format = format_of(leg, m, &other->media[i]);
	if (str_ieq(m->kind, STR("video")))
		r.pictures = media_pictures_of(&other->media[i]);
	r.may_send = (m->direction & SDP_SENDONLY) && (peer & SDP_RECVONLY);
	r.may_receive = (m->direction & SDP_RECVONLY) && (peer & SDP_SENDONLY) && !m->is_held;
	r.rtp = m->rtp;
	r.rtcp = m->rtcp;
	describe_types(&r, m);
	r.rtcp_mux = leg->lines[i].in_force == SDP_DTLS && leg->lines[i].rtcp_mux;
	if (leg->lines[i].in_force == SDP_DTLS && leg->lines[i].ice.theirs) {
		r.clock_hz = clock_of(m);
		r.kind = kind_of(m);
		return r; /* where it is, ICE tells */
	}
	if (m->rtcp_mux &&
	    !r.rtcp_mux) { /* offered, but never agreed to: we leave it out of what we write */
		r.rtcp = m->rtp;
		r.rtcp.port = (uint16_t)(m->rtp.port + 1);
	}
	r.hint = leg->flow.remote;
	r.is_believed = leg->nat == NAT_CHOICE_NEVER;
	if (leg->nat == NAT_CHOICE_ALWAYS) {
		ignore_ip(&r.rtp, &r.hint);
		ignore_ip(&r.rtcp, &r.hint);
	}
	r.clock_hz = clock_of(m);
	r.kind = kind_of(m);
	return r;
}

/* A device that sends them in its description alone could not be recorded without. */
static int tell_sets(struct leg *leg, const struct sdp *theirs, uint8_t i)
{
	struct media_cmd cmd = {.type = MEDIA_SETS, .u.sets.stream = i};

	if (i >= theirs->nmedia || !str_ieq(theirs->media[i].kind, STR("video")) ||
	    !media_sets_of(&cmd.u.sets.sets, &theirs->media[i]))
		return 0;
	return leg_media_post(leg, &cmd);
}

int leg_media_remote(struct leg *leg, const struct sdp *theirs, const struct sdp *other)
{
	int err = 0;

	for (uint8_t i = 0; i < leg->nstreams && !err; i++) {
		struct media_cmd cmd = {.type = MEDIA_REMOTE};
		struct media_remote r;

		err = leg_keys_apply(leg, theirs, i);
		if (err)
			break;
		r = stream_remote(leg, theirs, other, i);
		if (!r.rtp.family && same_remote(&r, &leg->remote[i]))
			continue; /* unused before and after */
		cmd.u.remote.stream = i;
		cmd.u.remote.remote = r;
		err = leg_media_post(leg, &cmd);
		if (!err)
			leg->remote[i] = r;
		if (!err)
			err = tell_sets(leg, theirs, i);
	}
	return err;
}

int leg_media_join(struct leg *a, struct leg *b)
{
	struct media_cmd cmd = {.type = MEDIA_JOIN};
	int err = 0;

	if (!a->nstreams || !b->nstreams)
		return 0; /* those without a session are joined when they have one */
	if (a->joined == b->id && a->music == LEG_MUSIC_NONE && b->music == LEG_MUSIC_NONE)
		return 0;
	if (a->joined)
		err = leg_media_part(a);
	cmd.u.join.peer = b->id;
	if (!err)
		err = leg_media_post(a, &cmd);
	if (err)
		return err;
	a->joined = b->id;
	b->joined = a->id;
	return 0;
}

int leg_media_part(struct leg *leg)
{
	struct media_cmd cmd = {.type = MEDIA_PART};
	struct leg *peer = leg_get(leg->cs, leg->joined);
	int err;

	if (!leg->joined)
		return 0;
	music_end(leg);
	if (peer)
		music_end(peer);
	err = leg_media_post(leg, &cmd);
	if (err)
		return err;
	leg->joined = 0;
	if (peer)
		peer->joined = 0;
	return 0;
}

int leg_media_echo(struct leg *leg)
{
	struct media_cmd cmd = {.type = MEDIA_ECHO};

	return leg_media_post(leg, &cmd);
}
