/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/office.h"
#include <stdlib.h>
#include <string.h>
#include "base/list.h"
#include "base/log.h"
#include "base/idmap.h"
#include "base/mem.h"

enum { DAY_S = 86400 };

/* ---- the rules ---- */

/* "08:30", which was checked when it was stored. */
static int32_t clock_s(const char *text)
{
	if (strlen(text) != 5)
		return 0;
	return ((text[0] - '0') * 10 + text[1] - '0') * 3600 +
	       ((text[3] - '0') * 10 + text[4] - '0') * 60;
}

static bool is_day(const struct holiday *h, const struct local_time *now)
{
	struct local_time t = {0};
	int32_t *const parts[] = {&t.year, &t.month, &t.day};
	struct str rest = str_of(h->day);

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint32_t v;

		if (str_u32(str_cut(&rest, '-'), &v))
			return false;
		*parts[i] = (int32_t)v;
	}
	return t.month == now->month && t.day == now->day && (h->every_year || t.year == now->year);
}

static bool is_holiday(const struct holiday *h, const struct local_time *now)
{
	int32_t from = clock_s(h->starts_at), to = clock_s(h->ends_at);

	if (to <= from)
		to = DAY_S;
	return now->second >= from && now->second < to && is_day(h, now);
}

/* A period that ends on the day after it began is looked at from both days. */
static bool is_open(const struct office_hours_period *p, const struct local_time *now)
{
	int32_t from = clock_s(p->opens_at), to = clock_s(p->closes_at);

	if (to > from)
		return now->weekday == p->weekday && now->second >= from && now->second < to;
	return (now->weekday == p->weekday && now->second >= from) ||
	       (now->weekday == (p->weekday + 1) % 7 && now->second < to);
}

enum office_state office_at(const struct zone *zone, const struct office_hours *week,
			    const struct holiday *const *holidays, size_t nholidays,
			    int64_t wall_us, const struct holiday **reasonp)
{
	struct local_time now;

	zone_local(zone, wall_us / 1000000, &now);
	for (size_t i = 0; i < nholidays; i++)
		if (is_holiday(holidays[i], &now)) {
			if (reasonp)
				*reasonp = holidays[i];
			return OFFICE_HOLIDAY;
		}
	if (!week)
		return OFFICE_OPEN;
	for (size_t i = 0; i < week->periods.n; i++)
		if (is_open((const struct office_hours_period *)week->periods.v[i], &now))
			return OFFICE_OPEN;
	return OFFICE_CLOSED;
}

/* ---- what is known of each tenant ---- */

struct zone_kept {
	struct link link;
	char name[65];
	struct zone *zone; /* NULL: it could not be read */
};

struct office {
	struct idmap_key key; /* the tenant */
	const struct zone *zone;
	uint64_t default_id;
	uint64_t *holidays; /* ids of those of the whole tenant */
	size_t n, cap;
};

struct offices {
	struct map map;
	struct link zones;
};

static struct office *office_of(const struct offices *o, uint64_t tenant_id)
{
	return IDMAP_FIND(struct office, &o->map, tenant_id, 0);
}

int offices_alloc(struct offices **op)
{
	struct offices *o = mem_fault() ? NULL : calloc(1, sizeof(*o));

	if (!o)
		return ENOMEM;
	list_init(&o->zones);
	if (map_init(&o->map)) {
		free(o);
		return ENOMEM;
	}
	*op = o;
	return 0;
}

static void forget(struct offices *o, struct office *f)
{
	map_remove(&o->map, &f->key.node);
	free(f->holidays);
	free(f);
}

struct offices *offices_free(struct offices *o)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!o)
		return NULL;
	while (o->map.now && (node = map_next(&o->map, &it)))
		forget(o, CONTAINER_OF(node, struct office, key.node));
	LIST_EACH_SAFE (l, next, &o->zones) {
		struct zone_kept *z = CONTAINER_OF(l, struct zone_kept, link);

		zone_close(z->zone);
		free(z);
	}
	map_close(&o->map);
	free(o);
	return NULL;
}

static const struct zone_kept *zone_of(const struct offices *o, const char *name)
{
	LIST_EACH (l, &o->zones) {
		const struct zone_kept *z = CONTAINER_OF(l, struct zone_kept, link);

		if (!strcmp(z->name, name))
			return z;
	}
	return NULL;
}

/* A file of a few kilobytes, once for each zone there is a tenant in. */
static int keep_zone(struct offices *o, const char *name)
{
	struct zone_kept *z;
	int err;

	if (!*name || zone_of(o, name))
		return 0;
	z = mem_fault() ? NULL : calloc(1, sizeof(*z));
	if (!z)
		return ENOMEM;
	err = str_copy(z->name, sizeof(z->name), str_of(name));
	if (!err)
		err = zone_open(&z->zone, name);
	if (err == ENOMEM) {
		free(z);
		return err;
	}
	if (err)
		log_warn(NULL, LOGID_STORE, "time zone %s cannot be read: taken as UTC", name);
	list_append(&o->zones, &z->link);
	return 0;
}

