/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "call/bridge.h"
#include "call/calls.h"
#include "call/events.h"
#include "call/leg_media.h"
#include "call/negotiate.h"
#include "call/party.h"
#include "call/record.h"
#include "call/recorder.h"
#include "call/refer.h"
#include "call/replaces.h"
#include "call/transfer.h"
#include "call/usage.h"
#include "route/index.h"
#include "schema/did.h"
#include "sip/write.h"

enum {
	BYE_WAIT_MS = 4000
}; /* RFC 5589 6: the transferor hangs up when it hears that it went well */

struct transfer {
	struct call *from, *to;
	oid transferor, transferee; /* legs of `from` */
	oid consulting; /* the transferor's leg of `to`, whose ACK is still to come; 0: none */
	struct refer *refer;
	bool is_starting;    /* the REFER is not yet answered */
	bool is_alone;	     /* the transferor has hung up */
	bool is_lent;	     /* `to` stands for `from` in the limits */
	unsigned status;     /* what `to` came to while starting */
	uint64_t counted_id; /* extension that `from` was counted for */
	char number[128];    /* of the transferor */
};

/* ---- the two calls ---- */

/* The new call takes the place of the first in all limits, and gives it back when it fails. */
static void lend_usage(struct transfer *tr)
{
	tr->is_lent = true;
	tr->counted_id = tr->from->counted_extension_id;
	usage_remove(tr->from);
}

static void return_usage(struct transfer *tr)
{
	if (!tr->is_lent)
		return;
	usage_add(tr->from);
	usage_add_extension(tr->from, tr->counted_id);
}

/* Whose rights it has is who transfers; who is shown to the target is who will talk to it. */
static void describe(struct call *to, const struct leg *by, const struct leg *whom)
{
	const struct call *from = by->call;
	struct party who;

	to->caller = whom->id;
	to->caller_extension_id = by->extension_id;
	to->from_trunk_id = by->trunk_id;
	to->caller_account_id = by->account_id;
	to->max_forwards = from->max_forwards;
	str_fit(to->domain, sizeof(to->domain), str_of(from->domain));
	party_of(&who, whom);
	str_fit(to->rec.caller, sizeof(to->rec.caller),
		who.is_private ? STR("anonymous") : str_of(who.number));
	str_fit(to->rec.caller_name, sizeof(to->rec.caller_name),
		who.is_private ? STR_NONE : str_of(who.name));
	str_fit(to->rec.direction, sizeof(to->rec.direction),
		whom->trunk_id || by->trunk_id ? STR("inbound") : STR("internal"));
	str_fit(to->rec.sip_call_id, sizeof(to->rec.sip_call_id), str_of(whom->rec.sip_call_id));
	str_fit(to->rec.transferred_by, sizeof(to->rec.transferred_by), str_of(by->rec.number));
	to->rec.transferred_from = from->rec.id;
}

static struct transfer *join_calls(struct call *from, struct call *to, const struct leg *by,
				   const struct leg *whom)
{
	struct transfer *tr = mem_alloc(sizeof(*tr));

	if (!tr)
		return NULL;
	tr->from = from;
	tr->to = to;
	tr->transferor = by->id;
	tr->transferee = whom->id;
	str_fit(tr->number, sizeof(tr->number), str_of(by->rec.number));
	from->transfer = to->transfer = tr;
	return tr;
}

static void part_calls(struct transfer *tr)
{
	tr->from->transfer = tr->to->transfer = NULL;
}

static void leave_bridge(struct call *call)
{
	record_segment_end(call);
	recorder_end(call);
	call->bridge = bridge_free(call->bridge);
}

/* The call goes on without it; who has been told so has a moment to hang up by itself. */
static void release(struct leg *leg, bool is_told)
{
	if (!leg || leg_is_over(leg))
		return;
	negotiate_interrupt(leg);
	if (is_told)
		leg_event(leg, LEV_RELEASE, &(struct leg_msg){0});
	else
		leg_hangup(leg, REASON_TRANSFERRED, 0, STR_NONE);
}

