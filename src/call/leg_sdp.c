/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptions between legs.  A leg has one o= line of its own for its whole life; the version in it goes up when what we send
 * differs from what we sent before, and only then (RFC 3264 8, RFC 8866 5.2).
 */
#include <string.h>

#include "call/calls.h"
#include "call/leg_keys.h"
#include "call/leg_codecs.h"
#include "call/leg_media.h"
#include "call/leg_press.h"
#include "call/music.h"
#include "call/services.h"
#include "media/format.h"
#include "sdp/choose.h"

/* Lines we cannot carry are refused on both sides: connections (MSRP, BFCP) are no packets. */
static bool can_carry(const struct sdp_media *m)
{
	static const struct str not_ours[] = {{"TCP", 3}, {"DTLS", 4}, {"UDP/DTLS", 8}};

	for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
		if (m->proto.n >= not_ours[i].n &&
		    str_ieq((struct str){m->proto.p, not_ours[i].n}, not_ours[i]))
			return false;
	return true;
}

static bool is_refused(const struct sdp *s, size_t i)
{
	return i >= MEDIA_MAX_STREAMS || !s->media[i].port || !can_carry(&s->media[i]);
}

static bool is_usable(const struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++)
		if (!is_refused(s, i))
			return true;
	return false;
}

static bool is_off(const struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++)
		if (!s->media[i].port)
			return true;
	return false;
}

/* One m-line, with all that stands below it. */
struct section {
	struct str line, all;
};

static size_t read_sections(struct section v[SDP_MAX_MEDIA], struct str text)
{
	const char *end = text.p + text.n;
	size_t n = 0;

	while (text.n) {
		const char *begin = text.p;
		struct str line = str_cut(&text, '\n');

		if (str_starts(line, STR("m="))) {
			if (n == SDP_MAX_MEDIA)
				return n;
			v[n++] = (struct section){line, {begin, 0}};
		}
		if (n)
			v[n - 1].all.n = (size_t)((text.n ? text.p : end) - v[n - 1].all.p);
	}
	return n;
}

static struct str line_of(const struct section *s, struct str begin)
{
	struct str rest = s->all;

	while (rest.n) {
		struct str line = str_cut(&rest, '\n');

		if (str_starts(line, begin))
			return line;
	}
	return STR_NONE;
}

static bool is_same_kind(struct str a, struct str b)
{
	return str_ieq(str_cut(&a, ' '), str_cut(&b, ' '));
}

static void write_refused(struct buf *b, struct str line)
{
	buf_str(b, str_cut(&line, ' '));
	(void)str_cut(&line, ' ');
	buf_printf(b, " 0 %.*s\n", STR_ARG(line));
}

/* RFC 3264 6 wants as many lines as were offered.  Devices that answer to those alone that they know are taken to refuse the others.
 * False: nothing is missing, or that does not explain it. */
static bool fill_in(struct buf *whole, struct str text, struct str sent)
{
	struct section offered[SDP_MAX_MEDIA], theirs[SDP_MAX_MEDIA];
	size_t n = read_sections(offered, sent), ntheirs = read_sections(theirs, text), j = 0;

	if (!ntheirs || ntheirs >= n)
		return false;
	buf_str(whole, (struct str){text.p, (size_t)(theirs[0].all.p - text.p)});
	for (size_t i = 0; i < n; i++) {
		if (j == ntheirs || !is_same_kind(offered[i].line, theirs[j].line)) {
			write_refused(whole, offered[i].line);
			continue;
		}
		buf_str(whole, theirs[j].all);
		if (theirs[j].all.p[theirs[j].all.n - 1] != '\n')
			buf_cstr(whole, "\r\n");
		j++;
	}
	return j == ntheirs;
}

/* RFC 3264 8: lines never become fewer.  Those that the other side has left out are offered on, refused. */
static size_t add_stand_ins(struct buf *b, struct str sent)
{
	struct section before[SDP_MAX_MEDIA], now[SDP_MAX_MEDIA];
	size_t n = read_sections(before, sent), nnow = read_sections(now, buf_view(b));

	for (size_t i = nnow; i < n; i++) {
		struct str mid = line_of(&before[i], STR("a=mid:"));

		write_refused(b, before[i].line);
		if (mid.n)
			buf_printf(b, "%.*s\n", STR_ARG(mid));
	}
	return n > nnow ? n - nnow : 0;
}

/* What was said of stand-ins is nobody's business. */
static struct str without_stand_ins(const struct leg *leg, struct str text)
{
	struct section v[SDP_MAX_MEDIA];
	size_t n = leg->nstand_ins ? read_sections(v, text) : 0;

