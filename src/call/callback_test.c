/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EXT-26: 101 has found 102 busy, or was not answered, and books a callback. */
#include "call/callback.h"
#include "call/testing_phone.h"

static int book(struct world *w, uint64_t extension_id, const char *number)
{
	return callback_book(w->calls, TENANT, extension_id, number);
}

static int cancel(struct world *w, uint64_t extension_id)
{
	return callback_cancel(w->calls, TENANT, extension_id);
}

/* 103 talks to 102, and 101 hears that it is busy. */
static void finds_it_busy(struct world *w, struct ua *b, struct ua *c)
{
	struct ua a;

	put(w, &resource_extension, TENANT, 2, "{'number':'102','busy_level':1}");
	calls_number(c, &w->phone[3], "102", audio(&w->phone[3]));
	rings(b, &w->phone[2]);
	ua_reply(b, 200, audio(&w->phone[2]));
	ua_asked(b, SIP_ACK);
	ua_got(c, 200);
	ua_request(c, "ACK", "");
	run(w);
	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	ua_got(&a, 486);
	ua_request(&a, "ACK", "");
	run(w);
	ua_done(&a);
}

static bool is_from(const struct sip_msg *m, const char *user)
{
	struct str from = sip_msg_header(m, SIP_HDR_FROM);

	return memmem(from.p, from.n, user, strlen(user)) != NULL;
}

/* Its own telephone is rung, and when it answers the other. */
static void both_are_rung(struct world *w)
{
	struct ua a = {0}, b = {0};

	wait_for_message(&w->phone[1], 3000);
	rings(&a, &w->phone[1]);
	assert_true(is_from(a.req, "<sip:102@"));
	nothing(&w->phone[2]);
	ua_reply(&a, 200, audio(&w->phone[1]));
	ua_asked(&a, SIP_ACK);
	wait_for_message(&w->phone[2], 100);
	rings(&b, &w->phone[2]);
	assert_true(is_from(b.req, "<sip:101@"));
	ua_reply(&b, 486, "");
	ua_asked(&a, SIP_BYE);
	ua_reply(&a, 200, "");
	run(w);
	ua_done(&a);
	ua_done(&b);
}

static void who_was_busy_is_called_when_it_has_hung_up(void **state)
{
	struct world *w = *state;
	struct ua b = {0}, c = {0};

	finds_it_busy(w, &b, &c);
	assert_int_equal(book(w, 1, ""), 0);
	pass(w, 60000);
	nothing(&w->phone[1]);
	hang_up(&b, &c);
	pass(w, 1000);
	nothing(&w->phone[1]);
	both_are_rung(w);
	pass(w, 200000);
	nothing(&w->phone[1]); /* once */
}

static void who_did_not_answer_is_called_when_it_is_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0}, c = {0};

	calls_number(&a, &w->phone[1], "102", audio(&w->phone[1]));
	rings(&b, &w->phone[2]);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	wait_for_message(&w->phone[2], 25000);
	ua_cancelled(&b, NULL);
	ua_got(&a, 480);
	ua_request(&a, "ACK", "");
	run(w);
	ua_done(&a);
	ua_done(&b);
	assert_int_equal(book(w, 1, ""), 0);
	pass(w, 120000);
	nothing(&w->phone[1]);
	talk(w, &b, &c);
	hang_up(&b, &c);
	both_are_rung(w);
}

static void nothing_is_booked_that_did_not_fail(void **state)
{
	struct world *w = *state;

	assert_int_equal(book(w, 1, ""), ENOENT);
	assert_int_equal(book(w, 1, "101"), ENOENT);
	assert_int_equal(book(w, 1, "999"), ENOENT);
	assert_int_equal(book(w, 0, "102"), ENOENT);
	assert_int_equal(cancel(w, 1), ENOENT);
}

static void it_is_taken_back(void **state)
{
	struct world *w = *state;
	struct ua b = {0}, c = {0};

	finds_it_busy(w, &b, &c);
	assert_int_equal(book(w, 1, ""), 0);
	assert_int_equal(cancel(w, 3), ENOENT); /* not somebody else's */
	assert_int_equal(cancel(w, 1), 0);
	hang_up(&b, &c);
	pass(w, 100000);
	nothing(&w->phone[1]);
}

static void it_ends_after_half_an_hour(void **state)
{
	struct world *w = *state;
	struct ua b = {0}, c = {0};

	finds_it_busy(w, &b, &c);
	assert_int_equal(book(w, 1, ""), 0);
	pass(w, CALLBACK_MS + 60000);
	assert_int_equal(cancel(w, 1), ENOENT);
	hang_up(&b, &c);
	pass(w, 100000);
	nothing(&w->phone[1]);
}

static void a_caller_with_a_call_of_its_own_is_not_disturbed(void **state)
{
	struct world *w = *state;
	struct ua b = {0}, c = {0};

	assert_int_equal(book(w, 1, "102"), 0);
	talk(w, &b, &c); /* 101 and 102 */
	pass(w, 100000);
	nothing(&w->phone[1]);
	hang_up(&b, &c);
	both_are_rung(w);
}

static void there_are_so_many_and_no_more(void **state)
{
	struct world *w = *state;
	char json[48], number[8];

	for (unsigned i = 0; i <= CALLBACK_MOST; i++) {
		(void)snprintf(number, sizeof(number), "20%u", i);
		(void)snprintf(json, sizeof(json), "{'number':'%s'}", number);
		put(w, &resource_extension, TENANT, 20 + i, "%s", json);
		assert_int_equal(book(w, 1, number), i < CALLBACK_MOST ? 0 : ENOSPC);
	}
	assert_int_equal(book(w, 1, "200"), 0); /* the same again */
	assert_int_equal(book(w, 3, "205"), 0);
	assert_int_equal(cancel(w, 1), 0);
	assert_int_equal(book(w, 1, "205"), 0);
	pass(w, CALLBACK_MS);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
	const struct CMUnitTest tests[] = {
		T(who_was_busy_is_called_when_it_has_hung_up),
		T(who_did_not_answer_is_called_when_it_is_back),
		T(nothing_is_booked_that_did_not_fail),
		T(it_is_taken_back),
		T(it_ends_after_half_an_hour),
		T(a_caller_with_a_call_of_its_own_is_not_disturbed),
		T(there_are_so_many_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