/* ---- REFER ---- */

/* 0, or the status to refuse with: who may transfer, and when. */
static unsigned why_not(const struct leg *leg)
{
	const struct call *call = leg->call;

	if (leg->refer || call->transfer)
		return 491;
	if (leg->st != LEG_UP)
		return leg->st == LEG_ACCEPTED || leg->st == LEG_ANSWERED ? 491 : 403;
	if (call->st != CALL_TALKING || !bridge_peer(call->bridge, leg))
		return 403;
	return 0;
}

/* Make the new call, up to where it rings, or has failed. */
static struct transfer *start(struct leg *by, struct leg *whom, const struct refer_wish *wish)
{
	struct call *from = by->call, *to = call_alloc(by->cs, by->rec.tenant_id);
	bool is_made = to && (!wish->onward[0] || (to->onward = str_dup(str_of(wish->onward))));
	struct transfer *tr = is_made ? join_calls(from, to, by, whom) : NULL;

	if (!tr) {
		if (to)
			call_free(to);
		return NULL;
	}
	tr->is_starting = true;
	to->is_secure = wish->is_secure;
	describe(to, by, whom);
	str_fit(to->rec.callee, sizeof(to->rec.callee), str_of(wish->number));
	lend_usage(tr);
	call_begin(to);
	tr->is_starting = false;
	return tr;
}

/* Without rights of its own nobody calls on.  A trunk may do what it may do with an INVITE: call numbers of the tenant's. */
static bool may_call(const struct leg *leg, const char *number)
{
	const struct calls_conf *conf = &leg->cs->conf;

	if (!leg->trunk_id)
		return leg->extension_id;
	return conf->route_index &&
	       route_index_did(conf->route_index, leg->trunk_id, did_plain(str_of(number))) ==
		       leg->rec.tenant_id;
}

static void blind(struct leg *leg, const struct sip_inv_event *ev, const struct refer_wish *wish)
{
	struct leg *whom = bridge_peer(leg->call->bridge, leg);
	struct transfer *tr;
	struct refer *refer;

	if (!wish->onward[0] && !may_call(leg, wish->number)) {
		(void)sip_reply(ev->st, 403, NULL, NULL);
		return;
	}
	tr = start(leg, whom, wish);
	if (!tr) {
		(void)sip_reply(ev->st, 500, NULL, NULL);
		return;
	}
	if (tr->status == 403) { /* said at once: there is nothing to wait for */
		(void)sip_reply(ev->st, 403, NULL, NULL);
		mem_free(tr);
		return;
	}
	if (!refer_accept(&refer, leg, ev, wish->is_silent)) {
		if (tr->status) {
			refer_close(refer, tr->status);
			mem_free(tr);
			return;
		}
		tr->refer = refer;
	} else if (tr->status) {
		mem_free(tr);
	} else {
		call_end(tr->to, REASON_OVERLOAD, 0, "system", STR_NONE);
	}
}

/* ---- attended ---- */

/* Both talk: who is left of the one call takes the transferor's place in the other. */
static void join_talkers(struct leg *whom, struct leg *other,
			 struct leg *by /* NULL: it has hung up */, const char *number,
			 bool is_told)
{
	struct call *from = whom->call, *to = other->call;
	struct leg *target = bridge_peer(to->bridge, other);

	leave_bridge(from);
	leave_bridge(to);
	negotiate_interrupt(whom);
	negotiate_interrupt(target);
	if (to->caller == other->id)
		to->caller = whom->id;
	leg_move(whom, to);
	usage_replace(to, other->extension_id, whom->extension_id);
	from->rec.transferred_to = to->rec.id;
	to->rec.transferred_from = from->rec.id;
	str_fit(to->rec.transferred_by, sizeof(to->rec.transferred_by), str_of(number));
	release(by, is_told);
	release(other, is_told);
	call_introduce(to, whom, target);
	events_call(to, BUS_CALL_TRANSFER, NULL);
	call_end(from, REASON_TRANSFERRED, 0, whom->id == from->caller ? "callee" : "caller",
		 STR_NONE);
}

