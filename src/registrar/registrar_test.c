/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is let in: registering and calling. */
#include "registrar/testing.h"

/* ---- signing in ---- */

static void phone_is_challenged_then_registered(void **state)
{
	struct world *w = *state;
	const struct contact *c;

	send_request(w, "REGISTER", "");
	assert_string_equal(tn_out_line(&w->net), "SIP/2.0 401 Unauthorized");
	assert_string_equal(tn_param(&w->net, "WWW-Authenticate", "realm"), "acme.example");
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=3600");
	assert_string_equal(tn_header(&w->net, "Date"), "Tue, 14 Nov 2023 22:13:21 GMT");
	c = first_contact(w, 1);
	assert_non_null(c);
	assert_string_equal(c->uri, "sip:101@198.51.100.7:5070");
	assert_string_equal(c->user_agent, "Phone/1");
	assert_true(addr_eq(&c->flow.remote, &w->net.peer.remote));
	assert_ptr_equal(registrar_contact(w->reg, c->id), c);
	assert_int_equal(w->nadded, 1);
	assert_int_equal(w->nbus, 1);
}

static void journal_has_the_contact_before_the_200(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(w->nrecords, 1);
	assert_int_equal(w->records[0].tenant_id, TENANT);
	assert_int_equal(w->records[0].account_id, 1);
	assert_string_equal(w->records[0].uri, "sip:101@198.51.100.7:5070");
	assert_string_equal(w->records[0].remote, "198.51.100.7:5070");
	assert_string_equal(w->records[0].transport, "udp");
	assert_int_equal(w->records[0].expires_at - w->records[0].registered_at,
			 INT64_C(3600000000));
	assert_true(w->records[0].id);
}

static void wrong_password_is_challenged_again_and_counted_once(void **state)
{
	struct world *w = *state;
	uint64_t before = metric_get(METRIC_AUTH_FAILURES);

	w->password = "falsch";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	assert_true(*tn_param(&w->net, "WWW-Authenticate", "nonce"));
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(metric_get(METRIC_AUTH_FAILURES), before + 1);
	send_request(w, "REGISTER", ""); /* the first request of a phone is no failure */
	assert_int_equal(metric_get(METRIC_AUTH_FAILURES), before + 1);
}

/* The answer with nonce and tag taken out. */
static void masked(struct world *w, char *dst, size_t bytes)
{
	const char *nonce = tn_param(&w->net, "WWW-Authenticate", "nonce"),
		   *tag = tn_param(&w->net, "To", "tag");
	char *p;

	snprintf(dst, bytes, "%.*s", (int)bytes - 1, w->net.last);
	while ((p = strstr(dst, nonce)))
		memset(p, 'N', strlen(nonce));
	while ((p = strstr(dst, tag)))
		memset(p, 'T', strlen(tag));
	for (p = dst; (p = strstr(p, "branch=z9hG4bKr")); p += 15)
		memset(p + 15, 'B', strspn(p + 15, "0123456789"));
	for (p = dst; (p = strstr(p, ";tag=f")); p += 6)
		memset(p + 6, 'F', strspn(p + 6, "0123456789"));
}

static void unknown_user_hears_what_a_known_one_hears(void **state)
{
	struct world *w = *state;
	char known[2000], unknown[2000];

	w->from_user = "101";
	w->password = "falsch";
	assert_int_equal(sign_in_as(w, "REGISTER", "101"), 401);
	masked(w, known, sizeof(known));
	w->cseq = 0;
	assert_int_equal(sign_in_as(w, "REGISTER", "777"), 401);
	masked(w, unknown, sizeof(unknown));
	/* digits of branch and From tag may differ in number */
	assert_string_equal(strstr(known, "\r\nTo:"), strstr(unknown, "\r\nTo:"));
}

static void unknown_domain_is_refused(void **state)
{
	struct world *w = *state;

	w->domain = "nobody.example";
	send_request(w, "REGISTER", "");
	assert_int_equal(tn_out_status(&w->net), 404);
	send_request(w, "INVITE", "");
	assert_int_equal(tn_out_status(&w->net), 403);
}

