/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls between two telephones, from the first INVITE to the records. */
#include "call/testing_phone.h"

static void two_phones_talk(void **state)
{
	struct world *w = *state;
	struct phone *anna = &w->phone[1], *bert = &w->phone[2];
	struct ua a, b = {0};
	struct session *sa, *sb;
	struct sip_msg *m;

	calls_number(&a, anna, "102", audio(anna));
	m = rings(&b, bert);
	assert_true(says(m, "m=audio 20002 RTP/AVP 0 8 101"));
	assert_true(says(m, "c=IN IP4 192.0.2.1"));
	sb = session_at(w, media_port(m, 0));
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	assert_int_equal(w->ncalls, 2); /* begun, ringing */
	assert_int_equal(last_call(w)->answered_at, 0);

	ua_reply(&b, 200, audio(bert));
	assert_true(last_call(w)->answered_at != 0);
	ua_asked(&b, SIP_ACK);
	m = ua_got(&a, 200);
	sa = session_at(w, media_port(m, 0));
	assert_int_equal(sa->joined, sb->id);
	assert_true(addr_eq(&sa->remote[0].rtp,
			    &(struct addr){.family = 4, .port = 4000, .ip = {10, 0, 0, 1}}));
	assert_true(addr_eq(&sb->remote[0].rtp,
			    &(struct addr){.family = 4, .port = 4000, .ip = {10, 0, 0, 2}}));
	assert_true(sa->remote[0].may_send && sa->remote[0].may_receive);
	ua_request(&a, "ACK", "");
	assert_int_equal(calls_count(w->calls), 1);
	pass(w, 60000);
	hang_up(&a, &b);
	assert_int_equal(calls_count(w->calls), 0);
}

static void the_records_tell_the_whole_call(void **state)
{
	struct world *w = *state;
	const struct call_record *c;
	const struct leg_record *leg;
	struct ua a, b = {0};

	talk(w, &a, &b);
	pass(w, 60000);
	hang_up(&b, &a);
	c = last_call(w);
	assert_string_equal(c->caller, "101");
	assert_string_equal(c->caller_name, "Anna No. 1");
	assert_string_equal(c->callee, "102");
	assert_string_equal(c->status, "answered");
	assert_string_equal(c->reason, "normal");
	assert_string_equal(c->ended_by, "callee");
	assert_string_equal(c->final_dest, "102");
	assert_string_equal(c->sip_call_id, a.call_id);
	assert_int_equal(c->sip_code, 200);
	assert_true(c->started_at <= c->ringing_at && c->ringing_at <= c->answered_at);
	assert_in_range(c->ended_at - c->answered_at, 60000000, 60100000);
	assert_int_equal(w->nlegs, 4); /* both: at the answer and at the end */
	leg = leg_of(w, "102");
	assert_string_equal(leg->side, "callee");
	assert_string_equal(leg->ended_by, "peer");
	assert_string_equal(leg->remote, "10.0.0.2:5060");
	assert_int_equal(leg->rx_packets, 50);
	assert_int_equal(leg->account_id, 102);
	assert_int_equal(leg->call_id, c->id);
	leg = leg_of(w, "101");
	assert_string_equal(leg->side, "caller");
	assert_string_equal(leg->ended_by, "system");
	assert_int_equal(w->nsegments, 2);
	assert_true(w->segment[1].ended_at > w->segment[1].started_at);
	assert_int_equal(w->segment[1].leg_a, leg->id);
}

/* Who finds an ended call finds its legs with it, and waits for a device that is gone no longer than a second. */
static void a_record_has_its_end_when_its_legs_are_closed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	ua_asked(&b, SIP_BYE);
	assert_string_equal(last_call(w)->status, "answered");
	assert_int_equal(last_call(w)->ended_at, 0);
	ua_reply(&b, 200, "");
	run(w);
	assert_true(last_call(w)->ended_at != 0);
	assert_int_equal(w->nlegs, 4); /* before it */
	ua_done(&a);
	ua_done(&b);

	talk(w, &a, &b);
	pass(w, 5000);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	pass(w, 900);
	assert_int_equal(last_call(w)->ended_at, 0);
	pass(w, 200);
	assert_in_range(last_call(w)->ended_at - last_call(w)->answered_at, 5000000, 5100000);
	pass(w, 40000);
	while (phone_next(b.p))
		;
	ua_done(&a);
	ua_done(&b);
}

