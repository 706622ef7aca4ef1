/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptions between two phones that talk: hold, codecs, video, late offers, glare, refusals. */
#include "call/testing_phone.h"

static struct session *session_of(struct world *w, const struct phone *p)
{
	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		struct session *s = &w->engine.session[i];

		if (s->is_open && addr_ip_eq(&s->remote[0].hint, &p->flow.remote))
			return s;
	}
	fail_msg("no session of %s", p->user);
	return NULL;
}

/* `by` offers, `other` hears that direction and answers its own. */
static struct sip_msg *reoffers(struct ua *by, struct ua *other, const char *offer,
				const char *heard_as, const char *answer)
{
	struct sip_msg *m;

	ua_request(by, "INVITE", offer);
	m = ua_asked(other, SIP_INVITE);
	assert_true(says(m, heard_as));
	nothing(by->p);
	ua_reply(other, 200, answer);
	ua_asked(other, SIP_ACK);
	m = ua_got(by, 200);
	ua_request(by, "ACK", "");
	return m;
}

static void a_phone_holds_and_takes_back(struct world *w, struct ua *by, struct ua *other)
{
	struct session *sby = session_of(w, by->p), *sother = session_of(w, other->p);
	struct sip_msg *m;

	m = reoffers(by, other, audio_as(by->p, 2, "sendonly"), "a=sendonly",
		     audio_as(other->p, 2, "recvonly"));
	assert_true(says(m, "a=recvonly"));
	assert_true(sby->remote[0].may_send);
	assert_false(sby->remote[0].may_receive);
	assert_false(sother->remote[0].may_send);
	assert_true(sother->remote[0].may_receive);
	assert_int_equal(heard(w, BUS_CALL_HOLD), heard(w, BUS_CALL_UNHOLD) + 1);

	m = reoffers(by, other, audio_as(by->p, 3, "sendrecv"), "a=sendrecv",
		     audio_as(other->p, 3, "sendrecv"));
	assert_true(says(m, "a=sendrecv") || !says(m, "a=recvonly"));
	assert_true(sby->remote[0].may_send && sby->remote[0].may_receive);
	assert_true(sother->remote[0].may_send && sother->remote[0].may_receive);
	assert_int_equal(heard(w, BUS_CALL_HOLD), heard(w, BUS_CALL_UNHOLD));
}

static void either_side_may_hold(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	a_phone_holds_and_takes_back(w, &a, &b);
	a_phone_holds_and_takes_back(w, &b, &a);
	hang_up(&a, &b);
}

static void both_sides_may_hold(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct session *sa, *sb;

	talk(w, &a, &b);
	sa = session_of(w, a.p);
	sb = session_of(w, b.p);
	reoffers(&a, &b, audio_as(a.p, 2, "sendonly"), "a=sendonly", audio_as(b.p, 2, "recvonly"));
	reoffers(&b, &a, audio_as(b.p, 3, "inactive"), "a=inactive", audio_as(a.p, 3, "inactive"));
	assert_false(sa->remote[0].may_send || sa->remote[0].may_receive);
	assert_false(sb->remote[0].may_send || sb->remote[0].may_receive);
	hang_up(&a, &b);
}

static void the_old_way_to_hold_is_told_as_a_direction(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct session *sa;

	talk(w, &a, &b);
	sa = session_of(w, a.p);
	reoffers(&a, &b,
		 "v=0\r\no=- 77 2 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio "
		 "4000 RTP/AVP 0\r\n",
		 "a=sendonly", audio_as(b.p, 2, "recvonly"));
	assert_int_equal(sa->remote[0].rtp.family, 0);
	assert_false(sa->remote[0].may_receive);
	hang_up(&a, &b);
}

