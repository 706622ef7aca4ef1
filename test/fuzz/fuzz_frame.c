/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The framer of streams: cut into pieces anywhere, a stream gives the same frames as whole; and framer and parser agree on
 * where a message ends, for what lies between two opinions is a smuggled message.
 *
 * The first byte says how the rest is cut.
 */
#include <string.h>
#include "fuzz.h"
#include "net/frame.h"
#include "sip/msg.h"

enum { MAX_FRAMES = 64 };

struct frames {
	size_t n;
	struct {
		enum frame_kind kind;
		size_t from, to;
	} frame[MAX_FRAMES];
};

/* All frames of n bytes that arrive `piece` at a time. */
static void cut(struct frames *out, const uint8_t *p, size_t n, size_t piece)
{
	struct frame f = {0};
	size_t from = 0, have = 0;

	out->n = 0;
	while (out->n < MAX_FRAMES) {
		size_t take = 0;
		enum frame_kind kind = frame_next(&f, p + from, have - from, &take);

		if (kind == FRAME_MORE) {
			if (have == n)
				return;
			have = n - have < piece ? n : have + piece;
			continue;
		}
		if (kind == FRAME_SKIP) {
			MUST(take && take <= have - from);
			from += take;
			continue;
		}
		if (kind == FRAME_BAD) {
			MUST(f.why);
			out->frame[out->n].from = out->frame[out->n].to = from;
			out->frame[out->n++].kind = kind;
			return;
		}
		MUST(take && take <= have - from);
		out->frame[out->n].kind = kind;
		out->frame[out->n].from = from;
		from += take;
		out->frame[out->n++].to = from;
		if (kind == FRAME_LAST)
			return;
	}
}

static void parse(const uint8_t *p, size_t n, bool is_last)
{
	static const struct flow tcp = {.transport = FLOW_TCP};
	struct sip_msg *m = NULL;
	unsigned status;
	int err = sip_msg_parse(&m, &tcp, p, n, &status);

	if (is_last)
		MUST(err);
	else if (m && m->bad)
		MUST(!strstr(m->bad, "Content-Length") && !strstr(m->bad, "Ends Within"));
	sip_msg_deref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct frames whole, pieces;
	size_t piece;

	if (!n)
		return 0;
	piece = p[0] ? p[0] : 1;
	p++;
	n--;
	cut(&whole, p, n, n);
	cut(&pieces, p, n, piece);
	MUST(whole.n == pieces.n);
	for (size_t i = 0; i < whole.n; i++) {
		MUST(whole.frame[i].kind == pieces.frame[i].kind);
		if (whole.frame[i].kind == FRAME_BAD)
			break;
		MUST(whole.frame[i].from == pieces.frame[i].from &&
		     whole.frame[i].to == pieces.frame[i].to);
		if (whole.frame[i].kind == FRAME_MESSAGE || whole.frame[i].kind == FRAME_LAST)
			parse(p + whole.frame[i].from, whole.frame[i].to - whole.frame[i].from,
			      whole.frame[i].kind == FRAME_LAST);
	}
	return 0;
}
