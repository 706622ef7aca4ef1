/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/detect.h"
#include "audio/jitter.h"
#include "audio/mix.h"
#include "audio/tone.h"
#include "base/mem.h"
#include "base/rng.h"
#include "media/digits.h"
#include "media/secure.h"
#include "media/voice.h"

enum {
	MAX_KEYS = 16,
	SILENT_LEVEL = 24,
	HANGOVER_FRAMES = 10,
	SEEK_FRAMES = 30000 / VOICE_FRAME_MS, /* a fax calls at once, each 3.5 s (T.30 4.3.1.2.3) */
	OUT_MAX = 3 * VOICE_FRAME_MAX,
	READY_MAX = VOICE_MAX_HZ / 1000 * CODEC_MAX_MS + VOICE_FRAME_MAX
};

struct voice {
	struct media_format format;
	const struct codec *codec;
	uint32_t rate_hz;
	size_t frame; /* samples of 20 ms */
	/* ear */
	struct jitter jitter;
	struct decoder *decoder; /* made with the first packet */
	struct detect *detect;	 /* only where keys do not come as events */
	char keys[MAX_KEYS];
	uint8_t nkeys;
	bool has_fax;
	unsigned
		nseek; /* frames in which a fax may still be looked for, though keys come as events */
	bool seeks_keys, mutes_keys;
	uint32_t level8;    /* mean of about eight frames, eight times */
	unsigned nhangover; /* frames that still count as speech */
	size_t nready;
	int16_t ready[READY_MAX];
	/* mouth */
	struct encoder *encoder; /* made with the first frame */
	struct digits_out digits_out;
	struct tone_voice key_tone;
	bool is_talking;
	uint16_t seq;
	uint32_t ts, ssrc;
	uint32_t npackets, nbytes; /* sent */
	size_t nout;
	int16_t out[OUT_MAX];
};

static void set(struct voice *v, const struct media_format *f, uint32_t rate_hz)
{
	v->format = *f;
	v->codec = codec_get(f->codec);
	v->rate_hz = rate_hz;
	v->frame = rate_hz / 1000 * VOICE_FRAME_MS;
	v->decoder = decoder_free(v->decoder);
	v->encoder = encoder_free(v->encoder);
	v->detect = detect_free(v->detect);
	v->nready = v->nout = 0;
	jitter_init(&v->jitter, v->codec->clock_hz);
}

int voice_make(struct voice **vp, const struct media_format *f, uint32_t rate_hz)
{
	struct voice *v;

	if (f->codec == CODEC_NONE)
		return ENOTSUP;
	v = mem_alloc(sizeof(*v));
	if (!v)
		return ENOMEM;
	set(v, f, rate_hz);
	v->ssrc = (uint32_t)rng_u64(rng_system());
	v->seq = (uint16_t)rng_u64(rng_system());
	v->ts = (uint32_t)rng_u64(rng_system());
	*vp = v;
	return 0;
}

struct voice *voice_free(struct voice *v)
{
	if (!v)
		return NULL;
	decoder_free(v->decoder);
	encoder_free(v->encoder);
	detect_free(v->detect);
	return mem_free(v);
}

static bool same_format(const struct media_format *a, const struct media_format *b)
{
	return a->codec == b->codec && a->pt_in == b->pt_in && a->pt_out == b->pt_out &&
	       a->events_in == b->events_in && a->events_out == b->events_out &&
	       a->ptime_ms == b->ptime_ms && a->events_hz == b->events_hz && a->keys == b->keys;
}

int voice_change(struct voice *v, const struct media_format *f, uint32_t rate_hz)
{
	if (f->codec == CODEC_NONE)
		return ENOTSUP;
	if (rate_hz != v->rate_hz || !same_format(f, &v->format))
		set(v, f, rate_hz);
	return 0;
}

uint32_t voice_rate(const struct voice *v)
{
	return v->rate_hz;
}

enum codec_id voice_codec(const struct voice *v)
{
	return v->format.codec;
}