static void the_version_goes_up_with_a_change_only(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;
	uint64_t first;

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio(a.p));
	m = ua_asked(&b, SIP_INVITE);
	first = sdp_version(m);
	ua_reply(&b, 200, audio(b.p));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	m = ua_asked(&b, SIP_INVITE);
	assert_int_equal(sdp_version(m), first + 1);
	ua_reply(&b, 200, audio_as(b.p, 2, "recvonly"));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	m = ua_asked(&b, SIP_INVITE);
	assert_int_equal(sdp_version(m), first + 1);
	ua_reply(&b, 200, audio_as(b.p, 2, "recvonly"));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void a_refused_offer_leaves_the_session_as_it_was(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct session *sa;
	unsigned before;

	talk(w, &a, &b);
	sa = session_of(w, a.p);
	before = sa->nremotes;
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 488, "");
	ua_got(&a, 488);
	assert_int_equal(sa->nremotes, before);
	assert_int_equal(heard(w, BUS_CALL_HOLD), 0);
	assert_int_equal(calls_count(w->calls), 1);
	pass(w, 40000);
	a_phone_holds_and_takes_back(w, &a, &b);
	hang_up(&a, &b);
}

static void what_a_refusal_means_to_us_alone_is_not_passed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 401, "");
	ua_got(&a, 488);
	ua_request(&a, "INVITE", audio_as(a.p, 3, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 503, "");
	ua_got(&a, 500);
	hang_up(&a, &b);
}

static void an_unreadable_offer_is_refused_at_once(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", "v=0\r\nnonsense\r\n");
	ua_got(&a, 488);
	nothing(b.p);
	hang_up(&a, &b);
}

static void an_update_is_an_offer_too(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	ua_request(&a, "UPDATE", audio_as(a.p, 2, "sendonly"));
	m = ua_asked(&b, SIP_INVITE);
	assert_true(says(m, "a=sendonly"));
	ua_reply(&b, 200, audio_as(b.p, 2, "recvonly"));
	ua_asked(&b, SIP_ACK);
	m = got_status(a.p, 200);
	assert_true(says(m, "a=recvonly"));
	ua_request(&a, "UPDATE", ""); /* refreshes only */
	m = got_status(a.p, 200);
	assert_int_equal(m->body.n, 0);
	nothing(b.p);
	hang_up(&a, &b);
}

/* ---- late offers ---- */

static void without_an_offer_the_callee_offers(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct session *sa, *sb;
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", "");
	m = rings(&b, &w->phone[2]);
	assert_int_equal(m->body.n, 0);
	ua_reply(&b, 180, "");
	ua_got(&a, 180);
	ua_reply(&b, 200, audio(b.p));
	nothing(b.p); /* its ACK waits for a's answer */
	m = ua_got(&a, 200);
	assert_true(says(m, "RTP/AVP 0 8 101"));
	assert_true(last_call(w)->answered_at != 0);
	ua_request(&a, "ACK", audio_as(a.p, 1, "sendrecv"));
	m = ua_asked(&b, SIP_ACK);
	assert_true(says(m, "RTP/AVP 0 101\r\n"));
	sa = session_of(w, a.p);
	sb = session_of(w, b.p);
	assert_int_equal(sa->joined, sb->id);
	assert_true(sa->remote[0].may_receive && sb->remote[0].may_receive);
	a_phone_holds_and_takes_back(w, &a, &b);
	hang_up(&a, &b);
}

static void a_late_offer_with_video_opens_more_streams(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102", "");
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200,
		 sdp_lines(b.p, 1,
			   "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 "
			   "VP8/90000\r\n"));
	m = ua_got(&a, 200);
	assert_true(media_port(m, 1) > 0);
	assert_int_equal(session_at(w, media_port(m, 0))->nstreams, 2);
	ua_request(&a, "ACK",
		   sdp_lines(a.p, 1, "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"));
	m = ua_asked(&b, SIP_ACK);
	assert_int_equal(media_port(m, 1), 0);
	hang_up(&b, &a);
}

static void a_late_offer_that_is_not_answered_ends_the_call(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", "");
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(b.p));
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	ua_asked(&b, SIP_ACK);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_asked_by_bye(&a);
	assert_string_equal(last_call(w)->reason, "protocol");
	ua_done(&a);
	ua_done(&b);
}

