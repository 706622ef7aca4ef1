/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ringing an extension on all its devices: forks, early media, who wins and what is told when nobody does. */
#include "call/testing_phone.h"

/* 101 calls 102, which has a second device at phone 5. */
static void two_ring(struct world *w, struct ua *a, struct ua *b, struct ua *c)
{
	registers(&w->phone[5], 102);
	calls_number(a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(b, &w->phone[2]);
	rings(c, &w->phone[5]);
}

static void the_first_answer_wins_and_the_other_stops(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 180, "");
	nothing(a.p); /* it rings already */
	assert_int_not_equal(media_port(b.req, 0), media_port(c.req, 0));
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_cancelled(&b, ELSEWHERE);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	assert_int_equal(engine_sessions(&w->engine), 2);
	assert_string_equal(last_call(w)->status, "in_progress");
	assert_int_equal(heard(w, BUS_TARGET_ADD), 2);
	assert_int_equal(heard(w, BUS_TARGET_ANSWERED), 1);
	hang_up(&a, &c);
	ua_done(&b);
}

/* The CANCEL to the loser crosses its 200: it is acknowledged and hung up, and the call does not notice. */
static void two_answers_at_once_make_one_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 180, "");
	ua_reply(&c, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 200, audio(c.p));
	ua_reply(&b, 200, audio(b.p));
	got_request(b.p, SIP_CANCEL);
	ua_asked(&b, SIP_ACK);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_asked(&c, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	pass(w, 40000);
	nothing(a.p);
	assert_int_equal(calls_count(w->calls), 1);
	hang_up(&c, &a);
	assert_string_equal(last_call(w)->status, "answered");
	ua_done(&b);
}

static void a_device_that_registers_meanwhile_rings_too(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	registers(&w->phone[4], 104); /* another extension's */
	nothing(&w->phone[4]);
	registers(&w->phone[5], 102);
	rings(&c, &w->phone[5]);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_cancelled(&b, ELSEWHERE);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	registers(&w->phone[6], 102); /* answered: nothing rings any more */
	nothing(&w->phone[6]);
	hang_up(&a, &c);
	ua_done(&b);
}

static void a_device_gone_before_it_was_rung_is_left_out(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	oid id = registers(&w->phone[5], 102);

	w->engine.is_deaf = true;
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	w->engine.is_deaf = false;
	unregisters(w, id); /* while the media of its leg is opened */
	for (size_t i = 3; i--;) {
		struct media_event ev = {.type = MEDIA_OPENED, .session = w->engine.session[i].id};

		nothing(&w->phone[2]); /* not before the caller's is open */
		ev.u.local[0] = w->engine.session[i].local[0];
		calls_media_event(&ev, w->calls);
	}
	rings(&b, &w->phone[2]);
	nothing(&w->phone[5]);
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

/* With 488 it is asked again, with all that we can convert. */
static void refuses(struct world *w, struct ua *u, unsigned status)
{
	struct phone *p = u->p;

	ua_reply(u, status, "");
	if (status != 488)
		return;
	ua_done(u);
	rings(u, p);
	ua_reply(u, status, "");
}

static void ends_with(struct world *w, unsigned first, unsigned second, unsigned told,
		      const char *reason)
{
	struct ua a, b = {0}, c = {0};
	oid id = registers(&w->phone[5], 102);

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[5]);
	refuses(w, &b, first);
	refuses(w, &c, second);
	ua_got(&a, told);
	assert_string_equal(last_call(w)->reason, reason);
	unregisters(w, id);
	ua_done(&b);
	ua_done(&c);
}

static void the_failure_that_says_most_is_told(void **state)
{
	struct world *w = *state;

	ends_with(w, 486, 480, 486, "busy");
	ends_with(w, 480, 486, 486, "busy");
	ends_with(w, 404, 500, 404, "unavailable");
	ends_with(w, 500, 404, 404, "unavailable");
	ends_with(w, 488, 480, 488, "not_acceptable");
	ends_with(w, 486, 488, 486, "busy");
	ends_with(w, 503, 503, 480, "unavailable");
}

