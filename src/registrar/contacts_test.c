/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of a registration: contacts, their life, and what ends it. */
#include "registrar/testing.h"

/* ---- bindings ---- */

static void refresh_keeps_the_contact_and_its_id(void **state)
{
	struct world *w = *state;
	oid id;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	id = first_contact(w, 1)->id;
	tn_pass(&w->net, 1000000);
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(first_contact(w, 1)->id, id);
	assert_int_equal(w->nadded, 1);
	assert_int_equal(w->nrecords, 2);
	assert_int_equal(w->records[0].id, w->records[1].id);
	assert_int_equal(w->records[0].registered_at, w->records[1].registered_at);
	assert_true(w->records[1].expires_at > w->records[0].expires_at);
}

static void contact_lapses_after_its_time(void **state)
{
	struct world *w = *state;

	w->more = "Expires: 120\n";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=120");
	tn_pass(&w->net, 119000);
	assert_int_equal(registrar_count(w->reg), 1);
	tn_pass(&w->net, 1100);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(w->nremoved, 1);
	assert_string_equal(w->bus_reason, "expired");
	assert_int_equal(w->records[w->nrecords - 1].expires_at, 0);
}

static void too_short_gets_423_and_too_long_is_shortened(void **state)
{
	struct world *w = *state;

	w->contact = "<sip:101@198.51.100.7:5070>;expires=30";
	assert_int_equal(sign_in(w, "REGISTER"), 423);
	assert_string_equal(tn_header(&w->net, "Min-Expires"), "60");
	w->contact = "<sip:101@198.51.100.7:5070>;expires=999999";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=3600");
	w->contact = "<sip:101@198.51.100.7:5070>;expires=soon";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
}

static void contacts_own_expiry_counts_more_than_the_header(void **state)
{
	struct world *w = *state;

	w->more = "Expires: 600\n";
	w->contact = "<sip:101@198.51.100.7:5070>;expires=300, <sip:101@198.51.100.8>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 2);
	assert_non_null(strstr(w->net.last, "<sip:101@198.51.100.7:5070>;expires=300\r\n"));
	assert_non_null(strstr(w->net.last, "<sip:101@198.51.100.8>;expires=600\r\n"));
}

static void zero_removes_one_contact_and_star_all(void **state)
{
	struct world *w = *state;

	w->contact = "<sip:a@198.51.100.7>, <sip:b@198.51.100.7>, <sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 3);
	w->contact = "<sip:b@198.51.100.7>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 2);
	assert_null(strstr(w->net.last, "sip:b@"));
	w->contact = "*";
	assert_int_equal(sign_in(w, "REGISTER"), 400); /* without Expires: 0 */
	w->more = "Expires: 0\n";
	w->contact = "*, <sip:a@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 400);
	assert_int_equal(registrar_count(w->reg), 2);
	w->contact = "*";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_string_equal(tn_header(&w->net, "Contact"), "");
	assert_int_equal(w->nremoved, 3);
}

static void register_without_contact_lists_them(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	tn_pass(&w->net, 600000);
	w->contact = "";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"),
			    "<sip:101@198.51.100.7:5070>;expires=3000");
	assert_int_equal(registrar_count(w->reg), 1);
}

static void older_cseq_of_a_call_id_changes_nothing(void **state)
{
	struct world *w = *state;

	w->cseq = 100;
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->cseq = 50;
	w->contact = "<sip:101@198.51.100.7:5070>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 500);
	assert_int_equal(registrar_count(w->reg), 1);
	w->call_id = "another";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void device_that_moved_is_replaced_by_instance_or_call_id(void **state)
{
	struct world *w = *state;
	oid id;

	w->contact = "<sip:101@198.51.100.7:5070>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(
		tn_header(&w->net, "Contact"),
		"<sip:101@198.51.100.7:5070>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
	id = first_contact(w, 1)->id;
	w->call_id = "after-reboot";
	w->contact = "<sip:101@203.0.113.50:6000>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
	w->net.peer = tn_flow(FLOW_UDP, "203.0.113.50", 6000);
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 1);
	assert_int_equal(first_contact(w, 1)->id, id);
	assert_string_equal(first_contact(w, 1)->uri, "sip:101@203.0.113.50:6000");
	assert_true(addr_eq(&first_contact(w, 1)->flow.remote, &w->net.peer.remote));
	/* without instance: the Call-ID tells */
	w->call_id = "plain";
	w->contact = "<sip:101@10.0.0.5:5060>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 2);
	w->contact = "<sip:101@10.0.0.5:5062>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 2);
	w->call_id = "another";
	w->contact = "<sip:101@10.0.0.5:5064>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 3);
}

