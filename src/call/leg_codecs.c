/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include "call/calls.h"
#include "call/leg_codecs.h"
#include "media/format.h"
#include "sdp/choose.h"

enum { FIRST_DYNAMIC = 96, LAST_DYNAMIC = 127, USUAL_EVENTS = 101, NARROW_HZ = 8000 };

/* In the order of our preference; keys last. */
static const struct sdp_format ours[] = {
#define F(type, name, hz, nchannels, parameters)                                                   \
	{                                                                                          \
		.pt = type, .encoding = {name, sizeof(name) - 1}, .clock_hz = hz,                  \
		.channels = nchannels, .fmtp = {                                                   \
			parameters,                                                                \
			sizeof(parameters) - 1                                                     \
		}                                                                                  \
	}
	F(-1, "opus", 48000, 2, "useinbandfec=1"),
	F(9, "G722", 8000, 1, ""),
	F(8, "PCMA", 8000, 1, ""),
	F(0, "PCMU", 8000, 1, ""),
	F(18, "G729", 8000, 1, "annexb=no"),
	F(3, "GSM", 8000, 1, ""),
	F(-1, "G726-32", 8000, 1, ""),
	F(-1, "telephone-event", 8000, 1, "0-16"),
#undef F
};

static bool is_same(const struct sdp_format *a, const struct sdp_format *b)
{
	return a->clock_hz == b->clock_hz && str_ieq(a->encoding, b->encoding);
}

static bool is_events(const struct sdp_format *f)
{
	return str_ieq(f->encoding, STR("telephone-event"));
}

/* Neither keys nor comfort noise nor what we do not even know the name of. */
static bool is_speech(const struct sdp_format *f)
{
	return f->encoding.n && !is_events(f) && !str_ieq(f->encoding, STR("CN"));
}

static const struct sdp_format *find(const struct sdp_format *all, size_t n,
				     const struct sdp_format *f)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(&all[i], f))
			return &all[i];
	return NULL;
}

static const struct sdp_media *audio_of(const struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++)
		if (s->media[i].port && str_ieq(s->media[i].kind, STR("audio")))
			return &s->media[i];
	return NULL;
}

bool leg_codecs_known(const struct sdp *s)
{
	const struct sdp_media *m = audio_of(s);

	for (size_t i = 0; m && i < m->nformats; i++)
		if (media_knows(&m->formats[i]))
			return true;
	return false;
}

static bool share(const struct sdp_media *a, const struct sdp_media *b)
{
	for (size_t i = 0; i < a->nformats; i++)
		if (is_speech(&a->formats[i]) && find(b->formats, b->nformats, &a->formats[i]))
			return true;
	return false;
}

bool leg_codecs_share(const struct sdp *a, const struct sdp *b)
{
	const struct sdp_media *x = audio_of(a), *y = audio_of(b);

	return x && y && share(x, y);
}

static bool is_free(const struct leg_codecs *c, int pt)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->formats[i].pt == pt)
			return false;
	return true;
}

static void add_ours(struct leg_codecs *c, struct sdp_format f)
{
	char *number = c->numbers[c->nnumbers];
	int pt = f.pt;

	if (pt < 0 && is_events(&f) && is_free(c, USUAL_EVENTS))
		pt = USUAL_EVENTS;
	for (int i = FIRST_DYNAMIC; pt < 0 && i <= LAST_DYNAMIC; i++)
		if (is_free(c, i))
			pt = i;
	if (pt < 0 || !is_free(c, pt) || c->n == SDP_MAX_FORMATS ||
	    c->nnumbers == ARRAY_LEN(c->numbers))
		return; /* the other leg has another meaning for it */
	snprintf(number, sizeof(c->numbers[0]), "%d", pt);
	c->nnumbers++;
	f.pt = pt;
	f.text = str_of(number);
	c->formats[c->n++] = f;
}

void leg_codecs_offer(struct leg_codecs *c, const struct sdp_media *from)
{
	c->n = c->nnumbers = 0;
	for (size_t i = 0; i < from->nformats; i++)
		c->formats[c->n++] = from->formats[i];
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (!find(from->formats, from->nformats, &ours[i]))
			add_ours(c, ours[i]);
}

/* The first that we can speak, and the keys of its clock. */
static void take_first(struct leg_codecs *c, const struct sdp_media *offer)
{
	for (size_t i = 0; !c->n && i < offer->nformats; i++)
		if (media_knows(&offer->formats[i]))
			c->formats[c->n++] = offer->formats[i];
	for (size_t i = 0; c->n == 1 && i < offer->nformats; i++)
		if (is_events(&offer->formats[i]) &&
		    offer->formats[i].clock_hz == c->formats[0].clock_hz)
			c->formats[c->n++] = offer->formats[i];
}

void leg_codecs_answer(struct leg_codecs *c, const struct sdp_media *offer,
		       const struct sdp_media *answered)
{
	c->n = c->nnumbers = 0;
	if (!share(answered, offer)) {
		take_first(c, offer);
		return;
	}
	for (size_t i = 0; i < answered->nformats; i++) {
		const struct sdp_format *f =
			find(offer->formats, offer->nformats, &answered->formats[i]);

		if (f)
			c->formats[c->n++] = *f;
	}
}

