/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/shown.h"

/* Nobody on the Internet reaches these, and we reach them without a NAT. */
static bool is_private(const struct addr *a)
{
	static const char *const networks[] = {
		"10.0.0.0/8",	  "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
		"169.254.0.0/16", "fc00::/7",	   "fe80::/10",	     "::1/128",
	};
	struct addr_net net;

	for (size_t i = 0; i < ARRAY_LEN(networks); i++)
		if (!addr_net_parse(&net, str_of(networks[i])) && addr_net_has(&net, a))
			return true;
	return false;
}

static int read_addresses(struct shown *s, struct str list)
{
	while (list.n) {
		struct str one = str_trim(str_cut(&list, ','));
		struct addr a;

		if (addr_parse(&a, one, 0) || addr_is_any(&a) || s->ours[a.family == 6].family)
			return EINVAL;
		s->ours[a.family == 6] = a;
	}
	return 0;
}

static int read_networks(struct shown *s, struct str list)
{
	while (list.n) {
		struct str one = str_trim(str_cut(&list, ','));

		if (s->nnetworks == SHOWN_MAX_NETWORKS ||
		    addr_net_parse(&s->networks[s->nnetworks], one))
			return EINVAL;
		s->nnetworks++;
	}
	return 0;
}

int shown_set(struct shown *s, struct str addresses, struct str networks)
{
	struct shown new = {.nnetworks = 0};
	int err = read_addresses(&new, addresses);

	if (!err)
		err = read_networks(&new, networks);
	if (!err)
		*s = new;
	return err;
}

static bool is_near(const struct shown *s, const struct addr *remote)
{
	for (size_t i = 0; i < s->nnetworks; i++)
		if (addr_net_has(&s->networks[i], remote))
			return true;
	return !s->nnetworks && is_private(remote);
}

void shown_apply(const struct shown *s, const struct addr *remote, struct addr *local)
{
	const struct addr *ours = &s->ours[local->family == 6];
	uint16_t port = local->port;

	/* One that is no private address needs no NAT, whoever asks. */
	if (!ours->family || ours->family != local->family || is_near(s, remote) ||
	    !is_private(local))
		return;
	*local = *ours;
	local->port = port;
}
