/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  Slots stand in blocks that never move, so that growing copies nothing but the small directory of blocks.  Free
 * slots are reused oldest first: an index comes back as late as possible, and its generation wraps later still.
 */
#include <stdlib.h>

#include "base/ids.h"
#include "base/mem.h"

enum { BLOCK_SLOTS = 256 };
#define NO_SLOT UINT32_MAX

struct slot {
	void *obj; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct ids {
	struct slot **blocks;
	size_t nblocks, max, count;
	uint32_t nslots; /* ever used */
	uint32_t first_free, last_free;
};

int ids_alloc(struct ids **idsp, size_t max)
{
	struct ids *ids = mem_fault() ? NULL : calloc(1, sizeof(*ids));

	if (!ids)
		return ENOMEM;
	ids->max = max && max < NO_SLOT - 1 ? max : NO_SLOT - 1;
	ids->first_free = ids->last_free = NO_SLOT;
	*idsp = ids;
	return 0;
}

struct ids *ids_free(struct ids *ids)
{
	if (!ids)
		return NULL;
	for (size_t i = 0; i < ids->nblocks; i++)
		free(ids->blocks[i]);
	free(ids->blocks);
	free(ids);
	return NULL;
}

static struct slot *slot_at(const struct ids *ids, uint32_t index)
{
	return &ids->blocks[index / BLOCK_SLOTS][index % BLOCK_SLOTS];
}

static int add_block(struct ids *ids)
{
	struct slot **blocks;
	struct slot *block;

	if (mem_fault())
		return ENOMEM;
	blocks = realloc(ids->blocks, (ids->nblocks + 1) * sizeof(struct slot *));
	if (!blocks)
		return ENOMEM;
	ids->blocks = blocks;
	block = calloc(BLOCK_SLOTS, sizeof(*block));
	if (!block)
		return ENOMEM;
	blocks[ids->nblocks++] = block;
	return 0;
}

static int free_slot(struct ids *ids, uint32_t *indexp)
{
	if (ids->first_free != NO_SLOT) {
		*indexp = ids->first_free;
		ids->first_free = slot_at(ids, *indexp)->next_free;
		if (ids->first_free == NO_SLOT)
			ids->last_free = NO_SLOT;
		return 0;
	}
	if (ids->nslots == ids->nblocks * BLOCK_SLOTS) {
		int err = add_block(ids);

		if (err)
			return err;
	}
	*indexp = ids->nslots++;
	slot_at(ids, *indexp)->generation = 1;
	return 0;
}

int ids_add(struct ids *ids, void *obj, oid *idp)
{
	struct slot *slot;
	uint32_t index;
	int err;

	BUG(!obj);
	if (ids->count >= ids->max)
		return ENOSPC;
	err = free_slot(ids, &index);
	if (err)
		return err;
	slot = slot_at(ids, index);
	slot->obj = obj;
	ids->count++;
	*idp = (uint64_t)slot->generation << 32 | (index + 1);
	return 0;
}

static struct slot *find(const struct ids *ids, oid id)
{
	uint32_t index = (uint32_t)id - 1;
	struct slot *slot;

	if (!(uint32_t)id || index >= ids->nslots)
		return NULL;
	slot = slot_at(ids, index);
	return slot->obj && slot->generation == id >> 32 ? slot : NULL;
}

void *ids_get(const struct ids *ids, oid id)
{
	struct slot *slot = find(ids, id);

	return slot ? slot->obj : NULL;
}

void ids_remove(struct ids *ids, oid id)
{
	struct slot *slot = find(ids, id);
	uint32_t index = (uint32_t)id - 1;

	if (!slot)
		return;
	slot->obj = NULL;
	slot->next_free = NO_SLOT;
	ids->count--;
	if (!++slot->generation) /* 0 would make ids that equal plain indexes */
		slot->generation = 1;
	if (ids->last_free == NO_SLOT)
		ids->first_free = index;
	else
		slot_at(ids, ids->last_free)->next_free = index;
	ids->last_free = index;
}

size_t ids_count(const struct ids *ids)
{
	return ids->count;
}

void *ids_next(const struct ids *ids, size_t *pos, oid *idp)
{
	while (*pos < ids->nslots) {
		uint32_t index = (uint32_t)(*pos)++;
		struct slot *slot = slot_at(ids, index);

		if (slot->obj) {
			if (idp)
				*idp = (uint64_t)slot->generation << 32 | (index + 1);
			return slot->obj;
		}
	}
	return NULL;
}