	if (n > leg->nstand_ins)
		text.n = (size_t)(v[n - leg->nstand_ins].all.p - text.p);
	return text;
}

static int parse_answer(struct sdp **sp, const struct leg *leg, struct str text, const char **why)
{
	struct buf whole = {0};
	bool is_filled = fill_in(&whole, text, buf_view(&leg->sent));
	int err = whole.err;

	if (!err)
		err = sdp_parse(sp, without_stand_ins(leg, is_filled ? buf_view(&whole) : text),
				why);
	buf_free(&whole);
	return err;
}

/* RFC 3264 6.1: what else it could do nobody asked.  A line of which nothing is left is one that it refuses. */
static int keep_offered(const struct leg *leg, struct sdp *answer)
{
	struct sdp *offer = NULL;
	const char *why;
	int err = leg->sent.n ? sdp_parse(&offer, buf_view(&leg->sent), &why) : 0;

	for (size_t i = 0; offer && i < answer->nmedia && i < offer->nmedia; i++)
		if (answer->media[i].port && !sdp_keep_offered(&answer->media[i], &offer->media[i]))
			answer->media[i].port = 0;
	sdp_free(offer);
	return err;
}

int leg_sdp_parse(const struct leg *leg, struct sdp **sp, struct str text, bool is_answer,
		  unsigned *status)
{
	const char *why = NULL;
	struct sdp *s = NULL;
	int err = is_answer ? parse_answer(&s, leg, text, &why) : sdp_parse(&s, text, &why);
	bool was_usable;

	*status = 488;
	if (err == ENOMEM) {
		*status = 500;
		return err;
	}
	if (err)
		return EPROTO;
	if (leg_keys_check(leg, s, is_answer)) {
		sdp_free(s);
		return EPROTO;
	}
	was_usable = is_usable(s);
	if (is_answer && keep_offered(leg, s) == ENOMEM) {
		*status = 500;
		sdp_free(s);
		return ENOMEM;
	}
	leg_codecs_restrict(leg, s);
	/* Every line switched off is legal within a call and in an answer, if there is a line at all. */
	if (!is_usable(s) && (was_usable || !is_off(s))) {
		sdp_free(s);
		return EPROTO;
	}
	*sp = s;
	return 0;
}

uint8_t leg_sdp_streams(const struct sdp *s)
{
	size_t n = s->nmedia < MEDIA_MAX_STREAMS ? s->nmedia : MEDIA_MAX_STREAMS;

	while (n > 1 && is_refused(s, n - 1))
		n--;
	return n ? (uint8_t)n : 1;
}

bool leg_sdp_is_held(const struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++)
		if (s->media[i].port && s->media[i].direction == SDP_SENDRECV &&
		    !s->media[i].is_held)
			return false;
	return true;
}

/* Old phones hold with c=0.0.0.0 and leave the direction alone: to the other side that is "it sends only". */
static enum sdp_direction direction_of(const struct sdp_media *m)
{
	return m->is_held ? m->direction & SDP_SENDONLY : m->direction;
}

struct writing {
	struct leg *to;
	const struct sdp *from;	 /* relayed */
	const struct sdp *offer; /* of `to`, which is answered; NULL: we offer */
};
typedef int write_h(struct buf *out, const struct writing *w);

/* What belongs to WebRTC stays in it; an answer has the names of its offer's lines. */
static void fit_web(const struct writing *w, size_t i, struct sdp_guard *guard)
{
	static const char digits[SDP_MAX_MEDIA + 1] = "0123456789abcdef";
	const struct sdp *known = w->offer ? w->offer : w->to->theirs;

	guard->leaves_web = str_starts(w->from->media[i].proto, STR("UDP/TLS/")) && !guard->ice;
	/* Lines keep the names that the device gave them; those that a browser hears of for the first time need some. */
	guard->has_mid = known && i < known->nmedia;
	if (guard->has_mid)
		guard->mid = sdp_mid(&known->media[i]);
	guard->is_bundled =
		guard->has_mid && guard->ice && guard->mid.n && sdp_is_bundled(known, i);
	if (guard->ice && !guard->has_mid) {
		guard->has_mid = guard->is_bundled = true;
		guard->mid = (struct str){&digits[i], 1};
	}
	if (w->offer && guard->has_mid && !guard->proto.n)
		guard->proto = w->offer->media[i].proto; /* refused, in its own words */
}

