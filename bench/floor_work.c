/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <opus/opus.h>
#include <spandsp.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>
#include "bench/floor_work.h"

enum { HEAD = 12, NARROW_HZ = 8000, FRAME = 160, MOST = 1500 };

struct floor_work {
	enum bench_what what;
	bool is_b; /* what is not G.711 mu-law comes from there */
	srtp_t in, out;
	g722_decode_state_t *g722_in;
	g722_encode_state_t *g722_out;
	OpusDecoder *opus_in;
	OpusEncoder *opus_out;
};

static srtp_t keys(srtp_ssrc_type_t type)
{
	srtp_policy_t policy = {.window_size = 512, .key = (uint8_t *)bench_key};
	srtp_t s;

	srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
	policy.rtcp = policy.rtp;
	policy.ssrc.type = type;
	if (srtp_create(&s, &policy) != srtp_err_status_ok)
		bench_fail("srtp_create");
	return s;
}

/* As audio/backend_opus.c asks for it. */
static OpusEncoder *opus_encoder(void)
{
	OpusEncoder *e = opus_encoder_create(NARROW_HZ, 1, OPUS_APPLICATION_VOIP, NULL);

	opus_encoder_ctl(e, OPUS_SET_BITRATE(24000));
	opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(5));
	opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(5));
	return e;
}

struct floor_work *floor_work_make(enum bench_what what, bool is_b)
{
	struct floor_work *w;

	if (what == BENCH_RELAY)
		return NULL;
	w = calloc(1, sizeof(*w));
	w->what = what;
	w->is_b = is_b;
	if (what == BENCH_SRTP) {
		(void)srtp_init();
		w->in = keys(ssrc_any_inbound);
		w->out = keys(ssrc_any_outbound);
	} else if (what == BENCH_G722 && is_b) {
		w->g722_in = g722_decode_init(NULL, 64000, G722_SAMPLE_RATE_8000);
	} else if (what == BENCH_G722) {
		w->g722_out = g722_encode_init(NULL, 64000, G722_SAMPLE_RATE_8000);
	} else if (what == BENCH_OPUS && is_b) {
		w->opus_in = opus_decoder_create(NARROW_HZ, 1, NULL);
	} else if (what == BENCH_OPUS) {
		w->opus_out = opus_encoder();
	}
	return w;
}

static int decode(struct floor_work *w, const uint8_t *p, int n, int16_t *pcm)
{
	if (w->g722_in)
		return g722_decode(w->g722_in, pcm, p, n);
	if (w->opus_in)
		return opus_decode(w->opus_in, p, n, pcm, MOST, 0);
	for (int i = 0; i < n; i++)
		pcm[i] = w->is_b ? alaw_to_linear(p[i]) : ulaw_to_linear(p[i]);
	return n;
}

static int encode(struct floor_work *w, const int16_t *pcm, int n, uint8_t *p)
{
	if (w->g722_out)
		return g722_encode(w->g722_out, p, pcm, n);
	if (w->opus_out)
		return opus_encode(w->opus_out, pcm, n, p, MOST);
	for (int i = 0; i < n; i++)
		p[i] = w->is_b ? linear_to_ulaw(pcm[i]) : linear_to_alaw(pcm[i]);
	return n;
}

static size_t convert(struct floor_work *w, uint8_t *p, size_t n)
{
	int16_t pcm[MOST];
	int made = decode(w, p + HEAD, (int)(n - HEAD), pcm);

	if (made < FRAME)
		return 0;
	p[1] = (uint8_t)(w->is_b ? 0 : bench_pt(w->what));
	made = encode(w, pcm, made, p + HEAD);
	return made > 0 ? HEAD + (size_t)made : 0;
}

size_t floor_work_do(struct floor_work *w, uint8_t *p, size_t n)
{
	int len = (int)n;

	if (!w)
		return n;
	if (n <= HEAD)
		return 0;
	if (w->what != BENCH_SRTP)
		return convert(w, p, n);
	if (srtp_unprotect(w->in, p, &len) || srtp_protect(w->out, p, &len))
		return 0;
	return (size_t)len;
}