static void user_of_one_tenant_is_nobody_in_another(void **state)
{
	struct world *w = *state;

	w->domain = "other.example";
	assert_int_equal(sign_in(w, "REGISTER"), 401); /* acme's password */
	w->password = "Anders-101";
	w->domain = "acme.example";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void third_party_registration_is_refused(void **state)
{
	struct world *w = *state;

	w->from_user = "solo";
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void user_name_may_carry_the_domain(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in_as(w, "REGISTER", "101@acme.example"), 200);
	assert_int_equal(sign_in_as(w, "REGISTER", "101@other.example"), 401);
	assert_int_equal(sign_in_as(w, "REGISTER", "101"), 200);
}

static void phone_without_the_domain_signs_in_by_its_system_name(void **state)
{
	struct world *w = *state;

	w->domain = "192.0.2.1";
	w->user = "acme101";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 1);
	w->user = "101"; /* not a system-wide name */
	w->call_id = "reg2";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	assert_string_equal(tn_param(&w->net, "WWW-Authenticate", "realm"), "pbx.example.net");
}

/* Kept, and gathered again when they have changed. */
static void names_of_the_system_follow_the_model(void **state)
{
	struct world *w = *state;
	struct identity who = {.tenant = model_tenant(w->model, TENANT),
			       .account = model_account(w->model, TENANT, 1)};

	assert_true(registrar_is_elsewhere(w->reg, &who, STR("voice.test")));
	put(w, &resource_network_setting, 0, 1, "{'web_domain':'voice.test'}");
	assert_false(registrar_is_elsewhere(w->reg, &who, STR("Voice.test")));
	put(w, &resource_network_setting, 0, 1, "{'web_domain':'other.test'}");
	assert_true(registrar_is_elsewhere(w->reg, &who, STR("voice.test")));
	assert_false(registrar_is_elsewhere(w->reg, &who, STR("other.test")));
	assert_false(registrar_is_elsewhere(w->reg, &who, STR("localhost")));
}

/* They say who we are as those in the model do, one with a star too. */
static void names_of_the_operators_certificate_are_ours(void **state)
{
	struct world *w = *state;
	struct identity who = {0};

	assert_int_equal(registrar_own_names(w->reg, STR("pbx.acme-telecom.test *.voice.test")), 0);
	w->user = "acme101";
	w->domain = "pbx.acme-telecom.test";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->domain = "eu.voice.test";
	w->call_id = "reg2";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	who.tenant = model_tenant(w->model, TENANT);
	who.account = model_account(w->model, TENANT, 1);
	assert_false(registrar_is_elsewhere(w->reg, &who, STR("eu.voice.test")));
	assert_true(registrar_is_elsewhere(w->reg, &who, STR("voice.test")));
	w->domain = "pbx.elsewhere.test";
	w->call_id = "reg3";
	assert_int_not_equal(sign_in(w, "REGISTER"), 200);
}

static void address_added_as_domain_serves_the_tenant(void **state)
{
	struct world *w = *state;

	assert_int_equal(model_add_domain(w->model, STR("192.0.2.1"), TENANT), 0);
	w->domain = "192.0.2.1";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
}

static void tenant_may_ask_for_sha256(void **state)
{
	struct world *w = *state;

	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','sip_digest':'sha-256'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','sip_digest':'both'}");
	send_request(w, "REGISTER", "");
	tn_out(&w->net);
	assert_non_null(strstr(tn_header_nth(&w->net, "WWW-Authenticate", 0), "MD5"));
	assert_non_null(strstr(tn_header_nth(&w->net, "WWW-Authenticate", 1), "SHA-256"));
}

static void changed_password_counts_at_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, ACC, TENANT, 1, "{'username':'101','password':'Neues-Wort-1','extension_id':'1'}");
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	w->password = "Neues-Wort-1";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
}

static void disabled_are_refused_after_they_have_proved_themselves(void **state)
{
	struct world *w = *state;

	put(w, ACC, TENANT, 1,
	    "{'username':'101','password':'Geheimnis-101','extension_id':'1','enabled':false}");
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	w->password = "falsch";
	assert_int_equal(sign_in(w, "REGISTER"), 401);
	w->password = "Geheimnis-101";
	put(w, ACC, TENANT, 1, "{'username':'101','password':'Geheimnis-101','extension_id':'1'}");
	put(w, EXT, TENANT, 1, "{'number':'101','enabled':false}");
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	put(w, EXT, TENANT, 1, "{'number':'101'}");
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','enabled':false}");
	assert_int_equal(sign_in(w, "REGISTER"), 403);
}

static void account_without_extension_may_register(void **state)
{
	struct world *w = *state;

	w->user = "pair";
	w->password = "Geheimnis-pair";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 3), 1);
}

/* ---- calls ---- */

