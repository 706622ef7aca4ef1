/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "media/digits.h"

static char hear(struct digits_in *d, uint8_t event, bool end, uint16_t duration, uint32_t ts)
{
	uint8_t p[4] = {event, (uint8_t)(end ? 0x8a : 0x0a), (uint8_t)(duration >> 8),
			(uint8_t)duration};
	struct rtp_head h = {.ts = ts, .n = sizeof(p)};

	return digits_hear(d, &h, p);
}

static void key_of_many_packets_is_heard_once(void **state)
{
	struct digits_in d = {0};
	int heard = 0;

	for (uint16_t i = 1; i <= 5; i++)
		heard += hear(&d, 7, false, 160 * i, 1000) == '7';
	for (int i = 0; i < 3; i++)
		heard += hear(&d, 7, true, 960, 1000) == '7';
	assert_int_equal(heard, 1);
}

static void key_of_which_only_the_end_arrives_is_heard(void **state)
{
	struct digits_in d = {0};

	assert_int_equal(hear(&d, 11, true, 960, 1000), '#');
	assert_int_equal(hear(&d, 11, true, 960, 1000), 0);
}

static void same_key_twice_is_two(void **state)
{
	struct digits_in d = {0};

	assert_int_equal(hear(&d, 5, false, 160, 1000), '5');
	assert_int_equal(hear(&d, 5, true, 320, 1000), 0);
	assert_int_equal(hear(&d, 5, false, 160, 1640), '5'); /* 40 ms pressed, 40 ms not */
	assert_int_equal(hear(&d, 5, true, 320, 1000), 0);    /* late, of the first */
	assert_int_equal(hear(&d, 5, true, 320, 1640), 0);
}

static void key_held_for_minutes_is_one(void **state)
{
	struct digits_in d = {0};
	int heard = 0;

	for (uint32_t segment = 0; segment < 4; segment++)
		for (uint32_t i = 1; i < 410; i++)
			heard += hear(&d, 3, false, (uint16_t)(i * 160 > 0xffff ? 0xffff : i * 160),
				      segment * 0xffff) == '3';
	assert_int_equal(heard, 1);
}

static void what_is_no_key_is_not_heard(void **state)
{
	struct digits_in d = {0};
	struct rtp_head h = {.n = 3};

	assert_int_equal(hear(&d, 16, false, 160, 1), 0); /* flash */
	assert_int_equal(hear(&d, 255, false, 160, 1), 0);
	assert_int_equal(digits_hear(&d, &h, (const uint8_t *)"abc"), 0);
}

/* What we press is heard by our own ear, each key once, also when one packet in three is lost. */
static void pressed_keys_are_heard_in_order(void **state)
{
	static const char keys[] = "0123456789*#ABCD";
	struct digits_out out = {0};
	struct digits_in in = {0};
	char heard[32] = "";
	uint32_t now = 5000, ends = 0;

	for (const char *k = keys; *k; k++)
		assert_int_equal(digits_press(&out, *k), 0);
	assert_int_equal(digits_press(&out, 'x'), EINVAL);
	for (unsigned i = 0; i < 400; i++, now += 160) {
		uint8_t p[DIGITS_EVENT_BYTES];
		bool marker;
		uint32_t ts;
		enum digits_step step = digits_step(&out, 8000, now, p, &marker, &ts);
		struct rtp_head h = {.n = sizeof(p)};
		char k;

		if (step != DIGITS_EVENT && step != DIGITS_END)
			continue;
		ends += step == DIGITS_END;
		h.ts = ts;
		if (i % 3 == 1)
			continue;
		k = digits_hear(&in, &h, p);
		if (k)
			strncat(heard, &k, 1);
	}
	assert_string_equal(heard, keys);
	assert_int_equal(ends, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_of_many_packets_is_heard_once),
		cmocka_unit_test(key_of_which_only_the_end_arrives_is_heard),
		cmocka_unit_test(same_key_twice_is_two),
		cmocka_unit_test(key_held_for_minutes_is_one),
		cmocka_unit_test(what_is_no_key_is_not_heard),
		cmocka_unit_test(pressed_keys_are_heard_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
