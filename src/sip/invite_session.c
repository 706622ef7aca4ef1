/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Session timers (RFC 4028): who refreshes, how often, and the end of a session that nobody refreshes.
 *
 * Each re-INVITE and UPDATE negotiates anew, so whatever goes through anyway refreshes too.  Ours is an UPDATE without a
 * description where the peer takes one, else our user sends a re-INVITE with its last.  A peer that does not know the
 * extension is left alone: its calls end when they end.
 */
#include <stdio.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "sip/header.h"
#include "sip/invite_usage.h"

enum { RETRY_MS = 2000 }; /* a refresh that could not be sent, or was refused for now */

static void fired(struct timer *t, void *arg);

void sip_set_session_timer(struct sip *s, uint32_t seconds)
{
	ON_THREAD(THREAD_CORE);
	s->session_s = seconds && seconds < SIP_MIN_SE ? SIP_MIN_SE : seconds;
	if (!seconds)
		sip_unsupport(s, "timer");
	else if (sip_support(s, "timer"))
		s->session_s = 0; /* no room for one more option: as good as off */
}

/* "1800;refresher=uac" */
static uint32_t interval_of(const struct sip_msg *m, struct str *refresher)
{
	struct str text = sip_msg_header(m, SIP_HDR_SESSION_EXPIRES), number;
	uint32_t n;

	*refresher = STR_NONE;
	number = str_trim(str_cut(&text, ';'));
	if (str_u32(number, &n) || !n)
		return 0;
	if (text.p)
		(void)sip_param(text, STR("refresher"), refresher);
	return n;
}

uint32_t sip_min_se(const struct sip_msg *m)
{
	struct str text = sip_msg_header(m, SIP_HDR_MIN_SE);
	uint32_t n;

	return str_u32(str_trim(str_cut(&text, ';')), &n) ? 0 : n;
}

static bool knows(const struct sip_msg *req)
{
	return sip_msg_lists(req, SIP_HDR_SUPPORTED, SIP_OPTION_TIMER) ||
	       sip_msg_lists(req, SIP_HDR_REQUIRE, SIP_OPTION_TIMER);
}

bool session_is_too_short(const struct sip *s, const struct sip_msg *req)
{
	struct str refresher;
	uint32_t n;

	if (!s->session_s || !sip_msg_has(req, SIP_HDR_SESSION_EXPIRES))
		return false;
	n = interval_of(req, &refresher);
	/* 4028 9: who does not know the extension would not understand a 422 */
	return n && n < SIP_MIN_SE && knows(req);
}

/* ---- the clock ---- */

static uint64_t now_ms(const struct sip_invite *inv)
{
	return clock_mono_ms(inv->sip->conf.env.clock);
}

/* 4028 10: so long before its end a session is given up. */
static uint64_t lasts_ms(uint32_t seconds)
{
	uint32_t margin = seconds / 3 < 32 ? seconds / 3 : 32;

	return (uint64_t)(seconds - margin) * 1000;
}

static void run(struct sip_invite *inv, uint64_t at_ms)
{
	uint64_t now = now_ms(inv);

	timer_start(inv->sip->conf.env.wheel, &inv->session.timer, at_ms > now ? at_ms - now : 0,
		    fired, inv);
}

/* A 2xx has gone or come: the time starts anew. */
static void restart(struct sip_invite *inv, uint32_t seconds, bool is_ours)
{
	struct inv_session *e = &inv->session;
	uint64_t now = now_ms(inv);

	if (seconds < SIP_MIN_SE)
		seconds = SIP_MIN_SE;
	e->seconds = seconds;
	e->is_ours = is_ours;
	e->end_ms = now + lasts_ms(seconds);
	run(inv, is_ours ? now + (uint64_t)seconds * 500 : e->end_ms);
}

void inv_session_stop(struct sip_invite *inv)
{
	timer_cancel(&inv->session.timer);
	inv->session.seconds = 0;
}

/* ---- our refresh ---- */

static void on_refreshed(oid trans, const struct sip_msg *resp, int err, void *arg)
{
	struct sip_invite *inv = arg;
	struct inv_session *e = &inv->session;

	(void)trans;
	if (resp && resp->status < 200)
		return;
	inv->refresh = 0;
	if (inv_is_dead(resp, err)) {
		inv_event(inv, INV_EV_DEAD, &(struct inv_in){.msg = resp, .err = err});
		return;
	}
	if (resp && resp->status < 300) {
		if (sip_dialog_refresh(inv->d, resp))
			log_debug(NULL, LOGID_SIP_MESSAGE,
				  "no memory for the new target: the old one stays");
		inv_session_take(inv, resp);
		return;
	}
	if (resp && resp->status == 422 && sip_min_se(resp) > e->seconds) {
		e->seconds = e->min_se = sip_min_se(resp);
		run(inv, now_ms(inv));
		return;
	}
	inv_session_refused(inv, resp);
	run(inv, now_ms(inv) + RETRY_MS < e->end_ms ? now_ms(inv) + RETRY_MS : e->end_ms);
}