/* The caller hangs up between the 200 and the ACK that would have had the answer. */
static void a_late_offer_may_end_in_a_bye(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	calls_number(&a, &w->phone[1], "102", "");
	rings(&b, &w->phone[2]);
	ua_reply(&b, 200, audio(b.p));
	ua_got(&a, 200);
	ua_request(&a, "BYE", "");
	got_status(a.p, 200);
	ua_asked(&b, SIP_ACK);
	ua_asked(&b, SIP_BYE);
	ua_reply(&b, 200, "");
	ua_done(&b);
}

static void a_reinvite_without_offer_asks_the_other_side(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	ua_request(&a, "INVITE", "");
	m = ua_asked(&b, SIP_INVITE);
	assert_int_equal(m->body.n, 0);
	ua_reply(&b, 200, audio(b.p)); /* the full list again */
	nothing(b.p);
	m = ua_got(&a, 200);
	assert_true(says(m, "RTP/AVP 0 8 101"));
	ua_request(&a, "ACK", audio_as(a.p, 2, "sendrecv"));
	m = ua_asked(&b, SIP_ACK);
	assert_true(says(m, "RTP/AVP 0 101\r\n"));
	a_phone_holds_and_takes_back(w, &b, &a);
	hang_up(&a, &b);
}

static void a_question_may_be_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", "");
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 488, "");
	ua_got(&a, 488);
	a_phone_holds_and_takes_back(w, &b, &a);
	hang_up(&a, &b);
}

/* ---- glare ---- */

/* Both offer at once: each hears 491, the one that tries again succeeds. */
static void offers_that_cross_are_refused_and_succeed_later(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_request(&b, "INVITE", audio_as(b.p, 2, "inactive")); /* has not yet seen ours */
	ua_asked(&b, SIP_INVITE);
	ua_got(&b, 491);
	ua_reply(&b, 491, "");
	nothing(a.p);
	wait_for_message(b.p, 4100); /* we are the owner of that Call-ID: 2.1 to 4 s */
	m = ua_asked(&b, SIP_INVITE);
	assert_true(says(m, "a=sendonly"));
	ua_reply(&b, 200, audio_as(b.p, 3, "recvonly"));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	reoffers(&b, &a, audio_as(b.p, 4, "inactive"), "a=inactive", audio_as(a.p, 4, "inactive"));
	hang_up(&a, &b);
}

/* While x waits for y's answer to the first 491, y offers: the bridge is busy. */
static void an_offer_during_the_wait_is_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 491, "");
	ua_request(&b, "INVITE", audio_as(b.p, 2, "inactive"));
	ua_got(&b, 491);
	wait_for_message(b.p, 4100);
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 200, audio_as(b.p, 3, "recvonly"));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 200);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void hanging_up_during_an_offer_ends_both(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_request(&b, "BYE", "");
	got_status(b.p, 200);
	ua_got(&a, 487);
	ua_asked_by_bye(&a);
	ua_reply(&b, 481, "");
	ua_done(&a);
	ua_done(&b);
}

static void a_device_that_has_forgotten_the_call_ends_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 481, "");
	while (phone_next(b.p)) /* our BYE to it */
		;
	ua_got(&a, 488);
	ua_asked_by_bye(&a);
	assert_string_equal(last_call(w)->reason, "peer_lost");
	ua_done(&a);
	ua_done(&b);
}

/* The phone thinks better of it: CANCEL of a re-INVITE that the other side has yet to answer. */
static void an_offer_may_be_taken_back(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_request(&a, "CANCEL", "");
	got_status(a.p, 200);
	ua_got(&a, 487);
	ua_reply(&b, 200, audio_as(b.p, 2, "recvonly"));
	ua_asked(&b, SIP_ACK);
	nothing(a.p);
	nothing(b.p);
	assert_int_equal(calls_count(w->calls), 1);
	a_phone_holds_and_takes_back(w, &a, &b);
	hang_up(&a, &b);
}

