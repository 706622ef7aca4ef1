/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table itself: what is not listed changes nothing, and who waits has a timer. */
#include "call/calls.h"
#include "call/testing_phone.h"

static const bool is_listed[LEG_NSTATES][LEV_NEVENTS] = {
#define X(from, ev, to, act) [LEG_##from][LEV_##ev] = true,
#include "call/leg.def"
#undef X
};

static const uint32_t timeout_ms[LEG_NSTATES] = {
#define X(name, ms) [LEG_##name] = ms,
#include "call/leg_states.def"
#undef X
};

static struct leg *new_leg(struct world *w)
{
	struct call *call = call_alloc(w->calls, TENANT);
	struct leg *leg;

	assert_non_null(call);
	assert_int_equal(leg_alloc(&leg, call, true), 0);
	return leg;
}

static void an_event_that_is_not_listed_changes_nothing(void **state)
{
	struct world *w = *state;
	struct leg *leg = new_leg(w);
	struct call *call = leg->call;
	struct leg before;
	unsigned n = 0;

	for (unsigned st = 0; st < LEG_NSTATES; st++) {
		for (unsigned ev = 0; ev < LEV_NEVENTS; ev++) {
			struct sip_inv_event sip = {.type = SIP_INV_PROVISIONAL, .status = 180};

			if (is_listed[st][ev] || ev == LEV_REQUEST)
				continue; /* REQUEST is answered 481: it needs a transaction */
			leg->st = st;
			before = *leg;
			assert_false(leg_event(leg, ev, &(struct leg_msg){.sip = &sip}));
			assert_memory_equal(&before, leg, sizeof(before));
			n++;
		}
	}
	assert_true(n > 100);
	assert_int_equal(w->ncalls + w->nlegs, 0); /* nothing was recorded */
	leg_free(leg);
	call_free(call);
}

/* States that wait for a device or the engine; the others wait for us, or for a fork that has a timer. */
static void every_state_that_waits_has_a_timer(void **state)
{
	static const enum leg_state waits[] = {LEG_OPENING,	LEG_TRYING,	   LEG_EARLY,
					       LEG_ANSWERED,	LEG_ACCEPTED,	   LEG_CLOSING,
					       LEG_CLOSING_SIP, LEG_CLOSING_MEDIA, LEG_RELEASED};

	for (size_t i = 0; i < ARRAY_LEN(waits); i++)
		assert_true(timeout_ms[waits[i]] > 0);
	for (unsigned st = 0; st < LEG_NSTATES; st++)
		assert_int_equal(is_listed[st][LEV_TIMEOUT], timeout_ms[st] > 0);
}

static void every_state_but_the_last_can_end(void **state)
{
	for (unsigned st = 0; st < LEG_CLOSING; st++) {
		assert_true(is_listed[st][LEV_HANGUP]);
		assert_true(is_listed[st][LEV_LOST]);
	}
	for (unsigned ev = 0; ev < LEV_NEVENTS; ev++)
		assert_false(is_listed[LEG_CLOSED][ev]);
}

static void an_id_of_a_dead_leg_finds_nothing(void **state)
{
	struct world *w = *state;
	struct leg *leg = new_leg(w), *next;
	struct call *call = leg->call;
	oid id = leg->id;

	assert_ptr_equal(leg_get(w->calls, id), leg);
	leg_free(leg);
	assert_null(leg_get(w->calls, id));
	assert_int_equal(leg_alloc(&next, call, false), 0); /* may have its place, not its id */
	assert_null(leg_get(w->calls, id));
	calls_media_event(&(struct media_event){.type = MEDIA_OPENED, .session = id}, w->calls);
	leg_free(next);
	call_free(call);
}

static void record_ids_grow_even_when_the_clock_does_not(void **state)
{
	struct world *w = *state;
	uint64_t last = calls_new_id(w->calls);

	for (int i = 0; i < 1000; i++) {
		uint64_t id = calls_new_id(w->calls);

		assert_true(id > last && id < (UINT64_C(1) << 63));
		last = id;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(an_event_that_is_not_listed_changes_nothing),
		cmocka_unit_test(every_state_that_waits_has_a_timer),
		cmocka_unit_test(every_state_but_the_last_can_end),
		STORY(an_id_of_a_dead_leg_finds_nothing),
		STORY(record_ids_grow_even_when_the_clock_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
