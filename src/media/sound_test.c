/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine with its threads, and phones that hear, speak and press keys.  The engine's own packets pace the phones: each that
 * comes is answered with one, so nothing is slept.
 */
#include "audio/testing.h"
#include "audio/codec.h"
#include "audio/wav.h"
#include "base/mem.h"
#include "media/digits.h"
#include "media/media_fixture.h"
#include "media/files.h"
#include <stdio.h>
#include <sys/stat.h>

enum { HEARD_MAX = 16000 * 10, TE = 101 };

struct speaker {
	struct phone phone;
	oid session;
	enum codec_id codec;
	uint8_t pt;
	double hz, second_hz; /* 0: silent */
	struct encoder *encoder;
	struct decoder *decoder;
	size_t at;
	int16_t heard[HEARD_MAX];
	size_t nheard;
	unsigned npackets;
};

static struct speaker one, two, three;

static void speaker_open(struct fixture *f, struct speaker *s, oid session, const char *ip,
			 enum codec_id codec)
{
	struct media_remote r;
	struct addr at = session_open(f, session, 0, "127.20.0.1");

	memset(s, 0, sizeof(*s));
	s->session = session;
	s->codec = codec;
	s->pt = codec == CODEC_OPUS ? 96 : codec_get(codec)->pt;
	s->phone = phone_at(ip, (uint16_t)(40000 + 2 * session), at);
	r = both_ways(s->phone.at);
	r.format = (struct media_format){(uint8_t)codec, s->pt, s->pt, TE, TE, 20, 0, 8000};
	session_remote_is(f, session, r);
	assert_int_equal(encoder_make(&s->encoder, codec, 8000), 0);
	assert_int_equal(decoder_make(&s->decoder, codec, 8000), 0);
}

static void speaker_close(struct fixture *f, struct speaker *s)
{
	(void)session_ask(f, MEDIA_CLOSE, s->session);
	encoder_free(s->encoder);
	decoder_free(s->decoder);
	phone_close(&s->phone);
}

static void say(struct speaker *s)
{
	uint8_t p[RTP_HEAD_BYTES + CODEC_MAX_BYTES];
	struct rtp_head h = {
		.pt = s->pt, .seq = s->phone.seq++, .ts = s->phone.ts, .ssrc = s->phone.ssrc};
	int16_t pcm[160];
	size_t n;

	if (s->hz > 0)
		tone_fill(pcm, 160, 8000, s->hz, s->at);
	else
		memset(pcm, 0, sizeof(pcm));
	if (s->second_hz > 0) {
		int16_t more[160];

		tone_fill(more, 160, 8000, s->second_hz, s->at);
		for (size_t i = 0; i < 160; i++)
			pcm[i] = (int16_t)(pcm[i] / 2 + more[i] / 2);
	}
	s->at += 160;
	s->phone.ts += codec_get(s->codec)->clock_hz / 50;
	rtp_write(&h, p);
	n = encoder_encode(s->encoder, pcm, 160, p + RTP_HEAD_BYTES);
	put_to(s->phone.rtp, &s->phone.to, p, RTP_HEAD_BYTES + n);
}

static void hear(struct speaker *s, const uint8_t *p, size_t n)
{
	int16_t pcm[CODEC_MAX_SAMPLES];
	struct rtp_head h;
	size_t made;

	assert_int_equal(rtp_read(&h, p, n), 0);
	if (h.pt != s->pt)
		return;
	s->npackets++;
	made = decoder_decode(s->decoder, p + h.at, h.n, pcm);
	if (s->nheard + made > HEARD_MAX)
		return;
	memcpy(s->heard + s->nheard, pcm, made * sizeof(*pcm));
	s->nheard += made;
}

/* Until the first has heard so many packets more; all answer packet for packet. */
static void go_on(struct fixture *f, struct speaker **all, size_t n, unsigned packets)
{
	unsigned until = all[0]->npackets + packets;
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS + 40 * packets;

	while (all[0]->npackets < until) {
		assert_true(clock_mono_ms(clock_real()) < end);
		wait_readable(all[0]->phone.rtp, 100);
		for (size_t i = 0; i < n; i++) {
			uint8_t p[2048];
			ssize_t got;

			while ((got = recv(all[i]->phone.rtp, p, sizeof(p), 0)) > 0) {
				hear(all[i], p, (size_t)got);
				say(all[i]);
			}
		}
		media_poll(f->m);
	}
}

