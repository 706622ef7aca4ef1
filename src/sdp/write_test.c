/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "sdp/sdp.h"

static struct sdp *parsed(const char *text)
{
	struct sdp *s = NULL;
	const char *why;

	assert_int_equal(sdp_parse(&s, str_of(text), &why), 0);
	return s;
}

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

#define PHONE                                                                                      \
	"v=0\r\n"                                                                                  \
	"o=alice 1 2 IN IP4 192.168.1.5\r\n"                                                       \
	"s=alice's phone\r\n"                                                                      \
	"i=secret\r\n"                                                                             \
	"e=alice@example.com\r\n"                                                                  \
	"c=IN IP4 192.168.1.5\r\n"                                                                 \
	"b=CT:1000\r\n"                                                                            \
	"t=0 0\r\n"                                                                                \
	"a=group:BUNDLE a v\r\n"                                                                   \
	"a=group:LS a v\r\n"                                                                       \
	"a=ice-lite\r\n"                                                                           \
	"a=x-vendor:1\r\n"                                                                         \
	"a=sendonly\r\n"                                                                           \
	"m=audio 4000 RTP/AVP 9 0 101\r\n"                                                         \
	"i=the microphone\r\n"                                                                     \
	"b=AS:64\r\n"                                                                              \
	"k=clear:secret\r\n"                                                                       \
	"a=rtpmap:9 G722/8000\r\n"                                                                 \
	"a=x-unknown:yes: really\r\n"                                                              \
	"a=candidate:1 1 UDP 1 192.168.1.5 4000 typ host\r\n"                                      \
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n"                                        \
	"a=fingerprint:sha-256 AB:CD\r\n"                                                          \
	"a=setup:actpass\r\n"                                                                      \
	"a=ice-ufrag:x\r\n"                                                                        \
	"a=ice-pwd:y\r\n"                                                                          \
	"a=rtcp:4001\r\n"                                                                          \
	"a=rtcp-mux\r\n"                                                                           \
	"a=rtcp-fb:* nack\r\n"                                                                     \
	"a=ssrc:1 cname:x\r\n"                                                                     \
	"a=fmtp:101 0-16\r\n"                                                                      \
	"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"                               \
	"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                                       \
	"a=extmap:5/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"                              \
	"a=mid:a\r\n"                                                                              \
	"m=video 4002 RTP/AVP 96\r\n"                                                              \
	"a=rtpmap:96 VP8/90000\r\n"                                                                \
	"a=ssrc:2 cname:x\r\n"                                                                     \
	"m=application 4004 TCP/XYZ a b\r\n"                                                       \
	"a=mid:c\r\n"

static void relay_keeps_what_is_theirs_and_writes_what_is_ours(void **state)
{
	struct sdp *s = parsed(PHONE), *again;
	struct sdp_local_media media[3] = {
		{.rtp = at("192.0.2.1", 20000), .direction = SDP_SENDONLY},
		{.rtp = at("2001:db8::1", 20002), .direction = SDP_SENDRECV},
		{.is_refused = true},
	};
	struct sdp_rewrite rw = {
		.id = 77, .version = 3, .origin = at("192.0.2.1", 0), .media = media, .nmedia = 3};
	struct buf out = {0};

	assert_int_equal(sdp_relay(&out, s, &rw), 0);
	assert_string_equal(out.p, "v=0\r\n"
				   "o=- 77 3 IN IP4 192.0.2.1\r\n"
				   "s=-\r\n"
				   "c=IN IP4 192.0.2.1\r\n"
				   "b=CT:1000\r\n"
				   "t=0 0\r\n"
				   "a=group:LS a v\r\n"
				   "a=x-vendor:1\r\n"
				   "m=audio 20000 RTP/AVP 9 0 101\r\n"
				   "i=the microphone\r\n"
				   "b=AS:64\r\n"
				   "a=rtpmap:9 G722/8000\r\n"
				   "a=x-unknown:yes: really\r\n"
				   "a=rtcp-fb:* nack\r\n"
				   "a=fmtp:101 0-16\r\n"
				   "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
				   "a=mid:a\r\n"
				   "a=sendonly\r\n"
				   "m=video 20002 RTP/AVP 96\r\n"
				   "c=IN IP6 2001:db8::1\r\n"
				   "a=rtpmap:96 VP8/90000\r\n"
				   "a=ssrc:2 cname:x\r\n"
				   "a=sendrecv\r\n"
				   "m=application 0 TCP/XYZ a b\r\n"
				   "a=mid:c\r\n");
	/* what we write we can read, and writing it again changes nothing */
	again = parsed(out.p);
	buf_reset(&out);
	assert_int_equal(sdp_relay(&out, again, &rw), 0);
	assert_string_equal(out.p, again->text);
	sdp_free(again);
	sdp_free(s);
	buf_free(&out);
}

