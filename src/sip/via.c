/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Via values.  White space may stand round every separator (RFC 3261 25.1: SLASH, COLON, SEMI, EQUAL are with SWS). */
#include "sip/chars.h"
#include "sip/host.h"
#include "sip/via.h"

static struct str unbracket(struct str s)
{
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return sip_sub(s, 1, s.n - 1);
	return s;
}

/* "SIP / 2.0 / UDP" LWS: the rest is left in *s.  EINVAL only when there is no rest: who speaks another version wants to
 * be told so, and that takes the host. */
static int read_protocol(struct sip_via *via, struct str *s, bool *is_ours)
{
	struct str rest = *s;
	struct str name = str_trim(str_cut(&rest, '/'));
	struct str version = str_trim(str_cut(&rest, '/'));
	size_t n = 0;

	if (!rest.p || !sip_is_token(name) || !sip_is_token(version))
		return EINVAL;
	rest = str_trim(rest);
	while (n < rest.n && sip_is(rest.p[n], SIP_CH_TOKEN))
		n++;
	if (!n || n == rest.n || !sip_is_lws(rest.p[n]))
		return EINVAL;
	via->transport = sip_sub(rest, 0, n);
	*s = str_trim(sip_sub(rest, n, rest.n));
	*is_ours = str_ieq(name, STR("SIP")) && str_eq(version, STR("2.0"));
	return 0;
}

/* One pass, as each message has a Via at least.  Of a parameter given twice the first counts. */
static int read_params(struct sip_via *via)
{
	struct str params = via->params, name, value;

	while (params.p) {
		if (sip_param_next(&params, &name, &value) || !sip_param_ok(name, value))
			return EINVAL;
		value = sip_param_plain(value);
		if (str_ieq(name, STR("rport")))
			via->has_rport = true;
		else if (!via->branch.p && str_ieq(name, STR("branch")))
			via->branch = value;
		else if (!via->received.p && str_ieq(name, STR("received")))
			via->received = unbracket(value);
		else if (!via->maddr.p && str_ieq(name, STR("maddr")))
			via->maddr = unbracket(value);
	}
	return 0;
}

int sip_via_read(struct sip_via *via, struct str *sent_by, struct str value)
{
	struct str s = str_trim(value);
	struct str hostport;
	bool is_ours;

	*via = (struct sip_via){0};
	*sent_by = STR_NONE;
	if (read_protocol(via, &s, &is_ours))
		return EINVAL;
	hostport = str_trim(str_cut(&s, ';'));
	via->params = s;
	if (sip_hostport_parse(hostport, &via->host, &via->port, true)) {
		via->host = STR_NONE;
		return EINVAL;
	}
	*sent_by = hostport;
	return read_params(via) || !is_ours ? EINVAL : 0;
}

int sip_via_parse(struct sip_via *via, struct str value)
{
	struct str sent_by;

	return sip_via_read(via, &sent_by, value);
}
