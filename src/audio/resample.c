/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <speex/speex_resampler.h>
#include <string.h>
#include "audio/resample.h"

enum { QUALITY = 3 }; /* 0 to 10; the library's word for VoIP */

int resample_make(struct resample **rp, uint32_t from_hz, uint32_t to_hz)
{
	int err = 0;

	*rp = NULL;
	if (from_hz == to_hz)
		return 0;
	*rp = (struct resample *)speex_resampler_init(1, from_hz, to_hz, QUALITY, &err);
	return *rp ? 0 : ENOMEM;
}

struct resample *resample_free(struct resample *r)
{
	if (r)
		speex_resampler_destroy((SpeexResamplerState *)r);
	return NULL;
}

size_t resample_run(struct resample *r, const int16_t *in, size_t nin, int16_t *out, size_t max)
{
	spx_uint32_t used = (spx_uint32_t)nin, made = (spx_uint32_t)max;

	if (!r) {
		size_t n = nin < max ? nin : max;

		memcpy(out, in, n * sizeof(*in));
		return n;
	}
	if (speex_resampler_process_int((SpeexResamplerState *)r, 0, in, &used, out, &made))
		return 0;
	return made;
}
