/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "bill/bill.h"
#include "bill/purse.h"
#include "call/calls.h"
#include "call/events.h"
#include "call/meter.h"
#include "call/record.h"
#include "route/index.h"
#include "schema/did.h"

struct meter {
	struct leg *leg;
	struct purse_owner who;
	struct bill_rate rate;
	char prefix[19];
	bool is_inbound;
	struct timer timer;
	int64_t reserved;	  /* in all */
	int64_t reserved_last_us; /* when the last of it was */
	int64_t n;		  /* intervals N that this pays for */
	int64_t answered_us;	  /* 0: not yet */
	int64_t elsewhere;	  /* of its cost, in the records of calls that it has left */
	int64_t in_record;	  /* in that of the one it is in */
	bool is_over;
};

static struct bill_rate rate_of(const struct call_rate *r)
{
	return (struct bill_rate){.connect_fee = r->connect_fee,
				  .price_1 = r->price_1,
				  .price_n = r->price_n,
				  .surcharge = r->surcharge,
				  .grace_s = r->grace_seconds,
				  .free_s = r->free_seconds,
				  .interval_1_s = r->interval_1_seconds,
				  .interval_n_s = r->interval_n_seconds};
}

int64_t calls_cost(const struct call_rate *r, int64_t talk_s)
{
	struct bill_rate rate = rate_of(r);

	return bill_cost(&rate, talk_s);
}

/* Intervals N to be reserved before the first second: one when nothing comes before them. */
static int64_t first_n(const struct bill_rate *r)
{
	return bill_seconds_of(r, 0) == 0;
}

static struct purse_owner owner_of(const struct calls *cs, const struct route_payment *pay)
{
	const struct tenant *t = model_tenant(cs->conf.model, pay->tenant_id);

	return (struct purse_owner){
		.tenant_id = pay->tenant_id,
		.extension_id = pay->extension_id,
		.is_billed =
			t && pay->rate && (pay->is_inbound ? t->bill_inbound : t->bill_outbound),
	};
}

enum route_money meter_ask(const struct calls *cs, const struct route_payment *pay)
{
	static const enum route_money money[] = {
		[PURSE_FINE] = ROUTE_MONEY_FINE,
		[PURSE_BALANCE] = ROUTE_MONEY_BALANCE,
		[PURSE_SPEND_LIMIT] = ROUTE_MONEY_SPEND_LIMIT,
		[PURSE_CALLS_PER_MINUTE] = ROUTE_MONEY_CALLS_PER_MINUTE,
	};
	struct purse_owner who = owner_of(cs, pay);
	struct bill_rate rate;
	int64_t amount = 0;

	if (!cs->conf.purses)
		return ROUTE_MONEY_FINE;
	if (pay->rate) {
		rate = rate_of(pay->rate);
		amount = bill_cost_of(&rate, first_n(&rate));
	}
	return money[purses_ask(cs->conf.purses, &who, amount, pay->is_first_try,
				calls_wall_us(cs))];
}

/* ---- money ---- */

static enum purse_answer reserve(struct meter *m, int64_t n)
{
	struct calls *cs = m->leg->cs;
	int64_t now_us = calls_wall_us(cs), cost = bill_cost_of(&m->rate, n);
	enum purse_answer answer =
		purses_reserve(cs->conf.purses, &m->who, cost - m->reserved, now_us);

	if (answer)
		return answer;
	m->reserved = cost;
	m->reserved_last_us = now_us;
	m->n = n;
	return PURSE_FINE;
}

static enum reason reason_of(enum purse_answer answer)
{
	return answer == PURSE_BALANCE ? REASON_BALANCE : REASON_SPEND_LIMIT;
}

