/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper.h"

#include <stdlib.h>
#include <string.h>

/* Upsert by (tenant_id, id), which lead every record. */
static void *slot(void **rows, size_t *n, size_t size, const void *rec)
{
	char *base = *rows, *grown;

	for (size_t i = 0; i < *n; i++)
		if (!memcmp(base + i * size, rec, 2 * sizeof(uint64_t)))
			return base + i * size;
	grown = realloc(base, (*n + 1) * size);
	if (!grown)
		abort();
	*rows = grown;
	return grown + (*n)++ * size;
}

/* The head alone says that a leg is over. */
static void keep_leg(struct keeper *k, const void *rec, size_t n)
{
	const struct kept_head *head = rec;
	struct leg_kept *kept = NULL;

	BUG(n != sizeof(*kept) && !(n == sizeof(*head) && head->is_ended));
	for (size_t i = 0; i < k->nkept; i++)
		if (k->kept[i].head.leg_id == head->leg_id)
			kept = &k->kept[i];
	if (!kept) {
		k->kept = realloc(k->kept, (k->nkept + 1) * sizeof(*k->kept));
		if (!k->kept)
			abort();
		kept = &k->kept[k->nkept++];
	}
	memcpy(kept, rec, n);
}

static int keeper_write(struct record_sink *sink, enum record_kind kind, const void *rec, size_t n)
{
	struct keeper *k = CONTAINER_OF(sink, struct keeper, sink);

	if (k->is_dead)
		return 0;
	k->writes++;
	switch (kind) {
	case RECORD_CONTACT:
		memcpy(slot((void **)&k->contacts, &k->ncontacts, sizeof(*k->contacts), rec), rec,
		       n);
		break;
	case RECORD_CALL:
		memcpy(slot((void **)&k->calls, &k->ncalls, sizeof(*k->calls), rec), rec, n);
		break;
	case RECORD_LEG:
		memcpy(slot((void **)&k->legs, &k->nlegs, sizeof(*k->legs), rec), rec, n);
		break;
	case RECORD_LEG_KEPT:
		keep_leg(k, rec, n);
		break;
	default:
		break;
	}
	return 0;
}

void keeper_init(struct keeper *k)
{
	*k = (struct keeper){.sink.write = keeper_write};
}

void keeper_close(struct keeper *k)
{
	free(k->contacts);
	free(k->calls);
	free(k->legs);
	free(k->kept);
	keeper_init(k);
}

void keeper_interrupt(struct keeper *k, int64_t wall_us)
{
	for (size_t i = 0; i < k->ncalls; i++) {
		struct call_record *c = &k->calls[i];

		if (c->ended_at)
			continue;
		if (strcmp(c->status, "in_progress") != 0) {
			c->ended_at = c->last_alive_at; /* over; legs were still being closed */
			continue;
		}
		c->ended_at = c->last_alive_at = wall_us;
		strncpy(c->status, "interrupted", sizeof(c->status) - 1);
		strncpy(c->reason, "interrupted", sizeof(c->reason) - 1);
	}
	for (size_t i = 0; i < k->nlegs; i++)
		if (!k->legs[i].ended_at)
			k->legs[i].ended_at = wall_us;
}