static void refused_line_stays_refused(void **state)
{
	struct sdp *s =
		parsed("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
		       "m=video 0 RTP/AVP 96\r\na=inactive\r\nm=audio 4 RTP/AVP 0\r\n");
	struct sdp_local_media media[2] = {
		{.rtp = at("192.0.2.1", 20000), .direction = SDP_SENDRECV},
		{.rtp = at("192.0.2.2", 20002), .direction = SDP_INACTIVE},
	};
	struct sdp_rewrite rw = {.origin = at("192.0.2.1", 0), .media = media, .nmedia = 2};
	struct buf out = {0};

	assert_int_equal(sdp_relay(&out, s, &rw), 0);
	assert_non_null(strstr(
		out.p, "c=IN IP4 192.0.2.2\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nm=audio 20002"));
	assert_non_null(strstr(out.p, "a=inactive\r\n"));
	sdp_free(s);
	buf_free(&out);
}

static void rewrite_that_does_not_fit_is_refused(void **state)
{
	struct sdp *s = parsed(PHONE);
	struct sdp_local_media media[3] = {
		{.is_refused = true}, {.is_refused = true}, {.rtp = at("::1", 0)}};
	struct sdp_rewrite rw = {.origin = at("::1", 0), .media = media, .nmedia = 2};
	struct buf out = {0}, small = {.max = 50};

	assert_int_equal(sdp_relay(&out, s, &rw), EINVAL);
	rw.nmedia = 3;
	assert_int_equal(sdp_relay(&out, s, &rw), EINVAL); /* no port, not refused */
	rw.origin = (struct addr){0};
	media[2].is_refused = true;
	assert_int_equal(sdp_relay(&out, s, &rw), EINVAL);
	rw.origin = at("::1", 0);
	assert_int_equal(sdp_relay(&out, s, &rw), 0);
	assert_int_equal(sdp_relay(&small, s, &rw), ENOSPC);
	sdp_free(s);
	buf_free(&out);
	buf_free(&small);
}

static void description_without_a_line_is_passed_on(void **state)
{
	struct sdp *s =
		parsed("v=0\r\no=a 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\na=x-vendor:1\r\n");
	const struct sdp_rewrite rw = {.id = 7, .version = 1, .origin = at("192.0.2.1", 0)};
	struct buf out = {0};

	assert_int_equal(sdp_relay(&out, s, &rw), 0);
	assert_non_null(strstr(out.p, "a=x-vendor:1\r\n"));
	buf_free(&out);
	sdp_free(s);
}

static void offer_names_its_formats(void **state)
{
	struct sdp_own own = {.id = 1,
			      .version = 1,
			      .origin = at("192.0.2.1", 0),
			      .rtp = at("192.0.2.1", 20000),
			      .direction = SDP_SENDRECV};
	struct buf out = {0};
	struct sdp *s;

	assert_int_equal(sdp_offer_audio(&out, &own), 0);
	assert_string_equal(
		out.p, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		       "m=audio 20000 RTP/AVP 8 0 101\r\n"
		       "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
		       "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
		       "a=ptime:20\r\na=sendrecv\r\n");
	s = parsed(out.p);
	assert_int_equal(s->media[0].nformats, 3);
	sdp_free(s);
	buf_reset(&out);
	own.formats = STR("G722 pcmu");
	assert_int_equal(sdp_offer_audio(&out, &own), 0);
	assert_non_null(strstr(out.p, "RTP/AVP 9 0\r\n"));
	own.formats = STR("iLBC");
	assert_int_equal(sdp_offer_audio(&out, &own), ENOTSUP);
	own.rtp.port = 0;
	assert_int_equal(sdp_offer_audio(&out, &own), EINVAL);
	buf_free(&out);
}