/* What was kept of a leg is marked as over when it is, so that nobody hangs it up after a restart. */
static void what_is_kept_of_a_leg_ends_with_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	assert_int_equal(w->nkept, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w->kept[i].head.is_ended, 0);
		assert_true(w->kept[i].dialog.call_id[0]);
		assert_int_equal(w->kept[i].nstreams, 1);
		assert_int_equal(w->kept[i].stream[0].remote.port, 4000);
	}
	hang_up(&a, &b);
	assert_int_equal(w->nkept, 4);
	assert_int_equal(w->kept[2].head.is_ended + w->kept[3].head.is_ended, 2);
	assert_int_not_equal(w->kept[2].head.leg_id, w->kept[3].head.leg_id);
}

static void the_caller_is_who_its_account_is(void **state)
{
	struct world *w = *state;
	struct phone *anna = &w->phone[1];
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number_h(&a, anna, "102",
		       "P-Asserted-Identity: <sip:president@acme.example>\nRemote-Party-ID: "
		       "<sip:1@x>\nX-Evil: 1\n"
		       "P-Preferred-Identity: <sip:2@x>\nDiversion: <sip:2@x>\nSubject: boo\n",
		       audio(anna));
	m = rings(&b, &w->phone[2]);
	assert_true(str_starts(sip_msg_header(m, SIP_HDR_FROM),
			       STR("\"Anna No. 1\" <sip:101@acme.example>;tag=")));
	assert_header(m, SIP_HDR_TO, "<sip:102@acme.example>");
	assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
	assert_false(sip_msg_has(m, SIP_HDR_REMOTE_PARTY_ID));
	assert_false(sip_msg_has(m, SIP_HDR_DIVERSION));
	assert_false(sip_msg_has(m, SIP_HDR_SUBJECT));
	assert_null(sip_msg_header_named(m, STR("X-Evil")).p);
	assert_header(m, SIP_HDR_MAX_FORWARDS, "69");
	assert_false(str_eq(m->call_id, str_of(a.call_id)));
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

static void a_caller_that_gives_up_stops_the_ringing(void **state)
{
	struct world *w = *state;
	struct phone *anna = &w->phone[1];
	struct ua a, b = {0};

	calls_number(&a, anna, "102", audio(anna));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_request_h(&a, "CANCEL", "Reason: SIP;cause=487;text=\"tired\"\n", "");
	got_status(anna, 200);
	ua_got(&a, 487);
	ua_cancelled(&b, "SIP;cause=487;text=\"tired\"");
	assert_string_equal(last_call(w)->status, "cancelled");
	assert_string_equal(last_call(w)->ended_by, "caller");
	assert_int_equal(last_call(w)->sip_code, 487);
	ua_done(&b);
}

static void refused_with(struct world *w, unsigned by_device, unsigned to_caller,
			 const char *status)
{
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, by_device, "");
	if (by_device ==
	    488) { /* asked again with all that we can convert, it still does not want to */
		ua_done(&b);
		rings(&b, &w->phone[2]);
		ua_reply(&b, by_device, "");
	}
	ua_got(&a, to_caller);
	assert_string_equal(last_call(w)->status, status);
	assert_int_equal(last_call(w)->sip_code, to_caller);
	nothing(&w->phone[2]);
	ua_done(&b);
}

static void a_refusal_keeps_its_meaning(void **state)
{
	struct world *w = *state;

	refused_with(w, 486, 486, "busy");
	refused_with(w, 603, 603, "busy");
	refused_with(w, 480, 480, "failed");
	refused_with(w, 488, 488, "failed");
	refused_with(w, 404, 404, "failed");
	refused_with(w, 408, 408, "failed");
	refused_with(w, 503, 480, "failed");
	refused_with(w, 401, 480, "failed");
	refused_with(w, 302, 480, "failed");
	refused_with(w, 500, 500, "failed");
	refused_with(w, 487, 480, "failed");
}

static void nobody_answers(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	pass(w, 19000);
	nothing(&w->phone[1]);
	pass(w, 1050);
	ua_cancelled(&b, NULL);
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->status, "missed");
	assert_string_equal(last_call(w)->reason, "no_answer");
	assert_int_equal(heard(w, BUS_CALL_NOANSWER), 1);
	assert_int_equal(heard(w, BUS_TARGET_NOANSWER), 1);
	ua_done(&b);
}