static void refresh(struct sip_invite *inv)
{
	struct buf lines = {0};
	struct sip_extra extra;

	/* with whatever is under way the session is refreshed too; else this is tried again */
	run(inv, now_ms(inv) + RETRY_MS < inv->session.end_ms ? now_ms(inv) + RETRY_MS
							      : inv->session.end_ms);
	if (inv->refresh || inv->offer != OFFER_IDLE || inv->pending)
		return;
	if (!inv->session.takes_update) {
		inv_tell(inv, SIP_INV_REFRESH, NULL, 0);
		return;
	}
	inv_write_lists(inv, &lines, false);
	inv_session_ask(inv, &lines);
	extra = (struct sip_extra){.headers = buf_view(&lines)};
	if (!lines.err &&
	    !sip_dialog_send(inv->d, SIP_UPDATE, &extra, on_refreshed, inv, &inv->refresh))
		run(inv, inv->session.end_ms); /* its answer says how it goes on */
	buf_free(&lines);
}

static void fired(struct timer *t, void *arg)
{
	struct sip_invite *inv = arg;

	(void)t;
	if (inv->state != INV_CONFIRMED && inv->state != INV_ACCEPTED)
		return;
	if (now_ms(inv) >= inv->session.end_ms) {
		log_info(NULL, LOGID_SIP_MESSAGE, "a session of %u s was not refreshed: hanging up",
			 inv->session.seconds);
		inv_event(inv, INV_EV_DEAD, &(struct inv_in){.err = ETIMEDOUT});
		return;
	}
	if (inv->state == INV_CONFIRMED)
		refresh(inv);
	else
		run(inv, now_ms(inv) + RETRY_MS);
}

/* ---- what messages say ---- */

void inv_session_note(struct sip_invite *inv, const struct sip_msg *m)
{
	if (!sip_msg_has(m, SIP_HDR_ALLOW))
		return;
	inv->session.lists_methods = true;
	inv->session.takes_update = sip_msg_lists(m, SIP_HDR_ALLOW, STR("UPDATE"));
}

void inv_session_refused(struct sip_invite *inv, const struct sip_msg *m)
{
	if (!m || m->method != SIP_UPDATE || (m->status != 405 && m->status != 501))
		return;
	inv->session.lists_methods = true;
	inv->session.takes_update = false;
}

bool sip_invite_takes_update(const struct sip_invite *inv)
{
	return inv->session.takes_update;
}

void inv_session_ask(const struct sip_invite *inv, struct buf *lines)
{
	const struct inv_session *e = &inv->session;
	uint32_t seconds = e->seconds ? e->seconds : inv->sip->session_s;
	const char *refresher = !inv->d || !e->seconds ? ""
				: e->is_ours	       ? ";refresher=uac"
						       : ";refresher=uas";

	if (!inv->sip->session_s)
		return;
	if (seconds < e->min_se)
		seconds = e->min_se;
	buf_printf(lines, "Session-Expires: %u%s\r\n", seconds, refresher);
	if (e->min_se > SIP_MIN_SE)
		buf_printf(lines, "Min-SE: %u\r\n", e->min_se);
}

/* 4028 9, table 2. */
void inv_session_answer(struct sip_invite *inv, const struct sip_msg *req, struct buf *lines)
{
	uint32_t ours = inv->sip->session_s, theirs, min;
	struct str refresher;
	bool is_ours;

	theirs = interval_of(req, &refresher);
	/* 4028 4, 9: one below 90 may be neither obeyed nor raised */
	if (!ours || (!knows(req) && theirs < SIP_MIN_SE)) {
		inv_session_stop(inv);
		return;
	}
	min = sip_min_se(req);
	if (theirs && theirs < ours)
		ours = theirs;
	if (ours < min)
		ours = min;
	if (ours < SIP_MIN_SE)
		ours = SIP_MIN_SE;
	if (min > inv->session.min_se)
		inv->session.min_se = min;
	is_ours = !knows(req) || str_ieq(refresher, STR("uas")) ||
		  (!refresher.n && inv->session.seconds && inv->session.is_ours);
	buf_printf(lines, "Session-Expires: %u;refresher=%s\r\n%s", ours, is_ours ? "uas" : "uac",
		   is_ours ? "" : "Require: timer\r\n");
	restart(inv, ours, is_ours);
}

void inv_session_take(struct sip_invite *inv, const struct sip_msg *resp)
{
	struct str refresher;
	uint32_t n = interval_of(resp, &refresher);

	inv_session_note(inv, resp);
	if (!inv->sip->session_s || !n) {
		inv_session_stop(inv);
		return;
	}
	restart(inv, n, !str_ieq(refresher, STR("uas")));
}
