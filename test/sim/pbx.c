/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pbx.h"

#include <stdio.h>
#include <stdlib.h>

#include "service/service.h"

enum { TENANT_ID = 77, GROUP_ID = 900 };

/* ---- configuration ---- */

static int apply_json(struct pbx *p, uint64_t tenant_id, uint64_t revision, const char *resource,
		      uint64_t id, const char *text)
{
	struct field_errors errs = {.n = 0};
	const struct resource *res = resource_by_name(str_of(resource));
	struct model_change change = {tenant_id, revision, res, id, NULL};
	json_t *json = json_loads(text, 0, NULL);
	int err = json && res ? object_from_json(&change.after, res, NULL, json, true, &errs)
			      : EINVAL;

	json_decref(json);
	if (err) {
		fprintf(stderr, "%s: %s %s\n", resource, errs.n ? errs.v[0].field : "",
			errs.n ? errs.v[0].message : "");
		return err;
	}
	change.after->tenant_id = scope_is_system(res->scope) ? 0 : tenant_id;
	change.after->id = id;
	change.after->revision = revision;
	err = model_load(p->model, &change);
	if (err)
		object_free(change.after);
	return err;
}

static int configure(struct pbx *p)
{
	char text[600];
	uint64_t revision = 1;
	int err = apply_json(p, 0, 1, "tenant", TENANT_ID,
			     "{\"name\":\"sim\",\"domain\":\"" PBX_DOMAIN "\"}");

	for (unsigned i = 0; !err && i < PBX_EXTENSIONS; i++) {
		snprintf(text, sizeof(text), "{\"number\":\"%u\",\"ring_seconds\":20}", 100 + i);
		err = apply_json(p, TENANT_ID, revision++, "extension", 1 + i, text);
		if (err)
			break;
		snprintf(text, sizeof(text),
			 "{\"username\":\"%u\",\"password\":\"secret-%u\",\"extension_id\":\"%u\"}",
			 100 + i, 100 + i, 1 + i);
		err = apply_json(p, TENANT_ID, revision++, "account", 100 + i, text);
	}
	if (err)
		return err;
	snprintf(text, sizeof(text),
		 "{\"number\":\"600\",\"name\":\"Group\",\"ring_seconds\":15,\"members\":[{"
		 "\"extension_id\":\"2\"},"
		 "{\"extension_id\":\"3\"},{\"extension_id\":\"4\"}]}");
	return apply_json(p, TENANT_ID, revision, "ring_group", GROUP_ID, text);
}

/* ---- wiring ---- */

static void on_media(const struct media_event *ev, void *arg)
{
	struct pbx *p = arg;

	if (p->calls)
		calls_media_event(ev, p->calls);
}

static int start(struct pbx *p)
{
	int err = node_up(&p->node, p->world, PBX_IP);

	if (err)
		return err;
	p->boot = 1 + p->crashes;
	engine_init(&p->engine, &p->node, on_media, p);
	p->keeper.is_dead = false;
	err = model_alloc(&p->model);
	if (!err)
		err = bus_alloc(&p->bus);
	if (!err)
		err = configure(p);
	if (err)
		return err;
	const struct sip_conf sip = {.env = p->node.env,
				     .edge = &p->node.edge,
				     .product = "sim",
				     .node = 1,
				     .boot = p->boot};
	err = sip_alloc(&p->sip, &sip);
	if (err)
		return err;
	p->node.sink = sip_sink(p->sip);
	const struct registrar_conf registrar = {
		.env = p->node.env,
		.sip = p->sip,
		.model = p->model,
		.records = &p->keeper.sink,
		.system_realm = "sim",
		.bus = p->bus,
	};
	err = registrar_alloc(&p->registrar, &registrar);
	if (err)
		return err;
	const struct calls_conf calls = {
		.env = p->node.env,
		.sip = p->sip,
		.edge = &p->node.edge,
		.model = p->model,
		.registrar = p->registrar,
		.media = &p->engine.engine,
		.records = &p->keeper.sink,
		.bus = p->bus,
		.node = 1,
		.boot = p->boot,
	};
	err = calls_alloc(&p->calls, &calls);
	return err ? err : services_register_all(p->calls);
}

static void stop(struct pbx *p)
{
	p->calls = calls_free(p->calls);
	p->registrar = registrar_free(p->registrar);
	p->sip = sip_free(p->sip);
	p->bus = bus_free(p->bus);
	p->model = model_free(p->model);
	engine_close(&p->engine);
	node_down(&p->node);
}

int pbx_init(struct pbx *p, struct world *w)
{
	*p = (struct pbx){.world = w};
	keeper_init(&p->keeper);
	return start(p);
}

/* Nothing of what freeing does may reach the world: neither packets nor records. */
void pbx_crash(struct pbx *p)
{
	struct network_quality quality = p->world->quality;

	p->keeper.is_dead = true;
	p->world->quality.lost = 10000;
	p->node.sink = NULL;
	stop(p);
	p->world->quality = quality;
	p->crashes++;
}

int pbx_restart(struct pbx *p)
{
	int64_t now = clock_wall_us(&p->world->clock.clock);
	int err;

	keeper_interrupt(&p->keeper, now);
	err = start(p);
	for (size_t i = 0; !err && i < p->keeper.ncontacts; i++) {
		const struct contact_record c = p->keeper.contacts[i];

		if (c.expires_at > now)
			err = registrar_restore(p->registrar, &c);
	}
	for (size_t i = 0; !err && i < p->keeper.nkept; i++) {
		const struct leg_kept leg = p->keeper.kept[i];

		if (!leg.head.is_ended)
			err = calls_restore_leg(p->calls, &leg.head);
	}
	return err;
}

void pbx_close(struct pbx *p)
{
	p->keeper.is_dead = true;
	stop(p);
	keeper_close(&p->keeper);
}
