/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sdp/choose.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct sdp *read_sdp(const char *text)
{
	const char *why = NULL;
	struct sdp *s = NULL;

	assert_int_equal(sdp_parse(&s, str_of(text), &why), 0);
	return s;
}

static void assert_formats(const struct sdp_media *m, const char *list)
{
	struct str want = str_of(list);

	for (size_t i = 0; i < m->nformats; i++)
		assert_true(str_eq(m->formats[i].text, str_cut(&want, ' ')));
	assert_null(want.p);
}

static void the_order_of_the_list_holds_and_events_come_last(void **state)
{
	struct sdp *s =
		read_sdp(HEAD "m=audio 4000 RTP/AVP 0 8 101 13 18 96\r\n"
			      "a=rtpmap:101 telephone-event/8000\r\na=rtpmap:96 opus/48000/2\r\n");

	assert_true(sdp_restrict(&s->media[0], STR("opus, PCMA")));
	assert_formats(&s->media[0], "96 8 101 13");
	sdp_free(s);
}

static void what_shares_nothing_stays_as_it_was_and_says_so(void **state)
{
	struct sdp *s = read_sdp(
		HEAD "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");

	assert_false(sdp_restrict(&s->media[0], STR("G729")));
	assert_formats(&s->media[0], "0 101");
	sdp_free(s);
}

/* RFC 3264 6.1. */
static void an_answer_has_what_was_offered(void **state)
{
	struct sdp *offer = read_sdp(HEAD "m=audio 4000 RTP/AVP 8 9 96 97 101\r\n"
					  "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 speex/8000\r\n"
					  "a=rtpmap:101 telephone-event/8000\r\n"),
		   *answer = read_sdp(HEAD "m=audio 5000 RTP/AVP 0 8 9 97 101 102 103\r\n"
					   "a=rtpmap:9 G722/16000\r\na=rtpmap:97 speex/16000\r\n"
					   "a=rtpmap:101 telephone-event/8000\r\n"
					   "a=fmtp:101 0-16\r\na=rtpmap:102 iLBC/8000\r\n"
					   "a=fmtp:102 mode=30\r\na=rtpmap:103 OPUS/48000\r\n"),
		   *none = read_sdp(HEAD "m=audio 5000 RTP/AVP 0 3\r\n");

	assert_true(sdp_keep_offered(&answer->media[0], &offer->media[0]));
	assert_formats(&answer->media[0], "8 9 101 103");
	assert_int_equal(answer->media[0].nattributes, 4); /* what was said of the others is gone */
	assert_false(sdp_keep_offered(&none->media[0], &offer->media[0]));
	assert_formats(&none->media[0], "0 3");
	sdp_free(offer);
	sdp_free(answer);
	sdp_free(none);
}

static void repairs_go_with_their_codec(void **state)
{
	struct sdp *s = read_sdp(
		HEAD "m=video 4000 RTP/AVP 96 97 98 99 100\r\na=rtpmap:96 VP8/90000\r\n"
		     "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n"
		     "a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtpmap:100 red/90000\r\n");

	assert_true(sdp_restrict(&s->media[0], STR("H264,H263+")));
	assert_formats(&s->media[0], "98 99 100");
	sdp_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_the_list_holds_and_events_come_last),
		cmocka_unit_test(what_shares_nothing_stays_as_it_was_and_says_so),
		cmocka_unit_test(an_answer_has_what_was_offered),
		cmocka_unit_test(repairs_go_with_their_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
