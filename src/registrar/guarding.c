/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is heard at all (SEC-1, SEC-2): the model's address_rules and flood_limits, given to the flood guard as they
 * change, and what became of the credentials that each source sent.
 */
#include <inttypes.h>
#include <string.h>
#include "base/bus.h"
#include "base/log.h"
#include "registrar/inside.h"

static struct shield_limits limits_of(const struct flood_limit *l)
{
	return (struct shield_limits){
		.period_ms = (uint64_t)l->period_seconds * 1000,
		.wrong = (uint32_t)l->wrong_credentials,
		.unanswered = (uint32_t)l->unanswered_challenges,
		.block_ms = (uint64_t)l->block_seconds * 1000,
		.level2_packets = (uint32_t)l->level2_packets,
		.level2_block_ms = (uint64_t)l->level2_block_seconds * 1000,
		.level1_packets = (uint32_t)l->level1_packets,
		.level1_block_ms = (uint64_t)l->level1_block_seconds * 1000,
	};
}

static int default_limits(struct shield_limits *limits)
{
	struct object *o = object_alloc(&resource_flood_limit);

	if (!o)
		return ENOMEM;
	*limits = limits_of((const struct flood_limit *)o);
	object_free(o);
	return 0;
}

static void limits_changed(struct registrar *r, const struct flood_limit *l)
{
	struct shield_limits limits = {.wrong = 0};

	if (!l)
		limits = r->default_limits;
	else if (l->enabled)
		limits = limits_of(l);
	shield_limit(r->shield, &limits);
}

static void rule_changed(struct registrar *r, uint64_t id, const struct address_rule *rule)
{
	struct addr_net net;
	int err;

	if (!rule || !rule->enabled || addr_net_parse(&net, str_of(rule->network))) {
		shield_no_rule(r->shield, id);
		return;
	}
	err = shield_rule(r->shield, id, &net, rule->action == ADDRESS_ACTION_ALLOW,
			  rule->expires_at);
	if (err)
		log_error(NULL, LOGID_BLOCKED, "the rule for %s is not obeyed: %s", rule->network,
			  strerror(err));
}

static void tolerance_changed(struct registrar *r, const struct congestion_limit *l)
{
	if (!l)
		sip_tolerate(r->conf.sip, CONGESTION_TOLERANCE_MS);
	else
		sip_tolerate(r->conf.sip, l->enabled ? (uint32_t)l->tolerance_ms : 0);
}

void guarding_changed(const struct model *m, const struct resource *res, uint64_t tenant_id,
		      uint64_t id, void *arg)
{
	const struct object *o = model_object(m, res, tenant_id, id);

	if (res == &resource_address_rule)
		rule_changed(arg, id, (const struct address_rule *)o);
	else if (res == &resource_flood_limit)
		limits_changed(arg, (const struct flood_limit *)o);
	else if (res == &resource_congestion_limit)
		tolerance_changed(arg, (const struct congestion_limit *)o);
}

/* The row of one source and account: blocked again it is the same. */
static uint64_t row_of(const struct shield_view *v)
{
	return (map_hash_u64(addr_hash(&v->from), map_hash_str(str_of(v->account))) >> 1) | 1;
}

static void keep(struct registrar *r, const struct shield_view *v, bool is_blocked)
{
	struct block_record rec = {
		.id = row_of(v),
		.blocked_at = v->since_us,
		.expires_at = is_blocked ? v->until_us : 0,
	};
	char text[ADDR_STR_BYTES];

	if (!r->conf.records)
		return;
	str_fit(rec.address, sizeof(rec.address), str_of(addr_ip_str(text, &v->from)));
	str_fit(rec.account, sizeof(rec.account), str_of(v->account));
	str_fit(rec.cause, sizeof(rec.cause), str_of(shield_cause_text(v->cause)));
	(void)r->conf.records->write(r->conf.records, RECORD_BLOCK, &rec, sizeof(rec));
}