/* The line whose port stands in line i, as far as it is in use. */
static size_t carrier_of(const struct writing *w, const struct sdp_local_media *media, size_t i)
{
	const struct sdp *known = w->offer ? w->offer : w->to->theirs;
	size_t tag = i;

	if (media[i].guard.is_bundled && known && i < known->nmedia)
		tag = leg_keys_carrier(w->to, known, i);
	return tag < i && !media[tag].is_refused && media[tag].guard.is_bundled ? tag : i;
}

static size_t first_audio(const struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++)
		if (str_eq(s->media[i].kind, STR("audio")) && !is_refused(s, i))
			return i;
	return s->nmedia;
}

/* It speaks with everybody in its call through us from now on. */
static void convert(struct leg *leg)
{
	LIST_EACH (it, &leg->call->legs)
		CONTAINER_OF(it, struct leg, in_call)->converts = true;
}

/* The audio line of a leg that shares no codec with the other: what we can convert, of that what its account allows. */
static void fit_converted(const struct writing *w, const struct sdp_media *m,
			  const struct sdp_media *offer, struct leg_codecs *c)
{
	if (offer)
		leg_codecs_answer(c, offer, m);
	else
		leg_codecs_offer(c, m);
	leg_codecs_narrow(c, w->to, m);
}

/* What its account allows, what we can convert when that is nothing; and how it may press keys. */
static void fit_codecs(const struct writing *w, size_t i, struct leg_codecs *c,
		       struct sdp_local_media *media)
{
	const struct sdp_media *m = &w->from->media[i];
	const struct sdp_media *offer =
		w->offer && i < w->offer->nmedia ? &w->offer->media[i] : NULL;
	bool is_ours = i == first_audio(w->from) && sdp_proto_is_rtp(m->proto);
	bool has_changed;

	if (media->is_refused)
		return;
	if (!leg_codecs_choose(c, w->to, m)) {
		media->is_refused = !is_ours || !leg_codecs_known(w->from);
		if (media->is_refused)
			return;
		convert(w->to);
	}
	media->is_choice = !is_ours || !w->to->converts;
	if (!media->is_choice)
		fit_converted(w, m, offer, c);
	has_changed = c->n;
	if (is_ours && leg_press_is_fitted(w->to) &&
	    leg_codecs_keys(c, m, offer, leg_press_takes_events(w->to))) {
		has_changed = true;
		media->is_choice = false;
	}
	if (!has_changed || !c->n)
		return;
	media->formats = c->formats;
	media->nformats = c->n;
}

/* SYS-9: as the leg sees it. */
static struct addr shown(const struct leg *leg, const struct addr *ours)
{
	struct addr a = *ours;

	flow_show(leg->cs->conf.edge, &leg->flow, &a);
	return a;
}

/* In the name and under the session of its leg. */
static struct sdp_rewrite rewrite_for(const struct leg *to, struct sdp_local_media *media,
				      size_t nmedia)
{
	return (struct sdp_rewrite){
		.id = to->sdp_id,
		.version = to->sdp_version,
		.origin = shown(to, &to->bind),
		.media = media,
		.nmedia = nmedia,
	};
}

/* What the other device says of itself, in our name.  Without an address (c=0.0.0.0) it says that it holds. */
static int write_direct(struct buf *out, const struct writing *w, bool is_opened)
{
	struct sdp_local_media media[SDP_MAX_MEDIA] = {0};
	const struct sdp *from = w->from;
	struct leg *to = w->to;
	struct sdp_rewrite rw = rewrite_for(to, media, from->nmedia);

	rw.is_direct = true;
	for (size_t i = 0; i < from->nmedia; i++) {
		media[i].direction = is_opened ? SDP_SENDRECV : direction_of(&from->media[i]);
		media[i].is_refused = is_refused(from, i);
		media[i].rtp = from->media[i].rtp;
		if (!media[i].rtp.family)
			media[i].rtp = (struct addr){.family = to->bind.family,
						     .port = from->media[i].port};
		if (i < MEDIA_MAX_STREAMS && !w->offer)
			to->lines[i].offered = SDP_PLAIN;
	}
	return sdp_relay(out, from, &rw);
}

/* What `from` does, as far as an offer leaves it; who holds without a sound has music played. */
static enum sdp_direction direction_for(const struct writing *w, size_t i)
{
	enum sdp_direction d = direction_of(&w->from->media[i]), theirs;

	if (music_is_for(w->to, &w->from->media[i]))
		d = SDP_SENDONLY;
	if (!w->offer || i >= w->offer->nmedia)
		return d;
	theirs = direction_of(&w->offer->media[i]);
	return (enum sdp_direction)(d & ((theirs & SDP_SENDONLY ? SDP_RECVONLY : 0) |
					 (theirs & SDP_RECVONLY ? SDP_SENDONLY : 0)));
}

