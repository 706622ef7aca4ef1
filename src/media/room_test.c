/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rooms by counts, on a clock of their own: members without sockets, a tick each 20 ms, and what is sent to each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "audio/testing.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/room.h"
#include "media/session.h"

enum { MANY = 500, ROOM = 9, FRAME = 160, NARROW_HZ = 8000, TICK_US = 20000, KEPT = NARROW_HZ };

struct member {
	struct worker_session *session;
	struct sound *sound;
	struct encoder *encoder; /* it speaks */
	struct decoder *decoder; /* what it hears is kept */
	double hz;
	size_t at, nheard;
	int16_t heard[KEPT];
	unsigned npackets;
	uint16_t last_seq;
	bool has_gap;
	uint8_t last[CODEC_MAX_BYTES];
	size_t nlast;
};

static struct sounds sounds;
static struct member members[MANY];
static uint64_t now_us;

static void on_send(void *arg, struct stream *st, uint8_t *p, size_t n)
{
	struct worker_session *s = st->owner;
	struct member *m = &members[s->id - 1];
	struct rtp_head h;

	if (rtp_is_rtcp(p, n))
		return;
	assert_int_equal(rtp_read(&h, p, n), 0);
	m->has_gap |= m->npackets && h.seq != (uint16_t)(m->last_seq + 1);
	m->last_seq = h.seq;
	m->npackets++;
	memcpy(m->last, p + h.at, h.n);
	m->nlast = h.n;
	if (m->decoder && m->nheard + FRAME <= KEPT) {
		int16_t pcm[CODEC_MAX_SAMPLES];
		size_t made = decoder_decode(m->decoder, p + h.at, h.n, pcm);

		memcpy(m->heard + m->nheard, pcm, made * sizeof(*pcm));
		m->nheard += made;
	}
}

static bool on_tell(void *arg, const struct media_event *ev)
{
	return true;
}

static void on_wait(void *arg, struct stream *st, bool waits)
{
}

/* What they say is put into their ears. */
static bool on_read(void *arg, struct stream *st, uint64_t *came_us)
{
	return false;
}

static void join(size_t i, enum codec_id codec)
{
	struct addr local = {0};
	struct worker_session *s = session_alloc(i + 1, &local, 0);
	struct stream *st = mem_alloc(sizeof(*st));
	uint8_t pt = codec_get(codec)->pt;

	assert_non_null(s);
	assert_non_null(st);
	stream_init(st, 0);
	st->owner = s;
	st->remote.may_send = st->remote.may_receive = true;
	st->remote.format =
		(struct media_format){(uint8_t)codec, pt, pt, 101, 101, 20, 0, NARROW_HZ};
	s->streams[s->nstreams++] = st;
	members[i] = (struct member){.session = s};
	assert_int_equal(sound_get(&sounds, s, &members[i].sound), 0);
	assert_int_equal(sound_mix(members[i].sound, &(struct media_mix){ROOM, 1, 1}), 0);
}

static void speaks(size_t i, double hz)
{
	members[i].hz = hz;
	assert_int_equal(encoder_make(&members[i].encoder, CODEC_PCMU, NARROW_HZ), 0);
}

static void listens(size_t i)
{
	enum codec_id codec = members[i].session->streams[0]->remote.format.codec;

	assert_int_equal(decoder_make(&members[i].decoder, codec, NARROW_HZ), 0);
}

static void say(struct member *m)
{
	uint8_t p[RTP_HEAD_BYTES + FRAME];
	struct rtp_head h = {.seq = (uint16_t)(m->at / FRAME),
			     .ts = (uint32_t)m->at,
			     .ssrc = 7,
			     .at = RTP_HEAD_BYTES,
			     .n = FRAME};
	int16_t pcm[FRAME];

	tone_fill(pcm, FRAME, NARROW_HZ, m->hz, m->at);
	m->at += FRAME;
	(void)encoder_encode(m->encoder, pcm, FRAME, p + RTP_HEAD_BYTES);
	voice_hear(m->session->streams[0]->voice, &h, p, now_us);
}

