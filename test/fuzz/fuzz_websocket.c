/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WebSocket: a hand-shake is refused with a whole answer or accepted with one; frames that arrive in pieces mean what they
 * mean when they come at once, and no message is larger than was allowed.
 *
 * The first byte says how the rest is cut.  A second byte of 'G' makes it a hand-shake.
 */
#include <string.h>
#include "fuzz.h"
#include "web/websocket.h"

enum { MAX_EVENTS = 64, MAX_MESSAGE = 300 };

struct heard {
	size_t n;
	struct {
		enum websocket_kind kind;
		uint16_t code;
		size_t bytes;
		uint64_t sum;
	} event[MAX_EVENTS];
};

static uint64_t sum_of(struct str s)
{
	uint64_t sum = 1469598103934665603u;

	for (size_t i = 0; i < s.n; i++)
		sum = (sum ^ (uint8_t)s.p[i]) * 1099511628211u;
	return sum;
}

static void note(struct heard *out, enum websocket_kind kind, const struct websocket *w,
		 struct str payload)
{
	if (out->n == MAX_EVENTS)
		return;
	out->event[out->n].kind = kind;
	out->event[out->n].code =
		kind == WEBSOCKET_BAD || kind == WEBSOCKET_CLOSE ? w->close_code : 0;
	out->event[out->n].bytes = payload.n;
	out->event[out->n++].sum = sum_of(payload);
}

/* Everything that n bytes say which arrive `piece` at a time. */
static void listen_to(struct heard *out, const uint8_t *from, size_t n, size_t piece)
{
	struct websocket w = {.max = MAX_MESSAGE};
	uint8_t *p = malloc(n ? n : 1); /* exactly as long, so that a read beyond is seen */
	size_t at = 0, have = 0, take;

	MUST(p);
	memcpy(p, from, n);
	out->n = 0;
	for (;;) {
		struct str payload = STR_NONE;
		enum websocket_kind kind = websocket_next(&w, p + at, have - at, &take, &payload);

		MUST(take <= have - at);
		at += take;
		if (kind == WEBSOCKET_WAIT) {
			MUST(!take);
			if (have == n)
				break;
			have = n - have < piece ? n : have + piece;
			continue;
		}
		if (kind == WEBSOCKET_BAD) {
			MUST(w.why && w.close_code >= 1000);
			note(out, kind, &w, STR_NONE);
			break;
		}
		MUST(take);
		if (kind == WEBSOCKET_MESSAGE) {
			MUST(payload.n <= MAX_MESSAGE && !w.in_message);
			MUST(!w.is_text || str_is_utf8(payload));
		} else {
			MUST(payload.n <= MAX_MESSAGE);
		}
		if (kind == WEBSOCKET_PING || kind == WEBSOCKET_CLOSE)
			MUST(payload.n <= WEBSOCKET_MAX_CONTROL);
		note(out, kind, &w, payload);
		if (kind == WEBSOCKET_CLOSE)
			break;
	}
	websocket_free(&w);
	free(p);
}

static void shake(const uint8_t *p, size_t n)
{
	static struct http_head h;
	struct buf out = {0};
	size_t used;
	unsigned status = 0;
	int err = http_head_parse(&h, (struct str){(const char *)p, n}, &used, &status);

	if (err)
		return;
	err = websocket_accept(&h, STR("sip"), &out, &status);
	MUST(err == 0 || err == EBADMSG);
	MUST(err ? status >= 400 && status < 500 : status == 101);
	MUST(str_starts(buf_view(&out), STR("HTTP/1.1 ")) && strstr(out.p, "\r\n\r\n"));
	/* Nothing of what the client sent is repeated to it. */
	MUST(!memmem(out.p, out.n, "<script", 7));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct heard whole, pieces;
	size_t piece;

	if (n < 2)
		return 0;
	piece = p[0] ? p[0] : 1;
	p++;
	n--;
	if (p[0] == 'G' && n > 1 && p[1] == 'E')
		shake(p, n);
	listen_to(&whole, p, n, n);
	listen_to(&pieces, p, n, piece);
	MUST(whole.n == pieces.n);
	for (size_t i = 0; i < whole.n; i++)
		MUST(!memcmp(&whole.event[i], &pieces.event[i], sizeof(whole.event[i])));
	return 0;
}