uint8_t voice_ptime_ms(const struct voice *v)
{
	return v->format.ptime_ms;
}

void voice_key(struct voice *v, char digit)
{
	if (v->nkeys < MAX_KEYS)
		v->keys[v->nkeys++] = digit;
}

char voice_digit(struct voice *v)
{
	char digit;

	if (!v->nkeys)
		return 0;
	digit = v->keys[0];
	memmove(v->keys, v->keys + 1, --v->nkeys);
	return digit;
}

bool voice_fax(struct voice *v)
{
	bool has_fax = v->has_fax;

	v->has_fax = false;
	return has_fax;
}

void voice_hear(struct voice *v, const struct rtp_head *h, const uint8_t *p, uint64_t now_us)
{
	if (h->pt != v->format.pt_in || !h->n)
		return;
	/* Refused ones are late or double: counted in the buffer, and nothing else is to be done. */
	(void)jitter_put(&v->jitter, h->ssrc, h->seq, h->ts, p + h->at, h->n, now_us);
}

void voice_seek_fax(struct voice *v, bool on)
{
	v->nseek = on ? SEEK_FRAMES : 0;
	if (!on && v->format.events_in != MEDIA_NO_PT)
		v->detect = detect_free(v->detect);
}

void voice_seek_keys(struct voice *v, bool on)
{
	v->seeks_keys = on;
}

static bool has_audible_keys(const struct voice *v)
{
	return v->seeks_keys && v->format.events_in == MEDIA_NO_PT &&
	       v->format.keys != MEDIA_KEYS_TOLD;
}

void voice_mute_keys(struct voice *v, bool on)
{
	v->mutes_keys = on;
}

static void detect(struct voice *v, int16_t *pcm, size_t n)
{
	struct detected got;
	bool has_keys = has_audible_keys(v);

	if (!has_keys && !v->nseek)
		return;
	if (!v->detect && detect_make(&v->detect, v->rate_hz))
		return; /* without memory the keys are not heard */
	detect_hear(v->detect, (has_keys ? DETECT_KEYS : 0u) | (v->nseek ? DETECT_FAX : 0u), pcm, n,
		    &got);
	for (const char *k = got.digits; *k; k++)
		voice_key(v, *k);
	v->has_fax |= got.is_fax;
	if (v->mutes_keys && got.is_pressed)
		memset(pcm, 0, n * sizeof(*pcm));
}

/* One packet's sound, room for CODEC_MAX_SAMPLES; false: there is none. */
static bool decode_one(struct voice *v, int16_t *pcm, size_t *made, uint64_t now_us)
{
	const uint8_t *p;
	size_t n;

	if (!v->decoder && decoder_make(&v->decoder, v->format.codec, v->rate_hz))
		return false;
	switch (jitter_take(&v->jitter, &p, &n, now_us)) {
	case JITTER_PACKET:
		*made = decoder_decode(v->decoder, p, n, pcm);
		break;
	case JITTER_LOST:
		*made = v->rate_hz / 1000 * jitter_step_ms(&v->jitter);
		decoder_conceal(v->decoder, pcm, *made);
		break;
	default:
		return false;
	}
	detect(v, pcm, *made);
	return true;
}

/* From what is ready, at most n samples. */
static size_t take_ready(struct voice *v, int16_t *pcm, size_t n)
{
	if (!v->nready)
		return 0;
	n = v->nready < n ? v->nready : n;
	memcpy(pcm, v->ready, n * sizeof(*pcm));
	v->nready -= n;
	memmove(v->ready, v->ready + n, v->nready * sizeof(*pcm));
	return n;
}

/* A frame, or what there is of it; what the last packet has more is ready for the next. */
static size_t take_frame(struct voice *v, int16_t *pcm, uint64_t now_us)
{
	int16_t packet[CODEC_MAX_SAMPLES];
	size_t n = take_ready(v, pcm, v->frame), made;

	while (n < v->frame && decode_one(v, packet, &made, now_us)) {
		size_t part = made < v->frame - n ? made : v->frame - n;

		memcpy(pcm + n, packet, part * sizeof(*pcm));
		n += part;
		v->nready = made - part;
		memcpy(v->ready, packet + part, v->nready * sizeof(*pcm));
	}
	return n;
}

