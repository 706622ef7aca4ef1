/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/ids.h"
#include "base/mem.h"
#include "call/attest.h"
#include "call/calls.h"
#include "call/diverted.h"
#include "call/leg_sip.h"
#include "call/supposed.h"
#include "call/trunk_invite.h"
#include "sip/write.h"

/* TRK-2: below ours, for a trunk that takes more than one. */
static void write_vias(struct buf *lines, const struct leg *leg)
{
	const struct leg *caller = leg_get(leg->cs, leg->call->caller);
	const struct trunk *t = leg_trunk(leg);
	const struct sip_msg *req;
	struct sip_values v;
	struct str value;

	if (!t || t->single_via || !caller || !caller->inv)
		return;
	req = sip_invite_asked(caller->inv);
	if (!req)
		return;
	sip_values_init(&v, req, SIP_HDR_VIA);
	while (sip_values_next(&v, &value))
		sip_write_header(lines, SIP_HDR_VIA, value);
}

int trunk_invite_write(struct trunk_invite *w, struct leg *leg, const struct sip_msg *again)
{
	struct trunks *trunks = leg->cs->conf.trunks;
	int err;

	memset(w, 0, sizeof(*w));
	trunks_routes(trunks, leg->trunk_id, &w->routes);
	err = shape_call(&w->shape, leg);
	if (!err && again && again->status != 422)
		err = trunks_answer(trunks, leg->trunk_id, again, buf_view(&w->shape.uri),
				    &w->lines);
	buf_str(&w->lines, buf_view(&w->shape.lines));
	if (!leg_hides_caller(leg) || party_is_trusted(leg))
		attest_sign(&w->lines, leg);
	write_vias(&w->lines, leg);
	if (!err)
		err = w->lines.err ? w->lines.err : w->routes.err;
	w->conf = (struct sip_invite_conf){
		.uri = buf_view(&w->shape.uri),
		.flow = leg->flow,
		.from = buf_view(&w->shape.from),
		.to = buf_view(&w->shape.to),
		.contact = buf_view(&w->shape.contact),
		.routes = buf_view(&w->routes),
		.max_forwards = leg->call->max_forwards,
		.min_se = leg->min_se,
		.again = again,
		.edit_for = leg->trunk_id,
		.extra = {.headers = buf_view(&w->lines), .has_agent = true},
	};
	return err;
}

void trunk_invite_close(struct trunk_invite *w)
{
	shape_close(&w->shape);
	buf_free(&w->lines);
	buf_free(&w->routes);
}

/* ---- supposed ---- */

struct draft {
	struct calls cs; /* whose only leg with an id is the caller's */
	struct call call;
	struct leg leg;
};

/* What the caller's own INVITE says of who calls, and of the way it has come. */
static int suppose_caller(struct draft *w, const struct calls_question *what)
{
	struct call *call = &w->call;
	const struct call *from;
	int err = ids_alloc(&w->cs.legs, 1);

	if (err || !what->who)
		return err;
	from = &what->who->call;
	err = ids_add(w->cs.legs, &what->who->leg, &call->caller);
	if (err)
		return err;
	what->who->leg.id = call->caller;
	diverted_copy(call, from);
	memcpy(call->wanted_pai, from->wanted_pai, sizeof(call->wanted_pai));
	memcpy(call->wanted_rpi, from->wanted_rpi, sizeof(call->wanted_rpi));
	memcpy(call->wanted_on, from->wanted_on, sizeof(call->wanted_on));
	if (*from->rec.caller) {
		memcpy(call->rec.caller, from->rec.caller, sizeof(call->rec.caller));
		memcpy(call->rec.caller_name, from->rec.caller_name, sizeof(call->rec.caller_name));
	}
	return 0;
}

