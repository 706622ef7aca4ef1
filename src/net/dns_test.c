/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions over real sockets to a name server on loopback; and RFC 3263 over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "net/dns_testing.h"
#include "net/locate.h"

struct world {
	struct loop *loop;
	struct dns *dns;
	struct locator *locator;
	struct name_server server;
	bool has_v6, has_tcp;
	unsigned ntold;
	int err;
	struct located found;
};

static const struct zone_line zone[] = {
	{"a.test", DNS_A, 300, "192.0.2.1"},
	{"a.test", DNS_AAAA, 300, "2001:db8::1"},
	{"b.test", DNS_A, 300, "192.0.2.2"},
	{"short.test", DNS_A, 0, "192.0.2.3"},
	{"srv.test", DNS_A, 300, "192.0.2.99"}, /* must not be taken */
	{"_sip._udp.srv.test", DNS_SRV, 100, "20 0 5080 b.test"},
	{"_sip._udp.srv.test", DNS_SRV, 100, "10 0 5070 a.test"},
	{"_sip._tcp.srv.test", DNS_SRV, 100, "10 0 5060 b.test"},
	{"naptr.test", DNS_NAPTR, 100, "10 10 s SIP+D2T _sip._tcp.srv.test"},
	{"naptr.test", DNS_NAPTR, 100, "20 10 s SIP+D2U _sip._udp.srv.test"},
	{"naptr.test", DNS_NAPTR, 100, "5 10 s E2U+sip _sip._udp.wrong.test"},
	{"away.test", DNS_A, 300, "192.0.2.98"},
	{"_sip._udp.away.test", DNS_SRV, 100, "0 0 0 ."},
	{0},
};

static bool reaches(enum flow_transport t, unsigned family, void *arg)
{
	const struct world *w = arg;

	return (family == 4 || w->has_v6) && (t == FLOW_UDP || (t == FLOW_TCP && w->has_tcp));
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	w->has_tcp = true;
	return !w || loop_alloc(&w->loop, clock_real()) || dns_open(&w->dns, w->loop) ||
	       name_server_open(&w->server, w->loop, zone) ||
	       dns_servers(w->dns, str_of(w->server.text)) ||
	       locate_open(&w->locator, w->dns, reaches, w);
}

static int teardown(void **state)
{
	struct world *w = *state;

	locate_close(w->locator);
	dns_close(w->dns);
	name_server_close(&w->server);
	loop_free(w->loop);
	free(w);
	return 0;
}

static void told(void *arg)
{
	((struct world *)arg)->ntold++;
}

/* Ask until it is known. */
static int get(struct world *w, enum dns_type type, const char *name, const struct dns_records **rp)
{
	struct dns_wait wait = {.fn = told, .arg = w};
	unsigned before = w->ntold;
	int err = dns_get(w->dns, type, str_of(name), &wait, rp);

	if (err != EINPROGRESS)
		return err;
	for (int i = 0; i < 2000 && w->ntold == before; i++)
		loop_turn(w->loop, 10);
	return dns_get(w->dns, type, str_of(name), &wait, rp);
}

static void on_found(const struct located *found, int err, void *arg)
{
	struct world *w = arg;

	w->ntold++;
	w->err = err;
	if (found)
		w->found = *found;
}

static int find(struct world *w, const struct locate_question *q)
{
	oid id;

	w->ntold = 0;
	w->err = w->locator->find(w->locator, q, &w->found, on_found, w, &id);
	if (w->err != EINPROGRESS)
		return w->err;
	for (int i = 0; i < 2000 && !w->ntold; i++)
		loop_turn(w->loop, 10);
	assert_int_equal(w->ntold, 1);
	return w->err;
}

static const char *target(struct world *w, size_t i)
{
	static char text[ADDR_STR_BYTES];

	return addr_str(text, &w->found.target[i].addr);
}

static void an_answer_is_asked_for_once(void **state)
{
	struct world *w = *state;
	const struct dns_records *r;

	assert_int_equal(get(w, DNS_A, "A.test.", &r), 0);
	assert_int_equal(r->n, 1);
	assert_int_equal(w->server.nasked, 1);
	assert_int_equal(get(w, DNS_A, "a.TEST", &r), 0);
	assert_int_equal(w->server.nasked, 1);
}

static void nothing_is_remembered_too(void **state)
{
	struct world *w = *state;
	const struct dns_records *r;

	assert_int_equal(get(w, DNS_A, "nobody.test", &r), ENOENT);
	assert_int_equal(get(w, DNS_A, "nobody.test", &r), ENOENT);
	assert_int_equal(w->server.nasked, 1);
}

static void a_ttl_of_nothing_still_lasts_seconds(void **state)
{
	struct world *w = *state;
	const struct dns_records *r;

	assert_int_equal(get(w, DNS_A, "short.test", &r), 0);
	assert_int_equal(r->ttl_s, DNS_LEAST_S);
}

static void other_servers_are_asked_anew(void **state)
{
	static const struct zone_line other[] = {{"a.test", DNS_A, 300, "198.51.100.1"}, {0}};
	struct world *w = *state;
	struct name_server second = {0};
	const struct dns_records *r;
	struct dns_wait wait = {.fn = told, .arg = w};
	char text[ADDR_STR_BYTES];

	assert_int_equal(get(w, DNS_A, "a.test", &r), 0);
	assert_int_equal(name_server_open(&second, w->loop, other), 0);
	/* one that is under way goes on at the new one */
	w->server.is_silent = true;
	assert_int_equal(dns_get(w->dns, DNS_A, STR("b.test"), &wait, &r), EINPROGRESS);
	assert_int_equal(dns_servers(w->dns, str_of(second.text)), 0);
	assert_int_equal(get(w, DNS_A, "a.test", &r), 0);
	assert_string_equal(addr_ip_str(text, &r->addr[0]), "198.51.100.1");
	assert_int_equal(get(w, DNS_A, "b.test", &r), ENOENT);
	assert_int_equal(dns_servers(w->dns, STR("not an address")), EINVAL);
	name_server_close(&second);
}

