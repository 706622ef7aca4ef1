/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our registration with a provider.
 *
 *	start → REGISTER → 200: online, again when 4/5 of the time have passed (RFC 3261 10.2.4)
 *			 → 401, 407: the same once more, with the answer to the challenge
 *			 → 423: once more, for as long as it wants
 *			 → anything else: offline; again after 30 s, then twice as long each time, up to half an hour, give or
 *			   take a tenth, so that a thousand trunks do not come back in one second
 *
 * Over a connection: the provider may call on it, and behind a NAT on no other.  It is kept as long as the registration; when it
 * ends, another is opened by registering again, soon, and less soon each time that one does not last.
 */
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "trunk/inside.h"
#include "sip/write.h"

enum {
	BACKOFF_FIRST_S = 30,
	BACKOFF_MAX_S = 1800,
	SHORTEST_S = 10,
	SILENCE_MS = 4000,
	LASTING_S = 60, /* a connection that did not end soon */
};

static void send_register(struct peer *p, uint32_t expires, struct str lines);

static void on_timer(struct timer *timer, void *arg)
{
	struct peer *p = arg;

	p->registration.is_authorized = false;
	send_register(p, p->expires, STR_NONE);
}

static void again_in(struct peer *p, uint64_t seconds)
{
	timer_start(p->of->conf.env.wheel, &p->registration.timer, seconds * 1000, on_timer, p);
}

static void failed(struct peer *p, const char *reason)
{
	uint64_t s = BACKOFF_FIRST_S;
	struct rng *rng = p->of->conf.env.rng;

	for (unsigned i = 0; i < p->nfailed && s < BACKOFF_MAX_S; i++)
		s *= 2;
	if (s > BACKOFF_MAX_S)
		s = BACKOFF_MAX_S;
	p->nfailed++;
	p->expires_at_us = 0;
	service_drop(p);
	peer_is_online(p, false, reason);
	again_in(p, s - s / 10 + rng_below(rng, s / 5 + 1));
}

/* What was granted: expires= of our Contact, else Expires, else what was asked for. */
static uint32_t granted(const struct peer *p, const struct sip_msg *resp)
{
	struct str text = sip_msg_header(resp, SIP_HDR_EXPIRES), value;
	uint32_t s = p->expires, n;
	struct sip_values v;

	if (!str_u32(text, &n))
		s = n;
	sip_values_init(&v, resp, SIP_HDR_CONTACT);
	while (sip_values_next(&v, &value)) {
		struct sip_addr a;
		struct sip_uri uri;
		const struct trunk *t = peer_trunk(p);

		if (sip_addr_parse(&a, value) || sip_uri_parse(&uri, a.uri) || !t ||
		    !str_eq(uri.user, str_of(t->username)))
			continue;
		if (sip_param(a.params, STR("expires"), &text) && !str_u32(text, &n))
			s = n;
	}
	return s < SHORTEST_S ? SHORTEST_S : s;
}

void registering_closed(struct peer *p)
{
	int64_t now_us = clock_wall_us(p->of->conf.env.clock);
	int64_t due_us = p->registered_at_us + (p->expires_at_us - p->registered_at_us) / 5 * 4;
	uint64_t s;

	p->conn = 0;
	if (!p->expires_at_us || p->registration.trans)
		return; /* it is being done */
	p->nclosed =
		now_us - p->registered_at_us < LASTING_S * INT64_C(1000000) ? p->nclosed + 1 : 0;
	s = (UINT64_C(1) << (p->nclosed < 12 ? p->nclosed : 12)) +
	    rng_below(p->of->conf.env.rng, 2);
	if (now_us + (int64_t)s * 1000000 < due_us)
		again_in(p, s);
}

static void registered(struct peer *p, const struct sip_msg *resp)
{
	uint32_t s = granted(p, resp);
	char reason[TRUNK_REASON_BYTES];

	p->nfailed = 0;
	p->registered_at_us = clock_wall_us(p->of->conf.env.clock);
	p->expires_at_us = p->registered_at_us + (int64_t)s * 1000000;
	p->conn = peer_keep(p, &resp->flow, s);
	service_take(p, resp);
	peer_reason(reason, resp, 0);
	peer_is_online(p, true, reason);
	again_in(p, (uint64_t)s * 4 / 5);
}