/* Share of what was heard lately (half a second) that lies at hz. */
static double hears_hz(const struct speaker *s, double hz)
{
	size_t n = 4000;

	assert_true(s->nheard >= n);
	return share_at(s->heard + s->nheard - n, n, 8000, hz);
}

/* On a machine that is late with the tick the first half second may have holes. */
static bool comes_to_hear(struct fixture *f, struct speaker **all, size_t n,
			  const struct speaker *s, double hz)
{
	for (int tries = 0; tries < 10 && hears_hz(s, hz) < 0.7; tries++)
		go_on(f, all, n, 30);
	return hears_hz(s, hz) >= 0.7;
}

static struct media_cmd tone_for(oid session, uint16_t hz, uint32_t most_ms)
{
	struct media_cmd cmd = {.type = MEDIA_PLAY, .session = session};

	cmd.u.play.hz[0] = hz;
	cmd.u.play.most_ms = most_ms;
	return cmd;
}

static void tone_is_heard_in_each_codec(void **state)
{
	static const enum codec_id codecs[] = {CODEC_PCMU, CODEC_PCMA, CODEC_G722,
					       CODEC_G729, CODEC_GSM,  CODEC_OPUS};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		struct speaker *all[] = {&one};

		speaker_open(f, &one, 1 + i, "127.20.0.2", codecs[i]);
		assert_int_equal(ask(f, tone_for(one.session, 400, 0)).err, 0);
		go_on(f, all, 1, 40);
		if (hears_hz(&one, 400) < 0.95)
			fail_msg("codec %u: %.3f", codecs[i], hears_hz(&one, 400));
		speaker_close(f, &one);
	}
}

static void tone_ends_in_time_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = tone_for(1, 400, 200);
	struct speaker *all[] = {&one};
	struct media_event ev;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	ev = answer_to(f, send_cmd(f, &cmd), 0);
	assert_int_equal(ev.err, 0);
	ev = answer_to(f, 0, MEDIA_PLAYED);
	assert_int_equal(ev.seq, cmd.seq);
	assert_int_equal(ev.err, 0);
	go_on(f, all, 1, 30);
	assert_true(energy(one.heard + one.nheard - 800, 800) == 0); /* it goes on with silence */
	speaker_close(f, &one);
}

static void leg_without_a_codec_is_refused(void **state)
{
	struct fixture *f = *state;

	(void)session_open(f, 1, 0, "127.20.0.1");
	assert_int_equal(ask(f, tone_for(1, 400, 0)).err, ENOTSUP);
	assert_int_equal(ask(f, tone_for(2, 400, 0)).err, ENOENT);
	(void)session_ask(f, MEDIA_CLOSE, 1);
}

static void press(struct speaker *s, uint8_t event)
{
	for (uint16_t i = 1; i <= 6; i++) {
		uint8_t p[RTP_HEAD_BYTES + 4];
		struct rtp_head h = {.pt = TE,
				     .marker = i == 1,
				     .seq = s->phone.seq++,
				     .ts = s->phone.ts,
				     .ssrc = s->phone.ssrc};

		rtp_write(&h, p);
		p[12] = event;
		p[13] = (uint8_t)(i >= 4 ? 0x8a : 0x0a);
		p[14] = (uint8_t)((i * 160) >> 8);
		p[15] = (uint8_t)(i * 160);
		put_to(s->phone.rtp, &s->phone.to, p, sizeof(p));
	}
	s->phone.ts += 1600;
}

static void key_ends_what_plays_and_is_told(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = tone_for(1, 400, 0);
	struct speaker *all[] = {&one};
	struct media_event ev;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	cmd.u.play.until_key = true;
	assert_int_equal(ask(f, cmd).err, 0);
	go_on(f, all, 1, 5);
	press(&one, 9);
	ev = answer_to(f, 0, MEDIA_KEY);
	assert_int_equal(ev.u.key, '9');
	ev = answer_to(f, 0, MEDIA_PLAYED);
	assert_int_equal(ev.err, EINTR);
	speaker_close(f, &one);
}

static struct path_list *path_of(const char *path)
{
	struct path_list *l = path_list_make(1);

	assert_non_null(l);
	snprintf(l->paths[0], FILES_MAX_PATH, "%s", path);
	return l;
}

static const char *scratch(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "/tmp/offhook-sound-%d-%s.wav", (int)getpid(), name);
	unlink(path);
	return path;
}

