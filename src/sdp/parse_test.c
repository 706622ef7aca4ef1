/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "sdp/sdp.h"

#define HEAD "v=0\r\no=alice 2890844526 2890844527 IN IP4 192.0.2.1\r\ns=-\r\n"
#define C    "c=IN IP4 192.0.2.10\r\n"
#define T    "t=0 0\r\n"

static struct sdp *parsed(const char *text)
{
	struct sdp *s = NULL;
	const char *why;
	int err = sdp_parse(&s, str_of(text), &why);

	if (err)
		print_message("refused: %s\n", why ? why : "?");
	assert_int_equal(err, 0);
	return s;
}

static void assert_refused(const char *text, int expected)
{
	struct sdp *s = NULL;
	const char *why = NULL;

	assert_int_equal(sdp_parse(&s, str_of(text), &why), expected);
	assert_null(s);
	assert_non_null(why);
}

static void assert_addr(const struct addr *a, const char *text)
{
	char dst[ADDR_STR_BYTES];

	assert_string_equal(a->family ? addr_str(dst, a) : "none", text);
}

static void usual_offer_is_read(void **state)
{
	struct sdp *s = parsed(HEAD C "b=AS:84\r\n" T "a=sendonly\r\n"
				      "m=audio 4000 RTP/AVP 0 8 96 101\r\n"
				      "a=rtpmap:0 PCMU/8000\r\n"
				      "a=rtpmap:96 opus/48000/2\r\n"
				      "a=fmtp:96 useinbandfec=1; stereo=0\r\n"
				      "a=rtpmap:101 telephone-event/8000\r\n"
				      "a=fmtp:101 0-16\r\n"
				      "a=ptime:30\r\n"
				      "m=video 4002/2 RTP/AVP 31\r\n"
				      "c=IN IP6 2001:db8::1\r\n"
				      "a=inactive\r\n"
				      "a=rtcp:5000 IN IP4 192.0.2.77\r\n"
				      "m=application 0 UDP/BFCP *\r\n");
	const struct sdp_media *m = &s->media[0];

	assert_true(str_eq(s->origin_user, STR("alice")));
	assert_int_equal(s->id, 2890844526);
	assert_int_equal(s->version, 2890844527);
	assert_addr(&s->origin, "192.0.2.1:0");
	assert_true(str_eq(s->bandwidth, STR("b=AS:84")));
	assert_int_equal(s->nmedia, 3);
	assert_addr(&m->rtp, "192.0.2.10:4000");
	assert_addr(&m->rtcp, "192.0.2.10:4001");
	assert_int_equal(m->direction, SDP_SENDONLY);
	assert_int_equal(m->ptime_ms, 30);
	assert_int_equal(m->nformats, 4);
	assert_int_equal(m->nattributes, 6);
	assert_int_equal(m->formats[1].pt, 8);
	assert_true(str_eq(m->formats[1].encoding, STR("PCMA")));
	assert_int_equal(m->formats[1].clock_hz, 8000);
	assert_int_equal(m->formats[2].channels, 2);
	assert_true(str_eq(m->formats[2].fmtp, STR("useinbandfec=1; stereo=0")));
	assert_true(str_eq(m->formats[3].encoding, STR("telephone-event")));
	m = &s->media[1];
	assert_addr(&m->rtp, "[2001:db8::1]:4002");
	assert_addr(&m->rtcp, "192.0.2.77:5000");
	assert_int_equal(m->direction, SDP_INACTIVE);
	m = &s->media[2];
	assert_int_equal(m->port, 0);
	assert_int_equal(m->formats[0].pt, -1);
	assert_addr(&m->rtp, "none");
	sdp_free(s);
}

static void old_hold_is_seen(void **state)
{
	struct sdp *s = parsed(HEAD "c=IN IP4 0.0.0.0\r\n" T "m=audio 4000 RTP/AVP 0\r\n"
				    "m=audio 4000 RTP/AVP 0\r\n" C);

	assert_true(s->media[0].is_held);
	assert_addr(&s->media[0].rtp, "none");
	assert_int_equal(s->media[0].direction, SDP_SENDRECV);
	assert_false(s->media[1].is_held);
	sdp_free(s);
}

static void name_in_connection_is_no_hold(void **state)
{
	struct sdp *s = parsed(
		"v=0\no=- 1 1 IN IP4 host.example.com\ns=-\nc=IN IP4 host.example.com\nt=0 0\n"
		"m=audio 4000 RTP/AVP 0\n");

	assert_false(s->media[0].is_held);
	assert_addr(&s->media[0].rtp, "none");
	assert_addr(&s->origin, "none");
	sdp_free(s);
}

