/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel lets through, over real sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "net/sieve.h"
#include "net/sock.h"

#define MARK "AAAAAQbcdef"

struct world {
	int server, phone;
	struct sockaddr_storage to;
	socklen_t nto;
};

static int setup(void **state)
{
	static struct world w;
	struct addr a, server, phone;

	*state = &w;
	if (addr_parse(&a, STR("127.0.97.1"), 0) || sock_udp(&w.server, &a, &server) ||
	    sock_udp(&w.phone, &a, &phone))
		return -1;
	w.nto = addr_to_sockaddr(&server, &w.to);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->server);
	close(w->phone);
	return 0;
}

static void thin(struct world *w, uint32_t share)
{
	static const struct str numbers[] = {{"112", 3}, {"0119876543210", 13}};
	const struct flow_thinning t = {share, STR(MARK), numbers, ARRAY_LEN(numbers)};

	assert_int_equal(sieve_set(w->server, &t), 0);
}

/* Over loopback a datagram is in the queue, or dropped, when sendto() returns. */
static bool passes(struct world *w, const char *p, size_t n)
{
	char got[65536];

	assert_int_equal(sendto(w->phone, p, n, 0, (struct sockaddr *)&w->to, w->nto), n);
	return recv(w->server, got, sizeof(got), MSG_DONTWAIT) == (ssize_t)n;
}

static bool text_passes(struct world *w, const char *text)
{
	return passes(w, text, strlen(text));
}

/* A call whose To has this tag, with this line before the last: so far from the beginning. */
static bool call_passes(struct world *w, const char *uri, const char *to_tag, const char *line,
			unsigned filling)
{
	struct buf b = {0};
	bool is_in;

	buf_printf(&b,
		   "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%0*d\r\n"
		   "From: <sip:101@acme.example>;tag=x\r\nTo: <sip:102@acme.example>%s\r\n"
		   "%s\r\nContent-Length: 0\r\n\r\n",
		   uri, (int)filling, 1, to_tag, line);
	assert_int_equal(b.err, 0);
	is_in = passes(w, b.p, b.n);
	buf_free(&b);
	return is_in;
}

static bool new_call_passes(struct world *w, const char *uri)
{
	return call_passes(w, uri, "", "Max-Forwards: 70", 8);
}

static void new_calls_are_dropped_others_are_not(void **state)
{
	struct world *w = *state;

	assert_true(new_call_passes(w, "sip:102@acme.example"));
	thin(w, 0);
	assert_false(new_call_passes(w, "sip:102@acme.example"));
	assert_true(text_passes(w, "ACK sip:102@acme.example SIP/2.0\r\n\r\n"));
	assert_true(text_passes(w, "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"));
	assert_true(text_passes(w, "\r\n\r\n"));
	assert_true(text_passes(w, "\r\n"));
	assert_true(text_passes(w, "INVITE"));
	assert_int_equal(sieve_set(w->server, NULL), 0);
	assert_true(new_call_passes(w, "sip:102@acme.example"));
	assert_int_equal(sieve_set(w->server, NULL), 0);
}

/* At every place that the search may come upon it. */
static void who_has_credentials_or_a_tag_of_ours_passes(void **state)
{
	struct world *w = *state;

	thin(w, 0);
	for (unsigned i = 1; i <= 600; i++) {
		assert_true(call_passes(w, "sip:102@a", "",
					"Proxy-Authorization: Digest username=\"101\"", i + 80));
		assert_true(call_passes(w, "sip:102@a", "", "authorization:Digest a=b", i + 80));
		assert_false(call_passes(w, "sip:102@a", "", "Allow: INVITE, ACK, BYE", i + 80));
		assert_false(call_passes(w, "sip:102@a", "",
					 "Content-Type: application/sdp\r\n"
					 "Content-Disposition: session\r\n"
					 "Diversion: <sip:103@a>;reason=unconditional",
					 i + 80));
	}
	for (unsigned i = 1; i <= 500; i++) {
		assert_true(call_passes(w, "sip:102@a", ";tag=" MARK "ghijk", "A: b", i));
		assert_false(call_passes(w, "sip:102@a", ";tag=3fae07c2b9d1", "A: b", i));
	}
	assert_int_equal(sieve_set(w->server, NULL), 0);
}

static void calls_for_help_pass(void **state)
{
	struct world *w = *state;

	thin(w, 0);
	assert_true(new_call_passes(w, "sip:112@acme.example"));
	assert_true(new_call_passes(w, "sips:112@acme.example"));
	assert_true(new_call_passes(w, "sip:+112@acme.example"));
	assert_true(new_call_passes(w, "sips:+112@acme.example"));
	assert_true(new_call_passes(w, "tel:112"));
	assert_true(new_call_passes(w, "urn:service:sos"));
	assert_true(new_call_passes(w, "sip:0119876543210@acme.example"));
	assert_false(new_call_passes(w, "sip:12@acme.example"));
	assert_false(new_call_passes(w, "sip:211112@acme.example"));
	assert_false(new_call_passes(w, "sip:01198@acme.example"));
	assert_int_equal(sieve_set(w->server, NULL), 0);
}

/* A quarter of 4,000: the limits are nine standard deviations away. */
static void a_share_of_new_calls_passes(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	thin(w, 65536 / 4);
	for (unsigned i = 0; i < 4000; i++)
		n += new_call_passes(w, "sip:102@acme.example");
	assert_in_range(n, 750, 1250);
	assert_int_equal(sieve_set(w->server, NULL), 0);
}

static void what_does_not_fit_is_not_set(void **state)
{
	struct world *w = *state;
	struct str numbers[FLOW_THIN_NUMBERS + 1];
	struct flow_thinning t = {0, STR(MARK), numbers, ARRAY_LEN(numbers)};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		numbers[i] = STR("0123456789");
	assert_int_equal(sieve_set(w->server, &t), ENOSPC);
	assert_true(new_call_passes(w, "sip:102@acme.example"));
	t.nfirst--;
	assert_int_equal(sieve_set(w->server, &t), 0);
	assert_false(new_call_passes(w, "sip:102@acme.example"));
	t.mark = STR("AAAA");
	assert_int_equal(sieve_set(w->server, &t), EINVAL);
	assert_int_equal(sieve_set(w->server, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_calls_are_dropped_others_are_not),
		cmocka_unit_test(who_has_credentials_or_a_tag_of_ours_passes),
		cmocka_unit_test(calls_for_help_pass),
		cmocka_unit_test(a_share_of_new_calls_passes),
		cmocka_unit_test(what_does_not_fit_is_not_set),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
