/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core knows of the system as a whole: which parts work, and why not (SYS-4); how it stands in its networks (SYS-5); a
 * tenant's numbers that are no extension's (SYS-6).
 */
#include <inttypes.h>
#include <string.h>
#include "main/overview.h"
#include "main/server.h"
#include "main/transports.h"
#include "route/route.h"
#include "schema/feature_codes.h"

static void add(json_t *items, const char *name, const char *state, const char *reason)
{
	json_array_append_new(
		items, json_pack("{s:s,s:s,s:s}", "name", name, "state", state, "reason", reason));
}

/* Up where at least one listener is; where none is, why the first is not; off where nobody wants one. */
static void add_listeners(json_t *items, const struct server *s, const char *name,
			  const enum flow_transport *protocols, size_t n)
{
	const char *state = "off", *reason = "no transport of this kind is enabled";
	struct transport_view v;

	for (uint64_t after = 0; transports_next(s->transports, after, &v); after = v.id) {
		bool is_ours = false;

		for (size_t i = 0; i < n; i++)
			is_ours |= v.protocol == protocols[i];
		if (!is_ours || strcmp(state, "up") == 0)
			continue;
		if (v.is_active || strcmp(state, "off") == 0)
			reason = v.is_active ? "" : v.reason;
		state = v.is_active ? "up" : "down";
	}
	add(items, name, state, reason);
}

json_t *overview_services(const struct server *s)
{
	static const enum flow_transport sip[] = {FLOW_UDP, FLOW_TCP, FLOW_TLS};
	static const enum flow_transport web[] = {FLOW_WS, FLOW_WSS};
	json_t *items = json_array();

	add(items, "call_manager", "up", "");
	add_listeners(items, s, "sip", sip, ARRAY_LEN(sip));
	add_listeners(items, s, "webrtc_gateway", web, ARRAY_LEN(web));
	add(items, "media", "up", "");
	add(items, "music_on_hold", "up", s->config.music[0] ? "" : "a tone: no file is given");
	add(items, "instant_messages", "up", "");
	add(items, "presence", "up", "");
	return json_pack("{s:o}", "items", items);
}

/* ---- network ---- */

static json_t *listeners(const struct server *s)
{
	json_t *items = json_array();
	struct transport_view v;

	for (uint64_t after = 0; transports_next(s->transports, after, &v); after = v.id) {
		char ip[ADDR_STR_BYTES];

		json_array_append_new(items, json_pack("{s:s,s:s,s:i,s:b,s:s}", "protocol",
						       transports_key(v.protocol), "address",
						       addr_ip_str(ip, &v.where), "port",
						       (int)v.where.port, "is_active", v.is_active,
						       "reason", v.reason));
	}
	return items;
}

static json_t *name_servers(const struct server *s)
{
	struct addr v[8];
	size_t n = net_asked_servers(s->net, v, ARRAY_LEN(v));
	json_t *items = json_array();

	for (size_t i = 0; i < n; i++) {
		char text[ADDR_STR_BYTES];

		json_array_append_new(items, json_string(addr_str(text, &v[i])));
	}
	return items;
}

static json_t *own_addresses(const struct server *s)
{
	json_t *items = json_array();

	for (size_t i = 0; i < s->config.naddresses; i++) {
		char ip[ADDR_STR_BYTES];

		json_array_append_new(items, json_string(addr_ip_str(ip, &s->config.address[i])));
	}
	return items;
}

static void keep(const struct model *m, const struct resource *res, uint64_t tenant_id, uint64_t id,
		 void *arg)
{
	*(const struct object **)arg = model_object(m, res, tenant_id, id);
}

json_t *overview_network(const struct server *s, uint64_t tenant_id)
{
	const struct tenant *t = model_tenant(s->model, tenant_id);
	const struct object *o = NULL;
	const struct network_setting *set;

	model_tell_all(s->model, &resource_network_setting, 0, keep, &o);
	set = (const struct network_setting *)o;
	return json_pack("{s:o,s:o,s:s,s:s,s:s?,s:b,s:o}", "dns_servers", name_servers(s),
			 "addresses", own_addresses(s), "public_addresses",
			 set ? set->public_addresses : "", "web_domain", set ? set->web_domain : "",
			 "sip_domain", t ? t->domain : NULL, "ipv6", s->has_ipv6, "transports",
			 listeners(s));
}

/* ---- numbers ---- */

struct numbers {
	json_t *items;
	const struct model *m;
};

static void add_number(json_t *items, const char *number, const char *kind, const struct object *o,
		       const char *name, bool is_on)
{
	json_array_append_new(items,
			      json_pack("{s:s,s:s,s:o,s:s,s:s}", "number", number, "kind", kind,
					"id", o ? json_sprintf("%" PRIu64, o->id) : json_null(),
					"name", name, "state", is_on ? "active" : "disabled"));
}

static const char *text_at(const struct object *o, const char *field)
{
	const struct field *f = resource_field(o->res, str_of(field));

	return f && f->kind == FIELD_TEXT ? field_text(o, f) : "";
}

static bool is_enabled(const struct object *o)
{
	const struct field *f = resource_field(o->res, STR("enabled"));

	return !f || f->kind != FIELD_BOOL || field_int(o, f);
}

static void on_object(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *arg)
{
	struct numbers *n = arg;
	const struct object *o = model_object(m, res, tenant_id, id);

	for (size_t i = 0; o && i < res->nfields; i++)
		if (res->fields[i].flags & NUMBER && *field_text(o, &res->fields[i]))
			add_number(n->items, field_text(o, &res->fields[i]), res->name, o,
				   text_at(o, "name"), is_enabled(o));
}

static bool has_numbers(const struct resource *res)
{
	for (size_t i = 0; i < res->nfields; i++)
		if (res->fields[i].flags & NUMBER)
			return true;
	return false;
}

/* Those that the tenant chooses itself: with one that is empty nothing can be dialled. */
static void add_own_codes(json_t *items, const struct tenant *t)
{
	const struct resource *res = t->o.res;

	for (size_t i = 0; i < res->nfields; i++) {
		const struct field *f = &res->fields[i];

		if (f->flags & FEATURE_CODE)
			add_number(items, field_text(&t->o, f), "feature_code", NULL, f->name,
				   t->pickup && *field_text(&t->o, f));
	}
}

json_t *overview_numbers(const struct server *s, uint64_t tenant_id)
{
	static const struct {
		const char *code, *service, *doc;
	} codes[] = {
#define X(code, service, id, doc) {code, service, doc},
#include "schema/feature_codes.def"
#undef X
	};
	const struct tenant *t = model_tenant(s->model, tenant_id);
	struct numbers n = {.items = json_array(), .m = s->model};

	for (size_t i = 0; resources[i]; i++)
		if (resources[i] != &resource_extension && has_numbers(resources[i]))
			model_tell_all(s->model, resources[i], tenant_id, on_object, &n);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		add_number(n.items, codes[i].code, codes[i].service, NULL, codes[i].doc, true);
	if (t)
		add_own_codes(n.items, t);
	return json_pack("{s:o}", "items", n.items);
}