/* The first offer is the caller's own; only who refuses it hears of more, and each side is answered in what it knows. */
static void who_shares_no_codec_is_asked_again_with_all_that_we_convert(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	const struct sip_msg *a200;
	const char *gsm = "m=audio 4000 RTP/AVP 3 101\r\na=rtpmap:101 telephone-event/8000\r\n";

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	assert_false(says(b.req, "GSM"));
	ua_reply(&b, 488, "");
	ua_done(&b);
	rings(&b, &w->phone[2]);
	assert_true(says(b.req, " 0 8 101 "));
	assert_true(says(b.req, "a=rtpmap:3 GSM/8000"));
	assert_true(says(b.req, "opus/48000/2"));
	ua_reply(&b, 200, sdp_lines(b.p, 1, gsm));
	ua_asked(&b, SIP_ACK);
	a200 = ua_got(&a, 200);
	assert_true(says(a200, "RTP/AVP 0 101"));
	assert_false(says(a200, "GSM"));
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

/* A device that refuses once and is silent then: its refusal is told after two seconds. */
static void who_is_silent_when_asked_again_has_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 488, "");
	pass(w, 2100);
	ua_got(&a, 488);
	assert_string_equal(last_call(w)->reason, "not_acceptable");
	ua_done(&b);
}

static void limits_102(struct world *w, const char *field, unsigned n)
{
	put(w, &resource_extension, TENANT, 2, "{'number':'102','%s':%u}", field, n);
}

static void finds_102_busy(struct world *w, struct phone *p)
{
	struct ua u;

	calls_number(&u, p, "102", audio(p));
	ua_got(&u, 486);
	assert_string_equal(last_call(w)->reason, "busy");
	nothing(&w->phone[2]);
}

/* EXT-14: a call that rings counts, and so does one that the extension made itself. */
static void a_busy_extension_rings_no_device(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0}, d = {0};

	limits_102(w, "busy_level", 1);
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	finds_102_busy(w, &w->phone[3]);
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
	calls_number(&b, &w->phone[2], "103", audio(&w->phone[2]));
	rings(&c, &w->phone[3]);
	finds_102_busy(w, &w->phone[1]);
	ua_reply(&c, 486, "");
	ua_got(&b, 486);
	ua_done(&c);
	limits_102(w, "max_calls", 1); /* now it has none */
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	limits_102(w, "max_calls", 2); /* obeyed by the next call at once */
	calls_number(&c, &w->phone[3], "102", audio(&w->phone[3]));
	rings(&d, &w->phone[2]);
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_reply(&d, 486, "");
	ua_got(&c, 486);
	ua_done(&b);
	ua_done(&d);
}

static void an_extension_at_its_limit_makes_no_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c;

	limits_102(w, "max_calls", 1);
	talk(w, &a, &b); /* 101 with 102 */
	calls_number(&c, &w->phone[2], "103", audio(&w->phone[2]));
	ua_got(&c, 403);
	assert_string_equal(last_call(w)->reason, "extension_limit");
	nothing(&w->phone[3]);
	finds_102_busy(w, &w->phone[3]);
	hang_up(&a, &b);
	calls_number(&c, &w->phone[2], "103", audio(&w->phone[2]));
	rings(&b, &w->phone[3]);
	ua_reply(&b, 486, "");
	ua_got(&c, 486);
	ua_done(&b);
}

static void rung_and_unanswered_beats_busy(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 486, "");
	nothing(a.p);
	pass(w, 20050);
	ua_cancelled(&b, NULL);
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "no_answer");
	ua_done(&b);
	ua_done(&c);
}

/* A phone with a time limit of its own gives up: it has rung all the same. */
static void a_device_that_rang_and_gave_up_was_unanswered(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&b, 408, "");
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "no_answer");
	ua_done(&b);
}