/* ---- several m-lines ---- */

#define VIDEO "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"

static void video_is_added_and_removed(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct session *sa, *sb;
	struct sip_msg *m;

	talk(w, &a, &b);
	sa = session_of(w, a.p);
	sb = session_of(w, b.p);
	assert_int_equal(sa->nstreams, 1);
	m = reoffers(&a, &b, sdp_lines(a.p, 2, "m=audio 4000 RTP/AVP 0\r\n" VIDEO),
		     "a=rtpmap:96 VP8/90000",
		     sdp_lines(b.p, 2, "m=audio 4000 RTP/AVP 0\r\n" VIDEO));
	assert_int_equal(sa->nstreams, 2);
	assert_int_equal(sb->nstreams, 2);
	assert_int_equal(media_port(m, 1), sa->local[1].port);
	assert_int_equal(sb->remote[1].rtp.port, 4002);
	assert_int_equal(sb->remote[1].kind, MEDIA_VIDEO);
	assert_int_equal(sb->remote[1].clock_hz, 90000);
	assert_true(sb->remote[1].may_send && sa->remote[1].may_receive);

	m = reoffers(&b, &a,
		     sdp_lines(b.p, 3, "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"),
		     "m=video 0 ",
		     sdp_lines(a.p, 3, "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"));
	assert_int_equal(media_port(m, 1), 0);
	assert_false(sa->remote[1].may_send || sa->remote[1].may_receive);
	assert_int_equal(sa->remote[1].rtp.family, 0);
	assert_true(sa->remote[0].may_send);
	hang_up(&a, &b);
}

static void video_may_be_refused_by_one_side(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102",
		     sdp_lines(&w->phone[1], 1, "m=audio 4000 RTP/AVP 0\r\n" VIDEO));
	m = rings(&b, &w->phone[2]);
	assert_true(media_port(m, 1) > 0);
	ua_reply(&b, 200, sdp_lines(b.p, 1, "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"));
	ua_asked(&b, SIP_ACK);
	m = ua_got(&a, 200);
	assert_true(media_port(m, 0) > 0);
	assert_int_equal(media_port(m, 1), 0);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

static void without_ports_video_is_refused_and_the_call_goes_on(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	w->engine.grow_err = ENOSPC;
	ua_request(&a, "INVITE", sdp_lines(a.p, 2, "m=audio 4000 RTP/AVP 0\r\n" VIDEO));
	ua_got(&a, 500);
	nothing(b.p);
	w->engine.grow_err = 0;
	a_phone_holds_and_takes_back(w, &a, &b);
	hang_up(&a, &b);
}

static void more_lines_than_we_relay_are_refused(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct sip_msg *m;

	calls_number(&a, &w->phone[1], "102",
		     sdp_lines(&w->phone[1], 1,
			       "m=audio 4000 RTP/AVP 0\r\n" VIDEO
			       "m=image 4004 udptl t38\r\nm=application 4006 UDP/BFCP *\r\nm=audio "
			       "4008 RTP/AVP 8\r\n"
			       "m=message 4010 TCP/MSRP *\r\n"));
	m = rings(&b, &w->phone[2]);
	assert_true(media_port(m, 3) > 0);
	assert_int_equal(media_port(m, 4), 0);
	assert_int_equal(media_port(m, 5), 0);
	ua_reply(&b, 200,
		 sdp_lines(b.p, 1,
			   "m=audio 4000 RTP/AVP 0\r\n" VIDEO
			   "m=image 4004 udptl t38\r\nm=application 0 UDP/BFCP *\r\nm=audio 0 "
			   "RTP/AVP 8\r\n"
			   "m=message 0 TCP/MSRP *\r\n"));
	ua_asked(&b, SIP_ACK);
	m = ua_got(&a, 200);
	assert_true(media_port(m, 2) > 0);
	assert_int_equal(media_port(m, 3), 0);
	assert_int_equal(session_of(w, a.p)->remote[2].kind, MEDIA_RAW);
	ua_request(&a, "ACK", "");
	hang_up(&a, &b);
}