/* Of this meter, so much is in the record of the call that it is in. */
static void note(struct meter *m, int64_t cost)
{
	struct call_record *rec = &m->leg->call->rec;
	const struct extension *x =
		model_extension(m->leg->cs->conf.model, m->who.tenant_id, m->who.extension_id);
	int64_t here = cost - m->elsewhere;

	rec->cost += here - m->in_record;
	m->in_record = here;
	if (!m->is_inbound || !rec->rate[0]) /* of two, that of the call out */
		str_fit(rec->rate, sizeof(rec->rate), str_of(m->prefix));
	if (x && m->who.is_billed)
		str_fit(rec->paid_by, sizeof(rec->paid_by), str_of(x->number));
}

/* What it costs if it ends now; never more than was reserved, should the timer come late. */
static int64_t cost_now(const struct meter *m)
{
	int64_t talk_us = calls_wall_us(m->leg->cs) - m->answered_us;
	int64_t cost = m->answered_us ? bill_cost(&m->rate, talk_us / 1000000) : 0;

	return cost < m->reserved ? cost : m->reserved;
}

static void publish(const struct leg *leg, enum bus_kind kind, uint64_t extension_id,
		    const char *reason)
{
	struct call *call = leg->call;
	const struct extension *x =
		model_extension(leg->cs->conf.model, call->rec.tenant_id, extension_id);

	bus_publish(leg->cs->conf.bus, &(struct bus_event){
					       .kind = kind,
					       .tenant_id = call->rec.tenant_id,
					       .call_id = call->rec.id,
					       .leg_id = leg->rec.id,
					       .extension_id = extension_id,
					       .number = x ? x->number : "",
					       .peer = leg->rec.number,
					       .reason = reason,
					       .wall_us = calls_wall_us(leg->cs),
				       });
}

static void tick(struct timer *t, void *arg);

static void wait_for_end(struct meter *m)
{
	int64_t until_us = m->answered_us + bill_seconds_of(&m->rate, m->n) * 1000000;
	int64_t left_us = until_us - calls_wall_us(m->leg->cs);

	timer_start(m->leg->cs->conf.env.wheel, &m->timer,
		    left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, tick, m);
}

/* What is reserved is used up: the next interval begins, or the call ends. */
static void tick(struct timer *t, void *arg)
{
	struct meter *m = arg;
	struct leg *leg = m->leg;
	enum purse_answer answer = reserve(m, m->n + 1);
	struct log_ctx ctx = leg_log(leg);

	(void)t;
	if (!answer) {
		note(m, m->reserved);
		record_call_cost(leg->call);
		wait_for_end(m);
		return;
	}
	log_info(&ctx, LOGID_CALL, "the call ends: %s", reason_text(reason_of(answer)));
	publish(leg, answer == PURSE_BALANCE ? BUS_MONEY_ENDED : BUS_FRAUD_LIMIT,
		m->who.extension_id, reason_name(reason_of(answer)));
	call_end(leg->call, reason_of(answer), 0, "system", STR_NONE);
}

/* ---- the life of a meter ---- */

static bool open_meter(struct leg *leg, const struct route_payment *pay, enum reason *why)
{
	struct meter *m;
	enum purse_answer answer;

	*why = REASON_OVERLOAD;
	m = mem_alloc(sizeof(*m));
	if (!m)
		return false;
	m->leg = leg;
	m->who = owner_of(leg->cs, pay);
	m->rate = rate_of(pay->rate);
	m->is_inbound = pay->is_inbound;
	str_fit(m->prefix, sizeof(m->prefix), str_of(pay->rate->prefix));
	answer = reserve(m, first_n(&m->rate));
	if (answer) {
		*why = reason_of(answer);
		mem_free(m);
		return false;
	}
	leg->meter = m;
	return true;
}

static const struct call_rate *find_rate(const struct call *call, struct str number,
					 enum call_direction direction)
{
	const struct calls_conf *conf = &call->cs->conf;
	uint64_t id;

	if (!conf->route_index || !conf->purses)
		return NULL;
	id = route_index_rate(conf->route_index, call->rec.tenant_id, (int)direction,
			      did_plain(number));
	return (const struct call_rate *)model_object(conf->model, &resource_call_rate,
						      call->rec.tenant_id, id);
}