static void who_declines_stops_all_his_devices(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 180, "");
	ua_reply(&c, 603, "");
	ua_cancelled(&b, NULL);
	ua_got(&a, 603);
	assert_string_equal(last_call(w)->reason, "declined");
	assert_string_equal(last_call(w)->status, "busy");
	ua_done(&b);
	ua_done(&c);
}

static void the_calling_device_does_not_ring_itself(void **state)
{
	struct world *w = *state;
	struct ua a, c = {0};

	calls_number(&a, &w->phone[1], "101", audio(&w->phone[1]));
	ua_got(&a, 480); /* it is the only one */
	registers(&w->phone[5], 101);
	calls_number(&a, &w->phone[1], "101", audio(&w->phone[1]));
	rings(&c, &w->phone[5]);
	nothing(&w->phone[1]);
	ua_reply(&c, 486, "");
	ua_got(&a, 486);
	ua_done(&c);
}

static void devices_of_all_accounts_ring_but_not_of_disabled_ones(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	put(w, &resource_account, TENANT, 201, "{'username':'102_2','extension_id':'2'}");
	put(w, &resource_account, TENANT, 202,
	    "{'username':'102_3','extension_id':'2','enabled':false}");
	registers(&w->phone[5], 201);
	registers(&w->phone[6], 202);
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[5]);
	nothing(&w->phone[6]);
	ua_reply(&b, 486, "");
	ua_reply(&c, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
	ua_done(&c);
}

/* ---- preferences (RFC 3261 16.6) ---- */

/* 102 has phone 2 with the highest q, phones 5 and 6 with the next, phone 7 with the lowest. */
static void preferences_of_102(struct world *w)
{
	static const unsigned q[] = {900, 500, 500, 100};
	oid id[] = {0, registers(&w->phone[5], 102), registers(&w->phone[6], 102),
		    registers(&w->phone[7], 102)};

	for (size_t i = 0; i < w->registrar.n; i++) {
		struct contact *c = &w->registrar.contact[i];

		if (c->account_id != 102)
			continue;
		c->q = q[0];
		for (size_t k = 1; k < ARRAY_LEN(id); k++)
			if (c->id == id[k])
				c->q = q[k];
	}
}

static void whoever_is_preferred_less_rings_when_all_before_have_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0}, d = {0}, e = {0};

	preferences_of_102(w);
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	nothing(&w->phone[5]);
	nothing(&w->phone[7]);
	ua_reply(&b, 486, "");
	rings(&c, &w->phone[5]);
	rings(&d, &w->phone[6]);
	nothing(&w->phone[7]);
	ua_reply(&c, 180, "");
	ua_got(&a, 180);
	ua_reply(&c, 480, "");
	nothing(&w->phone[7]); /* phone 6 may still answer */
	ua_reply(&d, 404, "");
	rings(&e, &w->phone[7]);
	ua_reply(&e, 200, audio(e.p));
	ua_asked(&e, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &e);
	ua_done(&b);
	ua_done(&c);
	ua_done(&d);
}

static void turns_share_the_time_that_the_extension_rings(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0}, d = {0}, e = {0};

	preferences_of_102(w);
	calls_number(&a, &w->phone[1], "102",
		     audio(&w->phone[1])); /* it rings for 20 s: 6.67 each */
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	pass(w, 6500);
	nothing(&w->phone[5]);
	pass(w, 300);
	rings(&c, &w->phone[5]);
	rings(&d, &w->phone[6]);
	ua_cancelled(&b, NULL);
	ua_reply(&c, 180, "");
	ua_reply(&d, 180, "");
	nothing(a.p); /* it rings already */
	pass(w, 6700);
	rings(&e, &w->phone[7]);
	ua_reply(&e, 180, "");
	ua_cancelled(&c, NULL);
	ua_cancelled(&d, NULL);
	pass(w, 6800);
	ua_cancelled(&e, NULL);
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "no_answer");
	ua_done(&b);
	ua_done(&c);
	ua_done(&d);
	ua_done(&e);
}

