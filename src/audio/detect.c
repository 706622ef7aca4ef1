/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <spandsp.h>
#include <string.h>
#include "audio/codec.h"
#include "audio/detect.h"
#include "audio/resample.h"
#include "base/mem.h"

enum { DETECT_HZ = 8000 };

struct detect {
	uint32_t rate_hz;
	bool was_pressed;
	struct resample *down;
	dtmf_rx_state_t *keys;
	modem_connect_tones_rx_state_t *fax;
};

int detect_make(struct detect **dp, uint32_t rate_hz)
{
	struct detect *d = mem_alloc(sizeof(*d));
	int err;

	if (!d)
		return ENOMEM;
	d->rate_hz = rate_hz;
	d->keys = dtmf_rx_init(NULL, NULL, NULL);
	d->fax = modem_connect_tones_rx_init(NULL, MODEM_CONNECT_TONES_FAX_CNG, NULL, NULL);
	err = d->keys && d->fax ? resample_make(&d->down, rate_hz, DETECT_HZ) : ENOMEM;
	if (err)
		detect_free(d);
	else
		*dp = d;
	return err;
}

struct detect *detect_free(struct detect *d)
{
	if (!d)
		return NULL;
	if (d->keys)
		dtmf_rx_free(d->keys);
	if (d->fax)
		modem_connect_tones_rx_free(d->fax);
	resample_free(d->down);
	return mem_free(d);
}

static void hear_keys(struct detect *d, const int16_t *low, size_t n, struct detected *out)
{
	dtmf_rx(d->keys, low, (int)n);
	dtmf_rx_get(d->keys, out->digits, DETECT_MAX_DIGITS);
	out->is_pressed = d->was_pressed | *out->digits | dtmf_rx_status(d->keys);
	d->was_pressed = dtmf_rx_status(d->keys);
}

void detect_hear(struct detect *d, unsigned what, const int16_t *pcm, size_t n,
		 struct detected *out)
{
	int16_t low[CODEC_MAX_SAMPLES];
	size_t nlow = resample_run(d->down, pcm, n, low, ARRAY_LEN(low));

	memset(out, 0, sizeof(*out));
	if (what & DETECT_KEYS)
		hear_keys(d, low, nlow, out);
	if (!(what & DETECT_FAX))
		return;
	modem_connect_tones_rx(d->fax, low, (int)nlow);
	out->is_fax = modem_connect_tones_rx_get(d->fax) == MODEM_CONNECT_TONES_FAX_CNG;
}

void detect_lost(struct detect *d, size_t n)
{
	dtmf_rx_fillin(d->keys, (int)(n * DETECT_HZ / d->rate_hz));
}
