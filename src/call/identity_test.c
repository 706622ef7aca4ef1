/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is believed to be who, who is told so, and who asked not to be named. */
#include "call/testing_transfer.h"
#include "call/testing_trunk.h"

static const char one_asserts[] = "P-Asserted-Identity: \"Prime\" <sip:+442079460001@x>\n"
				  "Remote-Party-ID: <sip:555@x>;party=calling\n";

/* A call from the world to the extension 101, and what its phone is shown. */
static struct sip_msg *comes(struct world *w, struct ua *far, struct ua *a, const char *headers)
{
	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'desk','trunk_id':'1','did':'442070000101','destination':{'kind':'extension',"
	    "'id':'1'}}");
	COPY_TEXT(w->phone[ONE].user, "00491234");
	calls_number_h(far, &w->phone[ONE], "442070000101", headers, audio(&w->phone[ONE]));
	return rings(a, &w->phone[1]);
}

static void trusted(struct world *w, const char *more)
{
	put(w, &resource_trunk, 0, 1, "{'name':'one','host':'10.0.0.6','trust_identity':true%s}",
	    more);
}

static void assert_shown(const struct sip_msg *m, const char *from)
{
	struct str value = sip_msg_header(m, SIP_HDR_FROM);

	if (!str_starts(value, str_of(from)))
		fail_msg("From is %.*s, not %s", STR_ARG(value), from);
}

static void refuses(struct ua *callee, struct ua *caller)
{
	ua_reply(callee, 486, "");
	ua_got(caller, 486);
	ua_done(callee);
}

static void a_trunk_that_is_not_trusted_asserts_nothing(void **state)
{
	struct world *w = *state;
	struct ua far, a = {0};

	assert_shown(comes(w, &far, &a, one_asserts), "\"Faked\" <sip:00491234@acme.example>");
	refuses(&a, &far);
	assert_string_equal(last_call(w)->caller, "00491234");
}

static void a_trusted_trunk_says_who_calls(void **state)
{
	struct world *w = *state;
	struct ua far, a = {0};

	trusted(w, "");
	assert_shown(comes(w, &far, &a, one_asserts), "\"Prime\" <sip:+442079460001@acme.example>");
	refuses(&a, &far);
	assert_string_equal(last_call(w)->caller, "+442079460001");
	assert_shown(comes(w, &far, &a, "P-Asserted-Identity: <tel:+44-20.7946(0002)>\n"),
		     "<sip:+442079460002@acme.example>");
	refuses(&a, &far);
	assert_shown(comes(w, &far, &a,
			   "Remote-Party-ID: <sip:1@x>;party=called, \"Rex\" "
			   "<sip:777@x>;party=calling;screen=yes\n"),
		     "\"Rex\" <sip:777@acme.example>");
	refuses(&a, &far);
	assert_shown(comes(w, &far, &a, "P-Preferred-Identity: <sip:777@x>\n"),
		     "\"Faked\" <sip:00491234@acme.example>");
	refuses(&a, &far);
}

static void who_asks_for_privacy_is_nobody_to_phones_and_records(void **state)
{
	static const char *const ways[] = {
		"Privacy: id\n", "Privacy: critical; header\n", "Privacy: user,id\n",
		"Remote-Party-ID: <sip:555@x>;party=calling;privacy=full\n"};
	struct world *w = *state;
	struct ua far, a = {0};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		char lines[300];
		struct sip_msg *m;

		snprintf(lines, sizeof(lines), "%s%s",
			 "P-Asserted-Identity: <sip:+442079460001@x>\n", ways[i]);
		trusted(w, i & 1 ? ",'enabled':true" : "");
		m = comes(w, &far, &a, lines);
		assert_shown(m, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
		assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
		refuses(&a, &far);
		assert_string_equal(last_call(w)->caller, "anonymous");
	}
	assert_shown(comes(w, &far, &a, "Privacy: none\n"),
		     "\"Faked\" <sip:00491234@acme.example>");
	refuses(&a, &far);
}

/* ---- to the world ---- */

static struct sip_msg *goes(struct world *w, struct ua *a, struct ua *far, const char *headers)
{
	calls_number_h(a, &w->phone[1], "0033123", headers, audio(&w->phone[1]));
	return rings(far, &w->phone[ONE]);
}

