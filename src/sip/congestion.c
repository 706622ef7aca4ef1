/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/congestion.h"

/*
 * DESIGN  What is admitted now costs time for seconds to come, so the share moves slowly: by 5 % down, by 2 % up an interval.  How far
 * down it must go is known sooner: it is not above what was admitted of what was offered in the last seconds, in which the level FULL
 * has kept the queue short.  When nothing has waited for two seconds the load has gone, and the share rises fast.
 */
enum {
	LEAST = CONGESTION_ALL / 1024, /* some are always tried, or it would never end */
	FORGET_INTERVALS = 20,	       /* without a message: whatever was, is over */
	CALM_INTERVALS = 10,
	AVERAGED = 32, /* intervals: longer than most of what an admitted call costs later on */
	FEW_MESSAGES =
		16, /* in an interval: who gets no more is not congested, whatever held it up */
};

void congestion_init(struct congestion *c)
{
	*c = (struct congestion){.tolerance_us = CONGESTION_TOLERANCE_MS * 1000,
				 .admitted = CONGESTION_ALL,
				 .passing = CONGESTION_ALL};
}

void congestion_set(struct congestion *c, uint32_t tolerance_ms)
{
	uint64_t tolerance_us = (uint64_t)tolerance_ms * 1000;
	uint32_t passing = c->passing;

	if (tolerance_us == c->tolerance_us)
		return;
	congestion_init(c);
	c->tolerance_us = tolerance_us;
	c->passing = passing; /* until that is changed too */
}

/* The standing wait in hundredths of the tolerance. */
static uint64_t percent(const struct congestion *c, uint64_t waited_us)
{
	return waited_us * 100 / c->tolerance_us;
}

/* Multiplied, not added to: the same steps do for twice the load and for a hundred times. */
static void scale(struct congestion *c, unsigned percent_of_it)
{
	uint64_t share = (uint64_t)c->admitted * percent_of_it / 100;

	c->admitted = share > CONGESTION_ALL ? CONGESTION_ALL
		      : share < LEAST	     ? LEAST
					     : (uint32_t)share;
}

static enum congestion_level level_of(const struct congestion *c, uint64_t now_percent)
{
	if (now_percent >= 100)
		return CONGESTION_FULL;
	return now_percent >= 80 || c->admitted < CONGESTION_ALL ? CONGESTION_SOME
								 : CONGESTION_NONE;
}

enum { FRACTIONS = 256 }; /* of a request, in means */

static void average(uint64_t *mean, uint32_t *n)
{
	*mean = *mean - *mean / AVERAGED + *n * FRACTIONS / AVERAGED;
	*n = 0;
}

/* To three fifths at most: one interval in which we did not run is no overload. */
static void lower(struct congestion *c)
{
	uint64_t share = (uint64_t)c->mean_admitted * CONGESTION_ALL;
	uint32_t least = c->admitted / 5 * 3;

	if (c->mean_offered)
		share /= c->mean_offered;
	if (c->mean_offered && share < c->admitted)
		c->admitted = share > least ? (uint32_t)share : least;
	scale(c, 95);
}

/* While the queue shrinks by itself what was admitted fits: taking less would leave us idle later. */
static bool adjust(struct congestion *c)
{
	uint64_t now = percent(c, c->shortest_us), before = percent(c, c->standing_us);
	enum congestion_level level;
	bool is_shrinking = now + now / 8 < before;

	average(&c->mean_offered, &c->noffered);
	average(&c->mean_admitted, &c->nadmitted);
	c->standing_us = c->shortest_us;
	c->ncalm = now < 20 ? c->ncalm + 1 : 0;
	if (now < 80)
		scale(c, c->ncalm > CALM_INTERVALS ? 120 : 102);
	else if (!is_shrinking)
		lower(c);
	level = level_of(c, now);
	if (level == c->level)
		return false;
	c->level = level;
	return true;
}

/* Intervals in which nothing came at all, before a message that has hardly waited. */
static bool adjust_silence(struct congestion *c, uint64_t passed_ms, uint64_t waited_us)
{
	bool is_other = false;

	if (percent(c, waited_us) >= 20)
		return false;
	for (uint64_t n = passed_ms / CONGESTION_INTERVAL_MS; n > 1; n--) {
		c->shortest_us = 0;
		is_other |= adjust(c);
	}
	return is_other;
}

bool congestion_waited(struct congestion *c, uint64_t now_ms, uint64_t waited_us)
{
	bool is_other = false;
	uint64_t passed_ms = now_ms - c->since_ms;

	if (!c->tolerance_us)
		return false;
	if (!c->since_ms || passed_ms > FORGET_INTERVALS * CONGESTION_INTERVAL_MS) {
		c->shortest_us = 0;
		c->admitted = CONGESTION_ALL;
		is_other = adjust(c);
	} else if (passed_ms < CONGESTION_INTERVAL_MS) {
		if (waited_us < c->shortest_us)
			c->shortest_us = waited_us;
		return false;
	} else {
		if (c->nmessages < FEW_MESSAGES)
			c->shortest_us = 0;
		is_other = adjust(c);
		is_other |= adjust_silence(c, passed_ms, waited_us);
	}
	c->since_ms = now_ms;
	c->shortest_us = waited_us;
	c->nmessages = 0;
	return is_other;
}

uint32_t congestion_passing(const struct congestion *c)
{
	uint32_t more = c->admitted + c->admitted / 3;
	uint32_t wanted = c->admitted < CONGESTION_ALL / 2 ? more : CONGESTION_ALL;
	bool is_near = wanted > c->passing - c->passing / 4 && wanted < c->passing + c->passing / 4;

	return is_near && wanted < CONGESTION_ALL ? c->passing : wanted;
}

static uint32_t admitted_of_passing(const struct congestion *c)
{
	uint64_t share = (uint64_t)c->admitted * CONGESTION_ALL / c->passing;

	return share < CONGESTION_ALL ? (uint32_t)share : CONGESTION_ALL;
}

static bool is_admitted(struct congestion *c, enum congestion_work work)
{
	if (c->level == CONGESTION_NONE)
		return true;
	if (c->level == CONGESTION_FULL)
		return false;
	c->remainder += work == CONGESTION_THINNED ? admitted_of_passing(c) : c->admitted;
	if (c->remainder < CONGESTION_ALL)
		return false;
	c->remainder -= CONGESTION_ALL;
	return true;
}

bool congestion_admits(struct congestion *c, enum congestion_work work)
{
	bool is;

	if (work == CONGESTION_PROVEN)
		return c->level != CONGESTION_FULL;
	is = is_admitted(c, work);
	c->noffered += work == CONGESTION_THINNED ? CONGESTION_ALL / c->passing : 1;
	c->nadmitted += is;
	return is;
}
