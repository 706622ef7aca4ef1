/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * New calls that the edge drops unread under overload: as many as congestion wants, and none when we cannot say which of them must
 * come through.
 */
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "base/thread.h"
#include "sip/stack.h"

enum { LOOK_MS = 1000 };

/* When all that comes is dropped nobody would notice that the load has gone: silence counts as a message that has not waited. */
static void look(struct timer *t, void *arg)
{
	struct sip *s = arg;
	uint64_t passed_ms = clock_mono_ms(s->conf.env.clock) - s->congestion.since_ms;

	if (passed_ms >= LOOK_MS)
		s->sink.waited(&s->sink, 0);
	if (s->congestion.passing < CONGESTION_ALL && !timer_running(t))
		timer_start(s->conf.env.wheel, t, LOOK_MS, look, s);
}

static int thin(struct sip *s, uint32_t share)
{
	struct str numbers[FLOW_THIN_NUMBERS];
	struct flow_thinning t = {.share = share, .first = numbers};
	struct flow_edge *e = s->conf.edge;
	char mark[FLOW_THIN_MARK + 1];

	if (share >= CONGESTION_ALL)
		return e->thin(e, NULL);
	t.nfirst = s->urgent_numbers(numbers, ARRAY_LEN(numbers), s->urgent_numbers_arg);
	if (t.nfirst > ARRAY_LEN(numbers))
		return ENOSPC;
	tag_mark(s, mark);
	t.mark = str_of(mark);
	return e->thin(e, &t);
}

static void follow(struct sip *s, uint32_t share)
{
	int err = thin(s, share);

	s->cannot_thin = err;
	if (err) {
		share = CONGESTION_ALL;
		log_warn(NULL, LOGID_OVERLOAD, "new calls cannot be dropped unread: %s",
			 err == ENOSPC ? "there are too many emergency numbers" : strerror(err));
	}
	metric_set(METRIC_CONGESTION_READ, share * 1000 / CONGESTION_ALL);
	congestion_thinned(&s->congestion, share);
	if (s->congestion.passing < CONGESTION_ALL)
		timer_start(s->conf.env.wheel, &s->look, LOOK_MS, look, s);
	else
		timer_cancel(&s->look);
}

void thinning_follow(struct sip *s)
{
	uint32_t share = congestion_passing(&s->congestion);

	if (share == CONGESTION_ALL)
		s->cannot_thin = false; /* tried again under the next overload */
	if (share != s->congestion.passing && s->conf.edge->thin && s->urgent_numbers &&
	    !s->cannot_thin)
		follow(s, share);
}

void sip_urgent_changed(struct sip *s)
{
	ON_THREAD(THREAD_CORE);
	s->cannot_thin = false;
	if (s->congestion.passing < CONGESTION_ALL)
		follow(s, s->congestion.passing);
}