/* SEC-3: somebody has found out how to call where nobody ever called. */
static void look_at_country(const struct leg *leg, uint64_t payer_id)
{
	const struct call *call = leg->call;
	struct str code = route_country_code(str_of(leg->rec.number));
	struct log_ctx ctx = leg_log(leg);
	char text[8];

	if (!code.n)
		code = route_country_code(
			str_of(call->plan.outside[0] ? call->plan.outside : call->rec.callee));
	if (!code.n || !purses_is_new_country(leg->cs->conf.purses, call->rec.tenant_id, code))
		return;
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(code));
	log_warn(&ctx, LOGID_CALL, "the first call of this tenant to country code %s", text);
	publish(leg, BUS_NEW_COUNTRY, payer_id, text);
}

static bool was_tried_over_a_trunk(const struct call *call)
{
	for (size_t i = 0; i < call->nhistory; i++)
		if (call->history[i].trunk_id)
			return true;
	return false;
}

/* RTE-8: where help is needed, for who is notified. */
static const char *location_of(const struct call *call)
{
	const struct emergency_number *n = (const struct emergency_number *)model_find(
		call->cs->conf.model, resource_field(&resource_emergency_number, STR("number")),
		call->rec.tenant_id, str_of(call->plan.number));

	return n && *n->location ? n->location : NULL;
}

bool meter_open(struct leg *leg, enum reason *why)
{
	struct call *call = leg->call;
	struct purses *purses = leg->cs->conf.purses;
	struct route_payment pay = {
		.tenant_id = call->rec.tenant_id,
		.extension_id = leg->mobile_of		  ? leg->mobile_of
				: call->plan.on_behalf_id ? call->plan.on_behalf_id
							  : call->caller_extension_id,
		.rate = find_rate(call, str_of(leg->rec.number), CALL_DIRECTION_OUTBOUND),
	};
	struct purse_owner who = owner_of(leg->cs, &pay);

	if (call->plan.is_emergency) {
		publish(leg, BUS_EMERGENCY_CALL, pay.extension_id, location_of(call));
		return true;
	}
	if (!purses)
		return true;
	if (pay.rate && !open_meter(leg, &pay, why))
		return false;
	if (!call->plan.is_counted && !was_tried_over_a_trunk(call)) {
		call->plan.is_counted = true;
		purses_count_call(purses, &who, calls_wall_us(leg->cs));
		look_at_country(leg, pay.extension_id);
	}
	return true;
}

bool meter_open_inbound(struct leg *caller, uint64_t extension_id, enum reason *why)
{
	struct call *call = caller->call;
	struct route_payment pay = {
		.tenant_id = call->rec.tenant_id,
		.extension_id = extension_id ? extension_id : call->plan.on_behalf_id,
		.is_inbound = true,
	};

	if (!call->from_trunk_id || caller->meter)
		return true;
	pay.rate = find_rate(call, str_of(call->rec.callee), CALL_DIRECTION_INBOUND);
	return !pay.rate || open_meter(caller, &pay, why);
}

void meter_start(struct leg *leg)
{
	struct meter *m = leg->meter;

	if (!m || m->answered_us)
		return;
	m->answered_us = calls_wall_us(leg->cs);
	note(m, m->reserved);
	wait_for_end(m);
}

void meter_settle(struct leg *leg, bool is_over)
{
	struct meter *m = leg->meter;
	int64_t cost;

	if (!m || m->is_over)
		return;
	cost = cost_now(m);
	if (m->answered_us)
		note(m, cost);
	if (!is_over) {
		m->elsewhere = cost;
		m->in_record = 0;
		return;
	}
	m->is_over = true;
	timer_cancel(&m->timer);
	purses_return(leg->cs->conf.purses, &m->who, m->reserved - cost, m->reserved_last_us);
}

void meter_free(struct leg *leg)
{
	struct meter *m = leg->meter;

	if (!m)
		return;
	timer_cancel(&m->timer);
	if (!m->is_over)
		purses_return(leg->cs->conf.purses, &m->who, m->reserved - cost_now(m),
			      m->reserved_last_us);
	leg->meter = mem_free(m);
}
