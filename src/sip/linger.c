/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What server transactions leave behind: until retransmissions have died out, nothing but their keys and the answer.
 *
 * DESIGN: all of a queue lasts equally long, so that it is written at one end and forgotten at the other, block by block.
 * Half a minute of calls is tens of megabytes; as objects of their own they would scatter over the heap what calls that
 * come later are made of, and everything a call touches would come from memory instead of the cache.
 */
#include <string.h>
#include "base/mem.h"
#include "base/metric.h"
#include "sip/stack.h"

enum {
	FIRST_BLOCK_BYTES = 1024, /* the next is twice as large */
	LAST_BLOCK_BYTES = 32768,
	TOGETHER_MS = 100, /* what ends within that time is forgotten at once */
};

struct linger_block {
	struct link link;
	size_t used, size, gone; /* bytes */
	_Alignas(max_align_t) char bytes[];
};

struct past {
	struct map_node by_key, by_call;
	uint64_t until_ms;
	uint32_t size; /* of all this in the block */
	uint32_t cseq, nlast;
	uint16_t nkey;
	uint8_t method, ntag;
	bool is_accepted, is_by_call;
	struct flow flow;
	char text[]; /* the key; the To tag, terminated; what a retransmission is answered with */
};

static struct linger_queue *queue_of(struct sip *s, enum linger_time lasts)
{
	return &s->linger.queues[lasts];
}

static uint64_t now_ms(const struct sip *s)
{
	return clock_mono_ms(s->conf.env.clock);
}

/* ---- blocks ---- */

static struct linger_block *newest(const struct linger_queue *q)
{
	return list_empty(&q->blocks) ? NULL
				      : CONTAINER_OF(q->blocks.prev, struct linger_block, link);
}

static struct linger_block *oldest(const struct linger_queue *q)
{
	return LIST_FIRST(&q->blocks, struct linger_block, link);
}

static struct past *first_of(struct linger_block *b)
{
	return (struct past *)(b->bytes + b->gone);
}

