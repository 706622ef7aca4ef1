/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  A hash of the networks; an address is looked up once for each length that any rule has.  So a look-up costs
 * as many steps as there are lengths (few), not rules.
 */
#include <string.h>
#include "base/mem.h"
#include "sip/shield_impl.h"

struct rule {
	struct map_node by_net, by_id;
	uint64_t id;
	struct addr_net net;
	int64_t expires_us;
	enum shield_verdict verdict;
};

static uint64_t net_hash(const struct addr *first, unsigned bits)
{
	return map_hash_u64(addr_hash(first), bits);
}

static bool same_net(const struct map_node *node, const void *key)
{
	const struct addr_net *net = key, *own = &CONTAINER_OF(node, struct rule, by_net)->net;

	return own->bits == net->bits && addr_eq(&own->addr, &net->addr);
}

static bool same_id(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct rule, by_id)->id == *(const uint64_t *)key;
}

int shield_rules_init(struct shield_rules *r, size_t max)
{
	int err = map_init(&r->by_net);

	r->max = max;
	return err ? err : map_init(&r->by_id);
}

void shield_rules_close(struct shield_rules *r)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&r->by_id, &it)))
		mem_free(CONTAINER_OF(node, struct rule, by_id));
	map_close(&r->by_net);
	map_close(&r->by_id);
}

static uint32_t *length_of(struct shield_rules *r, const struct addr_net *net)
{
	return net->addr.family == 4 ? &r->lengths4[net->bits] : &r->lengths6[net->bits];
}

static struct rule *find(const struct shield_rules *r, uint64_t id)
{
	struct map_node *node = map_find(&r->by_id, map_hash_u64(id, 0), same_id, &id);

	return node ? CONTAINER_OF(node, struct rule, by_id) : NULL;
}

void shield_rules_remove(struct shield_rules *r, uint64_t id)
{
	struct rule *rule = find(r, id);

	if (!rule)
		return;
	map_remove(&r->by_net, &rule->by_net);
	map_remove(&r->by_id, &rule->by_id);
	--*length_of(r, &rule->net);
	r->count--;
	r->version++;
	mem_free(rule);
}

int shield_rules_set(struct shield_rules *r, uint64_t id, const struct addr_net *net,
		     enum shield_verdict verdict, int64_t expires_us)
{
	struct rule *rule;

	shield_rules_remove(r, id);
	if (r->count >= r->max)
		return ENOSPC;
	rule = mem_alloc(sizeof(*rule));
	if (!rule)
		return ENOMEM;
	rule->id = id;
	rule->net = *net;
	rule->verdict = verdict;
	rule->expires_us = expires_us;
	map_add(&r->by_net, &rule->by_net, net_hash(&net->addr, net->bits));
	map_add(&r->by_id, &rule->by_id, map_hash_u64(id, 0));
	++*length_of(r, net);
	r->count++;
	r->version++;
	return 0;
}

/* All rules of one network: there may be two, one that allows and one that blocks. */
static enum shield_verdict judge_net(const struct shield_rules *r, const struct addr_net *net,
				     int64_t now_us, int64_t *until_us)
{
	struct map_node *node =
		map_find(&r->by_net, net_hash(&net->addr, net->bits), same_net, net);
	enum shield_verdict verdict = SHIELD_NO_RULE;

	for (; node; node = map_find_next(node, same_net, net)) {
		const struct rule *rule = CONTAINER_OF(node, struct rule, by_net);

		if (rule->expires_us && rule->expires_us <= now_us)
			continue;
		if (rule->expires_us && rule->expires_us < *until_us)
			*until_us = rule->expires_us;
		if (rule->verdict > verdict)
			verdict = rule->verdict;
	}
	return verdict;
}

enum shield_verdict shield_rules_judge(const struct shield_rules *r, const struct addr *from,
				       int64_t now_us, int64_t *until_us)
{
	const uint32_t *lengths = from->family == 4 ? r->lengths4 : r->lengths6;
	unsigned nbits = from->family == 4 ? 32 : 128;
	enum shield_verdict verdict = SHIELD_NO_RULE;

	*until_us = INT64_MAX;
	if (from->family != 4 && from->family != 6)
		return SHIELD_NO_RULE;
	for (unsigned bits = 0; bits <= nbits; bits++) {
		struct addr_net net = {.bits = bits};
		enum shield_verdict one;

		if (!lengths[bits])
			continue;
		net.addr = addr_first(from, bits);
		one = judge_net(r, &net, now_us, until_us);
		if (one == SHIELD_ALLOWED)
			return one;
		if (one > verdict)
			verdict = one;
	}
	return verdict;
}