static void tick(size_t n, unsigned ticks)
{
	while (ticks--) {
		now_us += TICK_US;
		for (size_t i = 0; i < n; i++)
			if (members[i].encoder)
				say(&members[i]);
		sounds_tick(&sounds, now_us);
	}
}

static void leave(size_t i)
{
	struct member *m = &members[i];

	sound_free(m->sound);
	m->encoder = encoder_free(m->encoder);
	m->decoder = decoder_free(m->decoder);
	mem_free(m->session->streams[0]);
	mem_free(m->session);
}

static int setup(void **state)
{
	static const struct sounds_out out = {on_send, on_tell, on_wait, on_read, NULL};

	thread_become(THREAD_MEDIA);
	now_us = 1000000;
	return sounds_init(&sounds, &out, NULL, 0);
}

static int teardown(void **state)
{
	sounds_close(&sounds);
	return 0;
}

static uint32_t level(size_t i)
{
	struct media_counters c = {0};

	session_count(members[i].session, &c);
	return c.level;
}

static double hears(const struct member *m, double hz)
{
	assert_true(m->nheard >= 4000);
	return share_at(m->heard + m->nheard - 4000, 4000, NARROW_HZ, hz);
}

static void five_hundred_silent_members_are_encoded_for_once(void **state)
{
	uint64_t before = mem_bytes();

	for (size_t i = 0; i < MANY; i++)
		join(i, CODEC_PCMU);
	tick(MANY, 100);
	assert_int_equal(members[0].sound->room->nchoruses, 1);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(members[i].npackets, 100);
		assert_false(members[i].has_gap);
		assert_memory_equal(members[i].last, members[0].last, FRAME);
	}
	for (size_t i = 0; i < MANY; i++)
		leave(i);
	assert_true(sounds_idle(&sounds));
	assert_int_equal(mem_bytes(), before);
}

static void three_who_speak_are_heard_by_all_but_themselves(void **state)
{
	static const double hz[] = {400, 1000, 1600};

	for (size_t i = 0; i < MANY; i++)
		join(i, CODEC_PCMU);
	for (size_t i = 0; i < 3; i++) {
		speaks(i, hz[i]);
		listens(i);
	}
	listens(3);
	listens(MANY - 1);
	tick(MANY, 50);
	for (size_t i = 0; i < 3; i++) {
		assert_true(hears(&members[i], hz[i]) < 0.02);
		assert_true(hears(&members[i], hz[(i + 1) % 3]) > 0.3);
		assert_true(hears(&members[3], hz[i]) > 0.2);
		assert_true(hears(&members[MANY - 1], hz[i]) > 0.2);
	}
	assert_int_equal(members[0].sound->room->nchoruses, 1);
	for (size_t i = 0; i < 3; i++)
		assert_in_range(level(i), 3000, INT16_MAX);
	assert_int_equal(level(3), 0);
	for (size_t i = 0; i < MANY; i++)
		leave(i);
}

static void each_codec_is_encoded_once(void **state)
{
	static const enum codec_id codecs[] = {CODEC_PCMU, CODEC_PCMA, CODEC_G722};

	for (size_t i = 0; i < 60; i++)
		join(i, codecs[i % 3]);
	speaks(0, 1000);
	for (size_t i = 1; i < 4; i++)
		listens(i);
	tick(60, 50);
	assert_int_equal(members[0].sound->room->nchoruses, 3);
	for (size_t i = 1; i < 4; i++)
		assert_true(hears(&members[i], 1000) > 0.9);
	for (size_t i = 4; i + 3 < 60; i++)
		assert_memory_equal(members[i].last, members[i + 3].last, members[i].nlast);
	for (size_t i = 0; i < 60; i++)
		leave(i);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(five_hundred_silent_members_are_encoded_for_once),
		T(three_who_speak_are_heard_by_all_but_themselves),
		T(each_codec_is_encoded_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
