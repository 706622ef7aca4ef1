/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptions: what we pass on or answer can be read again, says what we said, and does not change when passed on again. */
#include <string.h>
#include "base/mem.h"
#include "fuzz.h"
#include "sdp/sdp.h"

static struct addr address(uint16_t port)
{
	return (struct addr){.family = 4, .port = port, .ip = {192, 0, 2, 1}};
}

static void look(const struct sdp *s)
{
	MUST(s->nmedia <= SDP_MAX_MEDIA && s->nattributes <= SDP_MAX_ATTRIBUTES);
	for (size_t i = 0; i < s->nmedia; i++) {
		const struct sdp_media *m = &s->media[i];

		MUST(m->kind.n && m->proto.n && m->nformats >= 1 && m->nformats <= SDP_MAX_FORMATS);
		MUST(m->nattributes <= SDP_MAX_ATTRIBUTES);
		MUST(m->ptime_ms <= 1000);
		MUST(!m->rtp.family || (m->rtp.port && m->rtp.port == m->port));
		MUST(!m->is_held || !m->rtp.family);
		for (size_t k = 0; k < m->nformats; k++)
			MUST(m->formats[k].text.n && m->formats[k].pt >= -1 &&
			     m->formats[k].pt <= 127);
	}
}

static struct sdp *again(const struct buf *b)
{
	struct sdp *s = NULL;
	const char *why;
	int err = sdp_parse(&s, buf_view(b), &why);

	/* our own lines may take it over a limit that it just kept */
	MUST(!err || err == E2BIG);
	return s;
}

static void relay(const struct sdp *s)
{
	struct sdp_local_media media[SDP_MAX_MEDIA];
	struct sdp_rewrite rw = {
		.id = 1, .version = 2, .origin = address(0), .media = media, .nmedia = s->nmedia};
	struct buf out = {0}, second = {0};
	struct sdp *passed;

	for (size_t i = 0; i < s->nmedia; i++)
		media[i] = (struct sdp_local_media){.rtp = address((uint16_t)(20000 + 2 * i)),
						    .is_refused = i % 3 == 2,
						    .direction = (enum sdp_direction)(i % 4)};
	MUST(!sdp_relay(&out, s, &rw));
	passed = again(&out);
	if (passed) {
		look(passed);
		MUST(passed->nmedia == s->nmedia && passed->id == 1 && passed->version == 2);
		for (size_t i = 0; i < s->nmedia; i++) {
			bool is_refused = media[i].is_refused || !s->media[i].port;

			MUST(passed->media[i].port == (is_refused ? 0 : media[i].rtp.port));
			MUST(passed->media[i].nformats == s->media[i].nformats);
			MUST(is_refused || passed->media[i].direction == media[i].direction);
			MUST(is_refused || addr_eq(&passed->media[i].rtp, &media[i].rtp));
		}
		MUST(!sdp_relay(&second, passed, &rw));
		MUST(str_eq(buf_view(&out), buf_view(&second)));
		sdp_free(passed);
	}
	buf_free(&out);
	buf_free(&second);
}

static bool knows(const struct sdp_format *f, void *arg)
{
	return f->encoding.n && f->clock_hz;
}

static void answer(const struct sdp *s)
{
	struct sdp_own own = {.id = 1,
			      .version = 2,
			      .origin = address(0),
			      .rtp = address(20000),
			      .direction = SDP_SENDRECV};
	struct buf out = {0};
	struct sdp *answered;
	int err = sdp_answer_audio(&out, s, &own, knows, NULL);

	MUST(!err || err == ENOTSUP);
	answered = err ? NULL : again(&out);
	if (answered) {
		size_t taken = 0;

		look(answered);
		MUST(answered->nmedia == s->nmedia);
		for (size_t i = 0; i < s->nmedia; i++)
			taken += answered->media[i].port != 0;
		MUST(taken == 1);
		sdp_free(answered);
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint64_t objects = mem_objects();
	struct sdp *s = NULL;
	const char *why = NULL;
	int err = sdp_parse(&s, (struct str){(const char *)p, n}, &why);

	MUST(!err || err == EINVAL || err == E2BIG);
	MUST(!err == !why && !err == !!s);
	if (s) {
		look(s);
		MUST(sdp_same(s, s));
		relay(s);
		answer(s);
		sdp_free(s);
	}
	MUST(mem_objects() == objects);
	return 0;
}
