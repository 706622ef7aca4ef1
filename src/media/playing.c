/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "media/playing.h"
#include "media/voice.h"

enum { STEP_MS = 10 };

_Static_assert((int)MEDIA_TONE_STEPS == (int)TONE_STEPS, "a command carries a whole tone");

void playing_start(struct playing *p, const struct media_play *what, struct clip_list *list,
		   uint32_t seq)
{
	playing_stop(p);
	p->is_on = true;
	p->until_key = what->until_key;
	p->seq = seq;
	p->left_ms = what->most_ms ? what->most_ms : UINT32_MAX;
	p->times = what->times;
	p->list = list;
	memcpy(p->tone.hz, what->hz, sizeof(p->tone.hz));
	memcpy(p->tone.ms, what->ms, sizeof(p->tone.ms));
}

void playing_stop(struct playing *p)
{
	resample_free(p->rate);
	clip_list_free(p->list);
	memset(p, 0, sizeof(*p));
}

/* The clip in which there is something left; NULL: all has been played as often as asked. */
static const struct clip *present(struct playing *p)
{
	size_t empty = 0;

	while (empty <= p->list->n) {
		if (p->clip == p->list->n) {
			if (p->times == 1 || !p->list->n)
				return NULL;
			p->times -= p->times != MEDIA_FOR_EVER;
			p->clip = p->at = 0;
		}
		if (p->at < p->list->clips[p->clip]->n)
			return p->list->clips[p->clip];
		p->clip++;
		p->at = 0;
		empty++;
	}
	return NULL;
}

static bool set_rate(struct playing *p, uint32_t from, uint32_t to)
{
	if (p->rate_from == from && p->rate_to == to)
		return true;
	resample_free(p->rate);
	p->rate_from = from;
	p->rate_to = to;
	return !resample_make(&p->rate, from, to);
}

/* 10 ms of the clip at its own rate, made those of the hearer's. */
static bool clip_step(struct playing *p, uint32_t rate_hz, int16_t *pcm, size_t n)
{
	const struct clip *c = present(p);
	int16_t in[VOICE_FRAME_MAX];
	size_t nin, left, done;

	if (!c || !set_rate(p, c->rate_hz, rate_hz))
		return false;
	nin = c->rate_hz / 1000 * STEP_MS;
	left = c->n - p->at < nin ? c->n - p->at : nin;
	memcpy(in, c->pcm + p->at, left * sizeof(*in));
	memset(in + left, 0, (nin - left) * sizeof(*in));
	p->at += left;
	done = resample_run(p->rate, in, nin, pcm, n);
	memset(pcm + done, 0, (n - done) * sizeof(*pcm));
	return true;
}

bool playing_frame(struct playing *p, uint32_t rate_hz, int16_t *pcm, size_t n)
{
	size_t step = rate_hz / 1000 * STEP_MS, at = 0;

	for (; at + step <= n && p->left_ms >= STEP_MS; at += step) {
		if (!p->list)
			tone_play(&p->tone, &p->voice, rate_hz, pcm + at, step);
		else if (!clip_step(p, rate_hz, pcm + at, step))
			break;
		if (p->left_ms != UINT32_MAX)
			p->left_ms -= STEP_MS;
	}
	memset(pcm + at, 0, (n - at) * sizeof(*pcm));
	return at == n;
}