static void mux_and_multicast(void **state)
{
	struct sdp *s = parsed(HEAD "c=IN IP4 233.252.0.1/127\r\n" T
				    "m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n"
				    "m=audio 65535 RTP/AVP 0\r\n");

	assert_addr(&s->media[0].rtp, "233.252.0.1:4000");
	assert_addr(&s->media[0].rtcp, "233.252.0.1:4000");
	assert_true(s->media[0].rtcp_mux);
	assert_addr(&s->media[1].rtcp, "none");
	sdp_free(s);
}

/* Same codec twice, a static number mapped otherwise, maps without meaning. */
static void odd_maps_do_not_lose_the_call(void **state)
{
	struct sdp *s =
		parsed(HEAD C T
		       "m=audio 4000 RTP/AVP 0 96 97 98 8\r\n"
		       "a=rtpmap\r\na=rtpmap:\r\na=rtpmap:96\r\na=rtpmap:999 x/1\r\na=fmtp:\r\n"
		       "a=rtpmap:97 opus/48000/2\r\na=rtpmap:98 opus/48000/2\r\n"
		       "a=rtpmap:97 other/8000\r\na=rtpmap:8 L16/16000/0\r\n"
		       "a=ptime:\r\na=ptime:4294967296\r\na=ptime:2147483648\r\na=maxptime:x\r\n");
	const struct sdp_format *f = s->media[0].formats;

	assert_int_equal(f[1].encoding.n, 0);
	assert_true(str_eq(f[2].encoding, STR("opus")));
	assert_true(str_eq(f[3].encoding, STR("opus")));
	assert_true(str_eq(f[4].encoding, STR("L16")));
	assert_int_equal(f[4].channels, 1);
	assert_int_equal(s->media[0].ptime_ms, 0);
	sdp_free(s);
}

static void ptime_is_taken_within_reason(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = {{"20", 20},  {"20.0", 20}, {"1", 1},  {"1000", 1000},
		     {"1001", 0}, {"0", 0},	{"-20", 0}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[512];
		struct sdp *s;

		snprintf(text, sizeof(text), HEAD C T "m=audio 4000 RTP/AVP 0\r\na=ptime:%s\r\n",
			 cases[i].text);
		s = parsed(text);
		assert_int_equal(s->media[0].ptime_ms, cases[i].ms);
		sdp_free(s);
	}
}

static void huge_session_numbers_are_survived(void **state)
{
	struct sdp *s =
		parsed("v=0\r\no=- 99999999999999999999999999 -5 IN IP4 192.0.2.1\r\ns=-\r\n");

	assert_true(s->id == UINT64_MAX);
	assert_int_equal(s->version, 0);
	assert_int_equal(s->nmedia, 0);
	sdp_free(s);
}

static void broken_descriptions_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\r\n",
		"v=1\r\n",
		"v=0\r\n",
		"v=0\r\ns=-\r\nt=0 0\r\n",
		"v=0\r\no=alice 1 1\r\n",
		"v=0\r\no=alice 1 1 IN IP5 192.0.2.1\r\n",
		HEAD HEAD,
		HEAD "m=audio 4000 RTP/AVP 0\r\n",
		HEAD C "m=audio 65536 RTP/AVP 0\r\n",
		HEAD C "m=audio -1 RTP/AVP 0\r\n",
		HEAD C "m=audio x RTP/AVP 0\r\n",
		HEAD C "m=audio 4000/0 RTP/AVP 0\r\n",
		HEAD C "m=audio 4000\r\n",
		HEAD C "m=audio 4000 RTP/AVP\r\n",
		HEAD C "m=audio 4000 RTP/AVP 128\r\n",
		HEAD C "m=audio 4000 RTP/AVP -1\r\n",
		HEAD C "m=audio 4000 UDP/TLS/RTP/SAVPF 255\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\r\nc=IN IP4\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\r\na=\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\r\na=:x\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\r\n\r\na=x\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\r\nnonsense\r\n",
		HEAD C "m=audio 4000 RTP/AVP 0\ra=x\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i], EINVAL);
	sdp_free(parsed(HEAD C "m=audio 4000 RTP/AVP 0\r\n\r\n\r\n"));
}