static void write_wav(const char *path, double hz, size_t n)
{
	static int16_t pcm[48000];
	uint8_t head[WAV_HEAD_BYTES];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	tone_fill(pcm, n, 16000, hz, 0);
	wav_head(head, 16000, 1, n * 2);
	assert_int_equal(fwrite(head, sizeof(head), 1, file), 1);
	assert_int_equal(fwrite(pcm, n * 2, 1, file), 1);
	fclose(file);
}

static void file_is_played_to_its_end_as_often_as_asked(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = {.type = MEDIA_PLAY, .session = 1};
	const char *path = scratch("prompt");
	struct speaker *all[] = {&one};
	struct media_event ev;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMA);
	write_wav(path, 600, 16000);
	cmd.u.play.paths = path_of(path);
	cmd.u.play.times = 2;
	assert_int_equal(ask(f, cmd).err, 0);
	go_on(f, all, 1, 90);
	assert_true(comes_to_hear(f, all, 1, &one, 600));
	ev = answer_to(f, 0, MEDIA_PLAYED);
	assert_int_equal(ev.err, 0);
	cmd.u.play.paths = path_of("/nowhere/at/all.wav");
	assert_int_equal(ask(f, cmd).err, ENOENT);
	cmd.u.play.paths = path_of("/dev/zero");
	assert_int_equal(ask(f, cmd).err, EINVAL);
	unlink(path);
	speaker_close(f, &one);
}

static struct media_cmd record_to(oid session, const char *path, bool has_two_tracks,
				  uint32_t most_ms)
{
	struct media_cmd cmd = {.type = MEDIA_RECORD, .session = session};

	cmd.u.record.path = path_of(path);
	cmd.u.record.has_two_tracks = has_two_tracks;
	cmd.u.record.most_ms = most_ms;
	return cmd;
}

static size_t read_tracks(const char *path, int16_t *left, int16_t *right, size_t max)
{
	uint8_t head[WAV_HEAD_BYTES];
	int16_t pair[2];
	FILE *file = fopen(path, "r");
	size_t n = 0;

	assert_non_null(file);
	assert_int_equal(fread(head, sizeof(head), 1, file), 1);
	assert_int_equal(head[22], 2);
	while (n < max && fread(pair, sizeof(pair), 1, file) == 1) {
		left[n] = pair[0];
		right[n++] = pair[1];
	}
	fclose(file);
	return n;
}

static void recording_has_what_was_said_left_and_heard_right(void **state)
{
	static int16_t left[80000], right[80000];
	struct fixture *f = *state;
	const char *path = scratch("call");
	struct speaker *all[] = {&one};
	struct media_event ev;
	size_t n;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	one.hz = 1000;
	assert_int_equal(ask(f, tone_for(1, 400, 0)).err, 0);
	assert_int_equal(ask(f, record_to(1, path, true, 0)).err, 0);
	go_on(f, all, 1, 100);
	assert_int_equal(session_ask(f, MEDIA_RECORD_END, 1).err, 0);
	ev = answer_to(f, 0, MEDIA_RECORDED);
	assert_int_equal(ev.err, 0);
	assert_in_range(ev.u.recorded.ms, 1500, 2500);
	n = read_tracks(path, left, right, ARRAY_LEN(left));
	assert_int_equal(n, ev.u.recorded.bytes / 4);
	assert_true(share_at(left + n / 2, 4000, 8000, 1000) > 0.7);
	assert_true(share_at(right + n / 2, 4000, 8000, 400) > 0.7);
	assert_true(share_at(left + n / 2, 4000, 8000, 400) < 0.02);
	/* Not over what is there. */
	assert_int_equal(ask(f, record_to(1, path, true, 0)).err, 0);
	assert_int_equal(session_ask(f, MEDIA_RECORD_END, 1).err, 0);
	assert_int_equal(answer_to(f, 0, MEDIA_RECORDED).err, EEXIST);
	unlink(path);
	speaker_close(f, &one);
}