static void with_a_limit_of_one_the_last_registration_replaces(void **state)
{
	struct world *w = *state;

	w->user = "solo";
	w->password = "Geheimnis-solo";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->call_id = "second";
	w->contact = "<sip:solo@203.0.113.9>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 2), 1);
	assert_string_equal(first_contact(w, 2)->uri, "sip:solo@203.0.113.9");
	assert_string_equal(w->bus_reason, "replaced");
}

static void above_the_limit_one_more_is_refused_and_the_others_stay(void **state)
{
	struct world *w = *state;

	w->user = "pair";
	w->password = "Geheimnis-pair";
	w->contact = "<sip:a@198.51.100.7>, <sip:b@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->call_id = "second";
	w->contact = "<sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 403);
	assert_int_equal(contacts_of(w, 3), 2);
	w->contact = "<sip:b@198.51.100.7>;expires=0, <sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 3), 2);
}

static void contacts_come_by_q_then_the_latest_first(void **state)
{
	struct world *w = *state;
	size_t pos = 0;

	w->contact = "<sip:low@198.51.100.7>;q=0.3, <sip:one@198.51.100.7>, "
		     "<sip:two@198.51.100.7>;q=1.0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(registrar_contacts(w->reg, TENANT, 1, &pos)->uri,
			    "sip:two@198.51.100.7");
	assert_string_equal(registrar_contacts(w->reg, TENANT, 1, &pos)->uri,
			    "sip:one@198.51.100.7");
	assert_string_equal(registrar_contacts(w->reg, TENANT, 1, &pos)->uri,
			    "sip:low@198.51.100.7");
	assert_null(registrar_contacts(w->reg, TENANT, 1, &pos));
	assert_non_null(strstr(w->net.last, "<sip:low@198.51.100.7>;expires=3600;q=0.300"));
}

static void path_is_kept_as_route_and_given_back(void **state)
{
	struct world *w = *state;

	w->more = "Supported: path\nPath: <sip:edge.example.net;lr>\n";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(first_contact(w, 1)->routes, "Route: <sip:edge.example.net;lr>\r\n");
	assert_string_equal(tn_header(&w->net, "Path"), "<sip:edge.example.net;lr>");
}

static void contact_at_our_own_address_or_a_broadcast_is_refused(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = {"<sip:x@192.0.2.1>",	     "<sip:x@192.0.2.1:5060>",
					  "<sip:x@255.255.255.255>", "<sip:x@224.0.1.75>",
					  "<sip:x@0.0.0.0>",	     "<sip:x@acme.example>",
					  "<sip:x@[ff02::1]>"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		w->contact = bad[i];
		assert_int_equal(sign_in(w, "REGISTER"), 403);
	}
	w->contact = "<sip:x@192.0.2.1:5099>"; /* a phone on the same machine */
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	w->contact = "<mailto:x@example.com>";
	assert_int_equal(sign_in(w, "REGISTER"), 400);
}

/* ---- changes of configuration, restart, connections ---- */

static void contacts_go_with_account_extension_and_tenant(void **state)
{
	struct world *w = *state;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, ACC, TENANT, 1,
	    "{'username':'101','password':'Geheimnis-101','extension_id':'1','enabled':false}");
	assert_int_equal(registrar_count(w->reg), 0);
	put(w, ACC, TENANT, 1, "{'username':'101','password':'Geheimnis-101','extension_id':'1'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, EXT, TENANT, 1, "{'number':'101','enabled':false}");
	assert_int_equal(registrar_count(w->reg), 0);
	put(w, EXT, TENANT, 1, "{'number':'101'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example','enabled':false}");
	assert_int_equal(registrar_count(w->reg), 0);
	put(w, TEN, 0, TENANT, "{'name':'acme','domain':'acme.example'}");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	put(w, ACC, TENANT, 1, NULL);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(w->nremoved, 4);
	assert_int_equal(w->records[w->nrecords - 1].expires_at, 0);
	assert_int_equal(sign_in(w, "REGISTER"), 401);
}

