/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trunks, pools and rules: each rule that they fulfil, refused by name. */
#include "store/testing.h"

struct fixture_trunks {
	uint64_t a, b, other;
};

static uint64_t make(struct fixture *fx, uint64_t tenant, const char *resource, const char *fmt,
		     uint64_t trunk)
{
	char body[512];

	snprintf(body, sizeof(body), fmt, (unsigned long long)trunk);
	return good_id(ask(fx, STORE_CREATE, tenant, resource, 0, body));
}

static struct store_reply try(struct fixture *fx, uint64_t tenant, const char *resource,
			      const char *fmt, uint64_t trunk)
{
	char body[512];

	snprintf(body, sizeof(body), fmt, (unsigned long long)trunk);
	return ask(fx, STORE_CREATE, tenant, resource, 0, body);
}

#define POOL "{\"trunk_id\":\"%llu\",\"numbers\":\"4420*****;1000-1999\"}"
#define REGISTERS(name, user)                                                                      \
	"{\"name\":\"" name "\",\"kind\":\"register\",\"host\":\"192.0.2.1\",\"username\":\"" user \
	"\",\"password\":\"x\"}"

static struct fixture_trunks set_up(struct fixture *fx)
{
	fx->tenant_id = make_tenant(fx, "acme");
	make(fx, 0, "transport", "{\"protocol\":\"udp\"}", 0);
	return (struct fixture_trunks){
		.a = make(fx, 0, "trunk", "{\"name\":\"A\",\"host\":\"192.0.2.1\"}", 0),
		.b = make(fx, 0, "trunk", "{\"name\":\"B\",\"host\":\"192.0.2.2\"}", 0),
		.other = make_tenant(fx, "other"),
	};
}

static void a_trunk_says_where_and_who(void **state)
{
	struct fixture *fx = *state;

	set_up(fx);
	refused(try(fx, 0, "trunk", "{\"name\":\"C\",\"host\":\"sip example\"}", 0), EINVAL, "host",
		"bad_hostname");
	refused(try(fx, 0, "trunk",
		    "{\"name\":\"C\",\"host\":\"sip.example\",\"outbound_proxy\":\"a:b\"}", 0),
		EINVAL, "outbound_proxy", "bad_hostname");
	good_id(try(fx, 0, "trunk",
		    "{\"name\":\"N\",\"host\":\"sip.example\",\"outbound_proxy\":\"[2001:db8::1]:"
		    "5070\"}",
		    0));
	refused(try(fx, 0, "trunk", "{\"name\":\"C\",\"host\":\"192.0.2.1\"}", 0), EINVAL, "host",
		"taken");
	refused(try(fx, 0, "trunk",
		    "{\"name\":\"C\",\"kind\":\"register\",\"host\":\"192.0.2.9\",\"password\":"
		    "\"x\"}",
		    0),
		EINVAL, "username", "required");
	good_id(ask(fx, STORE_CREATE, 0, "trunk", 0, REGISTERS("C", "bob")));
	good_id(ask(fx, STORE_CREATE, 0, "trunk", 0, REGISTERS("D", "eve")));
	refused(ask(fx, STORE_CREATE, 0, "trunk", 0, REGISTERS("E", "bob")), EINVAL, "username",
		"taken");
}

/* TRK-2 */
static void a_trunk_goes_over_a_transport_that_there_is(void **state)
{
	struct fixture *fx = *state;
	uint64_t tcp, trunk;

	set_up(fx);
	refused(try(fx, 0, "trunk", "{\"name\":\"C\",\"host\":\"192.0.2.3\",\"transport\":\"tcp\"}",
		    0),
		EINVAL, "transport", "no_transport");
	good_id(try(fx, 0, "trunk",
		    "{\"name\":\"D\",\"host\":\"sip.example\",\"transport\":\"auto\"}", 0));
	trunk = make(fx, 0, "trunk",
		     "{\"name\":\"C\",\"host\":\"192.0.2.3\",\"transport\":\"tcp\","
		     "\"enabled\":false}",
		     0);
	refused(ask(fx, STORE_UPDATE, 0, "trunk", trunk, "{\"enabled\":true}"), EINVAL, "transport",
		"no_transport");
	tcp = make(fx, 0, "transport", "{\"protocol\":\"tcp\"}", 0);
	json_decref(good(ask(fx, STORE_UPDATE, 0, "trunk", trunk, "{\"enabled\":true}")));
	refused(ask(fx, STORE_DELETE, 0, "transport", tcp, NULL), EEXIST, "id", "in_use");
	refused(ask(fx, STORE_UPDATE, 0, "transport", tcp, "{\"enabled\":false}"), EINVAL,
		"enabled", "in_use");
	json_decref(good(ask(fx, STORE_UPDATE, 0, "trunk", trunk, "{\"transport\":\"udp\"}")));
	json_decref(good(ask(fx, STORE_DELETE, 0, "transport", tcp, NULL)));
}