static void a_device_that_does_not_answer_at_all_is_unavailable(void **state)
{
	struct world *w = *state;
	struct ua a;

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	for (int i = 0; i < 3; i++) {
		got_request(&w->phone[2], SIP_INVITE);
		pass(w, 4000);
	}
	pass(w, 9000);
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "unavailable");
}

static void refused_by_us(struct world *w, const char *number, unsigned status, const char *reason)
{
	struct ua a;

	calls_number(&a, &w->phone[1], number, audio(&w->phone[1]));
	ua_got(&a, status);
	assert_string_equal(last_call(w)->reason, reason);
	assert_int_equal(engine_sessions(&w->engine), 0);
}

static void what_routing_refuses(void **state)
{
	struct world *w = *state;

	refused_by_us(w, "999", 404, "not_found");
	refused_by_us(w, "104", 480, "unavailable"); /* not registered */
	put(w, &resource_extension, TENANT, 2, "{'number':'102','enabled':false}");
	refused_by_us(w, "102", 480, "disabled");
}

static void an_account_without_extension_may_not_call(void **state)
{
	struct world *w = *state;
	struct ua a;

	strcpy(w->phone[1].user, "nobody");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	ua_got(&a, 403);
	assert_string_equal(last_call(w)->reason, "forbidden");
	nothing(&w->phone[2]);
}

static void the_tenants_calls_are_limited(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	put(w, &resource_tenant, 0, TENANT,
	    "{'name':'acme','domain':'acme.example','max_calls':1}");
	talk(w, &a, &b);
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	ua_got(&c, 503);
	assert_string_equal(last_call(w)->reason, "limit");
	hang_up(&a, &b);
	talk(w, &a, &b);
	hang_up(&a, &b);
}

static void above_the_nodes_limit_calls_are_shed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;
	struct sip_msg *m;

	calls_free(w->calls);
	open_calls(w, 1);
	talk(w, &a, &b);
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	m = ua_got(&c, 503);
	assert_header(m, SIP_HDR_RETRY_AFTER, "10");
	hang_up(&a, &b);
}

static void a_broken_description_is_refused(void **state)
{
	struct world *w = *state;
	struct ua a;

	calls_number(&a, &w->phone[1], "102", "v=0\r\nthis is no description\r\n");
	ua_got(&a, 488);
	nothing(&w->phone[2]);
	calls_number(&a, &w->phone[1], "102",
		     sdp_lines(&w->phone[1], 1,
			       "m=message 9 TCP/MSRP *\r\n")); /* nothing we can carry */
	ua_got(&a, 488);
	calls_number_h(&a, &w->phone[1], "102", "Max-Forwards: 70\n", "");
	ua_got(&a, 400); /* two of them */
}

static void a_call_that_has_come_too_far_is_refused(void **state)
{
	struct world *w = *state;
	struct phone *anna = &w->phone[1];
	char ip[ADDR_STR_BYTES], head[1024];

	snprintf(head, sizeof(head),
		 "INVITE sip:102@acme.example SIP/2.0\nVia: SIP/2.0/UDP "
		 "%s;branch=z9hG4bKfar;rport\nMax-Forwards: 0\n"
		 "From: <sip:101@acme.example>;tag=far\nTo: <sip:102@acme.example>\nCall-ID: "
		 "far\nCSeq: 1 INVITE\n"
		 "Contact: <sip:101@%s>\n",
		 addr_str(ip, &anna->flow.remote), ip);
	phone_send(anna, head, audio(anna));
	got_status(anna, 483);
}

static void media_that_cannot_be_opened_fails_the_call(void **state)
{
	struct world *w = *state;
	struct ua a;

	w->engine.open_err = ENOSPC;
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	ua_got(&a, 500);
	assert_string_equal(last_call(w)->reason, "media_failed");
	w->engine.open_err = 0;
	w->engine.post_err = ENOBUFS;
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	ua_got(&a, 500);
	w->engine.post_err = 0;
}

/* The engine answers nothing: each leg gives up after its time, and the call is not stuck. */
static void a_dead_media_engine_stops_no_end(void **state)
{
	struct world *w = *state;
	struct ua a;

	w->engine.is_deaf = true;
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	pass(w, 5100);
	ua_got(&a, 500);
	pass(w, 70000);
	assert_int_equal(calls_count(w->calls), 0);
}

