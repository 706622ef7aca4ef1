/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SEC-1, SEC-2: who is not heard is offered to the packet filter of the kernel too, when flood_limits want it: then what such
 * a source sends to our SIP ports costs us nothing.
 *
 * Table "inet offhook" is ours alone.  Sources that were blocked are elements with a time of their own; what
 * address_rules say is written anew when it changes, and when a rule ends.  What is not taken (too many at once) is still
 * not heard: the flood guard holds as before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "main/server.h"
#include "net/packet_filter.h"
#include "sip/shield.h"

enum { SETTLE_MS = 50, MAX_BYTES = 16 << 20 };

static const char table[] =
	"table inet offhook {\n"
	" set ports { type inet_proto . inet_service; }\n"
	" set allowed4 { type ipv4_addr; flags interval; auto-merge; }\n"
	" set allowed6 { type ipv6_addr; flags interval; auto-merge; }\n"
	" set forbidden4 { type ipv4_addr; flags interval; auto-merge; }\n"
	" set forbidden6 { type ipv6_addr; flags interval; auto-merge; }\n"
	" set blocked4 { type ipv4_addr; flags timeout; size 65536; }\n"
	" set blocked6 { type ipv6_addr; flags timeout; size 65536; }\n"
	" chain sip { type filter hook prerouting priority -300; policy accept;\n"
	"  meta l4proto != { tcp, udp } accept\n"
	"  meta l4proto . th dport != @ports accept\n"
	"  ip saddr @allowed4 accept\n"
	"  ip6 saddr @allowed6 accept\n"
	"  ip saddr @forbidden4 counter drop\n"
	"  ip6 saddr @forbidden6 counter drop\n"
	"  ip saddr @blocked4 counter drop\n"
	"  ip6 saddr & ffff:ffff:ffff:ffff:: @blocked6 counter drop\n"
	" }\n"
	"}\n";

struct filtering {
	struct server *s;
	struct packet_filter *filter; /* NULL: it was never wanted */
	bool is_on;
	struct timer settle; /* what is written anew */
	struct buf text;
};

static void run(struct filtering *f)
{
	int err = f->text.err ? f->text.err : packet_filter_run(f->filter, buf_view(&f->text));

	if (err)
		log_warn(NULL, LOGID_BLOCKED, "the packet filter of the kernel is not told: %s",
			 strerror(err));
	buf_reset(&f->text);
}

/* ---- sources that were blocked ---- */

static void write_source(struct buf *out, const struct shield_view *v, bool is_blocked,
			 int64_t now_us)
{
	int64_t seconds = (v->until_us - now_us + 999999) / 1000000;
	const char *set = v->from.family == 6 ? "blocked6" : "blocked4";
	char ip[ADDR_STR_BYTES];

	if (*v->account || (is_blocked && seconds <= 0))
		return;
	addr_ip_str(ip, &v->from);
	/* One that is there keeps its time when it is added again; one that is not cannot be deleted. */
	buf_printf(out, "add element inet offhook %s { %s }\n", set, ip);
	buf_printf(out, "delete element inet offhook %s { %s }\n", set, ip);
	if (is_blocked)
		buf_printf(out, "add element inet offhook %s { %s timeout %" PRId64 "s }\n", set,
			   ip, seconds);
}

static void source_changed(const struct shield_view *v, bool is_blocked, void *arg)
{
	struct filtering *f = arg;

	if (!f->is_on)
		return;
	write_source(&f->text, v, is_blocked, clock_wall_us(f->s->env.clock));
	if (f->text.n)
		run(f);
}

static void write_known(const struct shield_view *v, bool is_blocked, void *arg)
{
	struct filtering *f = arg;

	write_source(&f->text, v, is_blocked, clock_wall_us(f->s->env.clock));
}

/* ---- rules and ports ---- */

struct listing {
	struct filtering *f;
	const char *set;
	int family;
	enum address_action action;
	int64_t now_us, next_us; /* when a rule ends: the soonest */
	bool is_begun;
};

static void begin_set(struct listing *l, const char *set)
{
	l->set = set;
	l->is_begun = false;
	buf_printf(&l->f->text, "flush set inet offhook %s\n", set);
}

static void write_element(struct listing *l, const char *text)
{
	struct buf *out = &l->f->text;

	if (!l->is_begun)
		buf_printf(out, "add element inet offhook %s { %s", l->set, text);
	else
		buf_printf(out, ", %s", text);
	l->is_begun = true;
}

static void end_set(struct listing *l)
{
	if (l->is_begun)
		buf_cstr(&l->f->text, " }\n");
}

