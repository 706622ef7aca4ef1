/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the Contacts of a REGISTER ask for, and which binding each of them means (RFC 3261 10.3, step 6 and 7).
 *
 * A binding is meant by its instance and reg-id (RFC 5626), by an equal URI, or, from a phone that sends a single Contact
 * without instance, by the Call-ID it registered with before: its NAT or network has given it another address.
 */
#include <stdio.h>
#include <string.h>
#include "registrar/inside.h"

enum { MAX_URI = 511, MAX_INSTANCE = 127, DEFAULT_SECONDS = 3600 };

static bool refuse(struct refusal *no, unsigned status, const char *reason)
{
	no->status = status;
	no->reason = reason;
	return false;
}

/* RFC 3261 20.10: what cannot be read counts as 3600. */
static uint32_t seconds_of(struct str text)
{
	uint64_t v;

	if (!text.n || str_u64(text, &v))
		return DEFAULT_SECONDS;
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* "0.7" in thousandths; what cannot be read counts as 1. */
static unsigned q_of(struct str text)
{
	struct str fraction = text, whole = str_cut(&fraction, '.');
	unsigned v = 0, scale = 100;

	if (!str_eq(whole, STR("0")) || fraction.n > 3)
		return 1000;
	for (size_t i = 0; i < fraction.n; i++, scale /= 10) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return 1000;
		v += (unsigned)(fraction.p[i] - '0') * scale;
	}
	return v;
}

/* RFC 3261 10.2.1.1: the Contact's own word counts more than the header. */
static bool read_seconds(struct wish *w, const struct order *o, struct str params,
			 struct refusal *no)
{
	const struct account *a = o->account;
	struct str text;

	if (sip_param(params, STR("expires"), &text))
		w->seconds = seconds_of(text);
	else if (sip_msg_has(o->req, SIP_HDR_EXPIRES))
		w->seconds = seconds_of(sip_msg_header(o->req, SIP_HDR_EXPIRES));
	else
		w->seconds = DEFAULT_SECONDS;
	if (w->seconds && (int64_t)w->seconds < a->min_expires && w->seconds < 3600) {
		snprintf(no->line, sizeof(no->line), "Min-Expires: %lld\r\n",
			 (long long)a->min_expires);
		return refuse(no, 423, NULL);
	}
	if ((int64_t)w->seconds > a->max_expires)
		w->seconds = (uint32_t)a->max_expires;
	return true;
}

/* RFC 3261 26.2.2: we would call it over what it registered on, and whoever calls sips: is promised TLS. */
static bool is_as_secure_as_it_says(const struct order *o, const struct sip_uri *u)
{
	return u->scheme != SIP_SCHEME_SIPS || flow_is_secure(o->flow.transport) ||
	       sip_msg_has(o->req, SIP_HDR_PATH);
}

static bool read_wish(struct order *o, struct str value, struct refusal *no)
{
	struct wish *w = &o->wishes[o->n];
	struct sip_addr a;
	struct sip_uri u;
	struct str text;
	uint32_t reg_id;

	if (o->n == REG_MAX_WISHES)
		return refuse(no, 403, "Too Many Contacts");
	*w = (struct wish){.q = 1000};
	if (sip_addr_parse(&a, value) || sip_uri_parse(&u, a.uri) || !u.host.n)
		return refuse(no, 400, "Malformed Contact");
	if (u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS)
		return refuse(no, 400, "Contact Is No SIP URI");
	if (a.uri.n > MAX_URI)
		return refuse(no, 400, "Contact Too Long");
	w->uri = sip_uri_bare(a.uri, &u);
	w->headers = (struct str){w->uri.p + w->uri.n, a.uri.n - w->uri.n};
	if (sip_param(a.params, STR("+sip.instance"), &text) && text.n <= MAX_INSTANCE)
		w->instance = text;
	if (o->knows_flows && w->instance.n && sip_param(a.params, STR("reg-id"), &text) &&
	    !str_u32(text, &reg_id))
		w->reg_id = reg_id;
	if (sip_param(a.params, STR("q"), &text))
		w->q = q_of(text);
	o->n++;
	if (!read_seconds(w, o, a.params, no))
		return false;
	if (w->seconds && !is_as_secure_as_it_says(o, &u))
		return refuse(no, 403, "sips Contact Over Insecure Transport");
	return true;
}

