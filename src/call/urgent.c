/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/flow.h"
#include "base/mem.h"
#include "call/urgent.h"

/* Whose emergency numbers count for a caller not yet known: those of the domain it names, or of its system-wide name. */
static const struct tenant *tenant_named(const struct calls *cs, const struct sip_msg *req)
{
	const struct model *m = cs->conf.model;
	const struct tenant *t = NULL;
	const struct account *a;
	struct sip_addr from;
	struct sip_uri uri;

	if (!sip_uri_parse(&uri, req->uri))
		t = model_tenant_by_domain(m, uri.host);
	if (t || sip_from(req, &from) || sip_uri_parse(&uri, from.uri))
		return t;
	t = model_tenant_by_domain(m, uri.host);
	a = t ? NULL : model_account_by_system_name(m, uri.user);
	return a ? model_tenant(m, a->o.tenant_id) : t;
}

static bool is_urgent(const struct sip_msg *req, void *calls)
{
	const struct calls *cs = calls;
	char dialled[sizeof(((struct call_record *)0)->callee)];
	const struct tenant *t;

	if (req->method != SIP_INVITE || calls_number_wanted(dialled, sizeof(dialled), req->uri))
		return false;
	t = tenant_named(cs, req);
	return t && route_is_emergency(cs->conf.model, t->o.id, str_of(dialled));
}

/* ---- the numbers of all tenants ---- */

/* They are asked for at each step of the share, so they are kept until one changes. */
enum { URGENT_BYTES = 4 * 16 + 1 };
struct urgent {
	char numbers[FLOW_THIN_NUMBERS][URGENT_BYTES];
	size_t n; /* there may be more than have room */
	bool is_known;
};

static void add_number(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	const struct object *o = model_object(m, res, tenant_id, id);
	const char *number = ((const struct emergency_number *)o)->number;
	struct urgent *u = arg;

	for (size_t i = 0; i < u->n && i < FLOW_THIN_NUMBERS; i++)
		if (strcmp(u->numbers[i], number) == 0)
			return;
	if (u->n < FLOW_THIN_NUMBERS)
		str_fit(u->numbers[u->n], URGENT_BYTES, str_of(number));
	u->n++;
}

static void add_tenants(const struct model *m, const struct resource *res, uint64_t tenant_id,
			uint64_t id, void *arg)
{
	const struct urgent *u = arg;

	if (u->n <= FLOW_THIN_NUMBERS)
		model_tell_all(m, &resource_emergency_number, id, add_number, arg);
}

static size_t urgent_numbers(struct str *numbers, size_t max, void *arg)
{
	const struct calls *cs = arg;
	struct urgent *u = cs->urgent;

	if (!u->is_known) {
		u->n = 0;
		model_tell_all(cs->conf.model, &resource_tenant, 0, add_tenants, u);
		u->is_known = true;
	}
	for (size_t i = 0; i < u->n && i < max && i < FLOW_THIN_NUMBERS; i++)
		numbers[i] = str_of(u->numbers[i]);
	return u->n;
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct calls *cs = arg;

	if (res == &resource_tenant)
		cs->urgent->is_known = false;
	if (res != &resource_emergency_number)
		return;
	cs->urgent->is_known = false;
	sip_urgent_changed(cs->conf.sip);
}

int urgent_open(struct calls *cs)
{
	int err;

	cs->urgent = mem_alloc(sizeof(*cs->urgent));
	if (!cs->urgent)
		return ENOMEM;
	err = model_watch(cs->conf.model, changed, cs);
	if (err) {
		cs->urgent = mem_free(cs->urgent);
		return err;
	}
	sip_on_urgent(cs->conf.sip, is_urgent, cs);
	sip_on_urgent_numbers(cs->conf.sip, urgent_numbers, cs);
	return 0;
}

void urgent_close(struct calls *cs)
{
	if (!cs->urgent)
		return;
	sip_on_urgent(cs->conf.sip, NULL, NULL);
	sip_on_urgent_numbers(cs->conf.sip, NULL, NULL);
	model_unwatch(cs->conf.model, changed, cs);
	cs->urgent = mem_free(cs->urgent);
}
