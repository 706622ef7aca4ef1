/* SPDX-License-Identifier: GPL-3.0-or-later */
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

struct numbers {
	struct str *at;
	size_t n, max;
};

static void add_number(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	const struct object *o = model_object(m, res, tenant_id, id);
	struct str number = str_of(((const struct emergency_number *)o)->number);
	struct numbers *to = arg;

	for (size_t i = 0; i < to->n && i < to->max; i++)
		if (str_eq(to->at[i], number))
			return;
	if (to->n < to->max)
		to->at[to->n] = number;
	to->n++;
}

static void add_tenants(const struct model *m, const struct resource *res, uint64_t tenant_id,
			uint64_t id, void *arg)
{
	const struct numbers *to = arg;

	if (to->n <= to->max)
		model_tell_all(m, &resource_emergency_number, id, add_number, arg);
}

static size_t urgent_numbers(struct str *numbers, size_t max, void *arg)
{
	const struct calls *cs = arg;
	struct numbers to = {.at = numbers, .max = max};

	model_tell_all(cs->conf.model, &resource_tenant, 0, add_tenants, &to);
	return to.n;
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	if (res == &resource_emergency_number)
		sip_urgent_changed(((struct calls *)arg)->conf.sip);
}

int urgent_open(struct calls *cs)
{
	sip_on_urgent(cs->conf.sip, is_urgent, cs);
	sip_on_urgent_numbers(cs->conf.sip, urgent_numbers, cs);
	return model_watch(cs->conf.model, changed, cs);
}

void urgent_close(struct calls *cs)
{
	sip_on_urgent(cs->conf.sip, NULL, NULL);
	sip_on_urgent_numbers(cs->conf.sip, NULL, NULL);
	model_unwatch(cs->conf.model, changed, cs);
}
