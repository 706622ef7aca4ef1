/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sip/congestion.h"

/*
 * DESIGN  The wait says only that there is too much, and late: what is admitted now costs time for seconds to come.  How much is right
 * is counted: between the instants at which the queue is short all the time there is was used, and as many were finished as were admitted, so
 * their mean is the rate.  It is taken when the level FULL ends (at the beginning of an overload already before, to have new calls
 * thinned out), and in between the rate is raised, slowly, to see whether there is more.
 */
enum {
	FRACTIONS = 4096,  /* of a request */
	LEAST = FRACTIONS, /* one is always tried, or it would never end */
	MOST = 1 << 30,	   /* more than is ever read in an interval */
	LEAST_PASSING = CONGESTION_ALL / 1024,
	FORGET_INTERVALS = 20, /* without a message: whatever was, is over */
	CALM_INTERVALS = 10,
	AVERAGED = 8, /* intervals: what is offered */
	SUSTAINED =
		16, /* intervals: what is admitted; longer than most of what a call costs later on */
	FEW_MESSAGES =
		16, /* in an interval: who gets no more is not congested, whatever held it up */
	PROVEN_PERCENT = 400, /* of the tolerance */
	TOLD = 4, /* of so many that are refused among those thinned out one is answered */
};
/* What becomes of the rate in an interval, in thousandths. */
enum { SEEKING = 1080, CALM = 1040, EMPTY = 1020, SHORT = 1005, LONG = 980 };

void congestion_init(struct congestion *c)
{
	*c = (struct congestion){.tolerance_us = CONGESTION_TOLERANCE_MS * 1000,
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

static void set_rate(struct congestion *c, uint64_t rate)
{
	c->rate = rate < LEAST ? LEAST : rate < MOST ? rate : MOST;
}

static enum congestion_level level_of(const struct congestion *c, uint64_t now_percent)
{
	if (now_percent >= 100)
		return CONGESTION_FULL;
	return now_percent >= 80 || c->rate ? CONGESTION_SOME : CONGESTION_NONE;
}

static void count(struct congestion *c, bool is_long)
{
	uint64_t offered = (uint64_t)c->noffered * FRACTIONS;

	c->mean_offered += offered / AVERAGED - c->mean_offered / AVERAGED;
	if (c->search == CONGESTION_BEGINS && c->mean_offered < offered)
		c->mean_offered = offered;
	if (!c->rate && !is_long)
		c->nsustained = c->nintervals = 0;
	if (offered >= c->rate) {
		c->nsustained += c->nadmitted;
		c->nintervals++;
	}
	if (c->nintervals == SUSTAINED) {
		c->nsustained /= 2;
		c->nintervals /= 2;
	}
	c->noffered = c->nadmitted = 0;
}

static void follow_sustained(struct congestion *c)
{
	uint64_t sustained =
		c->nintervals ? (uint64_t)c->nsustained * FRACTIONS / c->nintervals : 0;

	if (c->nintervals && (!c->rate || sustained < c->rate))
		set_rate(c, sustained);
}

static void lower(struct congestion *c, uint64_t now_percent)
{
	if (!c->rate) {
		c->search = CONGESTION_BEGINS;
		c->budget = 0;
	}
	if (c->search == CONGESTION_BEGINS) {
		follow_sustained(c);
		return;
	}
	c->search = CONGESTION_FOLLOWS;
	if (now_percent < 100)
		set_rate(c, c->rate * LONG / 1000);
}

static unsigned growth(const struct congestion *c, uint64_t now_percent)
{
	if (c->ncalm > CALM_INTERVALS)
		return CALM;
	if (c->search == CONGESTION_SEEKS)
		return SEEKING;
	return now_percent < 20 ? EMPTY : SHORT;
}

static void higher(struct congestion *c, uint64_t now_percent)
{
	if (!c->rate)
		return;
	if (c->level == CONGESTION_FULL)
		follow_sustained(c);
	if (c->search == CONGESTION_BEGINS)
		c->search = CONGESTION_SEEKS;
	if (c->mean_offered >= c->rate)
		set_rate(c, c->rate * growth(c, now_percent) / 1000);
	else if (c->ncalm > CALM_INTERVALS)
		c->rate = 0;
}

/* While the queue shrinks by itself what was admitted fits: taking less would leave us idle later. */
static bool adjust(struct congestion *c)
{
	uint64_t now = percent(c, c->shortest_us), before = percent(c, c->standing_us);
	enum congestion_level level;
	bool is_shrinking = now + now / 8 < before;

	count(c, now >= 80);
	c->standing_us = c->shortest_us;
	c->ncalm = now < 20 ? c->ncalm + 1 : 0;
	if (now < 80)
		higher(c, now);
	else if (!is_shrinking)
		lower(c, now);
	level = level_of(c, now);
	if (level == c->level)
		return false;
	c->level = level;
	return true;
}

/* At most what one interval brings is saved up. */
static void pay(struct congestion *c, uint64_t now_ms)
{
	uint64_t passed_ms = now_ms - c->paid_ms;

	c->paid_ms = now_ms;
	if (passed_ms > CONGESTION_INTERVAL_MS)
		passed_ms = CONGESTION_INTERVAL_MS;
	c->budget += c->rate * passed_ms / CONGESTION_INTERVAL_MS;
	if (c->budget > c->rate)
		c->budget = c->rate;
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
	pay(c, now_ms);
	if (!c->since_ms || passed_ms > FORGET_INTERVALS * CONGESTION_INTERVAL_MS) {
		c->shortest_us = 0;
		c->rate = 0;
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
	uint64_t share = c->rate && c->mean_offered ? c->rate * CONGESTION_ALL / c->mean_offered
						    : CONGESTION_ALL;
	uint64_t wanted = share + share / 2;
	bool is_near = wanted > c->passing - c->passing / 4 && wanted < c->passing + c->passing / 8;

	if (share >= CONGESTION_ALL / 2)
		return CONGESTION_ALL;
	if (is_near)
		return c->passing;
	return wanted > LEAST_PASSING ? (uint32_t)wanted : LEAST_PASSING;
}

/* The queue is long, and has been so far in this interval. */
static bool is_standing(const struct congestion *c, unsigned now_percent)
{
	return c->level == CONGESTION_FULL && percent(c, c->standing_us) >= now_percent &&
	       percent(c, c->shortest_us) >= now_percent;
}

/* What nobody thins out before has no better chances than the rest. */
static bool is_drawn(struct congestion *c)
{
	c->remainder += c->passing;
	if (c->remainder < CONGESTION_ALL)
		return false;
	c->remainder -= CONGESTION_ALL;
	return true;
}

static bool is_admitted(struct congestion *c, enum congestion_work work)
{
	if (c->level == CONGESTION_NONE)
		return true;
	if (is_standing(c, 80) || (work == CONGESTION_NEW && !is_drawn(c)))
		return false;
	if (!c->rate)
		return true;
	if (c->budget < FRACTIONS)
		return false;
	c->budget -= FRACTIONS;
	return true;
}

bool congestion_admits(struct congestion *c, enum congestion_work work)
{
	bool is;

	if (work == CONGESTION_PROVEN)
		return !is_standing(c, PROVEN_PERCENT);
	is = is_admitted(c, work);
	c->noffered += work == CONGESTION_THINNED ? CONGESTION_ALL / c->passing : 1;
	c->nadmitted += is;
	return is;
}

bool congestion_tells(struct congestion *c, enum congestion_work work)
{
	if (work != CONGESTION_THINNED || c->passing == CONGESTION_ALL)
		return true;
	c->nuntold = (c->nuntold + 1) % TOLD;
	return !c->nuntold;
}