static void a_header_rule_that_is_wrong_is_named_with_its_place(void **state)
{
	struct fixture *fx = *state;

	set_up(fx);
	refused(try(fx, 0, "trunk",
		    "{\"name\":\"C\",\"host\":\"sip.example\",\"header_rules\":[{\"header\":"
		    "\"X-A\",\"value\":\"1\"},{\"header\":\"X-B\",\"match\":\"(\"}]}",
		    0),
		EINVAL, "header_rules[1].match", "bad_expression");
	refused(try(fx, 0, "trunk",
		    "{\"name\":\"C\",\"host\":\"sip.example\",\"header_rules\":[{\"header\":"
		    "\"Via\",\"value\":\"1\"}]}",
		    0),
		EINVAL, "header_rules[0].header", "protected");
}

static void no_code_begins_with_another(void **state)
{
	struct fixture *fx = *state;
	uint64_t id = make_tenant(fx, "acme");

	refused(ask(fx, STORE_UPDATE, 0, "tenant", id, "{\"pickup_code\":\"*4\"}"), EINVAL,
		"pickup_code", "taken"); /* *43 … */
	refused(ask(fx, STORE_UPDATE, 0, "tenant", id, "{\"pickup_code\":\"*481\"}"), EINVAL,
		"pickup_code", "taken"); /* *48 and a PIN */
	refused(ask(fx, STORE_UPDATE, 0, "tenant", id, "{\"pickup_group_code\":\"##1\"}"), EINVAL,
		"pickup_group_code", "taken");
	refused(ask(fx, STORE_UPDATE, 0, "tenant", id, "{\"pickup_code\":\"8\"}"), EINVAL,
		"pickup_code", "bad_code");
	json_decref(good(ask(fx, STORE_UPDATE, 0, "tenant", id,
			     "{\"pickup_group_code\":\"\",\"pickup_code\":\"*8\"}")));
}

static void no_number_is_in_two_tenants_pools(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	struct store_reply r;
	uint64_t c;

	make(fx, fx->tenant_id, "did_pool", POOL, t.a);
	r = try(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\",\"numbers\":\"1500\"}", t.a);
	assert_non_null(strstr(r.json, "1500 overlaps 1000-1999 of another tenant"));
	refused(r, EINVAL, "numbers", "overlap");
	refused(try(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\",\"numbers\":\"*\"}", t.a),
		EINVAL, "numbers", "overlap");
	/* another provider, another plan of numbers */
	make(fx, t.other, "did_pool", POOL, t.b);
	/* the same provider under another name is the same provider */
	c = good_id(ask(fx, STORE_CREATE, 0, "trunk", 0, REGISTERS("C", "bob")));
	refused(try(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\",\"numbers\":\"1500\"}", c),
		EINVAL, "numbers", "overlap");
	make(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\",\"numbers\":\"2000-2999\"}", c);
}

static void allow_pbx(struct fixture *fx, uint64_t tenant_id, const char *yes)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"allow_ip_pbx\":%s}", yes);
	json_decref(good(ask(fx, STORE_UPDATE, 0, "tenant", tenant_id, body)));
}

/* TRK-8: off by default; a PBX that registers needs no leave. */
static void a_pbx_is_known_by_its_address_where_that_is_allowed(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	uint64_t pool, gateway, its_pool;

	refused(try(fx, fx->tenant_id, "did_pool", "{\"trunk_id\":\"%llu\",\"is_pbx\":true}", t.a),
		EINVAL, "is_pbx", "not_allowed");
	pool = make(fx, fx->tenant_id, "did_pool", "{\"trunk_id\":\"%llu\"}", t.a);
	refused(ask(fx, STORE_UPDATE, fx->tenant_id, "did_pool", pool, "{\"is_pbx\":true}"), EINVAL,
		"is_pbx", "not_allowed");
	gateway = make(fx, 0, "trunk",
		       "{\"name\":\"G\",\"kind\":\"accept_register\",\"host\":\"gw.example\","
		       "\"username\":\"gw\",\"password\":\"x\"}",
		       0);
	its_pool = make(fx, fx->tenant_id, "did_pool", "{\"trunk_id\":\"%llu\",\"is_pbx\":true}",
			gateway);
	refused(ask(fx, STORE_UPDATE, 0, "trunk", gateway, "{\"kind\":\"ip\"}"), EINVAL, "kind",
		"not_allowed");
	allow_pbx(fx, fx->tenant_id, "true");
	json_decref(good(ask(fx, STORE_UPDATE, 0, "trunk", gateway, "{\"kind\":\"ip\"}")));
	refused(ask(fx, STORE_UPDATE, 0, "tenant", fx->tenant_id, "{\"allow_ip_pbx\":false}"),
		EINVAL, "allow_ip_pbx", "in_use");
	json_decref(good(ask(fx, STORE_DELETE, fx->tenant_id, "did_pool", its_pool, NULL)));
	allow_pbx(fx, fx->tenant_id, "false");
}

