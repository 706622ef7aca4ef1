/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys as events that are passed on between two legs: each has its own number and clock for them (RFC 4733 2.1, RFC 3264 5.1).
 *
 * A peer that takes no events gets none: the key is told (INFO) or sounds there, which others see to; nothing is decoded for it.
 *
 * The timestamp of an event is that of the stream it is part of and stays as it is, also where its duration is counted in
 * another clock: devices tell keys apart by it, and nothing else is done with it.
 */
#include "media/relay.h"
#include "media/voice.h"

enum stream_keys stream_keys_of(const struct stream *s)
{
	const struct media_format *f = &s->remote.format;

	if (f->keys == MEDIA_KEYS_AS_THEY_COME)
		return STREAM_AS_THEY_COME;
	if (f->keys == MEDIA_KEYS_TOLD)
		return STREAM_TOLD;
	return f->events_out == MEDIA_NO_PT ? STREAM_SOUND : STREAM_EVENTS;
}

static bool is_listed(const struct stream *s, uint8_t pt)
{
	return s->remote.types[pt / 8] >> pt % 8 & 1;
}

bool stream_keys_alike(const struct stream *from, const struct stream *to)
{
	const struct media_format *f = &from->remote.format, *g = &to->remote.format;

	if (f->keys == MEDIA_KEYS_AS_THEY_COME || g->keys == MEDIA_KEYS_AS_THEY_COME)
		return true;
	return f->events_in == g->events_out && f->events_hz == g->events_hz;
}

/* One that lasts longer than its 16 bits can say in the other clock is said to last as long as they can. */
static void set_duration(uint8_t *event, uint32_t from_hz, uint32_t to_hz)
{
	uint64_t duration = (uint64_t)(event[2] << 8 | event[3]) * to_hz / from_hz;

	if (duration > UINT16_MAX)
		duration = UINT16_MAX;
	event[2] = (uint8_t)(duration >> 8);
	event[3] = (uint8_t)duration;
}

/* The key, when this is the first packet of it that came. */
static char hear(struct stream *s, const struct rtp_head *h, const uint8_t *p)
{
	char key = digits_hear(&s->digits, h, p + h->at);

	s->has_pressed = true;
	if (!s->remote.may_send)
		return 0;
	if (key && s->voice)
		voice_key(s->voice, key);
	return key;
}

bool stream_keys_pass(struct stream *s, const struct rtp_head *h, uint8_t *p)
{
	const struct media_format *f = &s->remote.format, *g;
	char key;

	if (!f->codec || h->n < DIGITS_EVENT_BYTES)
		return true;
	if (s->mode != RELAY_PEER) {
		if (h->pt == f->events_in)
			(void)hear(s, h, p);
		return true;
	}
	/* Devices that press by their own number, whatever they were told; but it may mean something else to the peer. */
	if (h->pt != f->events_in && is_listed(s->peer, h->pt))
		return true;
	key = hear(s, h, p);
	g = &s->peer->remote.format;
	if (f->keys == MEDIA_KEYS_AS_THEY_COME || g->keys == MEDIA_KEYS_AS_THEY_COME)
		return true;
	if (!g->codec || g->events_out == MEDIA_NO_PT) {
		if (key) {
			s->key = key;
			s->news |= RELAY_KEY;
		}
		return false;
	}
	p[1] = (uint8_t)((p[1] & 0x80) | g->events_out);
	if (f->events_hz && g->events_hz && f->events_hz != g->events_hz)
		set_duration(p + h->at, f->events_hz, g->events_hz);
	return true;
}