static void call_is_challenged_with_407_and_identified(void **state)
{
	struct world *w = *state;

	send_request(w, "INVITE", "");
	assert_int_equal(tn_out_status(&w->net), 407);
	tn_pass(&w->net, 60000);
	assert_int_equal(w->net.nsent, 0); /* said once */
	assert_int_equal(sign_in(w, "INVITE"), 486);
	assert_int_equal(w->ninvites, 1);
	assert_int_equal(w->who.tenant->o.id, TENANT);
	assert_string_equal(w->who.account->username, "101");
	assert_string_equal(w->who.extension->number, "101");
}

static void call_in_somebody_elses_name_is_refused(void **state)
{
	struct world *w = *state;

	w->from_user = "pair";
	assert_int_equal(sign_in(w, "INVITE"), 403);
	assert_int_equal(w->ninvites, 0);
}

static void call_of_an_account_without_extension_has_none(void **state)
{
	struct world *w = *state;

	w->user = "pair";
	w->password = "Geheimnis-pair";
	assert_int_equal(sign_in(w, "INVITE"), 486);
	assert_null(w->who.extension);
}

static void credentials_used_twice_are_stale(void **state)
{
	struct world *w = *state;
	char line[2000];

	send_request(w, "REGISTER", "");
	tn_out(&w->net);
	authorize(w, line, sizeof(line), "REGISTER", "101");
	send_request(w, "REGISTER", line);
	assert_int_equal(tn_out_status(&w->net), 200);
	send_request(w, "REGISTER", line);
	assert_int_equal(tn_out_status(&w->net), 401);
	assert_non_null(strstr(tn_header(&w->net, "WWW-Authenticate"), "stale=true"));
	send_request(w, "INVITE",
		     "Proxy-Authorization: Digest username=\"101\", realm=\"acme.example\"\n");
	assert_int_equal(tn_out_status(&w->net), 400);
}

/* ---- memory ---- */

#ifdef OFFHOOK_TEST_BUILD
/* Each allocation of a challenge, a registration and a refresh fails in turn: refused or done, and nothing is lost. */
static void registration_survives_each_failed_allocation(void **state)
{
	char line[2000];
	bool failed = true;

	(void)state;
	for (unsigned nth = 1; failed; nth++) {
		uint64_t bytes = mem_bytes();
		struct world *w;
		unsigned status;
		void *st;

		setup(&st);
		w = st;
		failed = false;
		for (unsigned round = 0; round < 3; round++) {
			if (round == 2)
				w->contact = "<sip:101@203.0.113.99:7000>, <sip:b@203.0.113.99>";
			send_request(w, "REGISTER", "");
			tn_out(&w->net);
			authorize(w, line, sizeof(line), "REGISTER", "101");
			mem_fail(nth, round == 1);
			send_request(w, "REGISTER", line);
			failed |= mem_failed();
			mem_fail(0, false);
			status = tn_out_status(&w->net);
			assert_true(status == 200 || status == 401 || status / 100 == 5 || !status);
			tn_clear(&w->net);
		}
		w->contact = "<sip:101@198.51.100.7:5070>";
		assert_int_equal(sign_in(w, "REGISTER"), 200);
		assert_in_range(contacts_of(w, 1), 1, 3);
		assert_int_equal(contacts_of(w, 1), registrar_count(w->reg));
		tn_pass(&w->net, 3700000);
		assert_int_equal(registrar_count(w->reg), 0);
		teardown(&st);
		assert_int_equal(mem_bytes(), bytes);
		assert_true(nth < 200);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(phone_is_challenged_then_registered),
		TEST(journal_has_the_contact_before_the_200),
		TEST(wrong_password_is_challenged_again_and_counted_once),
		TEST(unknown_user_hears_what_a_known_one_hears),
		TEST(unknown_domain_is_refused),
		TEST(user_of_one_tenant_is_nobody_in_another),
		TEST(third_party_registration_is_refused),
		TEST(user_name_may_carry_the_domain),
		TEST(phone_without_the_domain_signs_in_by_its_system_name),
		TEST(names_of_the_system_follow_the_model),
		TEST(names_of_the_operators_certificate_are_ours),
		TEST(address_added_as_domain_serves_the_tenant),
		TEST(tenant_may_ask_for_sha256),
		TEST(changed_password_counts_at_once),
		TEST(disabled_are_refused_after_they_have_proved_themselves),
		TEST(account_without_extension_may_register),
		TEST(call_is_challenged_with_407_and_identified),
		TEST(call_in_somebody_elses_name_is_refused),
		TEST(call_of_an_account_without_extension_has_none),
		TEST(credentials_used_twice_are_stale),
#ifdef OFFHOOK_TEST_BUILD
		cmocka_unit_test(registration_survives_each_failed_allocation),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