/* TRK-8: what a PBX calls that is in no pool is its tenant's. */
static void a_trunk_leads_to_one_tenants_pbx(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	uint64_t plain;

	allow_pbx(fx, fx->tenant_id, "true");
	allow_pbx(fx, t.other, "true");
	make(fx, fx->tenant_id, "did_pool", "{\"trunk_id\":\"%llu\",\"is_pbx\":true}", t.a);
	refused(try(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\",\"is_pbx\":true}", t.a),
		EINVAL, "is_pbx", "taken");
	plain = make(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\"}", t.a);
	refused(ask(fx, STORE_UPDATE, t.other, "did_pool", plain, "{\"is_pbx\":true}"), EINVAL,
		"is_pbx", "taken");
	make(fx, t.other, "did_pool", "{\"trunk_id\":\"%llu\",\"is_pbx\":true}", t.b);
}

/* TRK-6 */
static void the_rules_that_need_a_pool_are_named(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	uint64_t pool = make(fx, fx->tenant_id, "did_pool", POOL, t.a);
	struct store_reply r;

	make(fx, fx->tenant_id, "inbound_rule",
	     "{\"name\":\"desk\",\"trunk_id\":\"%llu\",\"did\":\"1000\"}", t.a);
	make(fx, fx->tenant_id, "outbound_rule",
	     "{\"name\":\"world\",\"routes\":[{\"trunk_id\":\"%llu\"}]}", t.a);
	make(fx, fx->tenant_id, "emergency_number", "{\"number\":\"112\",\"trunk_id\":\"%llu\"}",
	     t.a);
	r = ask(fx, STORE_DELETE, fx->tenant_id, "did_pool", pool, NULL);
	assert_non_null(strstr(r.json, "inbound rule desk needs it"));
	assert_non_null(strstr(r.json, "outbound rule world needs it"));
	assert_non_null(strstr(r.json, "emergency number 112 needs it"));
	refused(r, EEXIST, "id", "in_use");
}

static void a_trunk_does_not_move_into_a_conflict(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	uint64_t c = make(fx, 0, "trunk",
			  "{\"name\":\"C\",\"kind\":\"register\",\"host\":\"192.0.2.3\","
			  "\"username\":\"bob\",\"password\":\"x\"}",
			  0);

	make(fx, fx->tenant_id, "did_pool", POOL, t.a);
	make(fx, t.other, "did_pool", POOL, c);
	refused(ask(fx, STORE_UPDATE, 0, "trunk", c, "{\"host\":\"192.0.2.1\"}"), EINVAL, "host",
		"overlap");
	json_decref(good(ask(fx, STORE_UPDATE, 0, "trunk", c, "{\"host\":\"192.0.2.4\"}")));
}

static void an_inbound_rule_is_about_the_tenants_numbers(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	uint64_t pool = make(fx, fx->tenant_id, "did_pool", POOL, t.a), rule;

	refused(try(fx, fx->tenant_id, "inbound_rule",
		    "{\"name\":\"x\",\"trunk_id\":\"%llu\",\"did\":\"1000\"}", t.b),
		EINVAL, "trunk_id", "no_pool");
	refused(try(fx, fx->tenant_id, "inbound_rule",
		    "{\"name\":\"x\",\"trunk_id\":\"%llu\",\"did\":\"2000\"}", t.a),
		EINVAL, "did", "not_in_pool");
	refused(try(fx, fx->tenant_id, "inbound_rule",
		    "{\"name\":\"x\",\"trunk_id\":\"%llu\",\"did\":\"44*\"}", t.a),
		EINVAL, "did", "bad_number");
	rule = make(fx, fx->tenant_id, "inbound_rule",
		    "{\"name\":\"x\",\"trunk_id\":\"%llu\",\"did\":\"+1000\"}", t.a);
	/* what a rule uses stays in the pool, and the pool in the tenant */
	refused(ask(fx, STORE_UPDATE, fx->tenant_id, "did_pool", pool,
		    "{\"numbers\":\"4420*****\"}"),
		EINVAL, "numbers", "in_use");
	refused(ask(fx, STORE_DELETE, fx->tenant_id, "did_pool", pool, NULL), EEXIST, "id",
		"in_use");
	refused(ask(fx, STORE_DELETE, 0, "trunk", t.a, NULL), EEXIST, "id", "in_use");
	json_decref(good(ask(fx, STORE_DELETE, fx->tenant_id, "inbound_rule", rule, NULL)));
	json_decref(good(ask(fx, STORE_DELETE, fx->tenant_id, "did_pool", pool, NULL)));
	json_decref(good(ask(fx, STORE_DELETE, 0, "trunk", t.a, NULL)));
}

