/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/idmap.h"
#include "base/mem.h"
#include "base/thread.h"
#include "bill/purse.h"

enum { WINDOW_S = 60 };

struct purse {
	struct idmap_key key;	    /* tenant and extension; 0: the tenant's own */
	struct spending_record rec; /* as it was last written */
	uint32_t calls[WINDOW_S];   /* in each second of the last 60 */
	int64_t last_s;		    /* the newest of them */
};

struct purses {
	const struct model *model;
	struct record_sink *sink;
	struct map map;
};

int purses_alloc(struct purses **pp, const struct model *m, struct record_sink *sink)
{
	struct purses *p = mem_alloc(sizeof(*p));
	int err;

	if (!p)
		return ENOMEM;
	p->model = m;
	p->sink = sink;
	err = map_init(&p->map);
	if (err)
		mem_free(p);
	else
		*pp = p;
	return err;
}

struct purses *purses_free(struct purses *p)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!p)
		return NULL;
	while ((node = map_next(&p->map, &it))) {
		map_remove(&p->map, node);
		mem_free(CONTAINER_OF(node, struct purse, key.node));
	}
	map_close(&p->map);
	return mem_free(p);
}

static struct purse *find(const struct purses *p, uint64_t tenant_id, uint64_t extension_id)
{
	return IDMAP_FIND(struct purse, &p->map, tenant_id, extension_id);
}

static struct purse *get(struct purses *p, uint64_t tenant_id, uint64_t extension_id)
{
	struct purse *u = find(p, tenant_id, extension_id);

	if (u)
		return u;
	u = mem_alloc(sizeof(*u));
	if (!u)
		return NULL;
	u->rec.tenant_id = tenant_id;
	u->rec.id = extension_id ? extension_id : tenant_id;
	idmap_add(&p->map, &u->key, tenant_id, extension_id);
	return u;
}

static void put(struct purses *p, const struct purse *u)
{
	/* The sink logs what it cannot keep. */
	if (p->sink)
		(void)p->sink->write(p->sink, RECORD_SPENDING, &u->rec, sizeof(u->rec));
}

void purses_restore(struct purses *p, const struct spending_record *rec)
{
	struct purse *u = get(p, rec->tenant_id, rec->id == rec->tenant_id ? 0 : rec->id);

	if (u)
		u->rec = *rec;
}

/* ---- what is allowed ---- */

static int64_t day_of(int64_t wall_us)
{
	return wall_us / 1000000 / 86400;
}

static int64_t spent_on_day(const struct purse *u, int64_t wall_us)
{
	return u && u->rec.day == day_of(wall_us) ? u->rec.spent_on_day : 0;
}

/* BIL-3: what was paid in and is not spent. */
static int64_t balance(const struct purse *u, const struct extension *x)
{
	return x->credit - (u ? u->rec.spent : 0);
}

static size_t calls_in_window(const struct purse *u, int64_t now_s)
{
	size_t n = 0;

	for (int64_t s = 0; u && s < WINDOW_S; s++)
		if (u->last_s - s > now_s - WINDOW_S && u->last_s >= s)
			n += u->calls[(u->last_s - s) % WINDOW_S];
	return n;
}

struct limits {
	int64_t per_day, per_minute;
};

static enum purse_answer within(const struct purse *u, struct limits l, int64_t amount,
				bool is_call, int64_t wall_us)
{
	if (is_call && l.per_minute &&
	    calls_in_window(u, wall_us / 1000000) >= (uint64_t)l.per_minute)
		return PURSE_CALLS_PER_MINUTE;
	if (l.per_day && amount > l.per_day - spent_on_day(u, wall_us))
		return PURSE_SPEND_LIMIT;
	return PURSE_FINE;
}

enum purse_answer purses_ask(const struct purses *p, const struct purse_owner *who, int64_t amount,
			     bool is_call, int64_t wall_us)
{
	const struct tenant *t = model_tenant(p->model, who->tenant_id);
	const struct extension *x = model_extension(p->model, who->tenant_id, who->extension_id);
	const struct purse *u = x ? find(p, who->tenant_id, x->o.id) : NULL;
	enum purse_answer answer = PURSE_FINE;

	ON_THREAD(THREAD_CORE);
	if (t)
		answer = within(find(p, who->tenant_id, 0),
				(struct limits){t->max_spend_per_day, t->max_calls_per_minute},
				amount, is_call, wall_us);
	if (!answer && x)
		answer = within(u, (struct limits){x->max_spend_per_day, x->max_calls_per_minute},
				amount, is_call, wall_us);
	if (!answer && x && who->is_billed && amount > balance(u, x))
		answer = PURSE_BALANCE;
	return answer;
}

