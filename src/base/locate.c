/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/locate.h"

bool locate_literal(const struct locate_question *q, struct located *found)
{
	struct addr a;

	if (addr_parse(&a, q->host, q->port ? q->port : locate_default_port(q->transport)))
		return false;
	found->n = 1;
	found->ttl_s = UINT32_MAX;
	found->target[0] = (struct locate_target){.transport = q->transport, .addr = a};
	return true;
}

/* RFC 2782: the sum of weights up to a host is compared with a lot; a host of weight 0 has a small chance. */
static size_t draw(const struct locate_target *t, size_t n, struct rng *rng)
{
	uint64_t sum = 0, lot;
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		if (!k || t[k].host != t[k - 1].host)
			sum += t[k].weight ? t[k].weight * 256u : 1;
	lot = rng_below(rng, sum);
	for (; i < n; i++) {
		uint64_t w = i && t[i].host == t[i - 1].host ? 0
			     : t[i].weight		     ? t[i].weight * 256u
							     : 1;

		if (lot < w)
			break;
		lot -= w;
	}
	return i < n ? i : 0;
}

/* The run of one host's targets that begins at `at` goes to the front of t. */
static void bring_forward(struct locate_target *t, size_t n, size_t at)
{
	uint16_t host = t[at].host;
	size_t to = 0;

	for (size_t i = at; i < n && t[i].host == host; i++, to++) {
		struct locate_target one = t[i];

		for (size_t k = i; k > to; k--)
			t[k] = t[k - 1];
		t[to] = one;
	}
}

static void by_priority(struct locate_target *t, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k && t[k - 1].priority > t[k].priority; k--) {
			struct locate_target swap = t[k];

			t[k] = t[k - 1];
			t[k - 1] = swap;
		}
}

/* Those that are equal in all else share the work too: a turn of the addresses of one family. */
static void rotate(struct locate_target *t, size_t n, struct rng *rng)
{
	size_t same = 1;

	while (same < n && t[same].addr.family == t[0].addr.family)
		same++;
	for (size_t i = same - 1; i; i--) {
		size_t k = rng_below(rng, i + 1);
		struct locate_target swap = t[k];

		t[k] = t[i];
		t[i] = swap;
	}
}

void locate_order(struct located *l, struct rng *rng)
{
	struct locate_target *t = l->target;

	by_priority(t, l->n);
	for (size_t at = 0; at < l->n;) {
		size_t level = 1, host = 1;

		while (at + level < l->n && t[at + level].priority == t[at].priority)
			level++;
		bring_forward(t + at, level, draw(t + at, level, rng));
		while (host < level && t[at + host].host == t[at].host)
			host++;
		rotate(t + at, host, rng);
		at += host;
	}
}
