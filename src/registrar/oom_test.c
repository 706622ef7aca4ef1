/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device's registration from its first request to its last, again and again, each time with another allocation failing: the 1st,
 * the 2nd … until none is left to fail.  Whatever it is answered, nothing crashes, a 200 means that the contact is there (or gone),
 * and in the end nothing is left over.
 */
#include "registrar/testing.h"

#ifdef OFFHOOK_TEST_BUILD /* elsewhere no allocation can be made to fail */

static unsigned send_alone(struct world *w, const char *authorization)
{
	while (*tn_out(&w->net))
		; /* what nobody has looked at */
	send_request(w, "REGISTER", authorization);
	return tn_out_status(&w->net);
}

/* An answer may fail too: then there is none, and the device asks again later. */
static unsigned asks(struct world *w)
{
	char line[2000];
	unsigned status;

	status = send_alone(w, "");
	if (status != 401)
		return status;
	authorize(w, line, sizeof(line), "REGISTER", w->user);
	return send_alone(w, line);
}

static void is_there(struct world *w, unsigned status, uint64_t account, size_t n)
{
	if (status == 200)
		assert_int_equal(contacts_of(w, account), n);
}

static void comes_and_goes(struct world *w)
{
	is_there(w, asks(w), 1, 1);
	w->more = "Expires: 0\n";
	is_there(w, asks(w), 1, 0);
}

static void refreshes(struct world *w)
{
	is_there(w, asks(w), 1, 1);
	is_there(w, asks(w), 1, 1);
	w->more = "Path: <sip:edge.example;lr>\nSupported: path\n";
	is_there(w, asks(w), 1, 1);
}

static void has_many_contacts(struct world *w)
{
	w->user = "pair";
	w->password = "Geheimnis-pair";
	w->contact = "<sip:pair@198.51.100.7:1>, <sip:pair@198.51.100.7:2>;q=0.5";
	is_there(w, asks(w), 3, 2);
	w->contact = "<sip:pair@198.51.100.7:3>";
	(void)asks(w); /* one more than it may have */
	w->contact = "";
	(void)asks(w); /* which are there? */
	w->contact = "*";
	w->more = "Expires: 0\n";
	is_there(w, asks(w), 3, 0);
}

static void takes_the_place_of_the_last(struct world *w)
{
	w->user = "solo";
	w->password = "Geheimnis-solo";
	w->contact = "<sip:solo@198.51.100.7:1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1";
	is_there(w, asks(w), 2, 1);
	w->contact = "<sip:solo@198.51.100.7:2>;+sip.instance=\"<urn:uuid:2>\";reg-id=1";
	is_there(w, asks(w), 2, 1);
}

static void does_not_know_the_password(struct world *w)
{
	w->password = "falsch";
	assert_int_not_equal(asks(w), 200);
	assert_int_equal(contacts_of(w, 1), 0);
}

static void lapses(struct world *w)
{
	w->more = "Expires: 60\n";
	is_there(w, asks(w), 1, 1);
	tn_pass(&w->net, 70000);
	assert_int_equal(contacts_of(w, 1), 0);
}

static void as_at_first(struct world *w)
{
	w->user = "101";
	w->password = "Geheimnis-101";
	w->contact = "<sip:101@198.51.100.7:5070>";
	w->more = "";
	w->nrecords = 0;
}

/* Until none of its allocations fails.  objects: what there may be afterwards; 0: it is not known yet. */
static void fail_each(struct world *w, void (*flow)(struct world *w), bool forever,
		      uint64_t objects)
{
	uint64_t nth = 0;
	bool has_failed;

	do {
		as_at_first(w);
		mem_fail(++nth, forever);
		flow(w);
		has_failed = mem_failed();
		mem_fail(0, false);
		tn_pass(&w->net, 4000000); /* all have lapsed, and the transactions too */
		assert_int_equal(registrar_count(w->reg), 0);
		assert_true(!objects || mem_objects() == objects);
		assert_true(nth < 4000);
	} while (has_failed);
	assert_true(nth > 5);
}

static void (*const flows[])(struct world *w) = {comes_and_goes,
						 refreshes,
						 has_many_contacts,
						 takes_the_place_of_the_last,
						 does_not_know_the_password,
						 lapses};

/* Twice: after the first time all containers have their size. */
static void each(struct world *w, bool forever)
{
	for (size_t i = 0; i < ARRAY_LEN(flows); i++) {
		fail_each(w, flows[i], forever, 0);
		fail_each(w, flows[i], forever, mem_objects());
	}
}

static void any_allocation_may_fail_once(void **state)
{
	each(*state, false);
}

static void memory_may_run_out_at_any_point(void **state)
{
	each(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_allocation_may_fail_once),
		TEST(memory_may_run_out_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	return 77;
}

#endif
