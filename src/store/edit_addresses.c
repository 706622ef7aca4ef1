/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses in what is configured.
 *
 * SEC-2: a range that holds an address of this system cannot be blocked: what we listen on, and what the machine has.
 */
#include <ifaddrs.h>
#include "base/addr.h"
#include "schema/syntax.h"
#include "store/edit.h"

static bool is_own(const struct rows *r, const struct addr_net *net, struct addr *which)
{
	for (size_t i = 0; i < r->nown; i++) {
		*which = r->own[i];
		if (!addr_is_any(which) && addr_net_has(net, which))
			return true;
	}
	return false;
}

static bool is_of_machine(const struct addr_net *net, struct addr *which)
{
	struct ifaddrs *all = NULL;
	bool has = false;

	if (getifaddrs(&all))
		return false;
	for (const struct ifaddrs *it = all; it && !has; it = it->ifa_next)
		has = it->ifa_addr && !addr_from_sockaddr(which, it->ifa_addr) &&
		      addr_net_has(net, which);
	freeifaddrs(all);
	return has;
}

int edit_check_address_rule(struct edit *e, const struct object *o)
{
	const struct address_rule *rule = (const struct address_rule *)o;
	char text[ADDR_STR_BYTES];
	struct addr_net net;
	struct addr which;

	if (rule->action != ADDRESS_ACTION_BLOCK || addr_net_parse(&net, str_of(rule->network)))
		return 0;
	if (!is_own(e->rows, &net, &which) && !is_of_machine(&net, &which))
		return 0;
	field_error_add(&e->errs, "network", "own_address", "holds %s, an address of this system",
			addr_ip_str(text, &which));
	return EINVAL;
}

int edit_check_network_setting(struct edit *e, struct object *o, const struct object *before)
{
	struct str rest = str_of(((const struct network_setting *)o)->dns_servers);
	struct addr a;

	while (rest.n) {
		struct str one = str_trim(str_cut(&rest, ','));

		if (!addr_parse_hostport(&a, one, 53) && a.port && !addr_is_any(&a))
			continue;
		field_error_add(&e->errs, "dns_servers", "bad_address",
				"'%.*s' is no IP address, and no IP address with a port",
				STR_ARG(one));
		break;
	}
	return 0;
}

bool edit_is_host_port(struct str s)
{
	struct str rest = s, host = s;
	uint32_t port = 1;
	struct addr a;

	if (!s.n || !addr_parse_hostport(&a, s, 1))
		return true;
	host = str_cut(&rest, ':');
	return syntax_hostname(host) &&
	       (!rest.p || (!str_u32(rest, &port) && port && port <= UINT16_MAX));
}
