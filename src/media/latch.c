/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "media/latch.h"

/* RTCP comes every 5 s or so. */
const struct latch_rule latch_rule_rtp = {.rebind_ms = 3000, .probation = 8};
const struct latch_rule latch_rule_rtcp = {.rebind_ms = 15000, .probation = 2};

void latch_arm(struct latch *l, const struct addr *expected, const struct addr *hint,
	       const struct latch_rule *rule)
{
	struct addr old = l->source.family ? l->source : l->old;
	bool is_old_barred = !l->source.family && l->is_old_barred;

	memset(l, 0, sizeof(*l));
	l->old = old;
	l->is_old_barred = is_old_barred;
	l->expected = *expected;
	if (hint)
		l->hint = *hint;
	l->rule = rule;
	l->is_armed = true;
}

void latch_renew(struct latch *l)
{
	struct addr old = l->source.family ? l->source : l->old;

	*l = (struct latch){.old = old, .is_old_barred = old.family != 0};
}

static enum latch_rank rank_of(const struct latch *l, const struct addr *src)
{
	bool is_old = l->old.family && addr_eq(src, &l->old);
	bool is_host = (l->expected.family && addr_ip_eq(src, &l->expected)) ||
		       (l->hint.family && addr_ip_eq(src, &l->hint));

	if (l->expected.family && addr_eq(src, &l->expected))
		return LATCH_SDP;
	if (is_host)
		return is_old ? LATCH_HOST_OLD : LATCH_HOST;
	return is_old ? LATCH_OLD : LATCH_ANY;
}

static enum latch_verdict take(struct latch *l, const struct addr *src, enum latch_rank rank,
			       const struct latch_mark *mark, uint64_t now_ms)
{
	l->source = *src;
	l->rank = (uint8_t)rank;
	l->ssrc = mark ? mark->ssrc : 0;
	l->heard_packets = 1;
	l->heard_ms = now_ms;
	l->run = 0;
	l->candidate = (struct addr){0};
	return LATCH_CHANGED;
}

/* Is this the sender we knew, at another address?  Without a mark (not RTP) the IP must be one we trust. */
static bool may_follow(const struct latch *l, const struct addr *src, enum latch_rank rank,
		       const struct latch_mark *mark)
{
	if (mark && mark->ssrc == l->ssrc)
		return true;
	if (!mark)
		return rank >= LATCH_HOST_OLD || addr_ip_eq(src, &l->source);
	return l->heard_packets < LATCH_ESTABLISHED && rank >= l->rank;
}

static bool on_probation(struct latch *l, const struct addr *src, const struct latch_mark *mark)
{
	bool continues = addr_eq(src, &l->candidate) &&
			 (!mark || (mark->ssrc == l->candidate_ssrc && mark->seq == l->next_seq));

	if (!continues) {
		l->candidate = *src;
		l->candidate_ssrc = mark ? mark->ssrc : 0;
		l->run = 0;
	}
	if (mark)
		l->next_seq = (uint16_t)(mark->seq + 1);
	return ++l->run < l->rule->probation;
}

enum latch_verdict latch_hear_slow(struct latch *l, const struct addr *src,
				   const struct latch_mark *mark, uint64_t now_ms)
{
	enum latch_rank rank;

	if (!l->is_armed)
		return LATCH_REFUSED;
	rank = rank_of(l, src);
	if (l->is_strict && rank < LATCH_HOST_OLD)
		return LATCH_REFUSED;
	if (l->is_old_barred && rank == LATCH_OLD)
		return LATCH_REFUSED;
	if (rank > (enum latch_rank)l->rank)
		return take(l, src, rank, mark, now_ms);
	if (now_ms - l->heard_ms < l->rule->rebind_ms || !may_follow(l, src, rank, mark))
		return LATCH_REFUSED;
	if (on_probation(l, src, mark))
		return LATCH_REFUSED;
	return take(l, src, rank, mark, now_ms);
}
