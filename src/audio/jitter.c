/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/jitter.h"

enum {
	RANGE_US = 4000000,
	EVEN_US = 200000,  /* between two packets left out or made up for the delay's sake */
	JUMP_US = 2000000, /* a timestamp this far off belongs to something new */
	MAX_EMPTY = 5,	   /* made up in a row; then it is silence */
	DEFAULT_STEP_MS = 20,
	MAX_STEP_MS = 120,
};

void jitter_init(struct jitter *j, uint32_t clock_hz)
{
	memset(j, 0, sizeof(*j));
	j->clock_hz = clock_hz;
	j->step_ts = clock_hz / 1000 * DEFAULT_STEP_MS;
}

static int64_t ts_us(const struct jitter *j, int32_t ts)
{
	return (int64_t)ts * 1000000 / j->clock_hz;
}

uint32_t jitter_step_ms(const struct jitter *j)
{
	return j->step_ts * 1000 / j->clock_hz;
}

static struct jitter_range range(const struct jitter *j)
{
	struct jitter_range r = j->now;

	if (j->before.least_us < r.least_us)
		r.least_us = j->before.least_us;
	if (j->before.most_us > r.most_us)
		r.most_us = j->before.most_us;
	return r;
}

static int64_t wait_us(const struct jitter *j)
{
	struct jitter_range r = range(j);
	int64_t wait = r.most_us - r.least_us, most = JITTER_MAX_WAIT_MS * 1000;

	return (wait < most ? wait : most) + ts_us(j, (int32_t)j->step_ts);
}

uint32_t jitter_wait_ms(const struct jitter *j)
{
	return j->has_begun ? (uint32_t)(wait_us(j) / 1000) : 0;
}

static void begin(struct jitter *j, uint32_t ssrc, uint16_t seq, uint32_t ts, uint64_t now_us)
{
	for (size_t i = 0; i < JITTER_SLOTS; i++)
		j->slot[i].is_used = false;
	j->ssrc = ssrc;
	j->has_begun = true;
	j->is_playing = false;
	j->next_seq = j->last_seq = seq;
	j->next_ts = j->last_ts = ts;
	j->last_us = 0;
	j->begun_us = j->range_us = now_us;
	j->now = j->before = (struct jitter_range){0, 0};
	j->nempty = 0;
}

/* Arrival minus timestamp, both since the first packet. */
static int64_t way_us(const struct jitter *j, uint32_t ts, uint64_t now_us)
{
	return (int64_t)(now_us - j->begun_us) - j->last_us - ts_us(j, (int32_t)(ts - j->last_ts));
}

static void learn(struct jitter *j, uint16_t seq, uint32_t ts, int64_t way, uint64_t now_us)
{
	if (now_us - j->range_us >= RANGE_US) {
		j->before = j->now;
		j->now = (struct jitter_range){way, way};
		j->range_us = now_us;
	}
	if (way < j->now.least_us)
		j->now.least_us = way;
	if (way > j->now.most_us)
		j->now.most_us = way;
	if ((int16_t)(seq - j->last_seq) <= 0)
		return;
	if (seq == (uint16_t)(j->last_seq + 1) && ts - j->last_ts > 0 &&
	    ts - j->last_ts <= j->clock_hz / 1000 * MAX_STEP_MS)
		j->step_ts = ts - j->last_ts;
	j->last_us += ts_us(j, (int32_t)(ts - j->last_ts));
	j->last_seq = seq;
	j->last_ts = ts;
}

int jitter_put(struct jitter *j, uint32_t ssrc, uint16_t seq, uint32_t ts, const uint8_t *p,
	       size_t n, uint64_t now_us)
{
	struct jitter_slot *s = &j->slot[seq % JITTER_SLOTS];
	int64_t way;
	size_t at;

	if (n > JITTER_ARENA / 4)
		return EMSGSIZE;
	way = j->has_begun ? way_us(j, ts, now_us) : 0;
	if (!j->has_begun || ssrc != j->ssrc || way > range(j).least_us + JUMP_US ||
	    way < range(j).least_us - JUMP_US ||
	    (uint16_t)(seq - j->next_seq + JITTER_SLOTS) >= 3 * JITTER_SLOTS) {
		begin(j, ssrc, seq, ts, now_us);
		way = 0;
	}
	learn(j, seq, ts, way, now_us);
	if ((int16_t)(seq - j->next_seq) < 0) {
		/* Before anything is played the order may still be found. */
		if (j->is_playing) {
			j->nlate++;
			return EALREADY;
		}
		j->next_seq = seq;
		j->next_ts = ts;
	}
	if (s->is_used && s->seq == seq)
		return EALREADY;
	at = j->head % JITTER_ARENA;
	if (at + n > JITTER_ARENA) {
		j->head += JITTER_ARENA - at;
		at = 0;
	}
	memcpy(j->arena + at, p, n);
	*s = (struct jitter_slot){true, seq, (uint16_t)n, ts, j->head};
	j->head += n;
	return 0;
}