uint64_t voice_wait_us(const struct voice *v)
{
	return 1000ull * jitter_wait_ms(&v->jitter);
}

void voice_expect(const struct voice *v)
{
	const char *p = (const char *)v;

	for (size_t at = 0; at < offsetof(struct voice, jitter.slot); at += 64)
		__builtin_prefetch(p + at, 1);
	for (size_t at = offsetof(struct voice, decoder); at < offsetof(struct voice, ready);
	     at += 64)
		__builtin_prefetch(p + at, 1);
	__builtin_prefetch(&v->encoder, 1);
	__builtin_prefetch(&v->npackets, 1);
}

uint64_t voice_step_us(const struct voice *v)
{
	return 1000ull * jitter_step_ms(&v->jitter);
}

uint32_t voice_level(const struct voice *v)
{
	return v->level8 / 8;
}

bool voice_take(struct voice *v, int16_t *pcm, uint64_t now_us)
{
	uint32_t level;
	size_t n;

	n = take_frame(v, pcm, now_us);
	if (v->nseek && !--v->nseek && v->format.events_in != MEDIA_NO_PT)
		v->detect = detect_free(v->detect);
	memset(pcm + n, 0, (v->frame - n) * sizeof(*pcm));
	level = n ? mix_level(pcm, v->frame) : 0;
	v->level8 += level - v->level8 / 8;
	if (level >= SILENT_LEVEL)
		v->nhangover = HANGOVER_FRAMES;
	else if (v->nhangover)
		v->nhangover--;
	if (v->nhangover)
		return true;
	memset(pcm, 0, v->frame * sizeof(*pcm));
	return false;
}

void voice_skip(struct voice *v, uint64_t now_us)
{
	int16_t pcm[VOICE_FRAME_MAX];

	if (has_audible_keys(v) || v->nseek)
		(void)voice_take(v, pcm, now_us);
	else if (v->jitter.has_begun)
		jitter_init(&v->jitter, v->codec->clock_hz);
	v->level8 = 0; /* nobody hears it */
}

static void send_packet(struct voice *v, uint8_t pt, uint32_t ts, bool marker,
			const uint8_t *payload, size_t n, voice_send_h *send, void *arg)
{
	uint8_t p[RTP_HEAD_BYTES + CODEC_MAX_BYTES + SECURE_TRAILER_BYTES];
	struct rtp_head h = {
		.pt = pt, .marker = marker, .seq = v->seq++, .ts = ts, .ssrc = v->ssrc};

	rtp_write(&h, p);
	memcpy(p + RTP_HEAD_BYTES, payload, n);
	send(arg, p, RTP_HEAD_BYTES + n);
	v->npackets++;
	v->nbytes += (uint32_t)n;
}

static uint32_t clocks(const struct voice *v, unsigned ms)
{
	return v->codec->clock_hz / 1000 * ms;
}

/* As many packets as the samples fill; how many samples that was. */
static size_t speak(struct voice *v, const int16_t *pcm, size_t n, voice_send_h *send, void *arg)
{
	size_t each = v->rate_hz / 1000 * v->format.ptime_ms, at = 0;

	if (!v->encoder && encoder_make(&v->encoder, v->format.codec, v->rate_hz))
		return 0;
	for (; n - at >= each; at += each) {
		uint8_t payload[CODEC_MAX_BYTES];
		size_t nbytes = encoder_encode(v->encoder, pcm + at, each, payload);

		if (nbytes)
			send_packet(v, v->format.pt_out, v->ts, !v->is_talking, payload, nbytes,
				    send, arg);
		v->is_talking = true;
		v->ts += clocks(v, v->format.ptime_ms);
	}
	return at;
}

