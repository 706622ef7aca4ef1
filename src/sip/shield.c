/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  One table holds sources, and beside them the accounts that fail from a source (key: source and account), because
 * both are counted, blocked, listed and forgotten alike.
 *
 * A challenge counts as unanswered only when its answer has had time to come: challenges are collected in slices of
 * SLICE_MS, answers take from the slice first, and what is left of it when the next begins is counted.  So an office
 * whose hundred phones start at once is not blocked.
 */
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "sip/shield_impl.h"

enum {
	DEFAULT_SOURCES = 65536,
	DEFAULT_RULES = 100000,
	SECOND_MS = 1000,
	SLICE_MS = 5000,
	KNOWN_MS = 3600 * 1000, /* how long a proof makes its source known */
	ACCOUNT_BYTES = 64,
};

struct key {
	struct addr who;
	uint64_t account; /* hash; 0: the source as a whole */
};

struct source {
	struct map_node node;
	struct link heard; /* the one heard of last comes last */
	struct link blocked;
	struct key key;
	uint64_t id;				 /* of the block */
	uint64_t second_ms, period_ms, slice_ms; /* when they began */
	uint64_t known_until_ms, blocked_until_ms;
	int64_t blocked_since_us, judged_until_us;
	uint64_t last_answer; /* hash of the wrong credentials that came last */
	uint32_t packets, wrong, unanswered, fresh;
	uint32_t judged_version; /* of the rules that `verdict` is of */
	uint8_t verdict, cause;
	bool has_accounts; /* some were counted, perhaps forgotten by now */
	char account[];	   /* for people; ACCOUNT_BYTES of those of an account */
};

struct shield {
	struct env env;
	struct shield_limits limits;
	struct shield_rules rules;
	struct map sources;
	struct link heard, blocked;
	struct source *last; /* whole source asked about last, or NULL */
	size_t count, max;
	uint64_t last_id;
	struct {
		shield_changed_h *fn;
		void *arg;
	} listeners[4];
	size_t nlisteners;
};

const char *shield_cause_text(enum shield_cause cause)
{
	static const char *const texts[] = {
#define X(name, text) text,
#include "sip/shield.def"
#undef X
	};

	return (size_t)cause < ARRAY_LEN(texts) ? texts[cause] : "";
}

/* ---- life ---- */

int shield_alloc(struct shield **sp, const struct shield_conf *conf)
{
	struct shield *s = mem_alloc(sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	s->env = conf->env;
	s->limits = conf->limits;
	s->max = conf->max_sources ? conf->max_sources : DEFAULT_SOURCES;
	list_init(&s->heard);
	list_init(&s->blocked);
	err = map_init(&s->sources);
	if (!err)
		err = shield_rules_init(&s->rules,
					conf->max_rules ? conf->max_rules : DEFAULT_RULES);
	if (err)
		s = shield_free(s);
	else
		*sp = s;
	return err;
}

struct shield *shield_free(struct shield *s)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!s)
		return NULL;
	while ((node = map_next(&s->sources, &it)))
		mem_free(CONTAINER_OF(node, struct source, node));
	map_close(&s->sources);
	shield_rules_close(&s->rules);
	return mem_free(s);
}

int shield_on_changed(struct shield *s, shield_changed_h *fn, void *arg)
{
	if (s->nlisteners == ARRAY_LEN(s->listeners))
		return ENOSPC;
	s->listeners[s->nlisteners].fn = fn;
	s->listeners[s->nlisteners++].arg = arg;
	return 0;
}

void shield_limit(struct shield *s, const struct shield_limits *limits)
{
	s->limits = *limits;
}

int shield_rule(struct shield *s, uint64_t id, const struct addr_net *net, bool is_allowed,
		int64_t expires_us)
{
	return shield_rules_set(&s->rules, id, net, is_allowed ? SHIELD_ALLOWED : SHIELD_FORBIDDEN,
				expires_us);
}

int shield_exempt(struct shield *s, uint64_t id, const struct addr_net *net)
{
	struct addr_net wide = *net;

	if (net->addr.family == 6 && net->bits > 64) /* a source is a /64 */
		wide = (struct addr_net){addr_first(&net->addr, 64), 64};
	return shield_rules_set(&s->rules, id, &wide, SHIELD_EXEMPT, 0);
}