static bool answer_challenge(struct peer *p, const struct sip_msg *resp)
{
	struct buf uri = {0}, target = {0}, domain = {0}, lines = {0};
	int err;

	if (p->registration.is_authorized)
		return false;
	peer_names(p, &p->flow, &target, &domain);
	buf_printf(&uri, "sip:%.*s", STR_ARG(buf_view(&target)));
	err = target.err || uri.err ? ENOMEM
				    : trunks_answer(p->of, p->id, resp, buf_view(&uri), &lines);
	if (!err) {
		p->registration.is_authorized = true;
		send_register(p, p->expires, buf_view(&lines));
	}
	buf_free(&uri);
	buf_free(&target);
	buf_free(&domain);
	buf_free(&lines);
	return !err;
}

/* To another address of its host.  False: there is none that may answer. */
static bool move(struct peer *p, const struct sip_msg *resp)
{
	struct flow other;

	if (!ways_failed(p, &p->flow, resp) || !ways_pick(p, &other))
		return false;
	p->flow = other;
	p->registration.is_authorized = false;
	return true;
}

/* A host that says nothing at all: while there are others it is not waited for as long as RFC 3261 would. */
static void on_silence(struct timer *timer, void *arg)
{
	struct peer *p = arg;

	(void)timer;
	if (!p->registration.trans || !move(p, NULL))
		return; /* its transaction ends by itself */
	sip_forget(p->of->conf.sip, p->registration.trans);
	p->registration.trans = 0;
	send_register(p, p->expires, STR_NONE);
}

static void on_response(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct peer *p = arg;
	char reason[TRUNK_REASON_BYTES];
	uint32_t least;

	if (resp && resp->status < 200)
		return;
	timer_cancel(&p->registration.timer);
	p->registration.trans = 0;
	if (resp && resp->status < 300)
		return registered(p, resp);
	if (resp && (resp->status == 401 || resp->status == 407) && answer_challenge(p, resp))
		return;
	if (resp && resp->status == 423 &&
	    !str_u32(sip_msg_header(resp, SIP_HDR_MIN_EXPIRES), &least) && least > p->expires &&
	    least <= 86400) {
		p->expires = least;
		p->registration.is_authorized = false;
		return send_register(p, p->expires, STR_NONE);
	}
	if ((!resp || resp->status == 503 || resp->status == 408) && move(p, resp))
		return send_register(p, p->expires, STR_NONE);
	peer_reason(reason, resp, err);
	failed(p, reason);
}

static void send_register(struct peer *p, uint32_t expires, struct str lines)
{
	const struct trunk *t = peer_trunk(p);
	struct buf all = {0};
	char reason[TRUNK_REASON_BYTES];
	int err;

	if (!t)
		return;
	buf_str(&all, lines);
	sip_write_header_u64(&all, SIP_HDR_EXPIRES, expires);
	do {
		const struct probe_request r = {.method = SIP_REGISTER,
						.user = str_of(t->username),
						.lines = buf_view(&all),
						.has_contact = true,
						.fn = on_response,
						.arg = p};

		err = all.err ? all.err : probe_send(p, &p->registration, &p->flow, &r);
	} while (err && move(p, NULL));
	buf_free(&all);
	if (!err && p->nways > 1)
		timer_start(p->of->conf.env.wheel, &p->registration.timer, SILENCE_MS, on_silence,
			    p);
	if (!err)
		return;
	peer_reason(reason, NULL, err);
	failed(p, reason);
}

void registering_start(struct peer *p)
{
	const struct trunk *t = peer_trunk(p);

	if (p->is_online)
		peer_is_online(p, false, "registering");
	(void)snprintf(p->reason, sizeof(p->reason), "registering");
	p->expires = (uint32_t)t->register_seconds;
	p->nfailed = 0;
	p->expires_at_us = 0;
	p->registration.is_authorized = false;
	probe_init(p, &p->registration);
	/* Not at once: one change of the model may bring many. */
	timer_start(p->of->conf.env.wheel, &p->registration.timer,
		    rng_below(p->of->conf.env.rng, 50), on_timer, p);
}

void registering_again(struct peer *p)
{
	if (p->registration.trans)
		sip_forget(p->of->conf.sip, p->registration.trans);
	p->registration.trans = 0;
	timer_start(p->of->conf.env.wheel, &p->registration.timer, 0, on_timer, p);
}

void registering_stop(struct peer *p)
{
	probe_stop(p, &p->registration);
	service_drop(p);
	p->expires_at_us = 0;
	p->conn = 0;
}