static void write_rule(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	const struct address_rule *rule =
		(const struct address_rule *)model_object(m, res, tenant_id, id);
	struct listing *l = arg;
	char text[ADDR_STR_BYTES + 8];
	struct addr_net net;

	if (!rule || !rule->enabled || (int)rule->action != (int)l->action ||
	    addr_net_parse(&net, str_of(rule->network)) || net.addr.family != l->family)
		return;
	if (rule->expires_at && rule->expires_at <= l->now_us)
		return;
	if (rule->expires_at && (!l->next_us || rule->expires_at < l->next_us))
		l->next_us = rule->expires_at;
	write_element(l, addr_net_str(text, &net));
}

static int64_t port_of(const struct config *c, const struct transport *t)
{
	if (t->port)
		return t->port;
	switch (t->protocol) {
	case TRANSPORT_PROTOCOL_TLS:
		return c->tls_port;
	case TRANSPORT_PROTOCOL_WS:
		return c->ws_port;
	case TRANSPORT_PROTOCOL_WSS:
		return c->wss_port;
	default:
		return c->sip_port;
	}
}

static void write_port(const struct model *m, const struct resource *res, uint64_t tenant_id,
		       uint64_t id, void *arg)
{
	const struct transport *t = (const struct transport *)model_object(m, res, tenant_id, id);
	struct listing *l = arg;
	char text[32];

	if (!t || !t->enabled)
		return;
	snprintf(text, sizeof(text), "%s . %" PRId64,
		 t->protocol == TRANSPORT_PROTOCOL_UDP ? "udp" : "tcp",
		 port_of(&l->f->s->config, t));
	write_element(l, text);
}

static void settled(struct timer *t, void *arg)
{
	static const struct {
		const char *name;
		int family;
		enum address_action action;
	} sets[] = {
		{"allowed4", 4, ADDRESS_ACTION_ALLOW},
		{"allowed6", 6, ADDRESS_ACTION_ALLOW},
		{"forbidden4", 4, ADDRESS_ACTION_BLOCK},
		{"forbidden6", 6, ADDRESS_ACTION_BLOCK},
	};
	struct filtering *f = arg;
	struct server *s = f->s;
	struct listing l = {.f = f, .now_us = clock_wall_us(s->env.clock)};

	if (!f->is_on)
		return;
	begin_set(&l, "ports");
	model_tell_all(s->model, &resource_transport, 0, write_port, &l);
	end_set(&l);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		l.family = sets[i].family;
		l.action = sets[i].action;
		begin_set(&l, sets[i].name);
		model_tell_all(s->model, &resource_address_rule, 0, write_rule, &l);
		end_set(&l);
	}
	run(f);
	if (l.next_us)
		timer_start(s->env.wheel, t, (uint64_t)(l.next_us - l.now_us) / 1000 + 1, settled,
			    f);
}

/* ---- on and off ---- */

static void switch_on(struct filtering *f)
{
	int err = f->filter ? 0 : packet_filter_open(&f->filter);

	if (err) {
		log_error(NULL, LOGID_BLOCKED, "the packet filter of the kernel is not used: %s",
			  strerror(err));
		return;
	}
	f->is_on = true;
	buf_cstr(&f->text, "add table inet offhook\ndelete table inet offhook\n");
	buf_cstr(&f->text, table);
	shield_each(sip_shield(f->s->sip), write_known, f);
	run(f);
	timer_start(f->s->env.wheel, &f->settle, 0, settled, f);
}

static void switch_off(struct filtering *f)
{
	f->is_on = false;
	timer_cancel(&f->settle);
	buf_cstr(&f->text, "add table inet offhook\ndelete table inet offhook\n");
	run(f);
}

static void changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		    uint64_t id, void *arg)
{
	struct filtering *f = arg;

	if (res == &resource_flood_limit) {
		const struct flood_limit *limit =
			(const struct flood_limit *)model_object(m, res, tenant_id, id);
		bool is_wanted = limit && limit->packet_filter;

		if (is_wanted && !f->is_on)
			switch_on(f);
		else if (!is_wanted && f->is_on)
			switch_off(f);
	} else if (f->is_on && (res == &resource_address_rule || res == &resource_transport)) {
		timer_start(f->s->env.wheel, &f->settle, SETTLE_MS, settled, f);
	}
}

int filtering_start(struct server *s)
{
	struct filtering *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return ENOMEM;
	f->s = s;
	f->text.max = MAX_BYTES;
	s->filtering = f;
	err = shield_on_changed(sip_shield(s->sip), source_changed, f);
	if (!err)
		err = model_watch(s->model, changed, f);
	if (!err)
		model_tell_all(s->model, &resource_flood_limit, 0, changed, f);
	return err;
}

void filtering_stop(struct server *s)
{
	struct filtering *f = s->filtering;

	if (!f)
		return;
	if (f->is_on)
		switch_off(f);
	packet_filter_close(f->filter);
	buf_free(&f->text);
	free(f);
	s->filtering = NULL;
}
