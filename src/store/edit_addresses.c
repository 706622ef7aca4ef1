/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SEC-2: a range that holds an address of this system cannot be blocked: what we listen on, and what the machine has.
 */
#include <ifaddrs.h>
#include "base/addr.h"
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