static bool read_all(struct order *o, struct refusal *no)
{
	if (o->n || !sip_msg_has(o->req, SIP_HDR_EXPIRES) ||
	    !str_eq(sip_msg_header(o->req, SIP_HDR_EXPIRES), STR("0")))
		return refuse(no, 400, "Contact * Needs Expires 0 and Nothing Else");
	o->is_all = true;
	return true;
}

static bool read_path(struct order *o, struct refusal *no)
{
	struct sip_values v;
	struct sip_addr a;
	struct sip_uri u;
	struct str value;
	size_t n = 0;

	sip_values_init(&v, o->req, SIP_HDR_PATH);
	while (sip_values_next(&v, &value)) {
		/* It becomes a Route, which takes no bare URI. */
		if (value.n < 2 || !memchr(value.p, '<', value.n) || sip_addr_parse(&a, value) ||
		    sip_uri_parse(&u, a.uri) || u.scheme == SIP_SCHEME_OTHER || !u.host.n)
			return refuse(no, 400, "Malformed Path");
		if (n + value.n + 2 > REG_MAX_PATH)
			return refuse(no, 400, "Path Too Long");
		if (n)
			n += (size_t)snprintf(o->path_text + n, sizeof(o->path_text) - n, ", ");
		memcpy(o->path_text + n, value.p, value.n);
		n += value.n;
	}
	o->path = (struct str){o->path_text, n};
	return true;
}

/* RFC 5626 5.1: the edge proxy, which wrote the last value, has made a flow of what this came on. */
bool wishes_path_keeps_flow(const struct order *o)
{
	struct str value, last = STR_NONE, ob;
	struct sip_values v;
	struct sip_addr a;
	struct sip_uri u;

	sip_values_init(&v, o->req, SIP_HDR_PATH);
	while (sip_values_next(&v, &value))
		last = value;
	return last.n && !sip_addr_parse(&a, last) && !sip_uri_parse(&u, a.uri) &&
	       sip_param(u.params, STR("ob"), &ob);
}

/* RFC 5626 6: what came on one flow registers that flow only. */
static bool is_one_flow(const struct order *o, struct refusal *no)
{
	size_t nheld = 0, nflows = 0;

	for (size_t i = 0; i < o->n; i++) {
		nheld += o->wishes[i].seconds > 0;
		nflows += o->wishes[i].reg_id > 0;
	}
	return nheld < 2 || !nflows || refuse(no, 400, "Several Contacts With reg-id");
}

/* RFC 5626 6: a proxy stands before the device, and none of them keeps the flow. */
static bool keeps_flow(struct order *o, struct refusal *no)
{
	struct sip_values v;
	struct str value;
	unsigned nvias = 0;

	if (!o->n || !o->wishes[0].reg_id || !o->wishes[0].seconds ||
	    !(sip_msg_lists(o->req, SIP_HDR_SUPPORTED, STR("outbound")) ||
	      sip_msg_lists(o->req, SIP_HDR_REQUIRE, STR("outbound"))))
		return true;
	sip_values_init(&v, o->req, SIP_HDR_VIA);
	while (sip_values_next(&v, &value))
		nvias++;
	if (nvias < 2 || wishes_path_keeps_flow(o))
		return true;
	return refuse(no, 439, NULL);
}

