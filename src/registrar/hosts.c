/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which hosts in a URI mean this server, to a tenant's device.
 *
 * DESIGN  Another tenant's domain never does, its own always, and an address always: behind a NAT that nobody has told us of
 * we do not know ours.  Of names there are those that somebody has written down (web_domain, certificates, that of the
 * configuration file too), and the one that
 * the device itself registers with: a DNS name of ours that stands nowhere else.  Any other name is somebody else's domain.
 */
#include "base/pem.h"
#include "base/thread.h"
#include "registrar/inside.h"

struct search {
	struct str host;
	bool is_found;
};

static void look_into(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *arg)
{
	const struct object *o = model_object(m, res, tenant_id, id);
	struct search *s = arg;

	if (res == &resource_network_setting)
		s->is_found |=
			str_ieq(s->host, str_of(((const struct network_setting *)o)->web_domain));
	else
		s->is_found |=
			pem_names_have(str_of(((const struct certificate *)o)->names), s->host);
}

bool hosts_is_system(const struct registrar *r, struct str host)
{
	const struct model *m = r->conf.model;
	struct search s = {.host = host};
	struct addr a;

	if (!host.n)
		return false;
	if (!addr_parse(&a, host, 0) || str_ieq(host, str_of(r->conf.system_realm)) ||
	    str_ieq(host, STR("localhost")) || pem_names_have(buf_view(&r->own_names), host))
		return true;
	model_tell_all(m, &resource_network_setting, 0, look_into, &s);
	if (!s.is_found)
		model_tell_all(m, &resource_certificate, 0, look_into, &s);
	return s.is_found;
}

bool hosts_is_ours(const struct registrar *r, uint64_t tenant_id, struct str host)
{
	const struct tenant *t = model_tenant_by_domain(r->conf.model, host);
	struct search s = {.host = host};

	if (t)
		return t->o.id == tenant_id;
	if (hosts_is_system(r, host))
		return true;
	model_tell_all(r->conf.model, &resource_certificate, tenant_id, look_into, &s);
	return s.is_found;
}

/* Does one of its devices register with that name?  What a contact from before a restart did is not known any more. */
static bool is_registered_with(struct registrar *r, const struct account *a, struct str host)
{
	struct reg_account *at = reg_account_find(r, a->o.tenant_id, a->o.id);

	if (!at || !host.n)
		return false;
	LIST_EACH (it, &at->bindings) {
		const struct binding *b = CONTAINER_OF(it, struct binding, in_account);

		if (b->is_restored || str_ieq(str_of(b->server), host))
			return true;
	}
	return false;
}

bool registrar_is_elsewhere(struct registrar *r, const struct identity *who, struct str host)
{
	if (hosts_is_ours(r, who->tenant->o.id, host))
		return false;
	return model_tenant_by_domain(r->conf.model, host) ||
	       !is_registered_with(r, who->account, host);
}

int registrar_own_names(struct registrar *r, struct str names)
{
	ON_THREAD(THREAD_CORE);
	buf_reset(&r->own_names);
	buf_str(&r->own_names, names);
	return r->own_names.err;
}