const struct sdp_format *leg_codecs_events(const struct sdp_media *m, uint32_t clock_hz)
{
	const struct sdp_format *other = NULL;

	for (size_t i = 0; i < m->nformats; i++) {
		const struct sdp_format *f = &m->formats[i];

		if (!is_events(f) || f->pt < 0)
			continue;
		if (f->clock_hz == clock_hz)
			return f;
		/* Devices list these beside speech of another clock, and mean it. */
		if (!other || f->clock_hz == NARROW_HZ)
			other = f;
	}
	return other;
}

/* Of the first speech in it that we can convert; 0: there is none. */
static uint32_t clock_of(const struct leg_codecs *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (is_speech(&c->formats[i]) && media_knows(&c->formats[i]))
			return c->formats[i].clock_hz;
	return 0;
}

static bool is_dropped(const struct sdp_format *f, const struct sdp_media *offer, bool may_press)
{
	return is_events(f) && (!may_press || (offer && !find(offer->formats, offer->nformats, f)));
}

/* Of any clock, or of that one. */
static bool has_events(const struct leg_codecs *c, uint32_t clock_hz)
{
	for (size_t i = 0; i < c->n; i++)
		if (is_events(&c->formats[i]) && (!clock_hz || c->formats[i].clock_hz == clock_hz))
			return true;
	return false;
}

static void add_events(struct leg_codecs *c, const struct sdp_media *offer, uint32_t clock_hz)
{
	const struct sdp_format *f = offer ? leg_codecs_events(offer, clock_hz) : NULL;

	if (f && !has_events(c, 0) && c->n < SDP_MAX_FORMATS)
		c->formats[c->n++] = *f;
	else if (!offer && !has_events(c, NARROW_HZ))
		add_ours(c, ours[ARRAY_LEN(ours) - 1]);
}

bool leg_codecs_keys(struct leg_codecs *c, const struct sdp_media *from,
		     const struct sdp_media *offer, bool may_press)
{
	size_t before = c->n ? c->n : from->nformats, kept = 0;
	uint32_t clock_hz;

	if (!c->n)
		for (c->nnumbers = 0; c->n < from->nformats; c->n++)
			c->formats[c->n] = from->formats[c->n];
	for (size_t i = 0; i < c->n; i++)
		if (!is_dropped(&c->formats[i], offer, may_press))
			c->formats[kept++] = c->formats[i];
	c->n = kept;
	clock_hz = clock_of(c);
	if (may_press && clock_hz)
		add_events(c, offer, clock_hz);
	return c->n != before || kept != before;
}

/* ---- ACC-9 ---- */

static struct str list_of(const struct leg *leg, const struct sdp_media *m)
{
	const struct account *acc =
		leg->trunk_id
			? NULL
			: model_account(leg->cs->conf.model, leg->rec.tenant_id, leg->account_id);

	if (!acc || !sdp_proto_is_rtp(m->proto))
		return STR_NONE;
	if (str_ieq(m->kind, STR("audio")))
		return str_of(acc->audio_codecs);
	return str_ieq(m->kind, STR("video")) ? str_of(acc->video_codecs) : STR_NONE;
}

void leg_codecs_restrict(const struct leg *leg, struct sdp *s)
{
	for (size_t i = 0; i < s->nmedia; i++) {
		struct str list = list_of(leg, &s->media[i]);

		if (list.n && s->media[i].port && !sdp_restrict(&s->media[i], list))
			s->media[i].port = 0;
	}
}

bool leg_codecs_choose(struct leg_codecs *c, const struct leg *to, const struct sdp_media *from)
{
	struct str list = list_of(to, from);

	c->nnumbers = 0;
	c->n = list.n ? sdp_choose(from, list, c->formats) : 0;
	return !list.n || c->n;
}

void leg_codecs_narrow(struct leg_codecs *c, const struct leg *to, const struct sdp_media *m)
{
	struct sdp_format all[SDP_MAX_FORMATS];
	struct sdp_media line = *m;
	struct str list = list_of(to, m);
	size_t n;

	memcpy(all, c->formats, c->n * sizeof(*all));
	line.formats = all;
	line.nformats = c->n;
	n = list.n ? sdp_choose(&line, list, c->formats) : 0;
	if (n)
		c->n = n;
}

void leg_codecs_own(const struct leg *to, struct buf *names)
{
	static const struct sdp_media audio = {.kind = {"audio", 5}, .proto = {"RTP/AVP", 7}};
	struct str rest = list_of(to, &audio);

	if (!rest.n)
		return;
	while (rest.n) {
		struct str name = str_trim(str_cut(&rest, ','));

		buf_str(names, str_ieq(name, STR("G726")) ? STR("G726-32") : name);
		buf_char(names, ' ');
	}
	buf_cstr(names, "telephone-event");
}