void shield_no_rule(struct shield *s, uint64_t id)
{
	shield_rules_remove(&s->rules, id);
}

size_t shield_count(const struct shield *s)
{
	return s->count;
}

/* ---- sources ---- */

static uint64_t now_ms(const struct shield *s)
{
	return clock_mono_ms(s->env.clock);
}

static struct key key_of(const struct addr *from, struct str account)
{
	/* A household or a single host has at least a /64 of IPv6: its addresses are one. */
	struct key k = {.who = addr_first(from, from->family == 6 ? 64 : 32)};

	if (account.n)
		k.account = map_hash_istr(account) | 1;
	return k;
}

static bool same_key(const struct map_node *node, const void *key)
{
	const struct key *own = &CONTAINER_OF(node, struct source, node)->key, *k = key;

	return own->account == k->account && addr_eq(&own->who, &k->who);
}

static uint64_t key_hash(const struct key *k)
{
	return map_hash_u64(addr_hash(&k->who), k->account);
}

static struct source *find(const struct shield *s, const struct addr *from, struct str account)
{
	struct key k = key_of(from, account);
	struct map_node *node;

	/* One message asks several times about its source. */
	if (s->last && !account.n && same_key(&s->last->node, &k))
		return s->last;
	node = map_find(&s->sources, key_hash(&k), same_key, &k);

	return node ? CONTAINER_OF(node, struct source, node) : NULL;
}

static void forget(struct shield *s, struct source *src)
{
	if (s->last == src)
		s->last = NULL;
	map_remove(&s->sources, &src->node);
	list_remove(&src->heard);
	list_remove(&src->blocked);
	s->count--;
	mem_free(src);
}

/* NULL without memory. */
static struct source *get(struct shield *s, const struct addr *from, struct str account)
{
	struct source *src = find(s, from, account);
	size_t room = account.n ? ACCOUNT_BYTES : 0;

	if (src) {
		if (src->heard.next != &s->heard) {
			list_remove(&src->heard);
			list_append(&s->heard, &src->heard);
		}
		if (!account.n)
			s->last = src;
		return src;
	}
	if (s->count >= s->max)
		forget(s, CONTAINER_OF(s->heard.next, struct source, heard));
	src = mem_alloc(sizeof(*src) + room);
	if (!src)
		return NULL;
	src->key = key_of(from, account);
	if (room)
		memcpy(src->account, account.p, account.n < room ? account.n : room - 1);
	src->judged_version = s->rules.version - 1;
	list_init(&src->blocked);
	map_add(&s->sources, &src->node, key_hash(&src->key));
	list_append(&s->heard, &src->heard);
	s->count++;
	return src;
}

static enum shield_verdict judge(struct shield *s, struct source *src)
{
	int64_t now_us;

	if (src->judged_version == s->rules.version && src->judged_until_us == INT64_MAX)
		return src->verdict;
	now_us = clock_wall_us(s->env.clock);
	if (src->judged_version != s->rules.version || now_us >= src->judged_until_us) {
		src->verdict = (uint8_t)shield_rules_judge(&s->rules, &src->key.who, now_us,
							   &src->judged_until_us);
		if (src->verdict == SHIELD_EXEMPT)
			src->verdict = SHIELD_ALLOWED;
		src->judged_version = s->rules.version;
	}
	return src->verdict;
}

static bool is_blocked(struct source *src, uint64_t now)
{
	if (now < src->blocked_until_ms)
		return true;
	list_remove(&src->blocked);
	return false;
}

static bool is_known(const struct source *src, uint64_t now)
{
	return now < src->known_until_ms;
}

static struct shield_view view_of(const struct shield *s, const struct source *src)
{
	struct shield_view v = {
		.id = src->id,
		.from = src->key.who,
		.cause = src->cause,
		.since_us = src->blocked_since_us,
		.until_us = clock_wall_us(s->env.clock) +
			    ((int64_t)src->blocked_until_ms - (int64_t)now_ms(s)) * 1000,
	};

	if (src->key.account)
		memcpy(v.account, src->account, sizeof(v.account));
	return v;
}

