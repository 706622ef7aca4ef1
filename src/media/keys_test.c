/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events between two legs that number and count them differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "media/relay.h"

enum { EVENT_BYTES = RTP_HEAD_BYTES + 4 };

static struct stream a, b;

static void joined(uint32_t a_hz, uint32_t b_hz)
{
	stream_init(&a, 0);
	stream_init(&b, 0);
	a.remote.format = (struct media_format){
		.codec = 1, .events_in = 101, .events_out = 96, .events_hz = a_hz};
	b.remote.format = (struct media_format){
		.codec = 1, .events_in = 96, .events_out = 101, .events_hz = b_hz};
	b.remote.types[101 / 8] |= 1 << 101 % 8;
	stream_join(&a, &b);
}

static bool press_at(uint32_t ts, uint8_t pt, uint16_t duration, uint8_t p[EVENT_BYTES])
{
	struct rtp_head h = {.pt = pt, .marker = true, .ts = ts, .at = RTP_HEAD_BYTES, .n = 4};

	rtp_write(&h, p);
	memcpy(p + RTP_HEAD_BYTES,
	       (uint8_t[]){5, 0x8a, (uint8_t)(duration >> 8), (uint8_t)duration}, 4);
	return stream_keys_pass(&a, &h, p);
}

static bool press(uint8_t pt, uint16_t duration, uint8_t p[EVENT_BYTES])
{
	return press_at(0, pt, duration, p);
}

static unsigned duration_of(const uint8_t *p)
{
	return (unsigned)(p[EVENT_BYTES - 2] << 8 | p[EVENT_BYTES - 1]);
}

static void an_event_has_the_number_and_the_clock_of_who_hears_it(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(48000, 8000);
	assert_true(press(96, 4800, p));
	assert_int_equal(p[1], 0x80 | 101);
	assert_int_equal(duration_of(p), 800);
	assert_int_equal(p[RTP_HEAD_BYTES], 5);
	assert_true(a.has_pressed);
	assert_false(b.has_pressed);
}

static void a_long_press_is_as_long_as_can_be_said(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 48000);
	assert_true(press(101, 20000, p));
	assert_int_equal(duration_of(p), UINT16_MAX);
}

static void one_who_takes_no_events_gets_none(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 8000);
	b.remote.format.events_out = MEDIA_NO_PT;
	assert_false(press(101, 800, p));
}

static bool is_news(void)
{
	bool is = a.news & RELAY_KEY;

	a.news &= (uint8_t)~RELAY_KEY;
	return is;
}

/* Whatever of its packets arrive. */
static void a_key_that_goes_another_way_is_news_once(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 8000);
	b.remote.format.events_out = MEDIA_NO_PT;
	a.remote.may_send = true;
	for (uint16_t duration = 160; duration <= 800; duration += 160) {
		assert_false(press_at(8000, 101, duration, p));
		assert_int_equal(is_news(), duration == 160);
	}
	assert_int_equal(a.key, '5');
	assert_false(
		press_at(16000, 101, 800, p)); /* the same key again, of which only the end comes */
	assert_true(is_news());
}

static void keys_of_a_leg_that_may_not_send_are_no_news(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 8000);
	b.remote.format.events_out = MEDIA_NO_PT;
	assert_false(press(101, 800, p));
	assert_false(is_news());
}

static void keys_that_are_passed_on_are_no_news(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 8000);
	a.remote.may_send = true;
	assert_true(press(101, 800, p));
	assert_false(is_news());
}

static void a_relay_elsewhere_gets_only_calls_whose_keys_stay_as_they_are(void **state)
{
	joined(8000, 8000);
	assert_true(stream_keys_alike(&a, &b));
	b.remote.format.events_hz = 48000;
	assert_false(stream_keys_alike(&a, &b));
	joined(8000, 8000);
	b.remote.format.events_out = 96;
	assert_false(stream_keys_alike(&a, &b));
}

static void a_number_that_means_something_else_there_is_left_alone(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 48000);
	b.remote.types[96 / 8] |= 1 << 96 % 8;
	assert_true(press(96, 800, p));
	assert_int_equal(p[1], 0x80 | 96);
	assert_int_equal(duration_of(p), 800);
	assert_false(a.has_pressed);
}

static void nothing_is_converted_where_that_is_not_wanted(void **state)
{
	uint8_t p[EVENT_BYTES];

	joined(8000, 48000);
	a.remote.format.keys = MEDIA_KEYS_AS_THEY_COME;
	assert_true(press(101, 800, p));
	assert_int_equal(duration_of(p), 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_the_number_and_the_clock_of_who_hears_it),
		cmocka_unit_test(a_long_press_is_as_long_as_can_be_said),
		cmocka_unit_test(one_who_takes_no_events_gets_none),
		cmocka_unit_test(a_key_that_goes_another_way_is_news_once),
		cmocka_unit_test(keys_of_a_leg_that_may_not_send_are_no_news),
		cmocka_unit_test(keys_that_are_passed_on_are_no_news),
		cmocka_unit_test(a_relay_elsewhere_gets_only_calls_whose_keys_stay_as_they_are),
		cmocka_unit_test(a_number_that_means_something_else_there_is_left_alone),
		cmocka_unit_test(nothing_is_converted_where_that_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