static void nul_is_refused(void **state)
{
	static const char text[] = HEAD "a=x\0y\r\n";
	const char *why;
	struct sdp *s;

	assert_int_equal(sdp_parse(&s, (struct str){text, sizeof(text) - 1}, &why), EINVAL);
}

/* `piece` as often as it takes, behind `head`. */
static char *repeated(const char *head, const char *piece, size_t times)
{
	size_t n = strlen(head), k = strlen(piece);
	char *text = malloc(n + k * times + 1);

	memcpy(text, head, n);
	for (size_t i = 0; i < times; i++)
		memcpy(text + n + i * k, piece, k);
	text[n + k * times] = '\0';
	return text;
}

static void limits_hold_and_what_is_within_passes(void **state)
{
	static const struct {
		const char *head, *piece;
		size_t most;
	} cases[] = {
		{HEAD C, "m=audio 4000 RTP/AVP 0\r\n", SDP_MAX_MEDIA},
		{HEAD C "m=audio 4000 RTP/AVP", " 0", SDP_MAX_FORMATS},
		{HEAD C "m=audio 4000 RTP/AVP 0\r\n", "a=x\r\n", SDP_MAX_ATTRIBUTES},
		{HEAD C, "a=x\r\n", SDP_MAX_ATTRIBUTES},
		{HEAD C "a=", "x", SDP_MAX_BYTES - sizeof(HEAD C "a=") + 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = repeated(cases[i].head, cases[i].piece, cases[i].most);

		sdp_free(parsed(text));
		free(text);
		text = repeated(cases[i].head, cases[i].piece, cases[i].most + 1);
		assert_refused(text, E2BIG);
		free(text);
	}
}

static void same_but_for_the_version(void **state)
{
	static const char body[] = " IN IP4 192.0.2.1\r\ns=-\r\n" C T "m=audio 4000 RTP/AVP 0\r\n";
	char text[512];
	struct sdp *a, *b;

	snprintf(text, sizeof(text), "v=0\r\no=- 1 9%s", body);
	a = parsed(text);
	snprintf(text, sizeof(text), "v=0\r\no=- 1 10%s", body);
	b = parsed(text);
	assert_true(sdp_same(a, b));
	assert_true(sdp_same(b, a));
	sdp_free(b);
	snprintf(text, sizeof(text), "v=0\r\no=- 2 9%s", body);
	b = parsed(text);
	assert_false(sdp_same(a, b));
	sdp_free(b);
	snprintf(text, sizeof(text), "v=0\r\no=- 1 9%sa=sendonly\r\n", body);
	b = parsed(text);
	assert_false(sdp_same(a, b));
	sdp_free(b);
	sdp_free(a);
}

static void every_cut_is_survived(void **state)
{
	static const char text[] =
		HEAD C "b=AS:84\r\n" T "m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
		       "a=rtcp:5000 IN IP4 192.0.2.77\r\nm=video 0 RTP/AVP 31\r\n";
	uint64_t bytes = mem_bytes();

	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n ? n : 1);
		struct sdp *s = NULL;
		const char *why;

		memcpy(copy, text, n);
		if (!sdp_parse(&s, (struct str){copy, n}, &why))
			sdp_free(s);
		free(copy);
	}
	assert_int_equal(mem_bytes(), bytes);
}

#ifdef OFFHOOK_TEST_BUILD
static void without_memory_nothing_is_left(void **state)
{
	uint64_t objects = mem_objects();
	struct sdp *s = NULL;
	const char *why;

	mem_fail(1, false);
	assert_int_equal(sdp_parse(&s, STR(HEAD C), &why), ENOMEM);
	mem_fail(0, false);
	assert_null(s);
	assert_int_equal(mem_objects(), objects);
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_offer_is_read),
		cmocka_unit_test(old_hold_is_seen),
		cmocka_unit_test(name_in_connection_is_no_hold),
		cmocka_unit_test(mux_and_multicast),
		cmocka_unit_test(odd_maps_do_not_lose_the_call),
		cmocka_unit_test(ptime_is_taken_within_reason),
		cmocka_unit_test(huge_session_numbers_are_survived),
		cmocka_unit_test(broken_descriptions_are_refused),
		cmocka_unit_test(nul_is_refused),
		cmocka_unit_test(limits_hold_and_what_is_within_passes),
		cmocka_unit_test(same_but_for_the_version),
		cmocka_unit_test(every_cut_is_survived),
#ifdef OFFHOOK_TEST_BUILD
		cmocka_unit_test(without_memory_nothing_is_left),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