static void tell(const struct shield *s, const struct source *src, bool is_blocked)
{
	struct shield_view v = view_of(s, src);

	for (size_t i = 0; i < s->nlisteners; i++)
		s->listeners[i].fn(&v, is_blocked, s->listeners[i].arg);
}

static void put_block(struct shield *s, struct source *src, enum shield_cause cause, uint64_t ms,
		      int64_t since_us)
{
	src->id = ++s->last_id;
	src->cause = (uint8_t)cause;
	src->blocked_until_ms = now_ms(s) + ms;
	src->blocked_since_us = since_us;
	list_remove(&src->blocked);
	list_append(&s->blocked, &src->blocked);
}

static void block(struct shield *s, struct source *src, enum shield_cause cause, uint64_t ms)
{
	char text[ADDR_STR_BYTES];
	const char *account = src->key.account ? src->account : NULL;

	if (!ms)
		return;
	put_block(s, src, cause, ms, clock_wall_us(s->env.clock));
	metric_add(METRIC_SIP_BLOCKS, 1);
	log_warn(NULL, LOGID_BLOCKED, "%s%s%s blocked for %" PRIu64 " s: %s",
		 addr_ip_str(text, &src->key.who), account ? ", account " : "",
		 account ? account : "", ms / 1000, shield_cause_text(cause));
	tell(s, src, true);
}

int shield_restore(struct shield *s, const struct shield_view *v)
{
	int64_t left_us = v->until_us - clock_wall_us(s->env.clock);
	struct source *src;

	if (left_us <= 0 || (size_t)v->cause >= SHIELD_NCAUSES)
		return EINVAL;
	src = get(s, &v->from, str_of(v->account));
	if (!src)
		return ENOMEM;
	if (src->key.account) { /* the source must be known to have some */
		struct source *whole = get(s, &v->from, STR_NONE);

		if (whole)
			whole->has_accounts = true;
	}
	put_block(s, src, v->cause, (uint64_t)left_us / 1000 + 1, v->since_us);
	return 0;
}

/* Counts begin anew with each period and slice. */
static void roll(struct shield *s, struct source *src, uint64_t now)
{
	if (now - src->slice_ms >= SLICE_MS) {
		src->unanswered += src->fresh;
		src->fresh = 0;
		src->slice_ms = now;
	}
	if (now - src->period_ms >= s->limits.period_ms) {
		src->wrong = 0;
		src->unanswered = 0;
		src->period_ms = now;
	}
}

/* ---- what happens ---- */

static bool is_flood(struct shield *s, struct source *src, uint64_t now)
{
	const struct shield_limits *l = &s->limits;

	if (now - src->second_ms >= SECOND_MS) {
		src->second_ms = now;
		src->packets = 0;
	}
	src->packets++;
	if (is_known(src, now))
		return l->level1_packets && src->packets > l->level1_packets;
	if (l->level2_packets && src->packets == l->level2_packets + 1)
		block(s, src, SHIELD_LEVEL2, l->level2_block_ms);
	if (l->level1_packets && src->packets == l->level1_packets + 1)
		block(s, src, SHIELD_LEVEL1, l->level1_block_ms);
	return is_blocked(src, now);
}

/* Nothing could be done to anybody: no source is kept. */
static bool is_off(const struct shield *s)
{
	const struct shield_limits *l = &s->limits;

	return !s->rules.count && !l->wrong && !l->unanswered && !l->level1_packets &&
	       !l->level2_packets;
}

bool shield_admits(struct shield *s, const struct addr *from)
{
	struct source *src = is_off(s) ? NULL : get(s, from, STR_NONE);
	uint64_t now = now_ms(s);
	enum shield_verdict verdict;

	ON_THREAD(THREAD_CORE);
	if (!src)
		return true;
	verdict = judge(s, src);
	if (verdict == SHIELD_ALLOWED)
		return true;
	/* Counted while it is blocked, so that level 1 is seen by who was blocked for level 2. */
	if (verdict == SHIELD_FORBIDDEN || is_flood(s, src, now) || is_blocked(src, now)) {
		metric_add(METRIC_SIP_BLOCKED, 1);
		return false;
	}
	return true;
}