static void a_private_caller_is_named_to_trusted_trunks_only(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	trusted(w, ",'send_identity':'p_asserted_identity'");
	m = goes(w, &a, &far, "Privacy: id\n");
	assert_shown(m, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_header(m, SIP_HDR_PRIVACY, "id");
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:442070000100@10.0.0.6>");
	refuses(&far, &a);
	trusted(w, ",'send_identity':'remote_party_id'");
	m = goes(w, &a, &far, "Privacy: id\n");
	assert_header(m, SIP_HDR_REMOTE_PARTY_ID,
		      "\"Anna No. 1\" "
		      "<sip:442070000100@10.0.0.6>;party=calling;privacy=full;screen=yes");
	refuses(&far, &a);
	put(w, &resource_trunk, 0, 1,
	    "{'name':'one','host':'10.0.0.6','send_identity':'p_asserted_identity'}");
	m = goes(w, &a, &far, "Privacy: id\n");
	assert_shown(m, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_header(m, SIP_HDR_PRIVACY, "id");
	assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
	refuses(&far, &a);
	m = goes(w, &a, &far, "");
	assert_shown(m, "\"Anna No. 1\" <sip:442070000100@");
	assert_false(sip_msg_has(m, SIP_HDR_PRIVACY));
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:442070000100@10.0.0.6>");
	refuses(&far, &a);
	assert_string_equal(last_call(w)->caller, "101"); /* the tenant's own records know */
}

static void an_emergency_service_hears_who_calls(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	put(w, &resource_emergency_number, TENANT, 61,
	    "{'number':'112','trunk_id':'1','caller_id':'442070000199'}");
	calls_number_h(&a, &w->phone[1], "112", "Privacy: id\n", audio(&w->phone[1]));
	m = rings(&far, &w->phone[ONE]);
	assert_shown(m, "\"Anna No. 1\" <sip:442070000199@");
	assert_false(sip_msg_has(m, SIP_HDR_PRIVACY));
	refuses(&far, &a);
}

/* ---- inside ---- */

static void a_phone_asserts_nothing_for_others_unless_its_account_may(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number_h(&a, &w->phone[1], "102", one_asserts, audio(&w->phone[1]));
	assert_shown(rings(&b, &w->phone[2]), "\"Anna No. 1\" <sip:101@acme.example>");
	refuses(&b, &a);
	put(w, &resource_account, TENANT, 101,
	    "{'username':'101','extension_id':'1','trust_identity':true}");
	calls_number_h(&a, &w->phone[1], "102", one_asserts, audio(&w->phone[1]));
	assert_shown(rings(&b, &w->phone[2]), "\"Prime\" <sip:+442079460001@acme.example>");
	refuses(&b, &a);
	calls_number_h(&a, &w->phone[1], "102", "P-Preferred-Identity: \"Pat\" <sip:5@x>\n",
		       audio(&w->phone[1]));
	assert_shown(rings(&b, &w->phone[2]), "\"Pat\" <sip:5@acme.example>");
	refuses(&b, &a);
	/* TRK-13: over a trunk only what is the tenant's */
	m = goes(w, &a, &b, "P-Asserted-Identity: <sip:442070000155@x>\n");
	assert_shown(m, "<sip:442070000155@");
	refuses(&b, &a);
	m = goes(w, &a, &b, "P-Asserted-Identity: <sip:33999@x>\n");
	assert_shown(m, "<sip:442070000100@");
	refuses(&b, &a);
}

static void a_private_caller_inside_is_nobody_to_the_callee(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number_h(&a, &w->phone[1], "102", "Privacy: id\n", audio(&w->phone[1]));
	m = rings(&b, &w->phone[2]);
	assert_shown(m, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_true(str_starts(sip_msg_header(m, SIP_HDR_CONTACT), STR("<sip:anonymous@")));
	refuses(&b, &a);
}

/* ---- who has answered ---- */

static void the_answer_says_who_it_is(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, far = {0};

	put(w, &resource_account, TENANT, 102,
	    "{'username':'102','extension_id':'2','send_identity':'remote_party_id'}");
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	assert_header(ua_got(&a, 200), SIP_HDR_P_ASSERTED_IDENTITY,
		      "\"Anna No. 2\" <sip:102@acme.example>");
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);

	calls_number(&b, &w->phone[2], "101", audio(&w->phone[2]));
	rings(&a, &w->phone[1]);
	ua_reply_h(&a, 200, "P-Asserted-Identity: <sip:president@x>\n", audio(a.p));
	ua_asked(&a, SIP_ACK);
	assert_header(ua_got(&b, 200), SIP_HDR_REMOTE_PARTY_ID,
		      "\"Anna No. 1\" "
		      "<sip:101@acme.example>;party=called;privacy=off;screen=yes");
	ua_request(&b, "ACK", "");
	hang_up(&a, &b);

	/* of whom a trusted trunk has reached */
	trusted(w, "");
	goes(w, &a, &far, "");
	ua_reply_h(&far, 200, "P-Asserted-Identity: \"Zoe\" <sip:+33999@x>\n", audio(far.p));
	ua_asked(&far, SIP_ACK);
	assert_header(ua_got(&a, 200), SIP_HDR_P_ASSERTED_IDENTITY,
		      "\"Zoe\" <sip:+33999@acme.example>");
	ua_request(&a, "ACK", "");
	hang_up(&a, &far);
}

/* The world is told a number of the tenant's, never what is inside. */
static void a_trunk_is_told_of_an_extension_by_a_number_of_the_tenants(void **state)
{
	struct world *w = *state;
	struct ua far, a = {0};
	struct sip_msg *m;

	trusted(w, ",'send_identity':'p_asserted_identity'");
	comes(w, &far, &a, "");
	ua_reply(&a, 200, audio(a.p));
	ua_asked(&a, SIP_ACK);
	m = ua_got(&far, 200);
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:442070000100@10.0.0.6>");
	ua_request(&far, "ACK", "");
	hang_up(&far, &a);
}

static void a_transfer_tells_both(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	refers(&b, "sip:103@acme.example", "");
	got_status(b.p, 202);
	told(&b, "SIP/2.0 100 Trying", false);
	assert_shown(rings(&c, &w->phone[3]), "\"Anna No. 1\" <sip:101@acme.example>");
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	told(&b, "SIP/2.0 200 OK", true);
	m = is_introduced(&a, audio(a.p));
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 3\" <sip:103@acme.example>");
	nothing(c.p); /* it knows since it rang */
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
}

/* b has consulted c and puts a through to it: c, who says that it takes UPDATE, hears of a in one. */
static void who_takes_update_is_told_in_one(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	calls_number(&b2, b.p, "103", audio(b.p));
	rings(&c, &w->phone[3]);
	ua_reply_h(&c, 200, "Allow: INVITE, ACK, BYE, UPDATE\n", audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_got(&b2, 200);
	ua_request(&b2, "ACK", "");
	run(w);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	m = ua_asked(&c, SIP_UPDATE);
	assert_header(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:101@acme.example>");
	assert_int_equal(m->body.n, 0);
	ua_reply(&c, 200, "");
	assert_hear_each_other(w, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_request(&b2, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
	ua_done(&b2);
}

/* One that refuses to hear it goes on talking. */
static void who_refuses_to_be_told_talks_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, b2, c = {0};

	talk(w, &a, &b);
	calls_number(&b2, b.p, "103", audio(b.p));
	rings(&c, &w->phone[3]);
	ua_reply(&c, 200, audio(c.p));
	ua_asked(&c, SIP_ACK);
	ua_got(&b2, 200);
	ua_request(&b2, "ACK", "");
	run(w);
	refers_to_call(&b, &b2, "");
	accepted(&b);
	told(&b, "SIP/2.0 200 OK", true);
	is_introduced(&a, audio(a.p));
	ua_asked(&c, SIP_INVITE);
	ua_reply(&c, 488, "");
	nothing(c.p);
	nothing(a.p);
	assert_hear_each_other(w, &a, &c);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_request(&b2, "BYE", "");
	got_status(b.p, 200);
	hang_up(&a, &c);
	ua_done(&b);
	ua_done(&b2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUNK_STORY(a_trunk_that_is_not_trusted_asserts_nothing),
		TRUNK_STORY(a_trusted_trunk_says_who_calls),
		TRUNK_STORY(who_asks_for_privacy_is_nobody_to_phones_and_records),
		TRUNK_STORY(a_private_caller_is_named_to_trusted_trunks_only),
		TRUNK_STORY(an_emergency_service_hears_who_calls),
		TRUNK_STORY(a_phone_asserts_nothing_for_others_unless_its_account_may),
		TRUNK_STORY(a_private_caller_inside_is_nobody_to_the_callee),
		TRUNK_STORY(the_answer_says_who_it_is),
		TRUNK_STORY(a_trunk_is_told_of_an_extension_by_a_number_of_the_tenants),
		TRUNK_STORY(a_transfer_tells_both),
		TRUNK_STORY(who_takes_update_is_told_in_one),
		TRUNK_STORY(who_refuses_to_be_told_talks_on),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
