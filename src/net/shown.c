/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/shown.h"

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
	return !s->nnetworks && addr_is_private(remote);
}

static bool is_told_own(const struct shown *s, const struct addr *remote, enum flow_face face)
{
	return face == FLOW_FACE_AUTO ? is_near(s, remote) : face == FLOW_FACE_OWN;
}

void shown_apply(const struct shown *s, const struct addr *remote, enum flow_face face,
		 struct addr *local)
{
	const struct addr *ours = &s->ours[local->family == 6];
	uint16_t port = local->port;

	/* One that is no private address needs no NAT, whoever asks. */
	if (!ours->family || ours->family != local->family || !addr_is_private(local) ||
	    is_told_own(s, remote, face))
		return;
	*local = *ours;
	local->port = port;
}
