/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/backend.h"
#include "audio/resample.h"
#include "base/mem.h"

struct encoder {
	const struct codec_backend *backend;
	void *state;
	struct resample *resample;
};

int encoder_make(struct encoder **ep, enum codec_id id, uint32_t rate_hz)
{
	struct encoder *e = mem_alloc(sizeof(*e));
	int err = 0;

	if (!e)
		return ENOMEM;
	e->backend = backend_get(id);
	if (!e->backend->has_no_state) {
		e->state = e->backend->encoder(rate_hz);
		if (!e->state)
			err = ENOMEM;
	}
	if (!err)
		err = resample_make(&e->resample, rate_hz, backend_rate(id, rate_hz));
	if (err)
		encoder_free(e);
	else
		*ep = e;
	return err;
}

struct encoder *encoder_free(struct encoder *e)
{
	if (!e)
		return NULL;
	resample_free(e->resample);
	if (e->state)
		e->backend->encoder_free(e->state);
	return mem_free(e);
}

size_t encoder_encode(struct encoder *e, const int16_t *pcm, size_t nsamples, uint8_t *p)
{
	int16_t native[CODEC_MAX_SAMPLES];

	if (!e->resample)
		return e->backend->encode(e->state, pcm, nsamples, p);
	nsamples = resample_run(e->resample, pcm, nsamples, native, CODEC_MAX_SAMPLES);
	return e->backend->encode(e->state, native, nsamples, p);
}