static size_t aligned(size_t n)
{
	return (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

static size_t next_size(const struct linger_block *b)
{
	size_t n = b ? 2 * b->size : FIRST_BLOCK_BYTES;

	return n < LAST_BLOCK_BYTES ? n : LAST_BLOCK_BYTES;
}

static struct past *room_for(struct linger_queue *q, size_t size)
{
	struct linger_block *b = newest(q);
	struct past *p;

	if (!b || size > b->size - b->used) {
		size_t n = next_size(b);

		if (n < size)
			n = size;
		b = mem_alloc(sizeof(*b) + n);
		if (!b)
			return NULL;
		b->size = n;
		list_append(&q->blocks, &b->link);
	}
	p = (struct past *)(b->bytes + b->used);
	b->used += size;
	return p;
}

/* ---- the end ---- */

static void forget(struct sip *s, struct past *p)
{
	map_remove(&s->linger.by_key, &p->by_key);
	if (p->is_by_call)
		map_remove(&s->linger.by_call, &p->by_call);
	s->nlingering--;
	s->nservers--;
}

static void forget_until(struct sip *s, struct linger_queue *q, uint64_t ms)
{
	struct linger_block *b;

	while ((b = oldest(q))) {
		while (b->gone < b->used && first_of(b)->until_ms <= ms) {
			struct past *p = first_of(b);

			b->gone += p->size;
			forget(s, p);
		}
		if (b->gone < b->used)
			return;
		list_remove(&b->link);
		mem_free(b);
	}
}

static void wait_for_first(struct sip *s, struct linger_queue *q);

static void ended(struct timer *t, void *arg)
{
	struct linger_queue *q = CONTAINER_OF(t, struct linger_queue, timer);

	forget_until(arg, q, now_ms(arg));
	wait_for_first(arg, q);
}

static void wait_for_first(struct sip *s, struct linger_queue *q)
{
	struct linger_block *b = oldest(q);
	uint64_t now = now_ms(s), until;

	if (!b)
		return;
	until = first_of(b)->until_ms;
	timer_start(s->conf.env.wheel, &q->timer, (until > now ? until - now : 0) + TOGETHER_MS,
		    ended, s);
}

/* ---- the beginning ---- */

uint64_t linger_ms(const struct sip *s, enum linger_time lasts)
{
	return lasts == LINGER_T4 ? s->conf.t4_ms : UINT64_C(64) * s->conf.t1_ms;
}

int linger_add(struct sip *s, const struct sip_strans *st, enum linger_time lasts)
{
	uint32_t nlast = st->last ? st->nlast : 0;
	size_t ntag = strlen(st->tag) + 1;
	size_t size = aligned(sizeof(struct past) + st->nkey + ntag + nlast);
	struct linger_queue *q = queue_of(s, lasts);
	struct past *p = room_for(q, size);

	if (!p)
		return ENOMEM;
	*p = (struct past){.until_ms = now_ms(s) + linger_ms(s, lasts),
			   .size = (uint32_t)size,
			   .cseq = st->cseq,
			   .nlast = nlast,
			   .nkey = st->nkey,
			   .ntag = (uint8_t)ntag,
			   .method = st->method,
			   .is_accepted = st->state == STRANS_I_ACCEPTED,
			   .is_by_call = st->is_by_call,
			   .flow = st->flow};
	memcpy(p->text, st->key, st->nkey);
	memcpy(p->text + p->nkey, st->tag, ntag);
	if (nlast)
		memcpy(p->text + p->nkey + ntag, st->last, nlast);
	map_add(&s->linger.by_key, &p->by_key, st->by_key.hash);
	if (p->is_by_call)
		map_add(&s->linger.by_call, &p->by_call, st->by_call.hash);
	if (!timer_running(&q->timer))
		wait_for_first(s, q);
	return 0;
}

/* ---- what still comes ---- */

static bool same_key(const struct map_node *node, const void *arg)
{
	const struct past *p = CONTAINER_OF(node, struct past, by_key);
	const struct buf *key = arg;

	return p->nkey == key->n && !memcmp(p->text, key->p, key->n);
}

static struct past *find(const struct sip *s, uint64_t hash)
{
	struct map_node *node = map_find(&s->linger.by_key, hash, same_key, &s->key);

	return node ? CONTAINER_OF(node, struct past, by_key) : NULL;
}

bool linger_takes(struct sip *s, uint64_t hash)
{
	struct past *p = find(s, hash);

	if (p && p->nlast) {
		metric_add(METRIC_SIP_RETRANSMITTED, 1);
		(void)stack_send(s, &p->flow, p->text + p->nkey + p->ntag, p->nlast);
	}
	return p;
}

bool linger_takes_ack(const struct sip *s, uint64_t hash)
{
	struct past *p = find(s, hash);

	return p && !p->is_accepted;
}

const char *linger_tag(const struct sip *s, uint64_t hash, const struct addr *remote)
{
	struct past *p = find(s, hash);

	return p && addr_ip_eq(&p->flow.remote, remote) ? p->text + p->nkey : NULL;
}

static bool same_call(const struct map_node *node, const void *arg)
{
	const struct past *p = CONTAINER_OF(node, struct past, by_call);
	const struct sip_msg *m = arg;

	return p->cseq == m->cseq && p->method == m->method;
}

bool linger_is_merged(const struct sip *s, const struct sip_msg *req, uint64_t hash)
{
	return map_find(&s->linger.by_call, hash, same_call, req);
}

/* ---- life ---- */

int linger_init(struct sip *s)
{
	int err = map_init(&s->linger.by_key);

	for (size_t i = 0; i < ARRAY_LEN(s->linger.queues); i++)
		list_init(&s->linger.queues[i].blocks);
	return err ? err : map_init(&s->linger.by_call);
}

void linger_close(struct sip *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->linger.queues); i++) {
		struct linger_queue *q = &s->linger.queues[i];

		timer_cancel(&q->timer);
		if (q->blocks.next)
			forget_until(s, q, UINT64_MAX);
	}
	map_close(&s->linger.by_key);
	map_close(&s->linger.by_call);
}
