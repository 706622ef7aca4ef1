/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/metric.h"
#include "call/calls.h"
#include "call/record.h"
#include "call/verdict.h"
#include "media/quality.h"

enum { CLOSING_MS = 1000 };

#define SET_TEXT(dst, text) str_fit(dst, sizeof(dst), str_of(text))

static void put(struct calls *cs, enum record_kind kind, const void *rec, size_t n)
{
	/* The sink logs what it cannot keep; a call in progress is worth more than its record. */
	if (cs->conf.records)
		(void)cs->conf.records->write(cs->conf.records, kind, rec, n);
}

static void put_call(struct call *call)
{
	call->rec.last_alive_at = call->ended_at ? call->ended_at : calls_wall_us(call->cs);
	put(call->cs, RECORD_CALL, &call->rec, sizeof(call->rec));
}

void record_call_begin(struct call *call)
{
	SET_TEXT(call->rec.status, "in_progress");
	put_call(call);
}

void record_call_ringing(struct call *call)
{
	if (call->rec.ringing_at)
		return;
	call->rec.ringing_at = calls_wall_us(call->cs);
	put_call(call);
}

void record_call_answered(struct call *call, const struct leg *callee)
{
	if (!call->rec.answered_at) { /* else by a service, which has dialled on */
		call->rec.answered_at = calls_wall_us(call->cs);
		metric_add(METRIC_CALLS_ANSWERED, 1);
	}
	call->rec.sip_code = 200;
	if (callee)
		SET_TEXT(call->rec.final_dest, callee->rec.number);
	put_call(call);
}

void record_call_cost(struct call *call)
{
	put_call(call);
}

static const char *call_status(const struct call *call, enum reason reason)
{
	if (call->rec.answered_at)
		return "answered";
	switch (reason) {
	case REASON_CANCELLED:
	case REASON_PICKED_UP:
		return "cancelled";
	case REASON_BUSY:
	case REASON_DECLINED:
		return "busy";
	case REASON_NO_ANSWER:
	case REASON_NORMAL:
		return "missed";
	default:
		return "failed";
	}
}

void record_call_closed(struct call *call)
{
	timer_cancel(&call->closing);
	if (!call->ended_at || call->rec.ended_at)
		return;
	call->rec.ended_at = call->ended_at;
	put_call(call);
}

/* A device that does not answer a BYE keeps its leg open for half a minute. */
static void on_closing_late(struct timer *t, void *arg)
{
	(void)t;
	record_call_closed(arg);
}

void record_call_over(struct call *call, enum reason reason, unsigned status, const char *by)
{
	struct log_ctx ctx = call_log(call);

	call->ended_at = calls_wall_us(call->cs);
	SET_TEXT(call->rec.status, call_status(call, reason));
	SET_TEXT(call->rec.reason, reason_name(reason));
	SET_TEXT(call->rec.ended_by, by);
	if (!call->rec.answered_at)
		call->rec.sip_code = status;
	record_segment_end(call);
	put_call(call);
	timer_start(call->cs->conf.env.wheel, &call->closing, CLOSING_MS, on_closing_late, call);
	log_info(&ctx, LOGID_CALL, "%s to %s: %s, %s (%s)", call->rec.caller, call->rec.callee,
		 call->rec.status, reason_text(reason), by);
}

void record_leg_begin(struct leg *leg)
{
	struct call *call = leg->call;

	leg->rec.tenant_id = call->rec.tenant_id;
	leg->rec.id = calls_new_id(leg->cs);
	leg->rec.call_id = (int64_t)call->rec.id;
	leg->rec.position = (int64_t)call->nlegs++;
	SET_TEXT(leg->rec.side, leg->is_caller ? "caller" : "callee");
	leg->rec.started_at = calls_wall_us(leg->cs);
}

void record_leg_ringing(struct leg *leg)
{
	if (!leg->rec.ringing_at)
		leg->rec.ringing_at = calls_wall_us(leg->cs);
}

static void put_leg(struct leg *leg)
{
	char text[ADDR_STR_BYTES];

	leg->rec.extension_id = (int64_t)leg->extension_id;
	leg->rec.account_id = (int64_t)leg->account_id;
	if (leg->flow.remote.family)
		SET_TEXT(leg->rec.remote, addr_str(text, &leg->flow.remote));
	put(leg->cs, RECORD_LEG, &leg->rec, sizeof(leg->rec));
}

void record_leg_answered(struct leg *leg)
{
	leg->rec.answered_at = calls_wall_us(leg->cs);
	leg->rec.sip_code = 200;
	put_leg(leg);
}

static struct kept_head kept_head(const struct leg *leg, size_t size)
{
	return (struct kept_head){.version = LEG_KEPT_VERSION,
				  .size = (uint32_t)size,
				  .tenant_id = leg->rec.tenant_id,
				  .call_id = (uint64_t)leg->rec.call_id,
				  .leg_id = leg->rec.id};
}

void record_leg_kept(struct leg *leg)
{
	struct leg_kept k;

	if (!leg->inv || !leg->rec.answered_at || leg_is_over(leg))
		return;
	memset(&k, 0, sizeof(k));
	k.head = kept_head(leg, sizeof(k));
	sip_invite_kept(leg->inv, &k.dialog);
	k.sdp_id = leg->sdp_id;
	k.sdp_version = leg->sdp_version;
	k.nstreams = leg->nstreams;
	for (uint32_t i = 0; i < k.nstreams; i++) {
		k.stream[i].local = leg->local[i];
		k.stream[i].remote = leg->remote[i].rtp;
	}
	leg->is_kept = true;
	put(leg->cs, RECORD_LEG_KEPT, &k, sizeof(k));
}