static void a_server_that_fails_is_not_nothing(void **state)
{
	struct world *w = *state;
	const struct dns_records *r;

	w->server.is_failing = true;
	assert_int_equal(get(w, DNS_A, "a.test", &r), EAGAIN);
	assert_int_equal(find(w, &(struct locate_question){.host = STR("b.test"), .port = 5060}),
			 EAGAIN);
}

static void an_address_is_found_without_asking(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, &(struct locate_question){.host = STR("192.0.2.7")}), 0);
	assert_string_equal(target(w, 0), "192.0.2.7:5060");
	assert_int_equal(
		find(w, &(struct locate_question){.host = STR("[2001:db8::7]"), .port = 5090}), 0);
	assert_string_equal(target(w, 0), "[2001:db8::7]:5090");
	assert_int_equal(w->server.nasked, 0);
}

static void a_port_means_addresses_only(void **state)
{
	struct world *w = *state;

	w->has_v6 = true;
	assert_int_equal(find(w, &(struct locate_question){.host = STR("a.test"), .port = 5099}),
			 0);
	assert_int_equal(w->found.n, 2);
	assert_string_equal(target(w, 0), "192.0.2.1:5099");
	assert_string_equal(target(w, 1), "[2001:db8::1]:5099");
	assert_int_equal(w->server.nasked, 2);
}

static void a_family_without_listener_is_not_found(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, &(struct locate_question){.host = STR("a.test"), .port = 5060}),
			 0);
	assert_int_equal(w->found.n, 1);
	assert_int_equal(w->server.nasked, 1);
}

static void services_come_before_the_address(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, &(struct locate_question){.host = STR("srv.test")}), 0);
	assert_int_equal(w->found.n, 2);
	assert_string_equal(target(w, 0), "192.0.2.1:5070");
	assert_string_equal(target(w, 1), "192.0.2.2:5080");
	assert_int_equal(w->found.target[0].priority, 10);
	assert_int_equal(w->found.ttl_s, 100);
}

static void a_name_without_services_has_its_address(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, &(struct locate_question){.host = STR("b.test")}), 0);
	assert_int_equal(w->found.n, 1);
	assert_string_equal(target(w, 0), "192.0.2.2:5060");
}

static void a_service_that_is_decidedly_not_there_has_no_address(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, &(struct locate_question){.host = STR("away.test")}), ENOENT);
	assert_int_equal(find(w, &(struct locate_question){.host = STR("nobody.test")}), ENOENT);
	assert_int_equal(find(w, &(struct locate_question){.host = STR("no name")}), EINVAL);
}

static void naptr_chooses_the_transport(void **state)
{
	const struct locate_question q = {.host = STR("naptr.test"), .is_any_transport = true};
	struct world *w = *state;

	assert_int_equal(find(w, &q), 0);
	assert_int_equal(w->found.n, 3);
	assert_int_equal(w->found.target[0].transport, FLOW_TCP);
	assert_string_equal(target(w, 0), "192.0.2.2:5060");
	assert_int_equal(w->found.target[1].transport, FLOW_UDP);
	w->has_tcp = false;
	assert_int_equal(find(w, &q), 0);
	assert_int_equal(w->found.n, 2);
	assert_int_equal(w->found.target[0].transport, FLOW_UDP);
}

static void who_forgets_is_not_told(void **state)
{
	struct world *w = *state;
	const struct dns_records *r;
	oid id;

	assert_int_equal(w->locator->find(w->locator,
					  &(struct locate_question){.host = STR("srv.test")},
					  &w->found, on_found, w, &id),
			 EINPROGRESS);
	w->locator->forget(w->locator, id);
	w->locator->forget(w->locator, id);
	assert_int_equal(get(w, DNS_SRV, "_sip._udp.srv.test", &r), 0);
	assert_int_equal(w->ntold, 1); /* by get() */
}

static void names_beyond_the_limit_push_out_the_oldest(void **state)
{
	struct world *w = *state;
	const struct dns_records *r;
	char name[40];

	assert_int_equal(get(w, DNS_A, "a.test", &r), 0);
	for (int i = 0; i < DNS_MAX_ENTRIES + 50; i++) {
		(void)snprintf(name, sizeof(name), "n%d.test", i);
		assert_int_equal(get(w, DNS_A, name, &r), ENOENT);
	}
	assert_int_equal(dns_count(w->dns), DNS_MAX_ENTRIES);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_answer_is_asked_for_once),
		T(nothing_is_remembered_too),
		T(a_ttl_of_nothing_still_lasts_seconds),
		T(other_servers_are_asked_anew),
		T(a_server_that_fails_is_not_nothing),
		T(an_address_is_found_without_asking),
		T(a_port_means_addresses_only),
		T(a_family_without_listener_is_not_found),
		T(services_come_before_the_address),
		T(a_name_without_services_has_its_address),
		T(a_service_that_is_decidedly_not_there_has_no_address),
		T(naptr_chooses_the_transport),
		T(who_forgets_is_not_told),
		T(names_beyond_the_limit_push_out_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
