/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A WAV file that somebody uploads, or that a crash cut off: read, and made samples of at two rates.
 *
 * Input: the file.
 */
#include <string.h>
#include "audio/wav.h"
#include "base/mem.h"
#include "fuzz.h"

static size_t frames_of(const struct wav *w)
{
	return w->data.n / (w->channels * (size_t)(w->bits / 8));
}

static void samples_of(const struct wav *w, uint32_t rate_hz)
{
	double want = (double)frames_of(w) * rate_hz / w->rate_hz;
	int16_t *pcm = NULL;
	volatile int32_t sum = 0;
	size_t n = 0;

	if (wav_samples(w, rate_hz, &pcm, &n))
		return;
	for (size_t i = 0; i < n; i++)
		sum = sum + pcm[i];
	MUST((double)n <= want + 1 &&
	     (double)n >= want - 1); /* nothing is lost but less than a sample */
	mem_free(pcm);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *exact = malloc(n ? n : 1);
	const char *why = NULL;
	struct wav w;
	int err;

	MUST(exact);
	memcpy(exact, p, n);
	err = wav_read(&w, (struct str){exact, n}, &why);
	MUST(!err == !why); /* every refusal says why */
	if (!err) {
		MUST(w.data.p >= exact && w.data.n <= n && w.data.p + w.data.n <= exact + n);
		MUST(w.channels == 1 || w.channels == 2);
		samples_of(&w, 8000);
		samples_of(&w, 16000);
	}
	free(exact);
	return 0;
}
