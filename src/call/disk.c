/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"
#include "base/thread.h"
#include "base/bus.h"
#include "call/disk.h"

/* A share is a quarter of what is left, so that there is some for the next; down to what is worth a file. */
enum { SHARES = 4, LEAST_SHARE = 1 << 20, LEAST = 64 << 10, TOLD_EVERY_S = 3600 };

struct disk {
	struct map_node by_tenant;
	uint64_t tenant_id, used, granted;
	int64_t told_us;
};

static bool is_of(const struct map_node *node, const void *key)
{
	return CONTAINER_OF(node, struct disk, by_tenant)->tenant_id == *(const uint64_t *)key;
}

static struct disk *find(const struct calls *cs, uint64_t tenant_id)
{
	struct map_node *node = map_find(&cs->disks, map_hash_u64(tenant_id, 0), is_of, &tenant_id);

	return node ? CONTAINER_OF(node, struct disk, by_tenant) : NULL;
}

static struct disk *have(struct calls *cs, uint64_t tenant_id)
{
	struct disk *d = find(cs, tenant_id);

	if (d)
		return d;
	d = mem_alloc(sizeof(*d));
	if (!d)
		return NULL;
	d->tenant_id = tenant_id;
	map_add(&cs->disks, &d->by_tenant, map_hash_u64(tenant_id, 0));
	return d;
}

static void tell_full(struct calls *cs, struct disk *d)
{
	int64_t now = calls_wall_us(cs);

	if (d->told_us && now - d->told_us < (int64_t)TOLD_EVERY_S * 1000000)
		return;
	d->told_us = now;
	bus_publish(cs->conf.bus, &(struct bus_event){.kind = BUS_STORAGE_FULL,
						      .tenant_id = d->tenant_id,
						      .reason = "recordings are not kept",
						      .wall_us = now});
}

int disk_grant(struct calls *cs, const struct tenant *t, uint64_t *grantedp)
{
	const uint64_t quota = (uint64_t)t->disk_quota_mb << 20;
	struct disk *d = have(cs, t->o.id);
	uint64_t taken, left, share;

	*grantedp = 0;
	if (!d)
		return ENOMEM;
	if (!quota)
		return 0;
	taken = d->used + d->granted;
	left = quota > taken ? quota - taken : 0;
	if (left < LEAST) {
		tell_full(cs, d);
		return EDQUOT;
	}
	share = left / SHARES > LEAST_SHARE ? left / SHARES : LEAST_SHARE;
	*grantedp = share < left ? share : left;
	d->granted += *grantedp;
	return 0;
}

void disk_return(struct calls *cs, uint64_t tenant_id, uint64_t granted, uint64_t written)
{
	struct disk *d = find(cs, tenant_id);

	if (!d)
		return;
	d->granted -= granted < d->granted ? granted : d->granted;
	d->used += written;
}

void calls_storage(struct calls *cs, uint64_t tenant_id, uint64_t used)
{
	struct disk *d = have(cs, tenant_id);

	ON_THREAD(THREAD_CORE);
	if (d) /* else it is told again */
		d->used = used;
}

void disks_close(struct calls *cs)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&cs->disks, &it))) {
		map_remove(&cs->disks, node);
		mem_free(CONTAINER_OF(node, struct disk, by_tenant));
	}
	map_close(&cs->disks);
}
