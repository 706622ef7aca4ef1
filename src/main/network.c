/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What network_settings says, given to the parts that obey it.
 */
#include <string.h>
#include "main/server.h"

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	const struct network_setting *n;
	struct server *s = arg;
	int err;

	if (res != &resource_network_setting || !s->net)
		return;
	n = (const struct network_setting *)model_object(m, res, tenant_id, id);
	s->has_ipv6 = !n || n->ipv6;
	err = net_name_servers(s->net, n ? str_of(n->dns_servers) : STR_NONE);
	if (err)
		log_error(NULL, LOGID_DNS, "the name servers '%s' are not asked: %s",
			  n ? n->dns_servers : "of the system", strerror(err));
	err = net_shown(s->net, n ? str_of(n->public_addresses) : STR_NONE,
			n ? str_of(n->local_networks) : STR_NONE);
	if (err) /* the store has looked at them */
		log_error(NULL, LOGID_NET, "public addresses or local networks cannot be read");
}

int network_start(struct server *s)
{
	int err = model_watch(s->model, changed, s);

	s->has_ipv6 = true;
	if (!err)
		model_tell_all(s->model, &resource_network_setting, 0, changed, s);
	return err;
}
