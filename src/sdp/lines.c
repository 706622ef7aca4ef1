/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "sdp/lines.h"

bool sdp_line_next(struct str *text, struct sdp_line *line)
{
	struct str s;

	if (!text->n)
		return false;
	s = str_cut(text, '\n');
	*line = (struct sdp_line){.start = s.p};
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	if (s.n < 2 || s.p[1] != '=' || s.p[0] < 'a' || s.p[0] > 'z') {
		line->value = s;
		return true;
	}
	line->type = s.p[0];
	line->value = (struct str){s.p + 2, s.n - 2};
	return true;
}

struct str sdp_word(struct str *s)
{
	while (s->n && (s->p[0] == ' ' || s->p[0] == '\t')) {
		s->p++;
		s->n--;
	}
	return str_cut(s, ' ');
}

struct sdp_attribute sdp_attribute_of(struct str value)
{
	struct str name = str_cut(&value, ':');

	return (struct sdp_attribute){name, value};
}

int sdp_connection(struct addr *a, struct str value)
{
	struct str net = sdp_word(&value), type = sdp_word(&value), text = sdp_word(&value);
	struct str ip = str_cut(&text, '/'); /* multicast: /ttl */

	*a = (struct addr){0};
	if (!str_ieq(net, STR("IN")) || !ip.n)
		return EINVAL;
	if (!str_ieq(type, STR("IP4")) && !str_ieq(type, STR("IP6")))
		return EINVAL;
	if (addr_parse(a, ip, 0))
		*a = (struct addr){0};
	return 0;
}

bool sdp_proto_is_rtp(struct str proto)
{
	while (proto.p) {
		struct str part = str_cut(&proto, '/');

		if (str_ieq(part, STR("RTP")))
			return true;
	}
	return false;
}

bool sdp_direction_of(struct str name, enum sdp_direction *d)
{
	static const char *const names[] = {
		[SDP_INACTIVE] = "inactive",
		[SDP_SENDONLY] = "sendonly",
		[SDP_RECVONLY] = "recvonly",
		[SDP_SENDRECV] = "sendrecv",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_ieq(name, str_of(names[i])))
			continue;
		*d = (enum sdp_direction)i;
		return true;
	}
	return false;
}