static void silence_ends_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct media_event ev = {.type = MEDIA_SILENT};

	talk(w, &a, &b);
	ev.session = w->engine.session[0].id;
	calls_media_event(&ev, w->calls);
	ua_asked(&b, SIP_BYE);
	assert_true(str_starts(sip_msg_header(b.req, SIP_HDR_REASON), STR("Q.850;cause=41")));
	ua_reply(&b, 200, "");
	ua_asked_by_bye(&a);
	assert_string_equal(last_call(w)->reason, "no_media");
	assert_string_equal(last_call(w)->ended_by, "system");
	ua_done(&a);
	ua_done(&b);
}

static void hanging_up_at_the_same_time_is_fine(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "BYE", "");
	ua_request(&b, "BYE", ""); /* crosses the BYE that is on its way to b */
	got_status(a.p, 200);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	got_status(b.p, 200);
	ua_done(&b);
}

static void a_lost_answer_is_sent_again(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(&w->phone[2]));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	pass(w, 600);
	ua_got(&a, 200);
	ua_reply(&b, 200, audio(&w->phone[2])); /* its ACK was lost as well */
	ua_asked(&b, SIP_ACK);
	pass(w, 9000); /* an ACK that takes its time */
	while (phone_next(a.p))
		;
	ua_request(&a, "ACK", "");
	pass(w, 40000);
	nothing(a.p);
	assert_int_equal(calls_count(w->calls), 1);
	assert_int_equal(last_call(w)->ended_at, 0);
	hang_up(&a, &b);
}

static void an_ack_that_never_comes_ends_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(&w->phone[2]));
	ua_asked(&b, SIP_ACK);
	pass(w, 33000);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	assert_string_equal(last_call(w)->reason, "peer_lost");
	assert_string_equal(last_call(w)->status, "answered");
	ua_done(&b);
}

static void the_caller_may_hang_up_before_an_answer(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_request(&a, "BYE", "");
	ua_cancelled(&b, NULL);
	assert_string_equal(last_call(w)->status, "cancelled");
	ua_done(&b);
}

static void an_administrator_hangs_up(void **state)
{
	struct world *w = *state;
	struct call_view view;
	struct ua a, b = {0};

	talk(w, &a, &b);
	assert_true(calls_next(w->calls, TENANT, 0, &view));
	assert_string_equal(view.record->callee, "102");
	assert_int_equal(view.id, view.record->id);
	assert_int_equal(calls_hangup(w->calls, TENANT + 1, view.id), ENOENT);
	assert_int_equal(calls_hangup(w->calls, TENANT, view.id), 0);
	assert_int_equal(calls_hangup(w->calls, TENANT, view.id), ENOENT);
	assert_false(calls_next(w->calls, TENANT, 0, &view));
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_asked_by_bye(&a);
	assert_string_equal(last_call(w)->reason, "administrator");
	ua_done(&a);
	ua_done(&b);
}

static void sessions_are_listed_in_order_per_tenant(void **state)
{
	struct world *w = *state;
	struct call_view one, two, none;
	struct ua a, b = {0}, c, d = {0};

	talk(w, &a, &b);
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	rings(&d, &w->phone[2]);
	assert_true(calls_next(w->calls, 0, 0, &one));
	assert_true(calls_next(w->calls, TENANT, one.id, &two));
	assert_true(two.id > one.id);
	assert_false(calls_next(w->calls, TENANT, two.id, &none));
	assert_false(calls_next(w->calls, TENANT + 1, 0, &none));
	hang_up(&a, &b);
	assert_true(calls_next(w->calls, TENANT, one.id, &none)); /* after one that has ended */
	assert_int_equal(none.id, two.id);
	ua_reply(&d, 486, "");
	ua_got(&c, 486);
	ua_done(&d);
}

static void at_stop_calls_are_ended(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c, d = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	rings(&d, &w->phone[2]);
	calls_drain(w->calls);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_asked_by_bye(&a);
	ua_reply(&d, 180, "");
	ua_cancelled(&d, "Q.850;cause=27;text=\"the server stopped during the call\"");
	ua_got(&c, 503);
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	m = ua_got(&c, 503);
	assert_true(sip_msg_has(m, SIP_HDR_RETRY_AFTER));
	ua_done(&a);
	ua_done(&b);
	ua_done(&d);
}

