/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/addr.h"
#include "sip/chars.h"
#include "sip/host.h"

static int parse_port(struct str s, uint16_t *port)
{
	uint32_t v;

	if (str_u32(s, &v) || !v || v > 65535)
		return EINVAL;
	*port = (uint16_t)v;
	return 0;
}

static int split_reference(struct str s, struct str *host, struct str *rest)
{
	const char *end = memchr(s.p, ']', s.n);
	struct addr a;

	if (!end)
		return EINVAL;
	*host = sip_sub(s, 1, (size_t)(end - s.p));
	*rest = sip_sub(s, (size_t)(end + 1 - s.p), s.n);
	return memchr(host->p, ':', host->n) ? addr_parse(&a, *host, 0) : EINVAL;
}

int sip_hostport_parse(struct str s, struct str *host, uint16_t *port, bool allow_lws)
{
	struct str rest = s;

	*port = 0;
	*host = STR_NONE;
	if (!s.n)
		return EINVAL;
	if (s.p[0] == '[') {
		if (split_reference(s, host, &rest))
			return EINVAL;
	} else {
		size_t n = 0;

		while (n < s.n && sip_is(s.p[n], SIP_CH_HOST))
			n++;
		if (!n)
			return EINVAL;
		*host = sip_sub(s, 0, n);
		rest = sip_sub(s, n, s.n);
	}
	if (allow_lws)
		rest = str_trim(rest);
	if (!rest.n)
		return 0;
	if (rest.p[0] != ':')
		return EINVAL;
	rest = sip_sub(rest, 1, rest.n);
	return parse_port(allow_lws ? str_trim(rest) : rest, port);
}