/* Two phones relayed; the first is recorded: both are in it, and both hear each other all the same. */
static void relayed_call_is_recorded(void **state)
{
	static int16_t left[80000], right[80000];
	struct fixture *f = *state;
	const char *path = scratch("relayed");
	struct speaker *all[] = {&one, &two};
	size_t n;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_PCMU);
	one.hz = 1000;
	two.hz = 600;
	assert_int_equal(session_join_with(f, 1, 2), 0);
	assert_int_equal(ask(f, record_to(1, path, true, 0)).err, 0);
	for (unsigned i = 0; i < 60;
	     i++) { /* a relay has no pace of its own: a packet each, each 20 ms */
		say(&one);
		say(&two);
		wait_readable(-1, 20);
	}
	go_on(f, all, 2, 20);
	assert_true(comes_to_hear(f, all, 2, &one, 600));
	assert_true(comes_to_hear(f, all, 2, &two, 1000));
	assert_int_equal(session_ask(f, MEDIA_RECORD_END, 1).err, 0);
	assert_int_equal(answer_to(f, 0, MEDIA_RECORDED).err, 0);
	n = read_tracks(path, left, right, ARRAY_LEN(left));
	assert_true(n > 6000);
	assert_true(share_at(left + 3000, 2000, 8000, 1000) > 0.6);
	assert_true(share_at(right + 3000, 2000, 8000, 600) > 0.6);
	unlink(path);
	speaker_close(f, &one);
	speaker_close(f, &two);
}

static void enter(struct fixture *f, oid session, oid room, uint32_t speaks, uint32_t hears)
{
	struct media_cmd cmd = {
		.type = MEDIA_MIX, .session = session, .u.mix = {room, speaks, hears}};

	assert_int_equal(ask(f, cmd).err, 0);
}

static void members_hear_the_others_and_not_themselves(void **state)
{
	struct fixture *f = *state;
	struct speaker *all[] = {&one, &two, &three};

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_G722);
	speaker_open(f, &three, 3, "127.20.0.4", CODEC_OPUS);
	one.hz = 400;
	two.hz = 1000;
	for (oid i = 1; i <= 3; i++)
		enter(f, i, 77, 1, 1);
	go_on(f, all, 3, 100);
	assert_true(comes_to_hear(f, all, 3, &one, 1000));
	assert_true(hears_hz(&one, 400) < 0.02);
	assert_true(comes_to_hear(f, all, 3, &two, 400));
	assert_true(hears_hz(&two, 1000) < 0.02);
	assert_true(hears_hz(&three, 400) > 0.3);
	assert_true(hears_hz(&three, 1000) > 0.3);
	enter(f, 1, 0, 0, 0); /* out */
	go_on(f, all + 1, 2, 40);
	assert_true(hears_hz(&three, 400) < 0.02);
	assert_true(comes_to_hear(f, all + 1, 2, &three, 1000));
	speaker_close(f, &one);
	speaker_close(f, &two);
	speaker_close(f, &three);
}

static void keys_in_a_members_voice_are_nobodys(void **state)
{
	struct fixture *f = *state;
	struct speaker *all[] = {&one, &two};
	struct media_cmd cmd = {.type = MEDIA_MIX, .session = 1, .u.mix = {77, 1, 1}};
	struct media_remote r;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_PCMU);
	r = both_ways(one.phone.at);
	r.format = (struct media_format){CODEC_PCMU,  one.pt, one.pt, MEDIA_NO_PT,
					 MEDIA_NO_PT, 20,     0,      8000};
	session_remote_is(f, 1, r);
	enter(f, 2, 77, 1, 1);
	assert_int_equal(ask(f, cmd).err, 0);
	one.hz = 770;
	one.second_hz = 1209; /* 4 */
	go_on(f, all, 2, 20);
	one.hz = one.second_hz = 0;
	go_on(f, all, 2, 20);
	enter(f, 1, 0, 0, 0); /* out: whoever it talks to now may ask for keys */
	one.hz = 770;
	one.second_hz = 1336; /* 5 */
	go_on(f, all, 2, 20);
	assert_int_equal(answer_to(f, 0, MEDIA_KEY).u.key, '5');
	speaker_close(f, &one);
	speaker_close(f, &two);
}

