/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The 200 to a REGISTER: every binding of the account with the seconds it has left (RFC 3261 10.3, step 8).
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "registrar/inside.h"

/* RFC 3261 20.17: always in GMT, in English whatever the locale. */
static void write_date(struct buf *b, time_t t)
{
	static const char days[] = "SunMonTueWedThuFriSat",
			  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	buf_printf(b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday,
		   tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		   tm.tm_sec);
}

/* Written once a second, however many register in it. */
static struct str date_line(struct registrar *r, int64_t wall_us)
{
	int64_t second = wall_us / 1000000;

	if (second != r->date_of) {
		buf_reset(&r->date);
		write_date(&r->date, (time_t)second);
		r->date_of = second;
	}
	return r->date.err ? STR_NONE : buf_view(&r->date);
}

static void write_contact(struct buf *b, const struct binding *x, int64_t now_us)
{
	int64_t left = (x->c.expires_at_us - now_us + 999999) / 1000000;

	buf_cstr(b, "Contact: <");
	buf_cstr(b, x->c.uri);
	buf_cstr(b, x->headers);
	buf_cstr(b, ">;expires=");
	buf_u64(b, left > 0 ? (uint64_t)left : 0);
	if (x->c.q < 1000)
		buf_printf(b, ";q=0.%03u", x->c.q);
	if (*x->instance)
		buf_printf(b, ";+sip.instance=\"%s\"", x->instance);
	if (x->reg_id)
		buf_printf(b, ";reg-id=%u", x->reg_id);
	buf_cstr(b, "\r\n");
}

/* RFC 5626 4.4.1: so often something must come over a flow.  Less than a connection may be idle (net_conf.idle_seconds). */
enum { FLOW_TIMER_S = 120 };

/* RFC 5626 6: the flow is the connection, or over UDP the two addresses, which a phone keeps open with STUN; before an edge
 * proxy it is the edge's, which says so. */
static bool is_outbound(const struct order *o)
{
	return o->n && o->wishes[0].reg_id && (!o->path.n || wishes_path_keeps_flow(o)) &&
	       (sip_msg_lists(o->req, SIP_HDR_SUPPORTED, STR("outbound")) ||
		sip_msg_lists(o->req, SIP_HDR_REQUIRE, STR("outbound")));
}

void answer_list(struct registrar *r, struct sip_strans *st, const struct order *o)
{
	int64_t now_us = clock_wall_us(r->conf.env.clock);
	struct buf *b = &r->lines;
	struct sip_extra extra;

	buf_reset(b);
	LIST_EACH (it, &o->at->bindings) {
		write_contact(b, CONTAINER_OF(it, struct binding, in_account), now_us);
	}
	if (o->path.n)
		buf_printf(b, "Path: %.*s\r\n", STR_ARG(o->path));
	if (is_outbound(o))
		buf_cstr(b, "Require: outbound\r\n");
	/* Else it is the edge's flow; or UDP, where each phone knows best what its NAT wants. */
	if (is_outbound(o) && !o->path.n && flow_is_stream(o->flow.transport))
		buf_printf(b, "Flow-Timer: %d\r\n", FLOW_TIMER_S);
	buf_str(b, date_line(r, now_us));
	extra = (struct sip_extra){.headers = buf_view(b)};
	if (b->err)
		sip_refuse(st, 500, NULL, NULL);
	else
		(void)sip_reply(st, 200, NULL, &extra);
}