static struct jitter_slot *find(struct jitter *j, uint16_t seq)
{
	struct jitter_slot *s = &j->slot[seq % JITTER_SLOTS];

	return s->is_used && s->seq == seq && j->head - s->at <= JITTER_ARENA ? s : NULL;
}

/* How long ago ts should have been played; negative: not yet. */
static int64_t overdue_us(const struct jitter *j, uint32_t ts, uint64_t now_us)
{
	return way_us(j, ts, now_us) - range(j).least_us - wait_us(j);
}

static bool may_even(struct jitter *j, uint64_t now_us)
{
	if (now_us - j->evened_us < EVEN_US)
		return false;
	j->evened_us = now_us;
	j->nevened++;
	return true;
}

static void advance(struct jitter *j, uint32_t ts)
{
	j->slot[j->next_seq % JITTER_SLOTS].is_used = false;
	j->next_seq++;
	j->next_ts = ts + j->step_ts;
}

static bool has_later(const struct jitter *j)
{
	return (int16_t)(j->last_seq - j->next_seq) > 0;
}

/* Nothing is there to be taken. */
static enum jitter_verdict missing(struct jitter *j, int64_t overdue, uint64_t now_us)
{
	if (has_later(j)) {
		if (overdue < -ts_us(j, (int32_t)j->step_ts))
			return may_even(j, now_us) ? JITTER_LOST : JITTER_NOTHING;
		j->nlost++;
		advance(j, j->next_ts);
		return JITTER_LOST;
	}
	if (j->nempty >= MAX_EMPTY)
		return JITTER_NOTHING;
	j->nempty++;
	return JITTER_LOST;
}

/* Who took nothing for a while, a thread that did not run, finds what was due then overwritten: on to what is due now. */
static struct jitter_slot *catch_up(struct jitter *j, int64_t *overdue, uint64_t now_us)
{
	int64_t step = ts_us(j, (int32_t)j->step_ts);
	struct jitter_slot *s = NULL;

	while (!s && has_later(j) && *overdue > step + step / 2) {
		j->nlost++;
		advance(j, j->next_ts);
		s = find(j, j->next_seq);
		*overdue = overdue_us(j, s ? s->ts : j->next_ts, now_us);
	}
	return s;
}

enum jitter_verdict jitter_take(struct jitter *j, const uint8_t **pp, size_t *np, uint64_t now_us)
{
	int64_t step = ts_us(j, (int32_t)j->step_ts), overdue;
	struct jitter_slot *s;

	if (!j->has_begun)
		return JITTER_NOTHING;
	s = find(j, j->next_seq);
	overdue = overdue_us(j, s ? s->ts : j->next_ts, now_us);
	if (!j->is_playing && overdue < 0)
		return JITTER_NOTHING;
	if (s && s->ts - j->next_ts - 1 < j->clock_hz * 60u && overdue < 0 && j->is_playing)
		return JITTER_NOTHING; /* it was silent in between, and still is */
	if (s && overdue < -step && may_even(j, now_us))
		return JITTER_LOST; /* the delay grows by one */
	if (s && overdue > step + step / 2 && has_later(j) && may_even(j, now_us)) {
		advance(j, s->ts); /* the delay shrinks by one */
		s = find(j, j->next_seq);
	}
	if (!s)
		s = catch_up(j, &overdue, now_us);
	if (!s)
		return missing(j, overdue, now_us);
	j->is_playing = true;
	j->nempty = 0;
	*pp = j->arena + s->at % JITTER_ARENA;
	*np = s->n;
	advance(j, s->ts);
	return JITTER_PACKET;
}
