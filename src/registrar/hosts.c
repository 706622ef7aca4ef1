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

static void add(struct buf *names, const char *more)
{
	buf_char(names, ' ');
	buf_cstr(names, more);
}

static void gather(const struct model *m, const struct resource *res, uint64_t tenant_id,
		   uint64_t id, void *names)
{
	const struct object *o = model_object(m, res, tenant_id, id);

	if (res == &resource_network_setting)
		add(names, ((const struct network_setting *)o)->web_domain);
	else
		add(names, ((const struct certificate *)o)->names);
}

/* Gathered when they have changed: strangers ask for any name before they prove who they are. */
static struct str system_names(struct registrar *r)
{
	struct buf *names = &r->system_names;

	if (r->has_names && !names->err)
		return buf_view(names);
	buf_reset(names);
	buf_cstr(names, "localhost");
	add(names, r->conf.system_realm);
	buf_char(names, ' ');
	buf_str(names, buf_view(&r->own_names));
	model_tell_all(r->conf.model, &resource_network_setting, 0, gather, names);
	model_tell_all(r->conf.model, &resource_certificate, 0, gather, names);
	r->has_names = true;
	return buf_view(names);
}

void hosts_changed(struct registrar *r, const struct resource *res, uint64_t tenant_id)
{
	if (!tenant_id && (res == &resource_network_setting || res == &resource_certificate))
		r->has_names = false;
}

bool hosts_is_system(struct registrar *r, struct str host)
{
	struct addr a;

	return host.n && (!addr_parse(&a, host, 0) || pem_names_have(system_names(r), host));
}

bool hosts_is_ours(struct registrar *r, uint64_t tenant_id, struct str host)
{
	const struct tenant *t = model_tenant_by_domain(r->conf.model, host);
	struct buf names = {0};
	bool is_ours;

	if (t)
		return t->o.id == tenant_id;
	if (hosts_is_system(r, host))
		return true;
	model_tell_all(r->conf.model, &resource_certificate, tenant_id, gather, &names);
	is_ours = host.n && pem_names_have(buf_view(&names), host);
	buf_free(&names);
	return is_ours;
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
	r->has_names = false;
	return r->own_names.err;
}