/* ---- what is spent ---- */

static void spend(struct purse *u, int64_t amount, int64_t wall_us)
{
	if (u->rec.day != day_of(wall_us)) {
		u->rec.day = day_of(wall_us);
		u->rec.spent_on_day = 0;
	}
	u->rec.spent_on_day += amount;
}

enum purse_answer purses_reserve(struct purses *p, const struct purse_owner *who, int64_t amount,
				 int64_t wall_us)
{
	const struct extension *x = model_extension(p->model, who->tenant_id, who->extension_id);
	enum purse_answer answer = purses_ask(p, who, amount, false, wall_us);
	struct purse *u, *t;

	if (answer || !amount)
		return answer;
	u = x ? get(p, who->tenant_id, x->o.id) : NULL;
	t = get(p, who->tenant_id, 0);
	if (!t || (x && !u))
		return PURSE_SPEND_LIMIT;
	spend(t, amount, wall_us);
	put(p, t);
	if (!u)
		return PURSE_FINE;
	spend(u, amount, wall_us);
	if (who->is_billed)
		u->rec.spent += amount;
	put(p, u);
	return PURSE_FINE;
}

static void give_back(struct purses *p, struct purse *u, int64_t amount, int64_t reserved_us)
{
	if (u->rec.day == day_of(reserved_us))
		u->rec.spent_on_day -= amount < u->rec.spent_on_day ? amount : u->rec.spent_on_day;
	put(p, u);
}

void purses_return(struct purses *p, const struct purse_owner *who, int64_t amount,
		   int64_t reserved_us)
{
	const struct extension *x = model_extension(p->model, who->tenant_id, who->extension_id);
	struct purse *t = find(p, who->tenant_id, 0);
	struct purse *u = x ? find(p, who->tenant_id, x->o.id) : NULL;

	ON_THREAD(THREAD_CORE);
	if (amount <= 0)
		return;
	if (t)
		give_back(p, t, amount, reserved_us);
	if (!u)
		return;
	if (who->is_billed)
		u->rec.spent -= amount < u->rec.spent ? amount : u->rec.spent;
	give_back(p, u, amount, reserved_us);
}

static void count(struct purse *u, int64_t now_s)
{
	if (!u)
		return;
	if (now_s < u->last_s || now_s - u->last_s >= WINDOW_S)
		memset(u->calls, 0, sizeof(u->calls));
	else
		for (int64_t s = u->last_s + 1; s <= now_s; s++)
			u->calls[s % WINDOW_S] = 0;
	u->last_s = now_s;
	u->calls[now_s % WINDOW_S]++;
}

void purses_count_call(struct purses *p, const struct purse_owner *who, int64_t wall_us)
{
	const struct tenant *t = model_tenant(p->model, who->tenant_id);
	const struct extension *x = model_extension(p->model, who->tenant_id, who->extension_id);

	ON_THREAD(THREAD_CORE);
	if (t && t->max_calls_per_minute)
		count(get(p, who->tenant_id, 0), wall_us / 1000000);
	if (x && x->max_calls_per_minute)
		count(get(p, who->tenant_id, x->o.id), wall_us / 1000000);
}

bool purses_is_new_country(struct purses *p, uint64_t tenant_id, struct str code)
{
	struct purse *t = get(p, tenant_id, 0);
	struct str rest;
	size_t n;

	ON_THREAD(THREAD_CORE);
	if (!t || !code.n)
		return false;
	rest = str_of(t->rec.countries);
	while (rest.n)
		if (str_eq(str_cut(&rest, ';'), code))
			return false;
	n = strlen(t->rec.countries);
	if (n + code.n + 2 <= sizeof(t->rec.countries)) { /* else it stays new */
		(void)snprintf(t->rec.countries + n, sizeof(t->rec.countries) - n, "%s%.*s",
			       n ? ";" : "", STR_ARG(code));
		put(p, t);
	}
	return true;
}

void purses_look(const struct purses *p, uint64_t tenant_id, uint64_t extension_id, int64_t wall_us,
		 struct purse_view *v)
{
	const struct extension *x = model_extension(p->model, tenant_id, extension_id);
	const struct purse *u = find(p, tenant_id, extension_id);

	*v = (struct purse_view){.spent_today = spent_on_day(u, wall_us)};
	if (!x)
		return;
	v->credit = x->credit;
	v->balance = balance(u, x);
}