static void contact_survives_a_restart(void **state)
{
	struct world *w = *state;
	struct contact_record rec;
	const struct contact *c;

	w->more = "Path: <sip:edge.example.net;lr>\n";
	w->contact = "<sip:101@198.51.100.7:5070>;q=0.5;+sip.instance=\"<urn:uuid:1>\";reg-id=2";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	rec = w->records[0];
	registrar_free(w->reg);
	w->nrecords = 0;
	/* the second life of the process: a stack of its own */
	sip_free(w->net.sip);
	assert_int_equal(sip_alloc(&w->net.sip, &w->net.conf), 0);
	open_registrar(w);
	assert_int_equal(registrar_restore(w->reg, &rec), 0);
	assert_int_equal(w->nrecords, 0);
	c = first_contact(w, 1);
	assert_non_null(c);
	assert_string_equal(c->uri, "sip:101@198.51.100.7:5070");
	assert_string_equal(c->routes, "Route: <sip:edge.example.net;lr>\r\n");
	assert_int_equal(c->q, 500);
	assert_int_equal(c->record_id, rec.id);
	assert_true(addr_eq(&c->flow.remote, &w->net.peer.remote));
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(contacts_of(w, 1), 1);
	assert_int_equal(w->records[0].id, rec.id);
	tn_pass(&w->net, 3601000);
	assert_int_equal(registrar_count(w->reg), 0);
}

/* RFC 3261 19.1.1: headers may stand in the URI of a Contact, and in no Request-URI. */
static void headers_of_a_contact_are_told_back_and_not_called(void **state)
{
	struct world *w = *state;
	const char *told = "<sip:101@198.51.100.7:5070?Subject=a%20b>;expires=3600";
	struct contact_record rec;

	w->contact = "<sip:101@198.51.100.7:5070?Subject=a%20b>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"), told);
	assert_string_equal(first_contact(w, 1)->uri, "sip:101@198.51.100.7:5070");
	rec = w->records[0];
	registrar_free(w->reg);
	sip_free(w->net.sip);
	assert_int_equal(sip_alloc(&w->net.sip, &w->net.conf), 0);
	open_registrar(w);
	assert_int_equal(registrar_restore(w->reg, &rec), 0);
	assert_string_equal(first_contact(w, 1)->uri, "sip:101@198.51.100.7:5070");
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_string_equal(tn_header(&w->net, "Contact"), told);
	assert_int_equal(contacts_of(w, 1), 1);
}

static void contact_that_lapsed_while_we_were_away_is_closed(void **state)
{
	struct world *w = *state;
	struct contact_record rec;

	assert_int_equal(sign_in(w, "REGISTER"), 200);
	rec = w->records[0];
	w->contact = "<sip:101@198.51.100.7:5070>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	rec.expires_at = clock_wall_us(&w->net.clock.clock) - 1;
	w->nrecords = 0;
	assert_int_equal(registrar_restore(w->reg, &rec), 0);
	assert_int_equal(registrar_count(w->reg), 0);
	assert_int_equal(w->nrecords, 1);
	assert_int_equal(w->records[0].expires_at, 0);
}

static void contact_of_a_browser_goes_with_its_connection(void **state)
{
	struct world *w = *state;
	struct flow_sink *sink = sip_sink(w->net.sip);

	w->net.peer = tn_flow(FLOW_WS, "198.51.100.7", 40000);
	w->net.peer.conn = 77;
	w->contact = "<sip:101@x7h.invalid;transport=ws>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	sink->closed(sink, 78);
	assert_int_equal(registrar_count(w->reg), 1);
	sink->closed(sink, 77);
	assert_int_equal(registrar_count(w->reg), 0);
}

static void phone_on_tcp_is_called_at_its_contact_when_the_connection_is_gone(void **state)
{
	struct world *w = *state;
	struct flow_sink *sink = sip_sink(w->net.sip);

	w->net.peer = tn_flow(FLOW_TCP, "198.51.100.7", 40000);
	w->net.peer.conn = 77;
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(first_contact(w, 1)->flow.conn, 77);
	sink->closed(sink, 77);
	assert_int_equal(first_contact(w, 1)->flow.conn, 0);
	assert_int_equal(first_contact(w, 1)->flow.remote.port, 5070);
}

