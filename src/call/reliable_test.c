/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls with reliable provisional responses on either side, each side for itself (RFC 3262). */
#include "call/testing_phone.h"

#define REQUIRES "Require: 100rel\n"
#define SUPPORTS "Supported: 100rel\n"

/* The caller acknowledges the 1xx that it got last. */
static void pracks(struct ua *u, const struct sip_msg *m, const char *body)
{
	char lines[80];

	snprintf(lines, sizeof(lines), "RAck: %.*s %u INVITE\n",
		 STR_ARG(sip_msg_header(m, SIP_HDR_RSEQ)), m->cseq);
	ua_request_h(u, "PRACK", lines, body);
}

static struct sip_msg *got_reliable(struct ua *u, unsigned status)
{
	struct sip_msg *m = ua_got(u, status);

	assert_header(m, SIP_HDR_REQUIRE, "100rel");
	assert_true(sip_msg_header(m, SIP_HDR_RSEQ).n > 0);
	return m;
}

/* We acknowledge that 1xx of the callee. */
static struct sip_msg *is_pracked(struct ua *u, const char *rack)
{
	struct sip_msg *invite = sip_msg_ref(u->req), *m = ua_asked(u, SIP_PRACK);

	assert_header(m, SIP_HDR_RACK, rack);
	ua_reply(u, 200, "");
	sip_msg_deref(u->req);
	u->req = invite;
	return m;
}

static void ack_with_cseq_of_the_invite(struct ua *u, unsigned invite_cseq)
{
	unsigned cseq = u->cseq;

	u->cseq = invite_cseq;
	ua_request(u, "ACK", "");
	u->cseq = cseq;
}

static void caller_who_requires_it_is_served_before_a_plain_callee(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number_h(&a, &w->phone[1], "102", REQUIRES, audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	assert_true(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("100rel")));
	assert_false(sip_msg_has(m, SIP_HDR_REQUIRE));
	ua_reply(&b, 180, "");
	m = got_reliable(&a, 180);
	pracks(&a, m, "");
	got_status(a.p, 200);
	ua_reply(&b, 183, audio(b.p));
	m = got_reliable(&a, 183);
	assert_true(says(m, "m=audio"));
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	nothing(a.p); /* the description is not acknowledged */
	pracks(&a, m, "");
	got_status(a.p, 200);
	ua_got(&a, 200);
	ack_with_cseq_of_the_invite(&a, 1);
	nothing(a.p); /* nothing is left to agree on */
	hang_up(&a, &b);
}

static void plain_caller_hears_a_callee_who_requires_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply_h(&b, 183, REQUIRES "RSeq: 33\n", audio(b.p));
	is_pracked(&b, "33 1 INVITE");
	m = ua_got(&a, 183);
	assert_false(sip_msg_has(m, SIP_HDR_REQUIRE));
	assert_true(says(m, "m=audio"));
	ua_reply(&b, 200, ""); /* it has described itself */
	ua_asked(&b, SIP_ACK);
	m = ua_got(&a, 200);
	assert_true(says(m, "m=audio"));
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void late_offer_is_made_in_a_183_and_answered_in_the_prack(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;
	struct session *s;

	calls_number_h(&a, &w->phone[1], "102", REQUIRES, "");
	m = rings(&b, &w->phone[2]);
	assert_int_equal(m->body.n, 0);
	assert_true(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("100rel")));
	ua_reply(&b, 180, "");
	nothing(a.p); /* what is reliable has to offer first */
	ua_reply_h(&b, 183, REQUIRES "RSeq: 5\n", audio(b.p));
	m = got_reliable(&a, 183);
	assert_true(says(m, "m=audio"));
	s = session_at(w, media_port(m, 0));
	nothing(b.p);
	pracks(&a, m, audio_as(a.p, 1, "sendrecv"));
	got_status(a.p, 200);
	m = is_pracked(&b, "5 1 INVITE");
	assert_true(says(m, "m=audio"));
	assert_true(s->joined);
	ua_reply(&b, 200, "");
	m = ua_asked(&b, SIP_ACK);
	assert_int_equal(m->body.n, 0);
	ua_got(&a, 200);
	ack_with_cseq_of_the_invite(&a, 1);
	nothing(a.p);
	hang_up(&a, &b);
}

static void nobody_is_asked_for_an_offer_that_the_caller_could_not_answer(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", "");
	m = rings(&b, &w->phone[2]);
	assert_false(sip_msg_lists(m, SIP_HDR_SUPPORTED, STR("100rel")));
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

static void another_answer_than_the_reliable_one_is_offered_after_the_ack(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;
	uint64_t version;

	registers(&w->phone[4], 102);
	calls_number_h(&a, &w->phone[1], "102", SUPPORTS, audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	rings(&c, &w->phone[4]);
	ua_reply(&b, 183, audio(b.p));
	m = got_reliable(&a, 183);
	version = sdp_version(m);
	pracks(&a, m, "");
	got_status(a.p, 200);
	ua_reply(&b, 480, "");
	ua_reply(&c, 183, sdp_lines(c.p, 1, "m=audio 5000 RTP/AVP 0\r\n"));
	m = got_reliable(&a, 183);
	assert_int_equal(m->body.n, 0);
	pracks(&a, m, "");
	got_status(a.p, 200);
	ua_reply(&c, 200, sdp_lines(c.p, 1, "m=audio 5000 RTP/AVP 8\r\n"));
	ua_asked(&c, SIP_ACK);
	m = ua_got(&a, 200);
	assert_int_equal(m->body.n, 0);
	ack_with_cseq_of_the_invite(&a, 1);
	m = ua_asked(&a, SIP_INVITE);
	assert_int_equal(sdp_version(m), version + 1); /* of those never said nobody knows */
	assert_true(says(m, "RTP/AVP 8 101\r\n"));
	ua_reply(&a, 200, sdp_lines(a.p, 2, "m=audio 4000 RTP/AVP 8\r\n"));
	ua_asked(&a, SIP_ACK);
	hang_up(&a, &c);
	ua_done(&b);
}

static void caller_who_never_acknowledges_ends_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	put(w, &resource_extension, TENANT, 2, "{'number':'102','ring_seconds':60}");
	calls_number_h(&a, &w->phone[1], "102", REQUIRES, audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	pass(w, 31980);
	for (int i = 0; i < 7; i++)
		got_reliable(&a, 180);
	ua_got(&a, 504);
	ua_cancelled(&b, "Q.850;cause=27;text=\"the device no longer answers\"");
	ua_done(&b);
}

static void offering_callee_that_dies_leaves_the_callers_word_for_the_next(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number_h(&a, &w->phone[1], "102", SUPPORTS, "");
	rings(&b, &w->phone[2]);
	ua_reply_h(&b, 183, REQUIRES "RSeq: 5\n", audio(b.p));
	m = got_reliable(&a, 183);
	pracks(&a, m, audio_as(a.p, 1, "sendrecv"));
	got_status(a.p, 200);
	is_pracked(&b, "5 1 INVITE");
	ua_reply(&b, 486, "");
	ua_got(&a, 486);
	ua_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(caller_who_requires_it_is_served_before_a_plain_callee),
		STORY(plain_caller_hears_a_callee_who_requires_it),
		STORY(late_offer_is_made_in_a_183_and_answered_in_the_prack),
		STORY(nobody_is_asked_for_an_offer_that_the_caller_could_not_answer),
		STORY(another_answer_than_the_reliable_one_is_offered_after_the_ack),
		STORY(caller_who_never_acknowledges_ends_the_call),
		STORY(offering_callee_that_dies_leaves_the_callers_word_for_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