/* The source as it is counted, or NULL when it is not. */
static struct source *counted(struct shield *s, const struct addr *from)
{
	struct source *src = is_off(s) ? NULL : get(s, from, STR_NONE);

	if (!src || judge(s, src) == SHIELD_ALLOWED)
		return NULL;
	roll(s, src, now_ms(s));
	return src;
}

void shield_challenged(struct shield *s, const struct addr *from)
{
	struct source *src = counted(s, from);

	if (!src)
		return;
	src->fresh++;
	if (s->limits.unanswered && src->unanswered >= s->limits.unanswered &&
	    !is_known(src, now_ms(s))) {
		src->unanswered = 0;
		block(s, src, SHIELD_UNANSWERED, s->limits.block_ms);
	}
}

void shield_answered(struct shield *s, const struct addr *from)
{
	struct source *src = counted(s, from);

	if (!src)
		return;
	if (src->fresh)
		src->fresh--;
	else if (src->unanswered)
		src->unanswered--;
}

void shield_proved(struct shield *s, const struct addr *from, struct str account)
{
	struct source *src = counted(s, from), *of_account;

	if (!src)
		return;
	src->known_until_ms = now_ms(s) + KNOWN_MS;
	src->wrong = 0;
	if (!src->has_accounts)
		return;
	of_account = find(s, from, account);
	if (of_account)
		of_account->wrong = 0;
}

/* One more wrong answer; true when the limit is reached. */
static bool fails(const struct shield *s, struct source *src)
{
	if (!s->limits.wrong || ++src->wrong < s->limits.wrong)
		return false;
	src->wrong = 0;
	return true;
}

void shield_failed(struct shield *s, const struct addr *from, struct str account, struct str answer)
{
	uint64_t hash = map_hash_str(answer) | 1;
	struct source *src = counted(s, from), *of_account;

	if (!src)
		return;
	of_account = account.n ? get(s, from, account) : NULL;
	if (of_account && of_account->last_answer == hash)
		return;
	if (!is_known(src, now_ms(s)) && fails(s, src)) {
		block(s, src, SHIELD_WRONG_CREDENTIALS, s->limits.block_ms);
		return;
	}
	if (!of_account)
		return;
	src->has_accounts = true;
	of_account->last_answer = hash;
	roll(s, of_account, now_ms(s));
	if (fails(s, of_account))
		block(s, of_account, SHIELD_WRONG_CREDENTIALS, s->limits.block_ms);
}

uint32_t shield_refuses(struct shield *s, const struct addr *from, struct str account)
{
	struct source *whole = is_off(s) ? NULL : find(s, from, STR_NONE);
	struct source *src =
		whole && whole->has_accounts && account.n ? find(s, from, account) : NULL;
	uint64_t now = now_ms(s);

	if (!src || judge(s, src) == SHIELD_ALLOWED || !is_blocked(src, now))
		return 0;
	return (uint32_t)((src->blocked_until_ms - now + 999) / 1000);
}

/* ---- for the operator ---- */

bool shield_next(struct shield *s, uint64_t after, struct shield_view *view)
{
	uint64_t now = now_ms(s);

	LIST_EACH_SAFE (it, tmp, &s->blocked) {
		struct source *src = CONTAINER_OF(it, struct source, blocked);

		if (!is_blocked(src, now) || src->id <= after)
			continue;
		*view = view_of(s, src);
		return true;
	}
	return false;
}

void shield_each(struct shield *s, shield_changed_h *fn, void *arg)
{
	LIST_EACH_SAFE (it, tmp, &s->blocked) {
		struct source *src = CONTAINER_OF(it, struct source, blocked);

		if (is_blocked(src, now_ms(s))) {
			struct shield_view v = view_of(s, src);

			fn(&v, true, arg);
		}
	}
}

int shield_unblock(struct shield *s, uint64_t id)
{
	LIST_EACH_SAFE (it, tmp, &s->blocked) {
		struct source *src = CONTAINER_OF(it, struct source, blocked);

		if (src->id != id)
			continue;
		tell(s, src, false);
		src->blocked_until_ms = 0;
		src->wrong = src->unanswered = src->fresh = 0;
		list_remove(&src->blocked);
		return 0;
	}
	return ENOENT;
}