/* RFC 3327: not past the edge proxy, which closes what is idle and takes new connections. */
static void who_lies_behind_an_edge_stays_when_its_connection_is_gone(void **state)
{
	static const struct {
		enum flow_transport over;
		const char *path;
		int transport; /* afterwards; -1: not registered any more */
		uint16_t port;
	} cases[] = {
		{FLOW_TCP, "<sip:192.0.2.9:5080;transport=tcp;lr>", FLOW_TCP, 5080},
		{FLOW_TCP, "<sip:edge@192.0.2.9;lr>", FLOW_UDP, 5060},
		{FLOW_TLS, "<sip:192.0.2.9;transport=TLS;lr>, <sip:10.1.1.1;lr>", FLOW_TLS, 5061},
		{FLOW_TLS, "<sips:192.0.2.9;lr>", FLOW_TLS, 5061},
		{FLOW_TLS, "<sip:192.0.2.9;transport=tcp;lr>", -1, 0}, /* in clear */
		{FLOW_TLS, "<sip:edge.example.net;transport=tls;lr>", -1, 0},
		{FLOW_WSS, "<sip:192.0.2.9;transport=ws;lr>", -1, 0},
	};
	struct world *w = *state;
	struct flow_sink *sink = sip_sink(w->net.sip);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char more[160];

		snprintf(more, sizeof(more), "Supported: path\nPath: %s\n", cases[i].path);
		w->more = more;
		w->net.peer = tn_flow(cases[i].over, "192.0.2.9", 40000);
		w->net.peer.conn = 77 + i;
		assert_int_equal(sign_in(w, "REGISTER"), 200);
		sink->closed(sink, 77 + i);
		assert_int_equal(registrar_count(w->reg), cases[i].transport >= 0);
		if (cases[i].transport < 0)
			continue;
		assert_int_equal(first_contact(w, 1)->flow.conn, 0);
		assert_int_equal(first_contact(w, 1)->flow.transport, cases[i].transport);
		assert_int_equal(first_contact(w, 1)->flow.remote.port, cases[i].port);
		assert_int_not_equal(*first_contact(w, 1)->routes, 0);
	}
}

static void pages_of_contacts_go_on_where_one_has_gone(void **state)
{
	struct world *w = *state;
	const struct contact *c;
	uint64_t after = 0, seen[3];
	unsigned n = 0;

	w->contact = "<sip:a@198.51.100.7>, <sip:b@198.51.100.7>, <sip:c@198.51.100.7>";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	while ((c = registrar_next(w->reg, TENANT, after))) {
		assert_true(c->record_id > after);
		assert_true(n < ARRAY_LEN(seen));
		after = seen[n++] = c->record_id;
	}
	assert_int_equal(n, 3);
	assert_null(registrar_next(w->reg, OTHER, 0));
	assert_int_equal(registrar_next(w->reg, 0, 0)->record_id, seen[0]);
	w->contact = "<sip:b@198.51.100.7>;expires=0";
	assert_int_equal(sign_in(w, "REGISTER"), 200);
	assert_int_equal(registrar_next(w->reg, TENANT, seen[0])->record_id, seen[2]);
	assert_int_equal(registrar_next(w->reg, TENANT, seen[1])->record_id, seen[2]);
	assert_int_equal(registrar_next(w->reg, 0, seen[1])->record_id, seen[2]);
	assert_null(registrar_next(w->reg, 0, seen[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refresh_keeps_the_contact_and_its_id),
		TEST(contact_lapses_after_its_time),
		TEST(too_short_gets_423_and_too_long_is_shortened),
		TEST(contacts_own_expiry_counts_more_than_the_header),
		TEST(zero_removes_one_contact_and_star_all),
		TEST(register_without_contact_lists_them),
		TEST(older_cseq_of_a_call_id_changes_nothing),
		TEST(device_that_moved_is_replaced_by_instance_or_call_id),
		TEST(with_a_limit_of_one_the_last_registration_replaces),
		TEST(above_the_limit_one_more_is_refused_and_the_others_stay),
		TEST(contacts_come_by_q_then_the_latest_first),
		TEST(path_is_kept_as_route_and_given_back),
		TEST(contact_at_our_own_address_or_a_broadcast_is_refused),
		TEST(contacts_go_with_account_extension_and_tenant),
		TEST(contact_survives_a_restart),
		TEST(headers_of_a_contact_are_told_back_and_not_called),
		TEST(contact_that_lapsed_while_we_were_away_is_closed),
		TEST(contact_of_a_browser_goes_with_its_connection),
		TEST(phone_on_tcp_is_called_at_its_contact_when_the_connection_is_gone),
		TEST(who_lies_behind_an_edge_stays_when_its_connection_is_gone),
		TEST(pages_of_contacts_go_on_where_one_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