void record_leg_over(struct leg *leg, enum reason reason, unsigned status, const char *by)
{
	leg->rec.ended_at = calls_wall_us(leg->cs);
	SET_TEXT(leg->rec.reason, reason_name(reason));
	SET_TEXT(leg->rec.ended_by, by);
	if (!leg->rec.answered_at)
		leg->rec.sip_code = status;
}

static void kept_no_more(struct leg *leg)
{
	struct kept_head head = kept_head(leg, sizeof(head)); /* which says it all */

	if (!leg->is_kept)
		return;
	leg->is_kept = false;
	head.is_ended = 1;
	put(leg->cs, RECORD_LEG_KEPT, &head, sizeof(head));
}

void record_leg_moved(struct leg *leg, struct call *to)
{
	int64_t now = calls_wall_us(leg->cs);

	record_leg_over(leg, REASON_TRANSFERRED, 0, "system");
	put_leg(leg);
	kept_no_more(leg);
	leg->rec.id = calls_new_id(leg->cs);
	leg->rec.call_id = (int64_t)to->rec.id;
	leg->rec.position = (int64_t)to->nlegs++;
	leg->rec.started_at = now;
	leg->rec.answered_at = leg->rec.answered_at ? now : 0;
	leg->rec.ringing_at = leg->rec.ended_at = 0;
	leg->rec.reason[0] = leg->rec.ended_by[0] = '\0';
	SET_TEXT(leg->rec.side, leg->id == to->caller ? "caller" : "callee");
	put_leg(leg);
	record_leg_kept(leg);
}

/* Whose side was not heard, or both; a call whose record is written already is written again. */
static void blame(struct leg *leg, enum verdict v)
{
	struct call_record *rec = &leg->call->rec;
	bool is_silence = v != VERDICT_POOR && v != VERDICT_CODEC_MISMATCH;
	bool had_silence = !strncmp(rec->media_fault, "one_way", strlen("one_way"));

	if (is_silence && had_silence)
		snprintf(rec->media_fault, sizeof(rec->media_fault), "silent: %s %s", leg->rec.side,
			 verdict_name(v));
	else if (is_silence)
		snprintf(rec->media_fault, sizeof(rec->media_fault), "one_way: %s %s",
			 leg->rec.side, verdict_name(v));
	else if (!rec->media_fault[0])
		snprintf(rec->media_fault, sizeof(rec->media_fault), "%s: %s", verdict_name(v),
			 leg->rec.side);
	else
		return;
	put_call(leg->call);
}

static void judge(struct leg *leg, const struct media_counters *c)
{
	const struct media_remote *r = &leg->remote[0];
	struct quality q = quality_of(c->rx_rtp, c->rx_rtp_lost, c->rx_jitter_us, c->rx_pt);
	struct verdict_facts f = {.c = *c,
				  .may_send = r->may_send,
				  .described = r->rtp,
				  .hint = r->hint,
				  .mos_x100 = r->kind == MEDIA_AUDIO ? q.mos_x100 : 0};
	enum verdict v;

	if (!leg->rec.answered_at || r->kind != MEDIA_AUDIO)
		return;
	leg->rec.r_factor = q.r;
	leg->rec.mos_x100 = q.mos_x100;
	f.talked_us = (leg->rec.ended_at ? leg->rec.ended_at : calls_wall_us(leg->cs)) -
		      leg->rec.answered_at;
	v = verdict_of(&f);
	if (v == VERDICT_NONE)
		return;
	SET_TEXT(leg->rec.media_fault, verdict_name(v));
	blame(leg, v);
}

void record_leg_counters(struct leg *leg, const struct media_counters *c)
{
	leg->rec.rx_packets += (int64_t)c->rx_packets;
	leg->rec.tx_packets += (int64_t)c->tx_packets;
	leg->rec.rx_lost += c->rx_lost;
	leg->rec.rx_jitter_us = c->rx_jitter_us;
	leg->rec.rx_refused += (int64_t)c->rx_refused;
	if (!leg->has_been_direct)
		judge(leg, c);
}

void record_leg_closed(struct leg *leg)
{
	put_leg(leg);
	kept_no_more(leg);
}

void record_segment_begin(struct call *call, const struct leg *a, const struct leg *b,
			  const char *service)
{
	struct segment_record *s = &call->segment;

	record_segment_end(call);
	memset(s, 0, sizeof(*s));
	s->tenant_id = call->rec.tenant_id;
	s->id = calls_new_id(call->cs);
	s->call_id = (int64_t)call->rec.id;
	s->position = (int64_t)call->nsegments++;
	s->leg_a = (int64_t)a->rec.id;
	s->leg_b = b ? (int64_t)b->rec.id : 0;
	if (service)
		SET_TEXT(s->service, service);
	s->started_at = calls_wall_us(call->cs);
	put(call->cs, RECORD_SEGMENT, s, sizeof(*s));
}

void record_segment_end(struct call *call)
{
	struct segment_record *s = &call->segment;

	if (!s->id)
		return;
	s->ended_at = calls_wall_us(call->cs);
	put(call->cs, RECORD_SEGMENT, s, sizeof(*s));
	s->id = 0;
}