static void a_leg_of_a_dead_process_is_hung_up(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct leg_kept kept;

	talk(w, &a, &b);
	kept = w->kept[0]; /* the callee's, written before the caller's */
	hang_up(&a, &b);
	pass(w, 60000);
	w->nkept = 0;
	assert_int_equal(calls_restore_leg(w->calls, &kept.head), 0);
	ua_asked(&b, SIP_BYE);
	assert_true(str_starts(sip_msg_header(b.req, SIP_HDR_REASON), STR("Q.850;cause=27")));
	ua_reply(&b, 200, "");
	assert_int_equal(w->nkept, 1);
	assert_int_equal(w->kept[0].head.is_ended, 1);
	assert_int_equal(w->kept[0].head.leg_id, kept.head.leg_id);
	kept.head.version++;
	assert_int_equal(calls_restore_leg(w->calls, &kept.head), EPROTO);
	assert_int_equal(w->nkept, 2);
	ua_done(&b);
}

static void events_tell_the_story(void **state)
{
	struct world *w = *state;
	static const enum bus_kind story[] = {
		BUS_CALL_START,	      BUS_TARGET_ADD, BUS_TARGET_RINGING, BUS_TARGET_ANSWERED,
		BUS_CALL_ESTABLISHED, BUS_CALL_ENDED, BUS_TARGET_ENDED,	  BUS_CALL_CDR,
	};
	struct ua a, b = {0};

	talk(w, &a, &b);
	hang_up(&a, &b);
	assert_int_equal(w->nevents, ARRAY_LEN(story));
	for (size_t i = 0; i < ARRAY_LEN(story); i++)
		assert_int_equal(w->event[i], story[i]);
}

static void info_passes_and_is_answered(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INFO", "Signal=5\r\n"); /* any body */
	ua_asked(&b, SIP_INFO);
	assert_true(says(b.req, "Signal=5"));
	nothing(a.p);
	ua_reply(&b, 200, "");
	got_status(a.p, 200);
	ua_request(&a, "INFO", "");
	got_status(a.p, 200); /* an empty one is only a sign of life */
	nothing(b.p);
	ua_request(&a, "PUBLISH", "");
	got_status(a.p, 405);
	hang_up(&a, &b);
}

static void info_whose_answer_will_not_come_is_answered(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INFO", "Signal=5\r\n");
	ua_asked(&b, SIP_INFO);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_asked(&a, SIP_BYE);
	got_status(a.p, 500);
	ua_reply(&a, 200, "");
	ua_done(&a);
	ua_done(&b);
}

/* What the edge is given to send, looked at before it leaves. */
static int check_then_send(struct flow_edge *e, struct flow *flow, const void *p, size_t n)
{
	struct world *w = (struct world *)e;

	if (p && n > 11 && !memcmp(p, "SIP/2.0 200", 11) && memmem(p, n, "INVITE\r\n", 8) &&
	    memmem(p, n, "m=audio", 7)) {
		assert_true(last_call(w)->answered_at != 0);
		assert_non_null(leg_of(w, "102"));
		assert_int_equal(leg_of(w, "102")->sip_code, 200);
		assert_int_equal(leg_of(w, "101")->sip_code, 200);
		assert_int_equal(w->nkept, 2);
	}
	return tn_send(e, flow, p, n);
}

static void an_answer_is_recorded_before_the_caller_hears_of_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	w->net.edge.send = check_then_send;
	talk(w, &a, &b);
	hang_up(&a, &b);
}

static void a_devices_reason_is_passed_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply_h(&b, 486, "Reason: Q.850;cause=17;text=\"in a meeting\"\n", "");
	m = ua_got(&a, 486);
	assert_header(m, SIP_HDR_REASON, "Q.850;cause=17;text=\"in a meeting\"");
	talk(w, &a, &b);
	ua_request_h(&b, "BYE", "Reason: SIP;cause=200;text=\"moved\"\n", "");
	got_status(b.p, 200);
	m = ua_asked(&a, SIP_BYE);
	assert_header(m, SIP_HDR_REASON, "SIP;cause=200;text=\"moved\"");
	ua_reply(&a, 200, "");
	ua_done(&a);
	ua_done(&b);
}