/* The session stays as it was (RFC 3261 14.1). */
static void an_answer_with_other_lines_than_the_offer_refuses_it(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	ua_request(&a, "INVITE", audio_as(a.p, 2, "sendonly"));
	ua_asked(&b, SIP_INVITE);
	ua_reply(&b, 200, sdp_lines(b.p, 2, "m=audio 4000 RTP/AVP 0\r\n" VIDEO));
	ua_asked(&b, SIP_ACK);
	ua_got(&a, 488);
	assert_true(session_of(w, a.p)->joined);
	hang_up(&a, &b);
}

static void audio_becomes_fax_by_the_same_path(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};

	talk(w, &a, &b);
	reoffers(&b, &a, sdp_lines(b.p, 2, "m=image 4000 udptl t38\r\na=T38FaxVersion:0\r\n"),
		 "a=T38FaxVersion:0", sdp_lines(a.p, 2, "m=image 4000 udptl t38\r\n"));
	assert_int_equal(session_of(w, a.p)->remote[0].kind, MEDIA_RAW);
	hang_up(&a, &b);
}

/* What is kept follows the session, so that a take-over finds it as it is. */
static void what_is_kept_follows_the_session(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	size_t before;

	talk(w, &a, &b);
	before = w->nkept;
	reoffers(&a, &b, sdp_lines(a.p, 2, "m=audio 4444 RTP/AVP 0\r\n"), "m=audio",
		 audio_as(b.p, 2, "sendrecv"));
	assert_int_equal(w->nkept, before + 2);
	assert_true(w->kept[before].stream[0].remote.port == 4444 ||
		    w->kept[before + 1].stream[0].remote.port == 4444);
	hang_up(&a, &b);
}

static void silence_on_hold_is_no_fault(void **state)
{
	struct world *w = *state;
	struct ua a, b = {0};
	struct media_event ev = {.type = MEDIA_SILENT};

	talk(w, &a, &b);
	reoffers(&a, &b, audio_as(a.p, 2, "sendonly"), "a=sendonly", audio_as(b.p, 2, "recvonly"));
	ev.session = session_of(w, a.p)->id;
	calls_media_event(&ev, w->calls);
	nothing(a.p);
	assert_int_equal(calls_count(w->calls), 1);
	hang_up(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(either_side_may_hold),
		STORY(both_sides_may_hold),
		STORY(the_old_way_to_hold_is_told_as_a_direction),
		STORY(the_version_goes_up_with_a_change_only),
		STORY(a_refused_offer_leaves_the_session_as_it_was),
		STORY(what_a_refusal_means_to_us_alone_is_not_passed),
		STORY(an_unreadable_offer_is_refused_at_once),
		STORY(an_update_is_an_offer_too),
		STORY(without_an_offer_the_callee_offers),
		STORY(a_late_offer_with_video_opens_more_streams),
		STORY(a_late_offer_that_is_not_answered_ends_the_call),
		STORY(a_late_offer_may_end_in_a_bye),
		STORY(a_reinvite_without_offer_asks_the_other_side),
		STORY(a_question_may_be_refused),
		STORY(offers_that_cross_are_refused_and_succeed_later),
		STORY(an_offer_during_the_wait_is_refused),
		STORY(hanging_up_during_an_offer_ends_both),
		STORY(an_offer_may_be_taken_back),
		STORY(a_device_that_has_forgotten_the_call_ends_it),
		STORY(video_is_added_and_removed),
		STORY(video_may_be_refused_by_one_side),
		STORY(without_ports_video_is_refused_and_the_call_goes_on),
		STORY(more_lines_than_we_relay_are_refused),
		STORY(an_answer_with_other_lines_than_the_offer_refuses_it),
		STORY(audio_becomes_fax_by_the_same_path),
		STORY(what_is_kept_follows_the_session),
		STORY(silence_on_hold_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
