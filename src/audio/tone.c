/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include "audio/tone.h"

enum { LOUDNESS = 3300 }; /* of each frequency: about -20 dBm0 */

static const struct {
	struct str country;
	struct tone tone[TONE_KINDS];
} countries[] = {
#define COUNTRY(name, ...) {{name, 2}, {__VA_ARGS__}},
#include "audio/tones.def"
#undef COUNTRY
};

const struct tone *tone_of(struct str country, enum tone_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(countries); i++)
		if (str_ieq(countries[i].country, country))
			return &countries[i].tone[kind];
	return NULL;
}

/* Whether it sounds at this sample since its beginning. */
static bool sounds(const struct tone *t, uint64_t at, uint32_t rate_hz)
{
	uint64_t round = 0, ms = at * 1000 / rate_hz;

	for (size_t i = 0; i < TONE_STEPS; i++)
		round += t->ms[i];
	if (!round)
		return true;
	ms %= round;
	for (size_t i = 0; i < TONE_STEPS; i++) {
		if (ms < t->ms[i])
			return i % 2 == 0;
		ms -= t->ms[i];
	}
	return false;
}

void tone_play(const struct tone *t, struct tone_voice *v, uint32_t rate_hz, int16_t *pcm, size_t n)
{
	for (size_t i = 0; i < n; i++, v->at++) {
		double x = 0;

		for (size_t k = 0; k < 2 && sounds(t, v->at, rate_hz); k++)
			if (t->hz[k])
				x += sin(2 * M_PI *
					 fmod((double)t->hz[k] * (double)v->at / rate_hz, 1.0));
		pcm[i] = (int16_t)lrint(LOUDNESS * x);
	}
}
