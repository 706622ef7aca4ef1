/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cooling` is a queue in order of return, `ready` a bag to draw from.  One that fits is looked for among a few of the bag
 * only: with several threads or addresses a draw may miss, and the session then opens a pair of its own.
 */
#include "base/mem.h"
#include "media/session.h"
#include "media/spare.h"

enum { DRAWS = 8 };

struct spare {
	struct stream *stream;
	uint64_t since_ms;
	uint16_t worker;
};

struct spares {
	struct rng *rng;
	size_t max, nready, ncooling, oldest;
	struct spare *ready, *cooling;
};

int spares_alloc(struct spares **sp, size_t max, struct rng *rng)
{
	struct spares *s = mem_alloc(sizeof(*s));

	if (!s)
		return ENOMEM;
	s->rng = rng;
	s->max = max;
	s->ready = max ? mem_alloc(max * sizeof(*s->ready)) : NULL;
	s->cooling = max ? mem_alloc(max * sizeof(*s->cooling)) : NULL;
	if (max && (!s->ready || !s->cooling)) {
		spares_free(s);
		return ENOMEM;
	}
	*sp = s;
	return 0;
}

static struct spare *nth_cooling(struct spares *s, size_t i)
{
	return &s->cooling[(s->oldest + i) % s->max];
}

struct spares *spares_free(struct spares *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->nready; i++)
		session_drop_spare(s->ready[i].stream);
	for (size_t i = 0; i < s->ncooling; i++)
		session_drop_spare(nth_cooling(s, i)->stream);
	mem_free(s->ready);
	mem_free(s->cooling);
	return mem_free(s);
}

int spares_put(struct spares *s, struct stream *st, uint16_t worker, uint64_t now_ms)
{
	if (spares_count(s) >= s->max)
		return ENOBUFS;
	*nth_cooling(s, s->ncooling++) = (struct spare){st, now_ms, worker};
	return 0;
}

static void warm_oldest(struct spares *s)
{
	s->ready[s->nready++] = *nth_cooling(s, 0);
	s->oldest = (s->oldest + 1) % s->max;
	s->ncooling--;
}

static void warm(struct spares *s, uint64_t now_ms)
{
	while (s->ncooling && now_ms - nth_cooling(s, 0)->since_ms >= SPARE_COOL_MS)
		warm_oldest(s);
}

static bool fits(const struct spare *sp, uint16_t worker, const struct addr *local)
{
	return sp->worker == worker && addr_ip_eq(&sp->stream->rtp.local, local);
}

static struct stream *draw(struct spares *s, size_t i)
{
	struct stream *st = s->ready[i].stream;

	s->ready[i] = s->ready[--s->nready];
	return st;
}

struct stream *spares_take(struct spares *s, uint16_t worker, const struct addr *local,
			   bool is_urgent, uint64_t now_ms)
{
	warm(s, now_ms);
	for (unsigned tries = 0; s->nready && tries < DRAWS; tries++) {
		size_t i = rng_below(s->rng, s->nready);

		if (fits(&s->ready[i], worker, local))
			return draw(s, i);
	}
	if (!is_urgent)
		return NULL;
	while (s->ncooling)
		warm_oldest(s);
	for (size_t i = 0; i < s->nready; i++)
		if (fits(&s->ready[i], worker, local))
			return draw(s, i);
	return NULL;
}

struct stream *spares_stale(struct spares *s, uint16_t *worker, uint64_t now_ms)
{
	warm(s, now_ms);
	for (size_t i = 0; i < s->nready; i++)
		if (now_ms - s->ready[i].since_ms >= SPARE_KEEP_MS) {
			*worker = s->ready[i].worker;
			return draw(s, i);
		}
	return NULL;
}

size_t spares_count(const struct spares *s)
{
	return s->nready + s->ncooling;
}