static void shown_as(struct world *w, const char *first, const char *last, const char *from)
{
	struct ua a, b = {0};
	struct sip_msg *m;

	put(w, &resource_extension, TENANT, 1,
	    "{'number':'101','first_name':'%s','last_name':'%s'}", first, last);
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	if (!str_starts(sip_msg_header(m, SIP_HDR_FROM), str_of(from)))
		fail_msg("%.*s", STR_ARG(sip_msg_header(m, SIP_HDR_FROM)));
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

static void names_are_shown_as_they_are_written(void **state)
{
	struct world *w = *state;

	shown_as(w, "Zo\xc3\xab", "\xe5\xb1\xb1",
		 "\"Zo\xc3\xab \xe5\xb1\xb1\" <sip:101@acme.example>;tag=");
	shown_as(w, "A \\\"x\\\" B", "", "\"A \\\"x\\\" B\" <sip:101@");
	shown_as(w, "", "Only", "\"Only\" <sip:101@");
	shown_as(w, "", "", "<sip:101@acme.example>;tag=");
}

static void dials(struct world *w, const char *uri, unsigned status)
{
	struct ua a = {.p = &w->phone[1]}, b = {0};
	static unsigned n;

	snprintf(a.call_id, sizeof(a.call_id), "uri-%u", ++n);
	snprintf(a.local, sizeof(a.local), "<sip:101@acme.example>;tag=u%u", n);
	snprintf(a.remote, sizeof(a.remote), "<sip:whoever@acme.example>");
	snprintf(a.target, sizeof(a.target), "%s", uri);
	ua_request(&a, "INVITE", audio(a.p));
	if (status == 486) {
		rings(&b, &w->phone[2]);
		assert_header(b.req, SIP_HDR_TO, "<sip:102@acme.example>");
		ua_reply(&b, 486, "");
	}
	ua_got(&a, status);
	ua_done(&b);
}

static void a_number_may_be_written_in_many_ways(void **state)
{
	struct world *w = *state;

	dials(w, "sip:102@acme.example", 486);
	dials(w, "sip:102@192.0.2.1:5060;user=phone", 486);
	dials(w, "sip:%31%30%32@acme.example", 486);
	dials(w, "sip:102;phone-context=acme@acme.example", 486);
	dials(w, "tel:1-0.2", 486);
	dials(w, "tel:(10)2;phone-context=+1", 486);
	dials(w, "sip:acme.example", 404);
	dials(w, "sip:10%002@acme.example", 404);
	dials(w, "mailto:102@acme.example", 416);
}

static void options_within_a_call_is_answered(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	ua_request(&a, "OPTIONS", "");
	m = got_status(a.p, 200);
	assert_true(sip_msg_lists(m, SIP_HDR_ALLOW, STR("UPDATE")));
	assert_header(m, SIP_HDR_ACCEPT, "application/sdp");
	ua_request(&a, "NOTIFY", "");
	got_status(a.p, 481);
	nothing(b.p);
	hang_up(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(two_phones_talk),
		STORY(the_records_tell_the_whole_call),
		STORY(a_record_has_its_end_when_its_legs_are_closed),
		STORY(what_is_kept_of_a_leg_ends_with_it),
		STORY(the_caller_is_who_its_account_is),
		STORY(a_caller_that_gives_up_stops_the_ringing),
		STORY(a_refusal_keeps_its_meaning),
		STORY(nobody_answers),
		STORY(a_device_that_does_not_answer_at_all_is_unavailable),
		STORY(what_routing_refuses),
		STORY(an_account_without_extension_may_not_call),
		STORY(the_tenants_calls_are_limited),
		STORY(above_the_nodes_limit_calls_are_shed),
		STORY(a_broken_description_is_refused),
		STORY(a_call_that_has_come_too_far_is_refused),
		STORY(media_that_cannot_be_opened_fails_the_call),
		STORY(a_dead_media_engine_stops_no_end),
		STORY(silence_ends_the_call),
		STORY(hanging_up_at_the_same_time_is_fine),
		STORY(a_lost_answer_is_sent_again),
		STORY(an_ack_that_never_comes_ends_the_call),
		STORY(the_caller_may_hang_up_before_an_answer),
		STORY(an_administrator_hangs_up),
		STORY(sessions_are_listed_in_order_per_tenant),
		STORY(at_stop_calls_are_ended),
		STORY(a_leg_of_a_dead_process_is_hung_up),
		STORY(events_tell_the_story),
		STORY(info_passes_and_is_answered),
		STORY(info_whose_answer_will_not_come_is_answered),
		STORY(an_answer_is_recorded_before_the_caller_hears_of_it),
		STORY(a_devices_reason_is_passed_on),
		STORY(names_are_shown_as_they_are_written),
		STORY(a_number_may_be_written_in_many_ways),
		STORY(options_within_a_call_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