/* To its device the call with the target is confirmed (RFC 3261 12.1.2): its REFER may be faster than its ACK. */
static void await_ack(struct leg *by, struct leg *other, struct refer *refer)
{
	struct transfer *tr =
		join_calls(by->call, other->call, by, bridge_peer(by->call->bridge, by));

	if (!tr) {
		refer_close(refer, 500);
		return;
	}
	tr->refer = refer;
	tr->consulting = other->id;
}

/* The target still rings: it goes on ringing for the transferee. */
static void hand_over(struct leg *by, struct leg *other, struct refer *refer)
{
	struct call *to = other->call;
	struct leg *whom = bridge_peer(by->call->bridge, by);
	struct transfer *tr = join_calls(by->call, to, by, whom);

	if (!tr) {
		refer_close(refer, 500);
		return;
	}
	tr->refer = refer;
	to->caller = whom->id;
	to->rec.transferred_from = by->call->rec.id;
	str_fit(to->rec.transferred_by, sizeof(to->rec.transferred_by), str_of(by->rec.number));
	leg_hangup(other, REASON_TRANSFERRED, 487, STR_NONE);
	if (to->rec.ringing_at)
		refer_tell(refer, 180);
}

static bool is_ringing(const struct leg *leg)
{
	return leg->st == LEG_READY && leg->id == leg->call->caller &&
	       leg->call->st == CALL_RINGING && !leg->call->service;
}

static unsigned why_not_replace(const struct replaces *r, const struct leg *by,
				const struct leg *other)
{
	unsigned status = replaces_status(r, other);

	if (status)
		return status;
	if (other->call == by->call)
		return 603;
	if (is_ringing(other))
		return 0;
	if (other->st == LEG_ACCEPTED && !other->call->transfer)
		return 0;
	return other->st == LEG_UP && bridge_peer(other->call->bridge, other) ? 0 : 603;
}

/* What a group rings for, and whom a service serves, cannot change. */
static bool is_called_anew(const struct leg *by, const struct leg *other)
{
	return other->call != by->call && other->call->service && !other->call->bridge &&
	       (other->st == LEG_READY || other->st == LEG_UP);
}

static void attended(struct leg *leg, const struct sip_inv_event *ev, struct refer_wish *wish)
{
	const struct replaces_party who = replaces_party_of(leg);
	struct replaces r;
	struct refer *refer;
	struct leg *other;
	unsigned status;

	if (replaces_read(&r, str_of(wish->replaces))) {
		(void)sip_reply(ev->st, 400, NULL, NULL);
		return;
	}
	other = replaces_find(leg->cs, &r);
	if (other && !replaces_is_party(&who, other)) {
		(void)sip_reply(ev->st, 403, NULL, NULL);
		return;
	}
	status = why_not_replace(&r, leg, other);
	if (status == 603 && is_called_anew(leg, other)) {
		str_fit(wish->number, sizeof(wish->number), str_of(other->call->rec.callee));
		call_end(other->call, REASON_TRANSFERRED, 487, "caller", STR_NONE);
		blind(leg, ev, wish);
		return;
	}
	if (refer_accept(&refer, leg, ev, wish->is_silent))
		return;
	if (status) {
		refer_close(refer, status);
	} else if (other->st == LEG_UP) {
		refer_close(refer, 200);
		join_talkers(bridge_peer(leg->call->bridge, leg), other, leg, leg->rec.number,
			     true);
	} else if (other->st == LEG_ACCEPTED) {
		await_ack(leg, other, refer);
	} else {
		hand_over(leg, other, refer);
	}
}