static void whispering_is_heard_by_one_and_listening_by_none(void **state)
{
	struct fixture *f = *state;
	struct speaker *all[] = {&one, &two, &three}; /* agent, customer, who listens */

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_PCMU);
	speaker_open(f, &three, 3, "127.20.0.4", CODEC_PCMU);
	one.hz = 400;
	two.hz = 1000;
	three.hz = 1600;
	enter(f, 1, 9, 1, 1);
	enter(f, 2, 9, 1, 1);
	enter(f, 3, 9, 0, 1); /* listens */
	go_on(f, all, 3, 70);
	assert_true(hears_hz(&one, 1600) < 0.02);
	assert_true(hears_hz(&two, 1600) < 0.02);
	assert_true(hears_hz(&three, 400) > 0.3 && hears_hz(&three, 1000) > 0.3);
	enter(f, 1, 9, 1, 3);
	enter(f, 3, 9, 2, 1); /* whispers */
	go_on(f, all, 3, 70);
	assert_true(hears_hz(&one, 1600) > 0.3);
	assert_true(hears_hz(&two, 1600) < 0.02);
	speaker_close(f, &one);
	speaker_close(f, &two);
	speaker_close(f, &three);
}

/* Nothing is relayed: each is spoken to in its own codec, also where the frames differ. */
static void legs_without_a_common_codec_hear_each_other(void **state)
{
	static const enum codec_id codecs[] = {CODEC_G722, CODEC_G729, CODEC_GSM, CODEC_OPUS};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		struct speaker *all[] = {&one, &two};

		speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
		speaker_open(f, &two, 2, "127.20.0.3", codecs[i]);
		one.hz = 600;
		two.hz = 1000;
		assert_int_equal(session_join_with(f, 1, 2), 0);
		go_on(f, all, 2, 70);
		if (!comes_to_hear(f, all, 2, &one, 1000) || !comes_to_hear(f, all, 2, &two, 600))
			fail_msg("codec %u: %.3f, %.3f", codecs[i], hears_hz(&one, 1000),
				 hears_hz(&two, 600));
		assert_true(hears_hz(&one, 600) < 0.05);
		assert_int_equal(session_ask(f, MEDIA_PART, 1).err, 0);
		speaker_close(f, &one);
		speaker_close(f, &two);
	}
}

/* A re-INVITE gives both the same codec: relayed from then on, and converted again when they part ways. */
static void conversion_begins_and_ends_with_the_codecs(void **state)
{
	struct fixture *f = *state;
	struct speaker *all[] = {&one, &two};
	struct media_remote r;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_PCMA);
	one.hz = 600;
	two.hz = 1000;
	assert_int_equal(session_join_with(f, 1, 2), 0);
	go_on(f, all, 2, 40);
	assert_true(comes_to_hear(f, all, 2, &one, 1000));
	r = both_ways(two.phone.at);
	r.format = (struct media_format){CODEC_PCMU, 0, 0, TE, TE, 20, 0, 8000};
	session_remote_is(f, 2, r);
	encoder_free(two.encoder);
	decoder_free(two.decoder);
	two.codec = CODEC_PCMU;
	two.pt = 0;
	assert_int_equal(encoder_make(&two.encoder, CODEC_PCMU, 8000), 0);
	assert_int_equal(decoder_make(&two.decoder, CODEC_PCMU, 8000), 0);
	say(&one);
	say(&two);
	go_on(f, all, 2, 60); /* relayed: the phones pace each other */
	assert_true(comes_to_hear(f, all, 2, &one, 1000));
	assert_true(comes_to_hear(f, all, 2, &two, 600));
	speaker_close(f, &one);
	speaker_close(f, &two);
}

static void what_strangers_send_is_read_past(void **state)
{
	struct fixture *f = *state;
	struct speaker *all[] = {&one, &two};
	struct phone stranger;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_PCMA);
	stranger = phone_at("127.20.0.9", 41000, one.phone.to);
	one.hz = 600;
	assert_int_equal(session_join_with(f, 1, 2), 0);
	go_on(f, all, 2, 20);
	for (unsigned i = 0; i < 100 || hears_hz(&two, 600) < 0.7; i++) {
		assert_true(i < 1000);
		for (unsigned k = 0; k < 30; k++)
			talk(&stranger);
		go_on(f, all, 2, 1);
	}
	assert_in_range(session_ask(f, MEDIA_STATS, 1).u.counters.rx_refused, 1500, 30000);
	phone_close(&stranger);
	speaker_close(f, &one);
	speaker_close(f, &two);
}