/* As call_route() and the leg over the trunk would have it, of a phone's INVITE that came past no proxy. */
static int suppose(struct draft *w, const struct calls_question *what,
		   const struct route_decision *d)
{
	const struct model *m = w->call.cs->conf.model;
	const struct tenant *t = model_tenant(m, what->tenant_id);
	const struct object *who =
		what->from_trunk_id ? NULL : model_number(m, what->tenant_id, str_of(what->caller));
	struct call *call = &w->call;
	int err;

	call->rec.tenant_id = what->tenant_id;
	call->from_trunk_id = what->transferred_by ? 0 : what->from_trunk_id;
	call->caller_extension_id = calls_would_be(call->cs, what);
	call->max_forwards = 69;
	call->plan.trunk_id = d->trunk_id;
	call->plan.is_emergency = d->is_emergency;
	memcpy(call->plan.number, d->number, sizeof(call->plan.number));
	memcpy(call->plan.caller_id, d->caller_id, sizeof(call->plan.caller_id));
	str_fit(call->domain, sizeof(call->domain), str_of(t ? t->domain : ""));
	str_fit(call->rec.caller, sizeof(call->rec.caller), str_of(what->caller));
	str_fit(call->rec.callee, sizeof(call->rec.callee), str_of(what->number));
	if (who && who->res == &resource_extension)
		calls_extension_name(call->cs, what->tenant_id, who->id, call->rec.caller_name,
				     sizeof(call->rec.caller_name));
	err = suppose_caller(w, what);
	diverted_add(call, what->via, what->nvia);
	diverted_add(call, d->via, d->nvia);
	w->leg.cs = call->cs;
	w->leg.call = call;
	w->leg.trunk_id = d->trunk_id;
	str_fit(w->leg.rec.number, sizeof(w->leg.rec.number), str_of(d->number));
	return err;
}

/* Up to what is new in each call. */
static struct str without(struct str line, const char *param)
{
	size_t n = strlen(param);

	for (size_t i = 0; i + n <= line.n; i++)
		if (!memcmp(line.p + i, param, n))
			return (struct str){line.p, i};
	return line;
}

static bool is_one_of(struct str line, const struct str *names, size_t n)
{
	struct str name = str_cut(&line, ':');

	for (size_t i = 0; i < n; i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

/* Those who call whom, or the others. */
static void tell_some(struct buf *out, struct str message, bool is_who)
{
	static const struct str who[] = {{"From", 4}, {"To", 2}, {"Contact", 7}};
	static const struct str left[] = {{"Call-ID", 7}, {"CSeq", 4}, {"Content-Length", 14}};
	struct str line;

	while (message.n) {
		line = str_trim(str_cut(&message, '\n'));
		if (!line.n)
			return;
		if (is_one_of(line, left, ARRAY_LEN(left)) ||
		    is_one_of(line, who, ARRAY_LEN(who)) != is_who)
			continue;
		if (str_starts(line, STR("Via:")))
			line = without(line, ";branch=");
		else if (str_starts(line, STR("From:")))
			line = without(line, ";tag=");
		buf_str(out, line);
		buf_cstr(out, "\r\n");
	}
}

static void tell(struct buf *out, struct str message)
{
	struct str line = str_cut(&message, '\n');

	(void)str_cut(&line, ' ');
	buf_cstr(out, "Request-URI: ");
	buf_str(out, str_cut(&line, ' '));
	buf_cstr(out, "\r\n");
	tell_some(out, message, true);
	tell_some(out, message, false);
}

int calls_would_say(const struct calls *cs, const struct calls_question *what,
		    const struct route_decision *d, struct buf *lines)
{
	struct draft *w = mem_alloc(sizeof(*w));
	struct trunk_invite invite = {.lines = {0}};
	struct buf message = {0};
	int err = w ? 0 : ENOMEM;

	if (!err) {
		w->cs = *cs; /* looked at; it owns nothing of that */
		w->cs.legs = NULL;
		w->call.cs = &w->cs;
		err = suppose(w, what, d);
	}
	if (!err)
		err = trunks_flow(cs->conf.trunks, d->trunk_id, &w->leg.flow) ? 0 : ENOENT;
	if (!err)
		err = trunk_invite_write(&invite, &w->leg, NULL);
	if (!err)
		err = sip_invite_draft(cs->conf.sip, &invite.conf, &message);
	if (!err)
		tell(lines, buf_view(&message));
	trunk_invite_close(&invite);
	buf_free(&message);
	if (w) {
		diverted_free(&w->call);
		ids_free(w->cs.legs);
	}
	mem_free(w);
	return err ? err : lines->err;
}