/* RFC 4538 5: the sender's own call, named by who has proved to be its account.  Who knows the tags of others is nobody. */
static struct leg *own_leg(struct calls *cs, const struct identity *who, const struct sip_msg *req)
{
	struct str value = sip_msg_header_named(req, STR("Target-Dialog"));
	struct replaces r;
	struct leg *leg;

	if (!value.n || replaces_read_target(&r, value))
		return NULL;
	leg = replaces_find(cs, &r);
	return leg && leg->rec.tenant_id == who->tenant->o.id &&
			       leg->account_id == who->account->o.id
		       ? leg
		       : NULL;
}

void transfer_stray(struct sip_strans *st, const struct sip_msg *req, void *calls)
{
	const struct sip_inv_event ev = {.type = SIP_INV_REQUEST, .msg = req, .st = st};
	struct calls *cs = calls;
	struct identity who = {0};
	struct leg *leg;

	ON_THREAD(THREAD_CORE);
	if (!registrar_identify(cs->conf.registrar, st, req, &who))
		return;
	leg = own_leg(cs, &who, req);
	if (!refer_is_one(req))
		(void)sip_reply(st, 400, NULL, NULL);
	else if (!leg)
		(void)sip_reply(st, 403, "Not Outside Of A Call", NULL);
	else
		transfer_refer(leg, &ev);
}

void transfer_refer(struct leg *leg, const struct sip_inv_event *ev)
{
	struct refer_wish wish;
	struct log_ctx ctx = leg_log(leg);
	unsigned status = why_not(leg);

	if (!status)
		status = refer_read(&wish, leg, ev->msg);
	if (status) {
		log_info(&ctx, LOGID_CALL, "a transfer asked for by %s is refused: %u",
			 leg->rec.number, status);
		(void)sip_reply(ev->st, status, NULL, NULL);
		return;
	}
	log_info(&ctx, LOGID_CALL, "%s transfers to %s%s", leg->rec.number, wish.number,
		 *wish.replaces ? ", with whom it talks" : "");
	if (*wish.replaces)
		attended(leg, ev, &wish);
	else
		blind(leg, ev, &wish);
}

/* ---- without a REFER: somebody else asks for it (steer.h) ---- */

int transfer_blind(struct leg *leg, const char *number, unsigned *status)
{
	struct refer_wish wish = {0};
	struct transfer *tr;

	if (why_not(leg))
		return EBUSY;
	if (!may_call(leg, number))
		return EACCES;
	str_fit(wish.number, sizeof(wish.number), str_of(number));
	tr = start(leg, bridge_peer(leg->call->bridge, leg), &wish);
	if (!tr)
		return ENOMEM;
	*status = tr->status;
	if (!tr->status)
		return 0;
	mem_free(tr);
	return *status == 403 ? EACCES : ECONNREFUSED;
}

int transfer_attended(struct leg *leg, struct leg *other)
{
	if (why_not(leg) || other->call == leg->call || other->call->transfer)
		return EBUSY;
	if (is_ringing(other))
		hand_over(leg, other, NULL);
	else if (other->st == LEG_ACCEPTED)
		await_ack(leg, other, NULL);
	else if (other->st == LEG_UP && bridge_peer(other->call->bridge, other))
		join_talkers(bridge_peer(leg->call->bridge, leg), other, leg, leg->rec.number,
			     false);
	else
		return EBUSY;
	return 0;
}

/* ---- what becomes of it ---- */

void transfer_progress(struct call *to, unsigned status)
{
	struct transfer *tr = to->transfer;

	if (tr && tr->to == to && status > 100)
		refer_tell(tr->refer, status);
}