static bool knows_g711_and_events(const struct sdp_format *f, void *arg)
{
	return f->clock_hz == 8000 &&
	       (str_ieq(f->encoding, STR("PCMU")) || str_ieq(f->encoding, STR("PCMA")) ||
		str_ieq(f->encoding, STR("telephone-event")));
}

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"

static int answer(struct buf *out, const char *text, enum sdp_direction direction)
{
	struct sdp_own own = {.id = 5,
			      .version = 6,
			      .origin = at("192.0.2.1", 0),
			      .rtp = at("192.0.2.1", 20000),
			      .direction = direction};
	struct sdp *s = parsed(text);
	int err;

	buf_reset(out);
	err = sdp_answer_audio(out, s, &own, knows_g711_and_events, NULL);
	sdp_free(s);
	return err;
}

static void answer_takes_one_line_and_refuses_the_others_in_place(void **state)
{
	struct buf out = {0};

	assert_int_equal(answer(&out,
				HEAD "m=video 4 RTP/AVP 31\r\n"
				     "m=audio 4 RTP/SAVP 0\r\n"
				     "m=audio 4 RTP/AVP 9 97 8 0 101\r\na=mid:x\r\na=ptime:30\r\n"
				     "a=rtpmap:97 opus/48000/2\r\na=rtpmap:101 "
				     "telephone-event/8000\r\na=fmtp:101 0-15\r\n"
				     "m=audio 6 RTP/AVP 0\r\n",
				SDP_SENDRECV),
			 0);
	assert_string_equal(
		out.p, "v=0\r\no=- 5 6 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		       "m=video 0 RTP/AVP 31\r\n"
		       "m=audio 0 RTP/SAVP 0\r\n"
		       "m=audio 20000 RTP/AVP 8 0 101\r\n"
		       "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
		       "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
		       "a=ptime:30\r\na=mid:x\r\na=sendrecv\r\n"
		       "m=audio 0 RTP/AVP 0\r\n");
	buf_free(&out);
}

static void answer_mirrors_direction(void **state)
{
	static const struct {
		const char *offered;
		enum sdp_direction wanted;
		const char *answered;
	} cases[] = {
		{"sendrecv", SDP_SENDRECV, "a=sendrecv\r\n"},
		{"sendonly", SDP_SENDRECV, "a=recvonly\r\n"},
		{"recvonly", SDP_SENDRECV, "a=sendonly\r\n"},
		{"inactive", SDP_SENDRECV, "a=inactive\r\n"},
		{"sendrecv", SDP_SENDONLY, "a=sendonly\r\n"},
		{"sendonly", SDP_SENDONLY, "a=inactive\r\n"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];

		snprintf(text, sizeof(text), HEAD "m=audio 4 RTP/AVP 0\r\na=%s\r\n",
			 cases[i].offered);
		assert_int_equal(answer(&out, text, cases[i].wanted), 0);
		assert_non_null(strstr(out.p, cases[i].answered));
	}
	buf_free(&out);
}

static void nothing_to_talk_with_is_no_answer(void **state)
{
	struct buf out = {0};

	assert_int_equal(answer(&out, HEAD, SDP_SENDRECV), ENOTSUP);
	assert_int_equal(answer(&out, HEAD "m=audio 4 RTP/AVP 9\r\n", SDP_SENDRECV), ENOTSUP);
	assert_int_equal(answer(&out, HEAD "m=audio 0 RTP/AVP 0\r\n", SDP_SENDRECV), ENOTSUP);
	assert_int_equal(answer(&out, HEAD "m=video 4 RTP/AVP 0\r\n", SDP_SENDRECV), ENOTSUP);
	assert_int_equal(
		answer(&out, HEAD "m=audio 4 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n",
		       SDP_SENDRECV),
		ENOTSUP);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(relay_keeps_what_is_theirs_and_writes_what_is_ours),
		cmocka_unit_test(refused_line_stays_refused),
		cmocka_unit_test(rewrite_that_does_not_fit_is_refused),
		cmocka_unit_test(description_without_a_line_is_passed_on),
		cmocka_unit_test(offer_names_its_formats),
		cmocka_unit_test(answer_takes_one_line_and_refuses_the_others_in_place),
		cmocka_unit_test(answer_mirrors_direction),
		cmocka_unit_test(nothing_to_talk_with_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