/* They are read each 20 ms, but the kernel says when they came: their jitter is that of the network. */
static void jitter_is_known_though_packets_wait(void **state)
{
	enum { STEP_US = 20000, LATE_US = 9000, PACKETS = 100 };
	struct fixture *f = *state;
	uint64_t begun, sent = 0, before = 0;
	double jitter_us = 0;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_PCMA);
	assert_int_equal(session_join_with(f, 1, 2), 0);
	begun = clock_mono_us(clock_real());
	for (unsigned i = 0; i < PACKETS; i++, before = sent) {
		uint64_t due = begun + STEP_US * i + (i % 2 ? LATE_US : 0);

		while ((sent = clock_mono_us(clock_real())) < due)
			poll(NULL, 0, 1);
		talk(&one.phone);
		/* RFC 3550 A.8, by the clock of who sends. */
		if (i)
			jitter_us += (fabs((double)(sent - before) - STEP_US) - jitter_us) / 16;
	}
	assert_true(jitter_us > LATE_US * 0.7);
	poll(NULL, 0, 3 * STEP_US / 1000);
	assert_true(fabs(session_ask(f, MEDIA_STATS, 1).u.counters.rx_jitter_us - jitter_us) <
		    LATE_US / 3);
	speaker_close(f, &one);
	speaker_close(f, &two);
}

static void keys_cross_a_conversion(void **state)
{
	struct fixture *f = *state;
	struct digits_in in = {0};
	char key = 0;
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	speaker_open(f, &two, 2, "127.20.0.3", CODEC_GSM);
	assert_int_equal(session_join_with(f, 1, 2), 0);
	press(&one, 5);
	while (!key) {
		uint8_t p[2048];
		ssize_t n = take(two.phone.rtp, p, sizeof(p), 100);
		struct rtp_head h;

		assert_true(clock_mono_ms(clock_real()) < end);
		if (n > 0 && !rtp_read(&h, p, (size_t)n) && h.pt == TE)
			key = digits_hear(&in, &h, p + h.at);
	}
	assert_int_equal(key, '5');
	speaker_close(f, &one);
	speaker_close(f, &two);
}

static void keys_are_pressed_as_events(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = {.type = MEDIA_PRESS, .session = 1, .u.press = "42#"};
	struct digits_in in = {0};
	char heard[8] = "";
	uint64_t end = clock_mono_ms(clock_real()) + WAIT_MS;

	speaker_open(f, &one, 1, "127.20.0.2", CODEC_PCMU);
	assert_int_equal(ask(f, cmd).err, 0);
	while (strlen(heard) < 3) {
		uint8_t p[2048];
		ssize_t n = take(one.phone.rtp, p, sizeof(p), 100);
		struct rtp_head h;
		char key = 0;

		assert_true(clock_mono_ms(clock_real()) < end);
		if (n > 0 && !rtp_read(&h, p, (size_t)n) && h.pt == TE)
			key = digits_hear(&in, &h, p + h.at);
		if (key)
			strncat(heard, &key, 1);
	}
	assert_string_equal(heard, "42#");
	speaker_close(f, &one);
}

static void all_is_given_back(void **state)
{
	struct fixture *f = *state;
	uint64_t before;
	const char *path = scratch("left");

	(void)session_open(f, 50, 0, "127.20.0.1");
	(void)session_ask(f, MEDIA_CLOSE, 50);
	before = mem_bytes();
	for (int i = 0; i < 5; i++) {
		speaker_open(f, &one, 1, "127.20.0.2", CODEC_OPUS);
		enter(f, 1, 5, 1, 1);
		assert_int_equal(ask(f, tone_for(1, 400, 0)).err, 0);
		assert_int_equal(ask(f, record_to(1, path, false, 0)).err, 0);
		speaker_close(f, &one); /* in the middle of all that */
		(void)answer_to(f, 0, MEDIA_RECORDED);
		unlink(path);
	}
	assert_int_equal(mem_bytes(), before);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(tone_is_heard_in_each_codec),
		T(tone_ends_in_time_and_says_so),
		T(leg_without_a_codec_is_refused),
		T(key_ends_what_plays_and_is_told),
		T(file_is_played_to_its_end_as_often_as_asked),
		T(recording_has_what_was_said_left_and_heard_right),
		T(relayed_call_is_recorded),
		T(members_hear_the_others_and_not_themselves),
		T(keys_in_a_members_voice_are_nobodys),
		T(whispering_is_heard_by_one_and_listening_by_none),
		T(legs_without_a_common_codec_hear_each_other),
		T(conversion_begins_and_ends_with_the_codecs),
		T(what_strangers_send_is_read_past),
		T(jitter_is_known_though_packets_wait),
		T(keys_cross_a_conversion),
		T(keys_are_pressed_as_events),
		T(all_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
