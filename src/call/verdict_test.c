/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each verdict, from the facts that call for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "call/verdict.h"

static struct verdict_facts silent(void)
{
	struct verdict_facts f = {.talked_us = 10000000, .may_send = true};

	assert_int_equal(addr_parse(&f.described, STR("192.0.2.1"), 4000), 0);
	assert_int_equal(addr_parse(&f.hint, STR("192.0.2.1"), 5060), 0);
	return f;
}

static void each_cause_of_silence_has_its_name(void **state)
{
	struct verdict_facts f = silent();

	assert_int_equal(verdict_of(&f), VERDICT_NO_PACKETS);
	f.described.ip[0] = 10;
	assert_int_equal(verdict_of(&f), VERDICT_PRIVATE_ADDRESS);
	f.c.rx_refused = 500;
	assert_int_equal(verdict_of(&f), VERDICT_LATCH_MISSING);
	f.c.rx_forged = 500;
	assert_int_equal(verdict_of(&f), VERDICT_BAD_KEYS);
	f.c.guard = MEDIA_GUARD_FAILED;
	assert_int_equal(verdict_of(&f), VERDICT_DTLS_FAILED);
	f.c.guard = MEDIA_GUARD_SHAKING;
	assert_int_equal(verdict_of(&f), VERDICT_DTLS_STALLED);
	f.c.guard = MEDIA_GUARD_NO_PAIR;
	assert_int_equal(verdict_of(&f), VERDICT_NO_ICE);
	assert_string_equal(verdict_name(VERDICT_NO_ICE), "no_ice");
}

static void who_is_held_or_gone_at_once_may_be_silent(void **state)
{
	struct verdict_facts f = silent();

	f.may_send = false;
	assert_int_equal(verdict_of(&f), VERDICT_NONE);
	f = silent();
	f.talked_us = 1000000;
	assert_int_equal(verdict_of(&f), VERDICT_NONE);
}

static void what_was_heard_is_judged_by_codec_and_quality(void **state)
{
	struct verdict_facts f = silent();

	f.c.rx_rtp = 500;
	f.mos_x100 = 420;
	f.c.rx_refused = 500; /* a stranger's, while the device was heard */
	assert_int_equal(verdict_of(&f), VERDICT_NONE);
	f.mos_x100 = 300;
	assert_int_equal(verdict_of(&f), VERDICT_POOR);
	f.c.rx_undescribed = 400;
	assert_int_equal(verdict_of(&f), VERDICT_CODEC_MISMATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_of_silence_has_its_name),
		cmocka_unit_test(who_is_held_or_gone_at_once_may_be_silent),
		cmocka_unit_test(what_was_heard_is_judged_by_codec_and_quality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