/* RFC 3264 6: what is offered so is answered so. */
static bool is_switched_off(const struct sdp *offer, size_t i)
{
	return offer && i < offer->nmedia && !offer->media[i].port;
}

static int write_from(struct buf *out, const struct writing *w, bool is_opened)
{
	struct leg *to = w->to;
	const struct sdp *from = w->from;
	struct sdp_local_media media[SDP_MAX_MEDIA] = {0};
	struct leg_guard room[SDP_MAX_MEDIA];
	struct leg_codecs codecs[MEDIA_MAX_STREAMS];
	struct sdp_rewrite rw = rewrite_for(to, media, from->nmedia);

	if (to->is_direct)
		return write_direct(out, w, is_opened);
	for (size_t i = 0; i < from->nmedia; i++) {
		media[i].direction = is_opened ? SDP_SENDRECV : direction_for(w, i);
		media[i].is_refused = is_refused(from, i) || i >= to->nstreams ||
				      is_switched_off(w->offer, i) ||
				      !leg_keys_describe(to, w->offer, from->media[i].proto, i,
							 &room[i], &media[i].guard);
		fit_web(w, i, &media[i].guard);
		if (i < MEDIA_MAX_STREAMS)
			fit_codecs(w, i, &codecs[i], &media[i]);
	}
	for (size_t i = 0; i < from->nmedia; i++)
		if (!media[i].is_refused)
			media[i].rtp = shown(to, &to->local[carrier_of(w, media, i)]);
	return sdp_relay(out, from, &rw);
}

static int write_relayed(struct buf *out, const struct writing *w)
{
	return write_from(out, w, false);
}

static int write_opened(struct buf *out, const struct writing *w)
{
	return write_from(out, w, true);
}

/* What is spoken to must be understood: the first codec that we know, so that it cannot change in the call, and keys. */
struct choice {
	bool is_any; /* a service that sends back what it hears needs to know no codec */
	const struct sdp_format *speech; /* NULL: none chosen yet */
};

static bool takes(const struct sdp_format *f, void *arg)
{
	struct choice *c = arg;

	if (c->is_any || f == c->speech || str_ieq(f->encoding, STR("telephone-event")))
		return true;
	if (c->speech || !media_knows(f))
		return false;
	c->speech = f;
	return true;
}

static int offer_own(struct buf *out, struct leg *to, struct sdp_own *own)
{
	struct leg_guard room;
	struct buf names = {0};
	int err;

	own->rtp = shown(to, &to->local[0]);
	if (!leg_keys_describe(to, NULL, STR("RTP/AVP"), 0, &room, &own->guard))
		return EPROTO;
	leg_codecs_own(to, &names);
	own->formats = buf_view(&names);
	err = names.err ? names.err : sdp_offer_audio(out, own);
	buf_free(&names);
	return err;
}

static int write_own(struct buf *out, const struct writing *w)
{
	const struct sdp *offer = w->offer;
	struct leg *to = w->to;
	struct leg_guard room;
	struct sdp_own own = {
		.id = to->sdp_id,
		.version = to->sdp_version,
		.origin = shown(to, &to->bind),
		.direction = SDP_SENDRECV,
	};
	struct choice choice = {.is_any = services_take_any_codec(to->call) &&
					  !to->originates /* it hears a tone */};
	enum sdp_direction theirs;
	size_t i;

	if (!offer)
		return offer_own(out, to, &own);
	i = first_audio(offer);
	if (i >= to->nstreams)
		return EPROTO;
	if (!leg_keys_describe(to, offer, offer->media[i].proto, i, &room, &own.guard))
		return EPROTO;
	own.rtp = shown(to, &to->local[i]);
	own.guard.mid = sdp_mid(&offer->media[i]);
	own.guard.is_bundled = own.guard.ice && own.guard.mid.n && sdp_is_bundled(offer, i);
	theirs = direction_of(&offer->media[i]);
	own.direction = (enum sdp_direction)((theirs & SDP_SENDONLY ? SDP_RECVONLY : 0) |
					     (theirs & SDP_RECVONLY ? SDP_SENDONLY : 0));
	return sdp_answer_audio(out, offer, &own, takes, &choice);
}

static int write_whole(struct buf *b, const struct writing *w, write_h *write, size_t *nstand_ins)
{
	int err = write(b, w);

	*nstand_ins = err || w->offer ? 0 : add_stand_ins(b, buf_view(&w->to->sent));
	return err ? err : b->err;
}

