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

typedef bool is_good_h(struct str one);

static bool is_name_server(struct str one)
{
	struct addr a;

	return !addr_parse_hostport(&a, one, 53) && a.port && !addr_is_any(&a);
}

static bool is_address(struct str one)
{
	struct addr a;

	return !addr_parse(&a, one, 0) && !addr_is_any(&a);
}

/* SYS-1 */
static bool is_no_loopback(struct str one)
{
	struct addr a;

	return addr_parse(&a, one, 0) || !addr_is_loopback(&a);
}

static bool is_network(struct str one)
{
	struct addr_net net;

	return !addr_net_parse(&net, one);
}

static void check_list(struct edit *e, const char *field, const char *text, is_good_h *is_good,
		       const char *what)
{
	struct str rest = str_of(text);

	while (rest.n) {
		struct str one = str_trim(str_cut(&rest, ','));

		if (is_good(one))
			continue;
		field_error_add(&e->errs, field, "bad_address", "'%.*s' is %s", STR_ARG(one), what);
		break;
	}
}

/* Which of two of one family would stand for us? */
static bool is_one_of_each(const char *text)
{
	struct str rest = str_of(text);
	struct str first = str_trim(str_cut(&rest, ','));
	struct addr a, b;

	return !rest.n || addr_parse(&a, first, 0) || addr_parse(&b, str_trim(rest), 0) ||
	       a.family != b.family;
}

static size_t count(const char *text)
{
	size_t n = *text != 0;

	while (*text)
		n += *text++ == ',';
	return n;
}

int edit_check_network_setting(struct edit *e, struct object *o, const struct object *before)
{
	enum { MAX_NETWORKS = 32 };
	const struct network_setting *n = (const struct network_setting *)o;

	check_list(e, "dns_servers", n->dns_servers, is_name_server,
		   "no IP address, and no IP address with a port");
	check_list(e, "public_addresses", n->public_addresses, is_address, "no IP address");
	check_list(e, "public_addresses", n->public_addresses, is_no_loopback,
		   "an address that only this machine knows");
	if (*n->web_domain &&
	    (!strcmp(n->web_domain, "localhost") || !is_no_loopback(str_of(n->web_domain))))
		field_error_add(&e->errs, "web_domain", "bad_hostname",
				"leads to this machine only");
	check_list(e, "local_networks", n->local_networks, is_network, "no network");
	if (count(n->public_addresses) > 2 || !is_one_of_each(n->public_addresses))
		field_error_add(&e->errs, "public_addresses", "too_many",
				"one IPv4 and one IPv6 address at most");
	if (count(n->local_networks) > MAX_NETWORKS)
		field_error_add(&e->errs, "local_networks", "too_many", "at most %d networks",
				MAX_NETWORKS);
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
