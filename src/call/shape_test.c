/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands where in calls over trunks, by the trunk's own rules and the caller's wishes. */
#include "call/testing_transfer.h"
#include "call/testing_trunk.h"

static struct sip_msg *goes(struct world *w, struct ua *a, struct ua *far, const char *headers)
{
	calls_number_h(a, &w->phone[1], "0033123", headers, audio(&w->phone[1]));
	return rings(far, &w->phone[ONE]);
}

static void over(struct ua *a, struct ua *far)
{
	ua_reply(far, 486, "");
	ua_got(a, 486);
	ua_done(far);
}

static void shaped(struct world *w, const char *rules)
{
	put(w, &resource_trunk, 0, 1,
	    "{'name':'one','host':'10.0.0.6','username':'user','auth_username':'auth',"
	    "'outbound_parameters':[%s]}",
	    rules);
}

static void assert_begins(const struct sip_msg *m, enum sip_hdr id, const char *text)
{
	struct str value = sip_msg_header(m, id);

	if (!str_starts(value, str_of(text)))
		fail_msg("header is %.*s, not %s", STR_ARG(value), text);
}

static void rules_put_things_where_the_provider_reads_them(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	shaped(w, "{'header':'from','part':'user','value':'trunk_auth_username'},"
		  "{'header':'from','part':'display','value':'text','text':'Acme'},"
		  "{'header':'from','part':'host','value':'tenant_domain'},"
		  "{'header':'to','part':'user','value':'text','text':'desk'},"
		  "{'header':'request_uri','part':'host','value':'text','text':'sbc.example'},"
		  "{'header':'contact','part':'user','value':'trunk_username'},"
		  "{'header':'p_asserted_identity','part':'user','value':'outbound_caller_id'},"
		  "{'header':'remote_party_id','part':'user','value':'caller_number'}");
	m = goes(w, &a, &far, "");
	assert_true(str_eq(m->uri, STR("sip:33123@sbc.example")));
	assert_begins(m, SIP_HDR_FROM, "\"Acme\" <sip:auth@acme.example>;tag=");
	assert_begins(m, SIP_HDR_TO, "<sip:desk@");
	assert_begins(m, SIP_HDR_CONTACT, "<sip:user@");
	assert_begins(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:442070000100@");
	assert_begins(m, SIP_HDR_REMOTE_PARTY_ID, "\"Anna No. 1\" <sip:101@");
	over(&a, &far);
}

static void without_rules_all_is_as_usual(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	shaped(w, "");
	m = goes(w, &a, &far, "");
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000100@");
	assert_begins(m, SIP_HDR_TO, "<sip:33123@");
	assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
	assert_false(sip_msg_has(m, SIP_HDR_REMOTE_PARTY_ID));
	over(&a, &far);
	/* what this call has not leaves things as they are */
	shaped(w, "{'header':'from','part':'user','value':'emergency_caller_id'},"
		  "{'header':'from','part':'user','value':'did_called'}");
	assert_begins(goes(w, &a, &far, ""), SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000100@");
	over(&a, &far);
}

static void rules_do_not_name_who_is_not_to_be_named(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	shaped(w, "{'header':'from','part':'user','value':'caller_number'},"
		  "{'header':'p_asserted_identity','part':'user','value':'outbound_caller_id'}");
	m = goes(w, &a, &far, "Privacy: id\n");
	assert_begins(m, SIP_HDR_FROM, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
	over(&a, &far);
}

/* TRK-10, bound by TRK-13. */
static void a_caller_may_wish_for_numbers_of_the_tenants(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	m = goes(w, &a, &far,
		 "X-Outbound-Cli: rewrite-from=442070000155; rewrite-pai=442070000156;"
		 "rewrite-rpi=33999\n");
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000155@");
	assert_begins(m, SIP_HDR_P_ASSERTED_IDENTITY, "\"Anna No. 1\" <sip:442070000156@");
	assert_begins(m, SIP_HDR_REMOTE_PARTY_ID, "\"Anna No. 1\" <sip:442070000100@");
	assert_null(sip_msg_header_named(m, STR("X-Outbound-Cli")).p);
	over(&a, &far);
	m = goes(w, &a, &far, "X-Outbound-Cli: rewrite-from=33999\n"); /* not the tenant's */
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000100@");
	over(&a, &far);
	m = goes(w, &a, &far,
		 "X-Outbound-Cli: rewrite-from=442070000155;rewrite-pai=442070000155;trunk-name:two"
		 "\n");
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000100@");
	assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
	over(&a, &far);
	m = goes(w, &a, &far, "X-Outbound-Cli: rewrite-from=442070000155;trunk-name:one\n");
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000155@");
	over(&a, &far);
	put(w, &resource_account, TENANT, 101,
	    "{'username':'101','extension_id':'1','allow_outbound_cli':false}");
	m = goes(w, &a, &far, "X-Outbound-Cli: rewrite-from=442070000155\n");
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000100@");
	over(&a, &far);
}

static struct sip_msg *comes(struct world *w, struct ua *far, struct ua *a, const char *number,
			     const char *to, const char *headers)
{
	*far = (struct ua){.p = &w->phone[ONE]};
	snprintf(far->call_id, sizeof(far->call_id), "in-%s-%s", number, to);
	snprintf(far->local, sizeof(far->local), "\"Far\" <sip:49@x>;tag=f");
	snprintf(far->remote, sizeof(far->remote), "<sip:%s@acme.example>", to);
	snprintf(far->target, sizeof(far->target), "sip:%s@10.0.0.1", number);
	ua_request_h(far, "INVITE", headers, audio(far->p));
	return rings(a, &w->phone[1]);
}

static void the_number_called_and_who_calls_are_read_where_the_rules_say(void **state)
{
	struct world *w = *state;
	struct ua far, a = {0};
	struct sip_msg *m;

	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'desk','trunk_id':'1','did':'442070000101','destination':{'kind':'extension',"
	    "'id':'1'}}");
	comes(w, &far, &a, "ourcontact", "442070000101", ""); /* a registered trunk's */
	over(&far, &a);
	comes(w, &far, &a, "ourcontact", "else", "P-Called-Party-ID: <sip:442070000101@x>\n");
	over(&far, &a);
	put(w, &resource_trunk, 0, 1,
	    "{'name':'one','host':'10.0.0.6','inbound_parameters':[{'what':'called_number',"
	    "'header':'diversion'},{'what':'caller_number','header':'remote_party_id'},{'what':"
	    "'caller_name','header':'remote_party_id','part':'display'}]}");
	m = comes(w, &far, &a, "442070000199", "2",
		  "Diversion: <sip:442070000101@x>\nRemote-Party-ID: \"Rita\" <sip:4711@x>\n");
	assert_begins(m, SIP_HDR_FROM, "\"Rita\" <sip:4711@acme.example>");
	over(&far, &a);
	assert_string_equal(last_call(w)->callee, "442070000101");
}

static void a_number_that_is_nobodys_is_told_of(void **state)
{
	struct world *w = *state;
	struct ua far = {.p = &w->phone[ONE]};
	unsigned before = heard(w, BUS_NUMBER_UNKNOWN);

	snprintf(far.call_id, sizeof(far.call_id), "nobody");
	snprintf(far.local, sizeof(far.local), "<sip:49@x>;tag=f");
	snprintf(far.remote, sizeof(far.remote), "<sip:449@acme.example>");
	snprintf(far.target, sizeof(far.target), "sip:449@10.0.0.1");
	ua_request(&far, "INVITE", audio(far.p));
	ua_got(&far, 404);
	assert_int_equal(heard(w, BUS_NUMBER_UNKNOWN), before + 1);
}

static void with_rules(struct world *w, const char *rules)
{
	put(w, &resource_trunk, 0, 1,
	    "{'name':'one','host':'10.0.0.6','send_identity':'p_asserted_identity',"
	    "'header_rules':[%s]}",
	    rules);
}

/* What the simulator says of the same call. */
static void assert_would_say(struct world *w, const char *line)
{
	struct calls_question q = {.tenant_id = TENANT, .caller = "101", .number = "0033123"};
	struct route_decision d;
	struct buf lines = {0};

	calls_would_route(w->calls, &q, &d);
	assert_int_equal(calls_would_say(w->calls, &q, &d, &lines), 0);
	if (!strstr(lines.p, line))
		fail_msg("%s is not in %s", line, lines.p);
	buf_free(&lines);
}

static void header_rules_change_what_a_trunk_is_sent(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	with_rules(w, "{'header':'Request-URI','match':'^sip:33','value':'sip:+33'},"
		      "{'header':'From','match':'^[^<]*','value':''},"
		      "{'action':'remove','header':'P-Asserted-Identity'},"
		      "{'action':'add','header':'X-Account','value':'$1','condition_header':'From',"
		      "'condition_match':'sip:([0-9]+)@'},"
		      "{'direction':'inbound','header':'To','value':'no'}");
	m = goes(w, &a, &far, "");
	assert_true(str_starts(m->uri, STR("sip:+33123@")));
	assert_begins(m, SIP_HDR_FROM, "<sip:442070000100@");
	assert_begins(m, SIP_HDR_TO, "<sip:33123@");
	assert_false(sip_msg_has(m, SIP_HDR_P_ASSERTED_IDENTITY));
	assert_true(str_eq(sip_msg_header_named(m, STR("X-Account")), STR("442070000100")));
	over(&a, &far);
	assert_would_say(w, "Request-URI: sip:+33123@");
	assert_would_say(w, "From: <sip:442070000100@");
	assert_would_say(w, "X-Account: 442070000100\r\n");
}

static void a_rule_that_leaves_no_address_has_not_been(void **state)
{
	struct world *w = *state;
	struct ua a, far = {0};
	struct sip_msg *m;

	with_rules(w, "{'header':'Request-URI','value':'nobody'},"
		      "{'header':'From','value':'<sip:1@x>;tag=7'},"
		      "{'header':'To','value':'<>'}");
	m = goes(w, &a, &far, "");
	assert_true(str_starts(m->uri, STR("sip:33123@")));
	assert_begins(m, SIP_HDR_FROM, "\"Anna No. 1\" <sip:442070000100@");
	assert_begins(m, SIP_HDR_TO, "<sip:33123@");
	over(&a, &far);
}

static void what_a_trunk_sends_is_read_as_its_rules_leave_it(void **state)
{
	struct world *w = *state;
	struct calls_question q = {
		.tenant_id = TENANT, .from_trunk_id = 1, .caller = "9949", .number = "7101"};
	struct ua far, a = {0};
	struct sip_msg *m;

	put(w, &resource_inbound_rule, TENANT, 51,
	    "{'name':'desk','trunk_id':'1','did':'442070000101','destination':{'kind':'extension',"
	    "'id':'1'}}");
	with_rules(w, "{'direction':'inbound','header':'Request-URI','match':'sip:7([0-9]{3})@',"
		      "'value':'sip:442070000$1@'},"
		      "{'direction':'inbound','header':'From','match':'sip:(99)?','value':'sip:+'},"
		      "{'header':'To','value':'<sip:no@x>'}");
	m = comes(w, &far, &a, "7101", "else", "");
	assert_begins(m, SIP_HDR_FROM, "\"Far\" <sip:+49@");
	over(&far, &a); /* in the dialog as it came */
	assert_string_equal(last_call(w)->callee, "442070000101");
	assert_int_equal(calls_would_come(w->calls, &q), 0);
	assert_string_equal(q.number, "442070000101");
	assert_string_equal(q.caller, "+49");
	calls_would_end(&q);
	/* without them it is nobody's number */
	with_rules(w, "");
	q.number = "7101";
	assert_int_equal(calls_would_come(w->calls, &q), 0);
	assert_string_equal(q.number, "7101");
	calls_would_end(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TRUNK_STORY(rules_put_things_where_the_provider_reads_them),
		TRUNK_STORY(without_rules_all_is_as_usual),
		TRUNK_STORY(rules_do_not_name_who_is_not_to_be_named),
		TRUNK_STORY(a_caller_may_wish_for_numbers_of_the_tenants),
		TRUNK_STORY(the_number_called_and_who_calls_are_read_where_the_rules_say),
		TRUNK_STORY(a_number_that_is_nobodys_is_told_of),
		TRUNK_STORY(header_rules_change_what_a_trunk_is_sent),
		TRUNK_STORY(a_rule_that_leaves_no_address_has_not_been),
		TRUNK_STORY(what_a_trunk_sends_is_read_as_its_rules_leave_it),
	};

	return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