static void who_declines_declines_for_those_whose_turn_has_not_come(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	preferences_of_102(w);
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 603, "");
	ua_got(&a, 603);
	nothing(&w->phone[5]);
	ua_done(&b);
}

static void an_extension_may_ring_all_at_once_whatever_they_prefer(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0}, d = {0}, e = {0};

	preferences_of_102(w);
	put(w, &resource_extension, TENANT, 2, "{'number':'102','devices_by_preference':false}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[5]);
	rings(&d, &w->phone[6]);
	rings(&e, &w->phone[7]);
	ua_reply(&c, 180, "");
	ua_reply(&d, 180, "");
	ua_reply(&e, 180, "");
	ua_got(&a, 180);
	ua_reply(&b, 603, "");
	ua_cancelled(&c, NULL);
	ua_cancelled(&d, NULL);
	ua_cancelled(&e, NULL);
	ua_got(&a, 603);
	ua_done(&b);
	ua_done(&c);
	ua_done(&d);
	ua_done(&e);
}

/* ---- early media ---- */

static void early_media_is_heard_before_the_answer(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct session *sa;
	struct sip_msg *m;
	unsigned port;
	uint64_t version;

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 183, audio(b.p));
	m = ua_got(&a, 183);
	port = media_port(m, 0);
	version = sdp_version(m);
	sa = session_at(w, port);
	assert_int_equal(sa->joined, session_at(w, media_port(b.req, 0))->id);
	assert_true(sa->remote[0].may_receive);
	ua_reply(&b, 180, ""); /* and rings on: 180 after 183 */
	ua_got(&a, 180);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	m = ua_got(&a, 200);
	assert_int_equal(media_port(m, 0), port);
	assert_int_equal(sdp_version(m), version); /* the same description */
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void early_media_ends_with_a_refusal(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 183, audio(b.p));
	ua_got(&a, 183);
	ua_reply(&b, 480, "");
	ua_got(&a, 480);
	assert_int_equal(engine_sessions(&w->engine), 0);
	ua_done(&b);
}

/* The first device that sends sound is heard; when it is gone, the next. */
static void one_device_is_heard_at_a_time(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct session *sa, *sb, *sc;
	struct sip_msg *m;
	uint64_t version;

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 183, audio(b.p));
	m = ua_got(&a, 183);
	version = sdp_version(m);
	sa = session_at(w, media_port(m, 0));
	sb = session_at(w, media_port(b.req, 0));
	sc = session_at(w, media_port(c.req, 0));
	ua_reply(&c, 183, audio_as(c.p, 1, "sendrecv"));
	nothing(a.p);
	assert_int_equal(sa->joined, sb->id);
	ua_reply(&b, 486, "");
	m = ua_got(&a, 183);
	assert_true(sdp_version(m) > version); /* c describes itself otherwise */
	assert_int_equal(sa->joined, sc->id);
	ua_reply(&c, 200, audio_as(c.p, 1, "sendrecv"));
	ua_asked(&c, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &c);
	ua_done(&b);
}

static void another_device_than_the_one_heard_may_answer(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct session *sa;
	struct sip_msg *m;

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 183, audio(b.p));
	m = ua_got(&a, 183);
	sa = session_at(w, media_port(m, 0));
	ua_reply(&c, 200, audio_as(c.p, 1, "sendrecv"));
	ua_asked(&c, SIP_ACK);
	got_request(b.p, SIP_CANCEL);
	ua_reply(&b, 487, "");
	m = ua_got(&a, 200);
	assert_int_equal(session_at(w, media_port(m, 0))->id, sa->id);
	assert_int_equal(sa->joined, session_at(w, media_port(c.req, 0))->id);
	assert_int_equal(sa->remote[0].rtp.ip[3], 1);
	ua_request(&a, "ACK", "");
	hang_up(&a, &c);
	ua_done(&b);
}

