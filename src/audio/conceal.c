/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/conceal.h"

/* Voices are between 66 and 400 Hz.  Made-up sound is whole for 10 ms and gone after 60. */
enum { MIN_PERIOD_US = 2500, MAX_PERIOD_US = 15000, WHOLE_MS = 10, GONE_MS = 60, JOIN_MS = 4 };

static size_t samples_us(const struct conceal *c, uint32_t us)
{
	return (size_t)c->rate_hz * us / 1000000;
}

void conceal_init(struct conceal *c, uint32_t rate_hz)
{
	BUG(rate_hz > CONCEAL_MAX_HZ);
	memset(c, 0, sizeof(*c));
	c->rate_hz = rate_hz;
}

static void remember(struct conceal *c, const int16_t *pcm, size_t n)
{
	size_t most = samples_us(c, 35000), keep;

	if (n >= most) {
		memcpy(c->history, pcm + n - most, most * sizeof(*pcm));
		c->nhistory = most;
		return;
	}
	keep = c->nhistory < most - n ? c->nhistory : most - n;
	memmove(c->history, c->history + c->nhistory - keep, keep * sizeof(*pcm));
	memcpy(c->history + keep, pcm, n * sizeof(*pcm));
	c->nhistory = keep + n;
}

/* The lag at which the last 15 ms are most like those before. */
static size_t find_period(const struct conceal *c)
{
	size_t min = samples_us(c, MIN_PERIOD_US), max = samples_us(c, MAX_PERIOD_US), best = max;
	const int16_t *end = c->history + c->nhistory;
	uint64_t least = UINT64_MAX;

	for (size_t lag = min; lag <= max; lag++) {
		uint64_t sum = 0;

		for (size_t i = 1; i <= max; i++) {
			int d = end[-(ptrdiff_t)i] - end[-(ptrdiff_t)(i + lag)];

			sum += (uint64_t)(d < 0 ? -d : d);
		}
		if (sum < least) {
			least = sum;
			best = lag;
		}
	}
	return best;
}

/* The i-th sample since the loss began, faded. */
static int16_t made_up(const struct conceal *c, size_t i)
{
	size_t whole = samples_us(c, 1000 * WHOLE_MS), gone = samples_us(c, 1000 * GONE_MS);
	int32_t x = c->history[c->nhistory - c->period + i % c->period];

	if (i >= gone)
		return 0;
	if (i > whole)
		x = (int32_t)(x * (int64_t)(gone - i) / (int64_t)(gone - whole));
	return (int16_t)x;
}

void conceal_fill(struct conceal *c, int16_t *pcm, size_t n)
{
	if (!c->lost && c->nhistory == samples_us(c, 35000))
		c->period = find_period(c);
	for (size_t i = 0; i < n; i++)
		pcm[i] = c->period ? made_up(c, c->lost + i) : 0;
	c->lost += n;
}

void conceal_heard(struct conceal *c, int16_t *pcm, size_t n)
{
	size_t join = samples_us(c, 1000 * JOIN_MS);

	if (c->lost && c->period) {
		join = join < n ? join : n;
		for (size_t i = 0; i < join; i++)
			pcm[i] = (int16_t)((made_up(c, c->lost + i) * (int32_t)(join - i) +
					    pcm[i] * (int32_t)i) /
					   (int32_t)join);
	}
	c->lost = 0;
	c->period = 0;
	remember(c, pcm, n);
}