/* Keys go instead of the voice while they last; true: this frame is theirs. */
static bool press(struct voice *v, voice_send_h *send, void *arg)
{
	uint8_t payload[DIGITS_EVENT_BYTES];
	uint32_t ts;
	bool marker;
	enum digits_step step;

	if (v->format.events_out == MEDIA_NO_PT)
		return false;
	step = digits_step(&v->digits_out, v->format.events_hz, v->ts, payload, &marker, &ts);
	if (step == DIGITS_IDLE || step == DIGITS_REST)
		return false;
	/* Its last packet three times (RFC 4733 2.5.1.4). */
	for (int i = 0; i < (step == DIGITS_END ? 3 : 1); i++)
		send_packet(v, v->format.events_out, ts, marker, payload, sizeof(payload), send,
			    arg);
	v->is_talking = false;
	v->nout = 0;
	v->ts += clocks(v, VOICE_FRAME_MS);
	return true;
}

/* Where the leg knows no events, the key is heard. */
static const int16_t *press_aloud(struct voice *v, const int16_t *pcm, int16_t *tone)
{
	static const uint16_t low[] = {941, 697, 697, 697, 770, 770, 770, 852,
				       852, 852, 941, 941, 697, 770, 852, 941};
	static const uint16_t high[] = {1336, 1209, 1336, 1477, 1209, 1336, 1477, 1209,
					1336, 1477, 1209, 1477, 1633, 1633, 1633, 1633};
	uint8_t payload[DIGITS_EVENT_BYTES];
	uint32_t ts;
	bool marker;

	switch (digits_step(&v->digits_out, v->rate_hz, v->ts, payload, &marker, &ts)) {
	case DIGITS_EVENT:
	case DIGITS_END:
		if (marker)
			v->key_tone.at = 0;
		tone_play(&(struct tone){.hz = {low[payload[0]], high[payload[0]]}}, &v->key_tone,
			  v->rate_hz, tone, v->frame);
		return tone;
	case DIGITS_REST:
		memset(tone, 0, v->frame * sizeof(*tone));
		return tone;
	case DIGITS_IDLE:
		break;
	}
	return pcm;
}

void voice_say(struct voice *v, const int16_t *pcm, voice_send_h *send, void *arg)
{
	int16_t tone[VOICE_FRAME_MAX];
	size_t used;

	if (press(v, send, arg))
		return;
	if (v->format.events_out == MEDIA_NO_PT)
		pcm = press_aloud(v, pcm, tone);
	if (!pcm) {
		v->is_talking = false;
		v->nout = 0;
		v->ts += clocks(v, VOICE_FRAME_MS);
		return;
	}
	if (!v->nout && v->format.ptime_ms == VOICE_FRAME_MS) {
		(void)speak(v, pcm, v->frame, send, arg);
		return;
	}
	memcpy(v->out + v->nout, pcm, v->frame * sizeof(*pcm));
	v->nout += v->frame;
	used = speak(v, v->out, v->nout, send, arg);
	v->nout -= used;
	memmove(v->out, v->out + used, v->nout * sizeof(*v->out));
}

bool voice_can_share(const struct voice *v)
{
	return v->format.ptime_ms == VOICE_FRAME_MS && !voice_is_pressing(v);
}

void voice_say_encoded(struct voice *v, const uint8_t *payload, size_t n, voice_send_h *send,
		       void *arg)
{
	send_packet(v, v->format.pt_out, v->ts, !v->is_talking, payload, n, send, arg);
	v->is_talking = true;
	v->nout = 0;
	v->ts += clocks(v, VOICE_FRAME_MS);
}

int voice_press(struct voice *v, char digit)
{
	return digits_press(&v->digits_out, digit);
}

bool voice_is_pressing(const struct voice *v)
{
	return v->digits_out.nqueue || v->digits_out.nrest;
}

struct reports_sent voice_sent(const struct voice *v)
{
	return (struct reports_sent){
		.ssrc = v->ssrc, .ts = v->ts, .packets = v->npackets, .bytes = v->nbytes};
}
