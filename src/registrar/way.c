/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ACC-8: devices behind an outbound proxy are reached through it.  The account is asked each time, so that what is written
 * there counts for the next request.
 */
#include "registrar/inside.h"
#include "sip/write.h"

static bool proxy_of(const struct account *a, struct flow *flow)
{
	static const enum flow_transport transports[] = {[PROXY_TRANSPORT_UDP] = FLOW_UDP,
							 [PROXY_TRANSPORT_TCP] = FLOW_TCP,
							 [PROXY_TRANSPORT_TLS] = FLOW_TLS};
	uint16_t port = a && a->outbound_proxy_transport == PROXY_TRANSPORT_TLS ? 5061 : 5060;

	if (!a || !*a->outbound_proxy)
		return false;
	*flow = (struct flow){.transport = transports[a->outbound_proxy_transport]};
	return !addr_parse_hostport(&flow->remote, str_of(a->outbound_proxy), port);
}

void registrar_way(const struct registrar *r, const struct contact *c, struct flow *flow,
		   struct buf *routes)
{
	const struct account *a = model_account(r->conf.model, c->tenant_id, c->account_id);
	char text[ADDR_STR_BYTES];
	struct flow proxy;

	*flow = c->flow;
	if (proxy_of(a, &proxy)) {
		*flow = proxy;
		if (routes)
			buf_printf(routes, "Route: <sip:%s%s;lr>\r\n",
				   addr_str(text, &proxy.remote),
				   sip_transport_param(proxy.transport));
	}
	if (routes)
		buf_cstr(routes, c->routes);
}