void transfer_answered(struct call *to)
{
	struct transfer *tr = to->transfer;
	struct call *from;
	struct leg *by, *whom;

	if (!tr || tr->to != to)
		return;
	from = tr->from;
	by = leg_get(to->cs, tr->transferor);
	whom = leg_get(to->cs, tr->transferee);
	part_calls(tr);
	leave_bridge(from);
	negotiate_interrupt(whom);
	leg_move(whom, to);
	from->rec.transferred_to = to->rec.id;
	if (by)
		usage_replace(to, by->extension_id, whom->extension_id);
	release(by, tr->refer != NULL);
	refer_close(tr->refer, 200);
	mem_free(tr);
	events_call(to, BUS_CALL_TRANSFER, NULL);
	call_end(from, REASON_TRANSFERRED, 0, by && by->id == from->caller ? "caller" : "callee",
		 STR_NONE);
}

static void failed(struct transfer *tr, enum reason reason, unsigned status)
{
	struct call *from = tr->from;

	status = status >= 300 ? status : reason_status(reason);
	return_usage(tr);
	if (tr->is_starting) {
		tr->status = status;
		return;
	}
	refer_close(tr->refer, status);
	if (tr->is_alone)
		call_end(from, reason, status, "system", STR_NONE);
	mem_free(tr);
}

bool transfer_acked(struct leg *leg)
{
	struct transfer *tr = leg->call->transfer;
	struct leg *whom, *by;

	if (!tr || tr->consulting != leg->id)
		return false;
	whom = leg_get(leg->cs, tr->transferee);
	by = leg_get(leg->cs, tr->transferor);
	part_calls(tr);
	if (!bridge_peer(leg->call->bridge, leg)) { /* it talks to a service */
		failed(tr, REASON_DECLINED, 603);
		return false;
	}
	refer_close(tr->refer, 200);
	join_talkers(whom, leg, by, tr->number, tr->refer != NULL);
	mem_free(tr);
	return true;
}

void transfer_free(struct call *call)
{
	struct transfer *tr = call->transfer;

	if (!tr)
		return;
	part_calls(tr);
	mem_free(tr);
}

void transfer_call_over(struct call *call, enum reason reason, unsigned status)
{
	struct transfer *tr = call->transfer;

	if (!tr)
		return;
	part_calls(tr);
	if (call == tr->to) {
		failed(tr, reason, status);
		return;
	}
	refer_close(tr->refer, 487);
	if (!tr->consulting)
		call_end(tr->to, REASON_CANCELLED, 0, "caller", STR_NONE);
	mem_free(tr);
}

bool transfer_leg_gone(struct call *from, const struct leg *leg)
{
	struct transfer *tr = from->transfer;
	struct leg *whom;

	if (!tr || tr->from != from || tr->transferor != leg->id || tr->is_alone)
		return false;
	tr->is_alone = true;
	whom = leg_get(from->cs, tr->transferee);
	leave_bridge(from);
	negotiate_interrupt(whom);
	if (leg_media_part(whom))
		log_warn(NULL, LOGID_MEDIA, "the media engine does not part two legs");
	return true;
}

bool transfer_has(const struct call *from, const struct leg *leg)
{
	return from->transfer && from->transfer->from == from &&
	       from->transfer->transferee == leg->id;
}

bool transfer_is_for(const struct call *to, const struct leg *leg)
{
	return to->transfer && to->transfer->to == to && to->transfer->transferee == leg->id;
}

void transfer_write_lines(const struct call *to, struct buf *lines)
{
	const struct transfer *tr = to->transfer;
	struct buf uri = {0}, value = {0};

	if (!tr || tr->to != to)
		return;
	buf_cstr(&uri, "sip:");
	sip_escape_user(&uri, str_of(tr->number));
	buf_printf(&uri, "@%s", to->domain);
	sip_write_addr(&value, STR_NONE, buf_view(&uri), STR_NONE);
	sip_write_header(lines, SIP_HDR_REFERRED_BY, buf_view(&value));
	if (uri.err || value.err)
		lines->err = ENOMEM;
	buf_free(&uri);
	buf_free(&value);
}