static void rules_of_one_number_share_no_caller(void **state)
{
	static const char one[] = "{\"name\":\"uk\",\"trunk_id\":\"%llu\",\"did\":\"1000\","
				  "\"caller_mask\":\"0044******\"}";
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);
	struct store_reply r;

	make(fx, fx->tenant_id, "did_pool", POOL, t.a);
	make(fx, fx->tenant_id, "inbound_rule", one, t.a);
	make(fx, fx->tenant_id, "inbound_rule",
	     "{\"name\":\"fr\",\"trunk_id\":\"%llu\",\"did\":\"1000\",\"caller_mask\":\"33******"
	     "\"}",
	     t.a);
	r = try(fx, fx->tenant_id, "inbound_rule",
		"{\"name\":\"x\",\"trunk_id\":\"%llu\",\"did\":\"1000\",\"caller_mask\":"
		"\"44123456\"}",
		t.a);
	assert_non_null(strstr(r.json, "rule uk"));
	refused(r, EINVAL, "caller_mask", "overlap");
	refused(try(fx, fx->tenant_id, "inbound_rule",
		    "{\"name\":\"x\",\"trunk_id\":\"%llu\",\"did\":\"001000\"}", t.a),
		EINVAL, "caller_mask", "overlap"); /* all callers; and 001000 is 1000 */
	make(fx, fx->tenant_id, "inbound_rule",
	     "{\"name\":\"rest\",\"trunk_id\":\"%llu\",\"did\":\"*\"}", t.a);
}

static void an_outbound_rule_needs_a_route_of_the_tenants(void **state)
{
	struct fixture *fx = *state;
	struct fixture_trunks t = set_up(fx);

	make(fx, fx->tenant_id, "did_pool", POOL, t.a);
	refused(ask(fx, STORE_CREATE, fx->tenant_id, "outbound_rule", 0, "{\"name\":\"x\"}"),
		EINVAL, "routes", "required");
	refused(try(fx, fx->tenant_id, "outbound_rule",
		    "{\"name\":\"x\",\"routes\":[{\"trunk_id\":\"%llu\"}]}", t.b),
		EINVAL, "routes[0].trunk_id", "no_pool");
	refused(try(fx, fx->tenant_id, "outbound_rule",
		    "{\"name\":\"x\",\"prefixes\":\"0;x\",\"routes\":[{\"trunk_id\":\"%llu\"}]}",
		    t.a),
		EINVAL, "prefixes", "bad_number");
	refused(try(fx, fx->tenant_id, "outbound_rule",
		    "{\"name\":\"x\",\"extensions\":\"120-100\",\"routes\":[{\"trunk_id\":\"%llu\"}"
		    "]}",
		    t.a),
		EINVAL, "extensions", "bad_range");
	make(fx, fx->tenant_id, "outbound_rule",
	     "{\"name\":\"x\",\"prefixes\":\"00;+44\",\"routes\":[{\"trunk_id\":\"%llu\"}]}", t.a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_trunk_says_where_and_who),
		T(a_trunk_goes_over_a_transport_that_there_is),
		T(a_header_rule_that_is_wrong_is_named_with_its_place),
		T(no_code_begins_with_another),
		T(no_number_is_in_two_tenants_pools),
		T(a_trunk_leads_to_one_tenants_pbx),
		T(a_pbx_is_known_by_its_address_where_that_is_allowed),
		T(the_rules_that_need_a_pool_are_named),
		T(a_trunk_does_not_move_into_a_conflict),
		T(an_inbound_rule_is_about_the_tenants_numbers),
		T(rules_of_one_number_share_no_caller),
		T(an_outbound_rule_needs_a_route_of_the_tenants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