bool wishes_read(struct order *o, struct refusal *no)
{
	struct sip_values v;
	struct str value;

	sip_values_init(&v, o->req, SIP_HDR_CONTACT);
	while (sip_values_next(&v, &value)) {
		if (o->is_all)
			return refuse(no, 400, "Contact * With Others");
		if (str_eq(value, STR("*")) ? !read_all(o, no) : !read_wish(o, value, no))
			return false;
	}
	return is_one_flow(o, no) && read_path(o, no) && keeps_flow(o, no);
}

/* ---- which binding ---- */

static bool is_same_uri(struct str a, const char *b)
{
	struct sip_uri ua, ub;

	if (str_eq(a, str_of(b)))
		return true;
	return !sip_uri_parse(&ua, a) && !sip_uri_parse(&ub, str_of(b)) && sip_uri_eq(&ua, &ub);
}

static bool is_same_device(const struct wish *w, const struct binding *b)
{
	if (w->instance.n && *b->instance)
		return str_eq(w->instance, str_of(b->instance)) && w->reg_id == b->reg_id;
	return is_same_uri(w->uri, b->c.uri) && str_eq(w->headers, str_of(b->headers));
}

static bool is_taken(const struct order *o, const struct binding *b)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->wishes[i].match == b)
			return true;
	return false;
}

/* The one binding that came with this Call-ID; NULL: none, or several. */
static struct binding *only_of_call_id(const struct order *o)
{
	struct binding *only = NULL;

	LIST_EACH (it, &o->at->bindings) {
		struct binding *b = CONTAINER_OF(it, struct binding, in_account);

		if (*b->instance || !str_eq(o->req->call_id, str_of(b->call_id)))
			continue;
		if (only)
			return NULL;
		only = b;
	}
	return only;
}

static struct binding *match(const struct order *o, const struct wish *w)
{
	LIST_EACH (it, &o->at->bindings) {
		struct binding *b = CONTAINER_OF(it, struct binding, in_account);

		if (is_same_device(w, b) && !is_taken(o, b))
			return b;
	}
	return o->n == 1 && w->seconds && !w->instance.n ? only_of_call_id(o) : NULL;
}

/* RFC 3261 10.3, step 7: of one Call-ID only a higher CSeq may change a binding. */
static bool is_stale(const struct order *o, const struct binding *b)
{
	return str_eq(o->req->call_id, str_of(b->call_id)) && o->req->cseq <= b->cseq;
}

bool wishes_match(struct order *o, struct refusal *no)
{
	for (size_t i = 0; i < o->n; i++) {
		struct wish *w = &o->wishes[i];

		w->match = match(o, w);
		if (w->match && is_stale(o, w->match))
			return refuse(no, 500, "CSeq Out of Order");
	}
	if (!o->is_all)
		return true;
	LIST_EACH (it, &o->at->bindings) {
		if (is_stale(o, CONTAINER_OF(it, struct binding, in_account)))
			return refuse(no, 500, "CSeq Out of Order");
	}
	return true;
}

bool wish_is_dangerous(struct registrar *r, const struct sip_uri *u, const struct flow *flow)
{
	struct flow_edge *edge = sip_edge(r->conf.sip);
	uint16_t port = u->port ? u->port : 5060;
	struct addr a, ours;

	/* who claims to send from where we listen */
	if (addr_eq(&flow->local, &flow->remote))
		return true;
	if (model_tenant_by_domain(r->conf.model, u->host) && addr_parse(&a, u->host, port))
		return true;
	if (addr_parse(&a, u->host, port))
		return false; /* a name: calls go the way the REGISTER came */
	if (addr_is_any(&a))
		return true;
	if (a.family == 4 ? a.ip[0] >= 224 : a.ip[0] == 0xff)
		return true;
	ours = flow->local;
	flow_show(edge, flow, &ours);
	if (addr_eq(&a, &flow->local) || addr_eq(&a, &ours))
		return true;
	return !edge->local_for(edge, flow->transport, &a, &ours) && addr_eq(&a, &ours);
}
