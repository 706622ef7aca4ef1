/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/backend.h"
#include "audio/conceal.h"
#include "audio/resample.h"
#include "base/mem.h"

struct decoder {
	const struct codec_backend *backend;
	void *state;
	struct resample *resample;
	struct conceal conceal; /* where the codec cannot by itself */
	uint32_t rate_hz, native_hz;
	size_t max_native; /* samples of CODEC_MAX_MS */
	size_t most_bytes; /* of a payload that long; 0: the codec bounds itself */
};

static size_t most_bytes(const struct codec *c)
{
	size_t samples = c->rate_hz / 1000 * CODEC_MAX_MS;

	return c->frame_bytes ? samples / c->frame_samples * c->frame_bytes : 0;
}

int decoder_make(struct decoder **dp, enum codec_id id, uint32_t rate_hz)
{
	const struct codec *c = codec_get(id);
	struct decoder *d = mem_alloc(sizeof(*d));
	int err = 0;

	if (!d)
		return ENOMEM;
	d->backend = backend_get(id);
	d->rate_hz = rate_hz;
	d->native_hz = backend_rate(id, rate_hz);
	d->max_native = d->native_hz / 1000 * CODEC_MAX_MS;
	d->most_bytes = most_bytes(c);
	if (!d->backend->conceal)
		conceal_init(&d->conceal, d->native_hz);
	if (!d->backend->has_no_state) {
		d->state = d->backend->decoder(rate_hz);
		if (!d->state)
			err = ENOMEM;
	}
	if (!err)
		err = resample_make(&d->resample, d->native_hz, rate_hz);
	if (err)
		decoder_free(d);
	else
		*dp = d;
	return err;
}

struct decoder *decoder_free(struct decoder *d)
{
	if (!d)
		return NULL;
	resample_free(d->resample);
	if (d->state)
		d->backend->decoder_free(d->state);
	return mem_free(d);
}

size_t decoder_decode(struct decoder *d, const uint8_t *p, size_t n, int16_t *pcm)
{
	int16_t other[CODEC_MAX_SAMPLES], *native = d->resample ? other : pcm;
	size_t done;

	if (d->most_bytes && n > d->most_bytes)
		return 0;
	done = d->backend->decode(d->state, p, n, native);
	if (!done)
		return 0;
	if (!d->backend->conceal)
		conceal_heard(&d->conceal, native, done);
	return d->resample ? resample_run(d->resample, native, done, pcm, CODEC_MAX_SAMPLES) : done;
}

void decoder_conceal(struct decoder *d, int16_t *pcm, size_t nsamples)
{
	int16_t native[CODEC_MAX_SAMPLES];
	size_t want = nsamples * (d->native_hz / 1000) / (d->rate_hz / 1000), done;

	if (want > d->max_native)
		want = d->max_native;
	if (d->backend->conceal)
		done = d->backend->conceal(d->state, native, want);
	else
		conceal_fill(&d->conceal, native, done = want);
	done = resample_run(d->resample, native, done, pcm, nsamples);
	memset(pcm + done, 0, (nsamples - done) * sizeof(*pcm));
}
