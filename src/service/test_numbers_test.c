/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the test numbers ask of the media engine, and what they do when it answers. */
#include "call/testing_phone.h"
#include "service/service.h"

static int open_services(void **state)
{
	struct world *w;

	open_world(state);
	w = *state;
	assert_int_equal(services_register_all(w->calls), 0);
	return 0;
}

/* Calls a number that answers, and acknowledges. */
static struct session *joins(struct world *w, struct ua *u, struct phone *p, const char *number)
{
	struct session *s;
	struct sip_msg *m;

	calls_number(u, p, number, audio(p));
	m = ua_got(u, 200);
	assert_true(says(m, "RTP/AVP 0 101")); /* one codec, so that it cannot change, and keys */
	s = session_at(w, media_port(m, 0));
	ua_request(u, "ACK", "");
	assert_int_equal(s->remote[0].format.codec, 1);
	return s;
}

static void happens(struct world *w, const struct session *s, enum media_event_type type, int err)
{
	struct media_event ev = {.type = type, .session = s->id, .seq = s->sound.seq, .err = err};

	calls_media_event(&ev, w->calls);
	run(w);
}

static void leaves(struct world *w, struct ua *u)
{
	ua_request(u, "BYE", "");
	got_status(u->p, 200);
	run(w);
}

static void the_tone_sounds_until_the_caller_leaves(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct ua a;

	s = joins(w, &a, &w->phone[1], "*41");
	assert_int_equal(s->sound.type, MEDIA_PLAY);
	assert_int_equal(s->sound.u.play.hz[0], 1000);
	assert_int_equal(s->sound.u.play.most_ms, 0);
	leaves(w, &a);
	assert_string_equal(last_call(w)->status, "answered");
}

static void what_cannot_be_played_ends_the_call(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct ua a;

	s = joins(w, &a, &w->phone[1], "*41");
	happens(w, s, MEDIA_DONE, ENOTSUP);
	ua_asked(&a, SIP_BYE);
	ua_reply(&a, 200, "");
	ua_done(&a);
	assert_string_equal(last_call(w)->reason, "media_failed");
}

/* Whoever speaks must know the codec; who only sends back need not. */
static void codecs_that_we_do_not_know_are_refused(void **state)
{
	struct world *w = *state;
	const char *ilbc = "m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n";
	struct ua a;

	calls_number(&a, &w->phone[1], "*41", sdp_lines(&w->phone[1], 1, ilbc));
	ua_got(&a, 488);
	calls_number(&a, &w->phone[1], "*43", sdp_lines(&w->phone[1], 1, ilbc));
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	leaves(w, &a);
}

static void rooms_are_the_tenants_and_of_a_kind(void **state)
{
	struct world *w = *state;
	struct session *s, *t, *u;
	oid room;
	struct ua a, b, c;

	s = joins(w, &a, &w->phone[1], "*46");
	assert_int_equal(s->sound.type, MEDIA_MIX);
	assert_int_equal(s->sound.u.mix.speaks, 0);
	assert_int_equal(s->sound.u.mix.hears, 1);
	room = s->sound.u.mix.room;
	put(w, &resource_extension_group, TENANT, 77, "{'name':'loud','may_page':true}");
	put(w, &resource_extension, TENANT, 2, "{'number':'102','member_of':[{'group_id':'77'}]}");
	t = joins(w, &b, &w->phone[2], "*45");
	assert_true(t->sound.u.mix.room == room);
	assert_int_equal(t->sound.u.mix.speaks, 1);
	assert_int_equal(t->sound.u.mix.hears, 0);
	u = joins(w, &c, &w->phone[3], "*44");
	assert_int_equal(u->sound.type, MEDIA_PLAY); /* all hear that somebody came */
	assert_true(u->sound.u.play.to_room);
	leaves(w, &a);
	leaves(w, &b);
	leaves(w, &c);
}

static void who_records_hears_it_back(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct ua a;

	s = joins(w, &a, &w->phone[1], "*42");
	assert_int_equal(s->sound.type, MEDIA_PLAY);
	happens(w, s, MEDIA_PLAYED, 0);
	assert_int_equal(s->sound.type, MEDIA_RECORD);
	assert_true(s->sound.u.record.is_scratch);
	assert_int_equal(s->sound.u.record.most_ms, 60000);
	ua_request_h(&a, "INFO", "Content-Type: application/dtmf-relay\n",
		     "Signal= 7\r\nDuration=160\r\n");
	got_status(a.p, 200);
	assert_int_equal(s->sound.type, MEDIA_RECORD_END);
	happens(w, s, MEDIA_RECORDED, 0);
	assert_int_equal(s->sound.type, MEDIA_PLAY);
	assert_int_equal(s->sound.u.play.times, 1);
	happens(w, s, MEDIA_PLAYED, 0);
	ua_asked(&a, SIP_BYE);
	ua_reply(&a, 200, "");
	ua_done(&a);
	assert_string_equal(last_call(w)->reason, "normal");
}

static void a_full_disk_ends_the_recording_and_the_call(void **state)
{
	struct world *w = *state;
	struct session *s;
	struct ua a;

	s = joins(w, &a, &w->phone[1], "*42");
	happens(w, s, MEDIA_PLAYED, 0);
	happens(w, s, MEDIA_RECORDED, ENOSPC);
	ua_asked(&a, SIP_BYE);
	ua_reply(&a, 200, "");
	ua_done(&a);
	assert_string_equal(last_call(w)->reason, "media_failed");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_services, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_tone_sounds_until_the_caller_leaves),
		T(what_cannot_be_played_ends_the_call),
		T(codecs_that_we_do_not_know_are_refused),
		T(rooms_are_the_tenants_and_of_a_kind),
		T(who_records_hears_it_back),
		T(a_full_disk_ends_the_recording_and_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