static struct office *office_made(struct offices *o, uint64_t tenant_id)
{
	struct office *f = office_of(o, tenant_id);

	if (f || mem_fault())
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	idmap_add(&o->map, &f->key, tenant_id, 0);
	return f;
}

static int make_room(struct office *f)
{
	size_t cap = f->cap ? f->cap * 2 : 8;
	uint64_t *v;

	if (f->n < f->cap)
		return 0;
	v = mem_fault() ? NULL : reallocarray(f->holidays, cap, sizeof(*v));
	if (!v)
		return ENOMEM;
	f->holidays = v;
	f->cap = cap;
	return 0;
}

int offices_prepare(struct offices *o, const struct model_change *c)
{
	struct office *f;

	if (!c->after || (c->res != &resource_tenant && c->res != &resource_office_hours &&
			  c->res != &resource_holiday))
		return 0;
	f = office_made(o, c->res == &resource_tenant ? c->id : c->tenant_id);
	if (!f)
		return ENOMEM;
	if (c->res == &resource_tenant)
		return keep_zone(o, ((const struct tenant *)c->after)->time_zone);
	return c->res == &resource_holiday ? make_room(f) : 0;
}

static void tenant_changed(struct offices *o, const struct tenant *t, uint64_t id)
{
	struct office *f = office_of(o, id);
	const struct zone_kept *z = t ? zone_of(o, t->time_zone) : NULL;

	if (f && !t)
		forget(o, f);
	else if (f)
		f->zone = z ? z->zone : NULL;
}

static void holiday_changed(struct office *f, bool is_there, uint64_t id)
{
	size_t i = 0;

	while (i < f->n && f->holidays[i] != id)
		i++;
	if (is_there && i == f->n)
		f->holidays[f->n++] = id; /* room was made */
	else if (!is_there && i < f->n)
		f->holidays[i] = f->holidays[--f->n];
}

static void week_changed(struct office *f, const struct office_hours *week, uint64_t id)
{
	if (week && week->is_default)
		f->default_id = id;
	else if (f->default_id == id)
		f->default_id = 0;
}

void offices_changed(struct offices *o, const struct model *m, const struct resource *res,
		     uint64_t tenant_id, uint64_t id)
{
	const struct object *now;
	struct office *f;

	if (res != &resource_tenant && res != &resource_office_hours && res != &resource_holiday)
		return;
	now = model_object(m, res, tenant_id, id);
	if (res == &resource_tenant) {
		tenant_changed(o, (const struct tenant *)now, id);
		return;
	}
	f = office_of(o, tenant_id);
	if (f && res == &resource_holiday)
		holiday_changed(f, now && !((const struct holiday *)now)->extension_id, id);
	else if (f)
		week_changed(f, (const struct office_hours *)now, id);
}

enum office_state offices_ask(const struct offices *o, const struct model *m, uint64_t tenant_id,
			      uint64_t office_hours_id, int64_t wall_us,
			      const struct holiday **reasonp)
{
	const struct office *f = office_of(o, tenant_id);
	const struct object *week = NULL;

	if (!f)
		return OFFICE_OPEN;
	for (size_t i = 0; i < f->n; i++) {
		const struct holiday *h = (const struct holiday *)model_object(
			m, &resource_holiday, tenant_id, f->holidays[i]);

		if (h && office_at(f->zone, NULL, &h, 1, wall_us, reasonp) == OFFICE_HOLIDAY)
			return OFFICE_HOLIDAY;
	}
	if (office_hours_id)
		week = model_object(m, &resource_office_hours, tenant_id, office_hours_id);
	if (!week && f->default_id)
		week = model_object(m, &resource_office_hours, tenant_id, f->default_id);
	return office_at(f->zone, (const struct office_hours *)week, NULL, 0, wall_us, NULL);
}

bool offices_is_own_holiday(const struct offices *o, const struct model *m,
			    const struct extension *x, int64_t wall_us)
{
	const struct field *owner = resource_owner(&resource_holiday);
	const struct object *h;
	size_t pos = 0;

	while ((h = model_referrer(m, owner, x->o.tenant_id, x->o.id, &pos))) {
		const struct holiday *day = (const struct holiday *)h;

		if (office_at(offices_zone(o, x->o.tenant_id), NULL, &day, 1, wall_us, NULL) ==
		    OFFICE_HOLIDAY)
			return true;
	}
	return false;
}

const struct zone *offices_zone(const struct offices *o, uint64_t tenant_id)
{
	const struct office *f = office_of(o, tenant_id);

	return f ? f->zone : NULL;
}