/* RFC 3261 13.2.1: the answer stands in the 183, the 200 has none. */
static void an_answer_in_183_need_not_be_repeated(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 183, audio(b.p));
	ua_got(&a, 183);
	ua_reply(&b, 200, "");
	ua_asked(&b, SIP_ACK);
	m = ua_got(&a, 200);
	assert_true(m->body.n > 0);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void an_answer_without_description_is_none(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	two_ring(w, &a, &b, &c);
	ua_reply(&b, 200, "");
	ua_asked(&b, SIP_ACK);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	nothing(a.p); /* c rings on */
	ua_reply(&c, 200, "v=0\r\nnonsense\r\n");
	ua_asked(&c, SIP_ACK);
	ua_asked(&c, SIP_BYE);
	ua_reply(&c, 200, "");
	ua_got(&a, 500);
	assert_string_equal(last_call(w)->status, "failed");
	assert_string_equal(last_call(w)->reason, "protocol");
	ua_done(&b);
	ua_done(&c);
}

/* A proxy behind one contact forks: several early dialogs, one answer. */
static void forks_behind_one_contact_make_one_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	char first[300];

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	strcpy(first, b.local);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	strcat(b.local, "x"); /* another To tag */
	ua_reply(&b, 183, audio(b.p));
	ua_got(&a, 183);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	{ /* the other one has answered as well: it is acknowledged and hung up */
		char second[300];

		strcpy(second, b.local);
		strcpy(b.local, first);
		ua_reply(&b, 200, audio(b.p));
		got_request(b.p, SIP_ACK);
		got_request(b.p, SIP_BYE);
		strcpy(b.local, second);
	}
	nothing(a.p);
	assert_int_equal(calls_count(w->calls), 1);
	pass(w, 40000);
	while (phone_next(b.p)) /* nobody answered that BYE */
		;
	hang_up(&a, &b);
}

static void what_happens_on_the_way_is_told_but_is_no_ringing(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 181, "");
	ua_got(&a, 181);
	ua_reply(&b, 199, ""); /* RFC 6228: only to who supports it */
	nothing(a.p);
	ua_reply(&b, 182, "");
	ua_got(&a, 182);
	assert_int_equal(last_call(w)->ringing_at, 0);
	ua_reply(&b, 480, "");
	ua_got(&a, 480);
	assert_string_equal(last_call(w)->reason, "unavailable");
	ua_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_first_answer_wins_and_the_other_stops),
		STORY(two_answers_at_once_make_one_call),
		STORY(a_device_that_registers_meanwhile_rings_too),
		STORY(a_device_gone_before_it_was_rung_is_left_out),
		STORY(the_failure_that_says_most_is_told),
		STORY(who_shares_no_codec_is_asked_again_with_all_that_we_convert),
		STORY(who_is_silent_when_asked_again_has_refused),
		STORY(a_busy_extension_rings_no_device),
		STORY(an_extension_at_its_limit_makes_no_call),
		STORY(rung_and_unanswered_beats_busy),
		STORY(a_device_that_rang_and_gave_up_was_unanswered),
		STORY(who_declines_stops_all_his_devices),
		STORY(the_calling_device_does_not_ring_itself),
		STORY(devices_of_all_accounts_ring_but_not_of_disabled_ones),
		STORY(whoever_is_preferred_less_rings_when_all_before_have_refused),
		STORY(turns_share_the_time_that_the_extension_rings),
		STORY(who_declines_declines_for_those_whose_turn_has_not_come),
		STORY(an_extension_may_ring_all_at_once_whatever_they_prefer),
		STORY(early_media_is_heard_before_the_answer),
		STORY(early_media_ends_with_a_refusal),
		STORY(one_device_is_heard_at_a_time),
		STORY(another_device_than_the_one_heard_may_answer),
		STORY(an_answer_in_183_need_not_be_repeated),
		STORY(an_answer_without_description_is_none),
		STORY(forks_behind_one_contact_make_one_call),
		STORY(what_happens_on_the_way_is_told_but_is_no_ringing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