/* Written once with the version in force, and again with the next if that shows a change; what was never said has no
 * version of its own (RFC 3264 8: one more than the description before). */
static int write_versioned(const struct writing *w, write_h *write, struct str *out)
{
	struct leg *to = w->to;
	struct buf b = {.max = SDP_MAX_BYTES};
	size_t nstand_ins;
	int err = write_whole(&b, w, write, &nstand_ins);

	if (!err && to->sent.n && !str_eq(buf_view(&b), buf_view(&to->sent))) {
		to->sdp_version += !to->must_reoffer;
		buf_reset(&b);
		err = write_whole(&b, w, write, &nstand_ins);
	}
	if (err) {
		buf_free(&b);
		return err;
	}
	buf_free(&to->sent);
	to->sent = b;
	to->nstand_ins = nstand_ins;
	*out = buf_view(&to->sent);
	return 0;
}

int leg_sdp_relay(struct leg *to, const struct sdp *from, const struct sdp *offer, struct str *out)
{
	struct writing w = {.to = to, .from = from, .offer = offer};

	return write_versioned(&w, write_relayed, out);
}

int leg_sdp_introduce(struct leg *to, const struct sdp *from, struct str *out)
{
	struct writing w = {.to = to, .from = from};

	return write_versioned(&w, write_opened, out);
}

static bool has_format(const struct sdp_media *m, struct str text)
{
	for (size_t i = 0; i < m->nformats; i++)
		if (str_eq(m->formats[i].text, text))
			return true;
	return false;
}

static bool is_keys(const struct sdp_format *f)
{
	return str_ieq(f->encoding, STR("telephone-event"));
}

/* Events that one has and the other has not are converted: fit_codecs(). */
static bool has_formats(const struct sdp_media *a, const struct sdp_media *b)
{
	for (size_t i = 0; i < a->nformats; i++)
		if (!is_keys(&a->formats[i]) && !has_format(b, a->formats[i].text))
			return false;
	return true;
}

static bool same_formats(const struct sdp_media *a, const struct sdp_media *b)
{
	return has_formats(a, b) && has_formats(b, a);
}

bool leg_sdp_agree(const struct sdp *offer, const struct sdp *answer)
{
	if (offer->nmedia != answer->nmedia)
		return false;
	for (size_t i = 0; i < offer->nmedia; i++) {
		const struct sdp_media *a = &offer->media[i], *b = &answer->media[i];
		enum sdp_direction x = direction_of(a), y = direction_of(b);

		if (!a->port != !b->port)
			return false;
		if (!a->port)
			continue;
		if (!same_formats(a, b) || !(x & SDP_SENDONLY) != !(y & SDP_RECVONLY) ||
		    !(x & SDP_RECVONLY) != !(y & SDP_SENDONLY))
			return false;
	}
	return true;
}

static bool same_format(const struct sdp_format *a, const struct sdp_format *b)
{
	return str_ieq(a->encoding, b->encoding) && a->clock_hz == b->clock_hz;
}

static bool is_event(const struct sdp_format *f)
{
	return is_keys(f) || str_ieq(f->encoding, STR("CN"));
}

/* Do the formats that both have mean the same, under the same number? */
static bool lines_fit(const struct sdp_media *a, const struct sdp_media *b)
{
	bool is_shared = false;

	for (size_t i = 0; i < a->nformats; i++) {
		for (size_t j = 0; j < b->nformats; j++) {
			const struct sdp_format *x = &a->formats[i], *y = &b->formats[j];
			bool is_same = same_format(x, y);

			if (is_same != str_eq(x->text, y->text))
				return false;
			is_shared |= is_same && !is_event(x);
		}
	}
	return is_shared;
}

bool leg_sdp_fit(const struct sdp *a, const struct sdp *b)
{
	if (a->nmedia != b->nmedia)
		return false;
	for (size_t i = 0; i < a->nmedia; i++) {
		const struct sdp_media *x = &a->media[i], *y = &b->media[i];

		if (!str_ieq(x->kind, y->kind) ||
		    sdp_proto_is_rtp(x->proto) != sdp_proto_is_rtp(y->proto) ||
		    !x->port != !y->port || direction_of(x) != SDP_SENDRECV ||
		    (x->port && !lines_fit(x, y)))
			return false;
	}
	return true;
}

int leg_sdp_own(struct leg *to, const struct sdp *offer, struct str *out)
{
	struct writing w = {.to = to, .offer = offer};

	return write_versioned(&w, write_own, out);
}