static void on_blocked(const struct shield_view *v, bool is_blocked, void *arg)
{
	struct registrar *r = arg;
	char text[ADDR_STR_BYTES];
	const struct bus_event ev = {
		.kind = *v->account ? BUS_ACCOUNT_REFUSED : BUS_ADDRESS_BLOCKED,
		.address = addr_ip_str(text, &v->from),
		.number = *v->account ? v->account : NULL,
		.reason = shield_cause_text(v->cause),
		.wall_us = clock_wall_us(r->conf.env.clock),
	};

	keep(r, v, is_blocked);
	if (is_blocked)
		bus_publish(r->conf.bus, &ev);
}

int registrar_restore_block(struct registrar *r, const struct block_record *rec)
{
	struct shield_view v = {.since_us = rec->blocked_at, .until_us = rec->expires_at};
	int cause = 0;

	if (addr_parse(&v.from, str_of(rec->address), 0))
		return EINVAL;
	while (cause < SHIELD_NCAUSES &&
	       strcmp(rec->cause, shield_cause_text((enum shield_cause)cause)))
		cause++;
	v.cause = (enum shield_cause)cause;
	str_fit(v.account, sizeof(v.account), str_of(rec->account));
	return shield_restore(r->shield, &v);
}

static void on_congested(enum congestion_level level, unsigned percent, void *arg)
{
	static const char *const names[] = {"none", "some", "full"};
	struct registrar *r = arg;
	const struct bus_event ev = {
		.kind = BUS_CONGESTION,
		.reason = names[level],
		.wall_us = clock_wall_us(r->conf.env.clock),
	};

	bus_publish(r->conf.bus, &ev);
}

int guarding_open(struct registrar *r)
{
	int err = default_limits(&r->default_limits);

	if (err)
		return err;
	r->shield = sip_shield(r->conf.sip);
	err = shield_on_changed(r->shield, on_blocked, r);
	if (err)
		return err;
	shield_limit(r->shield, &r->default_limits);
	sip_on_congested(r->conf.sip, on_congested, r);
	model_tell_all(r->conf.model, &resource_congestion_limit, 0, guarding_changed, r);
	model_tell_all(r->conf.model, &resource_flood_limit, 0, guarding_changed, r);
	model_tell_all(r->conf.model, &resource_address_rule, 0, guarding_changed, r);
	return 0;
}

void guarding_close(struct registrar *r)
{
	if (r->shield)
		sip_on_congested(r->conf.sip, NULL, NULL);
	buf_free(&r->who);
}

/* ---- what became of credentials ---- */

static struct str who_of(struct registrar *r, struct str name, struct str realm)
{
	buf_reset(&r->who);
	if (!name.n)
		return STR_NONE;
	buf_str(&r->who, name);
	buf_cstr(&r->who, "@");
	buf_str(&r->who, realm);
	return r->who.err ? STR_NONE : buf_view(&r->who);
}

bool guarding_refuses(struct registrar *r, struct sip_strans *st, const struct sip_msg *req,
		      struct str name, struct str realm)
{
	uint32_t seconds = shield_refuses(r->shield, &req->flow.remote, who_of(r, name, realm));
	char line[40];
	struct sip_extra extra;

	if (!seconds)
		return false;
	snprintf(line, sizeof(line), "Retry-After: %" PRIu32 "\r\n", seconds);
	extra = (struct sip_extra){.headers = str_of(line)};
	sip_refuse(st, 503, "Too Many Wrong Passwords", &extra);
	return true;
}

void guarding_heard(struct registrar *r, const struct sip_msg *req, struct str name,
		    struct str realm, enum sip_auth_result result)
{
	const struct addr *from = &req->flow.remote;

	switch (result) {
	case SIP_AUTH_OK:
		shield_answered(r->shield, from);
		shield_proved(r->shield, from, who_of(r, name, realm));
		break;
	case SIP_AUTH_STALE:
		shield_answered(r->shield, from);
		break;
	case SIP_AUTH_WRONG:
		shield_answered(r->shield, from);
		shield_failed(r->shield, from, who_of(r, name, realm),
			      sip_msg_header(req, req->method == SIP_REGISTER
							  ? SIP_HDR_AUTHORIZATION
							  : SIP_HDR_PROXY_AUTHORIZATION));
		break;
	case SIP_AUTH_NONE:
	case SIP_AUTH_BAD:
		break;
	}
	if (result != SIP_AUTH_OK && result != SIP_AUTH_BAD)
		shield_challenged(r->shield, from);
}
