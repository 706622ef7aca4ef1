/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures out of packets made by hand: which frames come out, of which bytes, at which place of a recording.  What decoders make of them:
 * test/sip/test_film.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "audio/avi.h"
#include "base/mem.h"
#include "media/film.h"
#include "media/filming.h"
#include "media/format.h"

enum { H264 = 96, VP8 = 97, RED = 98, STEP = 6000, MS = 1000 }; /* 15 pictures a second */

static const struct media_pictures types = {
	.n = 3,
	.types = {{H264, MEDIA_PICTURE_H264}, {VP8, MEDIA_PICTURE_VP8}, {RED, MEDIA_PICTURE_RED}}};
static const uint8_t set[] = {0x67, 0x42, 0xc0, 0x0c, 0xda, 0x05, 0x07, 0xec, 0x04, 0x40, 0x00,
			      0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x07, 0x83, 0xc5, 0x0a, 0xa8};

struct sender {
	struct film *film;
	struct rtp_head h;
	uint64_t now_us;
};

static int setup(void **state)
{
	struct sender *s = mem_alloc(sizeof(*s));

	assert_non_null(s);
	s->now_us = 1000 * MS;
	s->h = (struct rtp_head){.ssrc = 7, .seq = 65533, .ts = 0xffffff00};
	assert_int_equal(film_alloc(&s->film, s->now_us), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct sender *s = *state;

	film_free(s->film);
	mem_free(s);
	assert_int_equal(mem_objects(), 0);
	return 0;
}

/* The packet of that number from the next. */
static void put_at(struct sender *s, int ahead, uint8_t pt, bool marker, const char *bytes,
		   size_t n)
{
	struct rtp_head h = s->h;

	h.pt = pt;
	h.marker = marker;
	h.n = n;
	h.seq = (uint16_t)(h.seq + ahead);
	film_hear(s->film, &h, (const uint8_t *)bytes, &types, s->now_us);
}

static void put(struct sender *s, uint8_t pt, bool marker, const char *bytes, size_t n)
{
	put_at(s, 0, pt, marker, bytes, n);
	s->h.seq++;
	if (marker)
		s->h.ts += STEP;
}
#define PUT(s, pt, marker, bytes) put(s, pt, marker, bytes, sizeof(bytes) - 1)

static struct video_frame *taken(struct sender *s)
{
	return film_take(s->film, s->now_us);
}

static void comes(struct sender *s, const void *bytes, size_t n, bool is_key)
{
	struct video_frame *f = taken(s);

	assert_non_null(f);
	assert_int_equal(f->n, n);
	assert_memory_equal(f->bytes, bytes, n);
	assert_int_equal(f->is_key, is_key);
	mem_free(f);
}
#define COMES(s, bytes, is_key) comes(s, bytes, sizeof(bytes) - 1, is_key)

static bool asks(struct sender *s)
{
	uint8_t p[FILM_ASK_BYTES];
	size_t n = film_ask(s->film, s->now_us, p);

	assert_true(!n || (n == sizeof(p) && !rtcp_check(p, n) && rtp_get32(p + 16) == s->h.ssrc &&
			   rtp_get32(p + 32) == s->h.ssrc));
	return n > 0;
}

#define VP8_KEY "\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00key"

static void key(struct sender *s)
{
	PUT(s, VP8, true, "\x10" VP8_KEY);
	COMES(s, VP8_KEY, true);
}

/* RFC 6184 8.1: a device that has them in its description alone. */
static void sets_of_the_description_are_those_of_the_pictures(void **state)
{
	struct sender *s = *state;
	struct sdp_format f = {.pt = H264,
			       .encoding = STR("H264"),
			       .fmtp = STR("packetization-mode=1; sprop-parameter-sets="
					   "Z0LADNoFB+wEQAAAAwBAAAAHg8UKqA==,aM4P;profile-level-id="
					   "42c00c")};
	const struct sdp_media m = {.formats = &f, .nformats = 1};
	struct media_sets sets;
	struct video_frame *first;

	assert_true(media_sets_of(&sets, &m));
	assert_int_equal(sets.nsequence, sizeof(set));
	assert_memory_equal(sets.bytes, set, sizeof(set));
	assert_int_equal(sets.npicture, 3);
	PUT(s, H264, true,
	    "\x65"
	    "abc");
	first = taken(s);
	assert_true(first && !first->width); /* control: nobody can show it */
	mem_free(first);
	film_know(s->film, &sets);
	PUT(s, H264, true,
	    "\x65"
	    "abc");
	first = taken(s);
	assert_non_null(first);
	assert_true(first->is_key && first->width == 320 && first->height == 240);
	mem_free(first);
	f.fmtp = STR("sprop-parameter-sets=Z0LADNoFB+wEQAAAAwBAAAAHg8UKqA==");
	assert_false(media_sets_of(&sets, &m)); /* no picture's */
	f.fmtp = STR("sprop-parameter-sets=!!!,aM4P");
	assert_false(media_sets_of(&sets, &m));
	f.fmtp = STR("packetization-mode=1");
	assert_false(media_sets_of(&sets, &m));
}

static void h264_comes_in_units_of_every_kind(void **state)
{
	struct sender *s = *state;
	uint8_t sets[3 + sizeof(set) + 2 + 3] = {24, 0, sizeof(set)}, whole[64];
	struct video_frame *f;

	memcpy(sets + 3, set, sizeof(set));
	memcpy(sets + 3 + sizeof(set), "\0\3\x68\xce\x0f", 5);
	put(s, H264, false, (char *)sets, sizeof(sets));
	PUT(s, H264, false,
	    "\x7c\x85"
	    "abc");
	PUT(s, H264, false,
	    "\x7c\x05"
	    "def");
	PUT(s, H264, true,
	    "\x7c\x45"
	    "gh");
	memcpy(whole, "\0\0\0\1", 4);
	memcpy(whole + 4, set, sizeof(set));
	memcpy(whole + 4 + sizeof(set),
	       "\0\0\0\1\x68\xce\x0f\0\0\0\1\x65"
	       "abcdefgh",
	       20);
	f = taken(s);
	assert_non_null(f);
	assert_true(f->is_key && f->width == 320 && f->height == 240);
	assert_int_equal(f->n, 4 + sizeof(set) + 20);
	assert_memory_equal(f->bytes, whole, f->n);
	mem_free(f);
	PUT(s, H264, true, "\x41xyz");
	COMES(s, "\0\0\0\1\x41xyz", false);
	assert_null(taken(s));
}

static void key_frame_gets_the_sets_that_came_before_it(void **state)
{
	struct sender *s = *state;
	struct video_frame *f;

	put(s, H264, false, (const char *)set, sizeof(set));
	PUT(s, H264, true, "\x68\xce\x0f");
	f = taken(s);
	assert_false(f->is_key);
	mem_free(f);
	PUT(s, H264, true,
	    "\x65"
	    "abc");
	f = taken(s);
	assert_true(f->is_key && f->width == 320);
	assert_int_equal(f->n, 4 + sizeof(set) + 4 + 3 + 4 + 4);
	assert_memory_equal(f->bytes + 4, set, sizeof(set));
	mem_free(f);
}

static void sizes_are_those_of_the_encoder(void **state)
{
	static const uint8_t cropped[] = {0x67, 0x42, 0xc0, 0x0c, 0xda, 0x05, 0x07, 0xfa,
					  0xac, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
					  0x00, 0x00, 0x07, 0x83, 0xc5, 0x0a, 0xa8};
	static const uint8_t high[] = {0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02,
				       0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
				       0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58};
	uint16_t w = 0, h = 0;

	assert_true(video_set_size(set, sizeof(set), &w, &h));
	assert_true(w == 320 && h == 240);
	assert_true(video_set_size(cropped, sizeof(cropped), &w, &h));
	assert_true(w == 318 && h == 238);
	assert_true(video_set_size(high, sizeof(high), &w, &h));
	assert_true(w == 1920 && h == 1080);
	for (size_t n = 0; n < 7; n++)
		assert_false(video_set_size(set, n, &w, &h));
}

static void vp8_comes_with_every_descriptor(void **state)
{
	struct sender *s = *state;
	struct video_frame *f;

	PUT(s, VP8, false, "\x90\xf0\x80\x01\x02\x03" VP8_KEY);
	PUT(s, VP8, true,
	    "\x80\x80\x05"
	    "more");
	f = taken(s);
	assert_true(f->is_key && f->width == 320 && f->height == 240);
	assert_int_equal(f->n, sizeof(VP8_KEY) - 1 + 4);
	mem_free(f);
	PUT(s, RED, true, "\x61\x10\x01zz"); /* as browsers wrap it */
	COMES(s, "\x01zz", false);
	PUT(s, RED, false,
	    "\x7f"
	    "repair"); /* what is not of it leaves no hole */
	PUT(s, VP8, true, "\x10\x01yy");
	COMES(s, "\x01yy", false);
	assert_false(asks(s));
}

static void frame_without_its_marker_ends_with_the_next(void **state)
{
	struct sender *s = *state;

	key(s);
	PUT(s, VP8, false,
	    "\x10\x01"
	    "a");
	assert_null(taken(s));
	s->h.ts += STEP;
	PUT(s, VP8, true,
	    "\x10\x01"
	    "b");
	COMES(s,
	      "\x01"
	      "a",
	      false);
	COMES(s,
	      "\x01"
	      "b",
	      false);
}

static void packets_are_put_in_order_over_the_end_of_their_numbers(void **state)
{
	struct sender *s = *state;

	key(s);
	put_at(s, 2, VP8, true, "\0cc", 3);
	put_at(s, 1, VP8, false, "\0bb", 3);
	put_at(s, 1, VP8, false, "\0bb", 3); /* twice */
	assert_null(taken(s));
	put_at(s, 0, VP8, false,
	       "\x10\x01"
	       "aa",
	       4);
	COMES(s,
	      "\x01"
	      "aabbcc",
	      false);
	assert_false(asks(s));
}

static void packet_that_does_not_come_costs_its_frame_alone(void **state)
{
	struct sender *s = *state;

	key(s);
	assert_false(asks(s));
	put_at(s, 1, VP8, true, "\0bb", 3);
	s->h.ts += STEP;
	put_at(s, 2, VP8, true,
	       "\x10\x01"
	       "cc",
	       4);
	assert_null(taken(s));
	s->now_us += FILM_PATIENCE_US - 1;
	assert_null(taken(s));
	s->now_us += 1;
	COMES(s,
	      "\x01"
	      "cc",
	      false);
	assert_null(taken(s));
	assert_true(asks(s));
	s->now_us += FILM_ASK_US - 1;
	assert_false(asks(s));
	s->now_us += 1;
	assert_true(asks(s));
	s->h.seq = (uint16_t)(s->h.seq + 3);
	key(s);
	s->now_us += FILM_ASK_US;
	assert_false(asks(s));
}

static void h264_after_a_hole_waits_for_the_next_frame(void **state)
{
	struct sender *s = *state;

	put(s, H264, false, (const char *)set, sizeof(set));
	PUT(s, H264, true,
	    "\x65"
	    "abc");
	mem_free(taken(s));
	s->h.seq++;
	PUT(s, H264, true, "\x41half");
	s->now_us += FILM_PATIENCE_US;
	assert_null(taken(s));
	PUT(s, H264, true, "\x41whole");
	COMES(s, "\0\0\0\1\x41whole", false);
}

static void who_begins_anew_is_asked_for_a_key_frame(void **state)
{
	struct sender *s = *state;

	key(s);
	assert_false(asks(s));
	s->h.ssrc = 8;
	s->h.seq = 100;
	PUT(s, VP8, true,
	    "\x10\x01"
	    "a");
	COMES(s,
	      "\x01"
	      "a",
	      false);
	assert_true(asks(s));
	key(s);
}

static void nonsense_is_left_out(void **state)
{
	struct sender *s = *state;

	PUT(s, VP8, true, "\x80");
	PUT(s, VP8, true, "\x10\x00short");
	PUT(s, H264, true, "\x7c\x05no beginning");
	PUT(s, H264, true, "\x18\x7f\xff");
	PUT(s, H264, true, "\x1f");
	PUT(s, RED, true, "\xe1\0\0\0");
	PUT(s, 99, true, "of no kind that we know");
	assert_null(taken(s));
	assert_true(asks(s));
}

static void who_is_not_recorded_any_more_is_idle(void **state)
{
	struct sender *s = *state;

	assert_null(taken(s));
	assert_false(film_is_idle(s->film, s->now_us + FILM_IDLE_US));
	assert_true(film_is_idle(s->film, s->now_us + FILM_IDLE_US + 1));
}

/* --- their places ------------------------------------------------------------------------------------------------------ */

static bool show(struct filming *f, uint32_t ts, uint64_t at_ms, bool is_key)
{
	struct video_frame *frame = mem_alloc(sizeof(*frame) + 1);

	assert_non_null(frame);
	frame->codec = MEDIA_PICTURE_VP8;
	frame->ts = ts;
	frame->is_key = is_key;
	frame->n = 1;
	return filming_add(f, 0, frame, at_ms * MS);
}

static void clock_of_the_sender_evens_what_came_in_bursts(void **state)
{
	struct filming f = {0};
	uint32_t ts = 0xfffff000; /* wraps around */

	assert_false(show(&f, ts, 0, false)); /* no key frame yet */
	for (unsigned i = 0; i < 300; i++)
		assert_true(show(&f, ts + STEP * i, 1000 + i / 3 * 200 + 200, i == 0));
	for (struct video_frame *p = f.first, *q = p->next; q; p = q, q = q->next) {
		assert_true(q->slot - p->slot >= 3);
		assert_true(q->slot - p->slot <= 5);
	}
	assert_in_range(f.last->slot, (21 * AVI_HZ) - 30, (21 * AVI_HZ) + 30);
	video_frames_free(filming_take(&f));
}

static void clock_that_drifts_keeps_with_the_sound(void **state)
{
	struct filming f = {0};
	uint64_t at_ms = 0;

	/* An hour of a clock that is 200 ppm too fast. */
	for (uint32_t i = 0; i < 15 * 3600; i++) {
		at_ms = i * 200ull / 3;
		assert_true(show(&f, (uint32_t)(i * (uint64_t)STEP * 5001 / 5000), at_ms, i == 0));
		if (i % 15 == 0)
			video_frames_free(filming_take(&f));
	}
	video_frames_free(filming_take(&f));
	assert_true(show(&f, (uint32_t)(54000ull * STEP * 5001 / 5000), 3600000, false));
	assert_in_range(f.last->slot, 3600 * AVI_HZ - 3, 3600 * AVI_HZ + 3);
	video_frames_free(filming_take(&f));
}

static void after_a_hold_a_key_frame_begins(void **state)
{
	struct filming f = {0};

	assert_true(show(&f, 0, 0, true));
	filming_interrupt(&f);
	assert_false(show(&f, 900000, 100, false));
	assert_true(show(&f, 906000, 166, true));
	assert_int_equal(f.last->slot, 166 * AVI_HZ / 1000);
	video_frames_free(filming_take(&f));
}

static void clock_that_begins_anew_moves_nothing(void **state)
{
	struct filming f = {0};

	assert_true(show(&f, 5000, 1000, true));
	assert_true(show(&f, 0x80000000, 1066, false));
	assert_int_equal(f.last->slot, 1066 * AVI_HZ / 1000);
	video_frames_free(filming_take(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sets_of_the_description_are_those_of_the_pictures,
						setup, teardown),
		cmocka_unit_test_setup_teardown(h264_comes_in_units_of_every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(key_frame_gets_the_sets_that_came_before_it, setup,
						teardown),
		cmocka_unit_test(sizes_are_those_of_the_encoder),
		cmocka_unit_test_setup_teardown(vp8_comes_with_every_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(frame_without_its_marker_ends_with_the_next, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			packets_are_put_in_order_over_the_end_of_their_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(packet_that_does_not_come_costs_its_frame_alone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(h264_after_a_hole_waits_for_the_next_frame, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_begins_anew_is_asked_for_a_key_frame, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_not_recorded_any_more_is_idle, setup,
						teardown),
		cmocka_unit_test(clock_of_the_sender_evens_what_came_in_bursts),
		cmocka_unit_test(clock_that_drifts_keeps_with_the_sound),
		cmocka_unit_test(after_a_hold_a_key_frame_begins),
		cmocka_unit_test(clock_that_begins_anew_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
