/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sodium.h>
#include <string.h>
#include "audio/codec.h"
#include "media/format.h"

enum { DEFAULT_PTIME_MS = 20, MIN_PTIME_MS = 10, MAX_PTIME_MS = 60 };

bool media_knows(const struct sdp_format *f)
{
	return codec_find(f->encoding, f->clock_hz, f->channels) != CODEC_NONE;
}

uint32_t media_clock_hz(const struct media_format *f)
{
	return f->codec ? codec_get(f->codec)->clock_hz : 0;
}

static bool is_event(const struct sdp_format *f)
{
	return str_ieq(f->encoding, STR("telephone-event"));
}

static const struct sdp_format *same_in(const struct sdp_media *m, const struct sdp_format *f)
{
	for (size_t i = 0; i < m->nformats; i++) {
		const struct sdp_format *g = &m->formats[i];

		if (str_ieq(f->encoding, g->encoding) && f->clock_hz == g->clock_hz && g->pt >= 0)
			return g;
	}
	return NULL;
}

/* Opus has no frames of 30 and 50 ms, GSM only of 20: then the next that all have. */
static uint8_t ptime_of(enum codec_id id, unsigned asked_ms)
{
	unsigned ms = asked_ms ? asked_ms : DEFAULT_PTIME_MS;

	ms = ms < MIN_PTIME_MS ? MIN_PTIME_MS : ms > MAX_PTIME_MS ? MAX_PTIME_MS : ms / 10 * 10;
	if (id == CODEC_OPUS && ms != 10 && ms != 40 && ms != 60)
		ms = 20;
	if (id == CODEC_GSM && ms % 20)
		ms = 20;
	return (uint8_t)ms;
}

static void take_speech(struct media_format *mf, const struct sdp_media *theirs,
			const struct sdp_media *ours)
{
	for (size_t i = 0; i < theirs->nformats; i++) {
		const struct sdp_format *f = &theirs->formats[i], *g = same_in(ours, f);

		if (!g || f->pt < 0 || !media_knows(f))
			continue;
		mf->codec = (uint8_t)codec_find(f->encoding, f->clock_hz, f->channels);
		mf->pt_out = (uint8_t)f->pt;
		mf->pt_in = (uint8_t)g->pt;
		mf->ptime_ms = ptime_of(mf->codec, theirs->ptime_ms);
		return;
	}
}

/* Events of the clock of the speech, where there are several (RFC 4733 2.1). */
static void take_events(struct media_format *mf, const struct sdp_media *theirs,
			const struct sdp_media *ours)
{
	uint32_t clock_hz = codec_get(mf->codec)->clock_hz;

	for (size_t i = 0; i < theirs->nformats; i++) {
		const struct sdp_format *f = &theirs->formats[i], *g;

		if (!is_event(f) || f->pt < 0)
			continue;
		g = same_in(ours, f);
		if (!g || (mf->events_hz && f->clock_hz != clock_hz))
			continue;
		mf->events_out = (uint8_t)f->pt;
		mf->events_in = (uint8_t)g->pt;
		mf->events_hz = f->clock_hz;
	}
}

struct media_format media_format_of(const struct sdp_media *theirs, const struct sdp_media *ours)
{
	struct media_format mf = {.events_in = MEDIA_NO_PT, .events_out = MEDIA_NO_PT};

	take_speech(&mf, theirs, ours);
	if (mf.codec)
		take_events(&mf, theirs, ours);
	return mf;
}

static enum media_picture picture_of(const struct sdp_format *f)
{
	static const struct {
		const char *encoding;
		enum media_picture what;
	} known[] = {{"H264", MEDIA_PICTURE_H264},
		     {"VP8", MEDIA_PICTURE_VP8},
		     {"red", MEDIA_PICTURE_RED}};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_ieq(f->encoding, str_of(known[i].encoding)))
			return known[i].what;
	return MEDIA_PICTURE_NONE;
}

struct media_pictures media_pictures_of(const struct sdp_media *ours)
{
	struct media_pictures p = {0};

	for (size_t i = 0; i < ours->nformats && p.n < MEDIA_MAX_PICTURES; i++) {
		const struct sdp_format *f = &ours->formats[i];
		enum media_picture what = picture_of(f);

		if (!what || f->pt < 0 || f->pt > 127)
			continue;
		p.types[p.n].pt = (uint8_t)f->pt;
		p.types[p.n++].what = (uint8_t)what;
	}
	return p;
}

/* One of H.264 (base64), behind the other; a type that is there already, or any other, is left out. */
static bool add_set(struct media_sets *sets, struct str text)
{
	enum { TYPE = 0x1f, SEQUENCE = 7, PICTURE = 8 };
	uint8_t unit[MEDIA_MAX_SETS];
	size_t at = (size_t)sets->nsequence + sets->npicture, n = 0;

	if (sodium_base642bin(unit, sizeof(unit), text.p, text.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    !n || at + n > sizeof(sets->bytes))
		return false;
	if ((unit[0] & TYPE) == SEQUENCE && !at)
		sets->nsequence = (uint8_t)n;
	else if ((unit[0] & TYPE) == PICTURE && !sets->npicture)
		sets->npicture = (uint8_t)n;
	else
		return true;
	memcpy(sets->bytes + at, unit, n);
	return true;
}

static bool read_sets(struct media_sets *sets, struct str fmtp)
{
	while (fmtp.p) {
		struct str value = str_trim(str_cut(&fmtp, ';'));
		struct str name = str_trim(str_cut(&value, '='));

		if (!str_ieq(name, STR("sprop-parameter-sets")))
			continue;
		while (value.p)
			if (!add_set(sets, str_trim(str_cut(&value, ','))))
				return false;
		return sets->nsequence && sets->npicture;
	}
	return false;
}

bool media_sets_of(struct media_sets *sets, const struct sdp_media *theirs)
{
	for (size_t i = 0; i < theirs->nformats; i++) {
		*sets = (struct media_sets){0};
		if (picture_of(&theirs->formats[i]) == MEDIA_PICTURE_H264 &&
		    read_sets(sets, theirs->formats[i].fmtp))
			return true;
	}
	return false;
}
