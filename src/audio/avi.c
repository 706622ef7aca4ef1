/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     RIFF 'AVI ' ( LIST hdrl ( avih, LIST strl: sound, LIST strl: picture, LIST strl or JUNK: picture, LIST odml ), LIST movi ( chunks ) )
 *     RIFF 'AVIX' ( LIST movi ( chunks ) ) …
 *
 * The head has a fixed size and is written anew, at its place, when lengths change.  Each strl holds an `indx`: where the indexes
 * (ix00 …) are that stand among the chunks.  Sound is track 0, so that a second picture can come late without moving it.
 */
#include <string.h>
#include "audio/avi.h"
#include "base/mem.h"

enum {
	SUPER_ENTRIES = 256,
	SUPER_BYTES = 24 + 16 * SUPER_ENTRIES,
	STRH_BYTES = 56,
	FORMAT_SOUND_BYTES = 18,
	FORMAT_PICTURE_BYTES = 40,
	STRL_SOUND_BYTES = 12 + 8 + STRH_BYTES + 8 + FORMAT_SOUND_BYTES + 8 + SUPER_BYTES,
	STRL_PICTURE_BYTES = 12 + 8 + STRH_BYTES + 8 + FORMAT_PICTURE_BYTES + 8 + SUPER_BYTES,
	ODML_BYTES = 12 + 8 + 248,
	HDRL_BYTES =
		12 + 8 + 56 + STRL_SOUND_BYTES + AVI_PICTURES * STRL_PICTURE_BYTES + ODML_BYTES,
	HEAD_BYTES = 12 + HDRL_BYTES + 12,
	INDEX_HEAD_BYTES = 32,
	TRACKS = 1 + AVI_PICTURES,
	INTERLEAVED = 0x100,
	EXTENSION_BYTES = 24,
};
enum { RIFF_BYTES = 1 << 30, INDEX_ENTRIES = 4 * 60 * AVI_HZ };

static const uint32_t is_no_key = 0x80000000; /* of an index entry */

struct entry {
	uint32_t at, n; /* from the beginning of the RIFF's chunks; as the file has them */
};

struct track {
	char chunk[4], index[4], codec[4];
	uint16_t width, height;
	bool is_there;
	uint64_t ticks; /* pictures, or samples of each channel */
	struct entry *entries;
	size_t nentries, room;
	uint64_t indexed; /* ticks in indexes */
	size_t nsuper;
	struct {
		uint64_t at;
		uint32_t n, ticks;
	} super[SUPER_ENTRIES];
};

struct avi {
	struct avi_conf conf;
	struct track tracks[TRACKS];
	unsigned places[AVI_PICTURES], nplaces; /* whose pictures came first */
	uint64_t end;				/* of the file */
	uint64_t riff;				/* where the present RIFF begins */
	uint64_t first_end;			/* of the first RIFF; 0: it is the present one */
	uint64_t first_pictures;		/* in it */
	int err;				/* once it failed */
	uint8_t head[HEAD_BYTES];
};

struct pen {
	uint8_t *p;
};

static void put_le(struct pen *w, uint64_t x, size_t n)
{
	for (; n; n--, x >>= 8)
		*w->p++ = (uint8_t)x;
}

static void put32(struct pen *w, uint64_t x)
{
	put_le(w, x > UINT32_MAX ? UINT32_MAX : x, 4);
}

static void put_name(struct pen *w, const char *name)
{
	memcpy(w->p, name, 4);
	w->p += 4;
}

static void put_chunk(struct pen *w, const char *name, uint64_t n)
{
	put_name(w, name);
	put32(w, n);
}

static void put_list(struct pen *w, const char *list, const char *name, uint64_t n)
{
	put_chunk(w, list, n - 8);
	put_name(w, name);
}

static int put(struct avi *a, const void *p, size_t n, uint64_t at)
{
	if (!a->err && n)
		a->err = a->conf.put(a->conf.arg, p, n, at);
	return a->err;
}

/* --- the head --------------------------------------------------------------------------------------------------------- */

static void put_super(struct pen *w, const struct track *t)
{
	put_chunk(w, "indx", SUPER_BYTES);
	put_le(w, 4, 2); /* words of an entry */
	put_le(w, 0, 2); /* of indexes, and ... */
	put32(w, t->nsuper);
	put_name(w, t->chunk);
	put_le(w, 0, 12);
	for (size_t i = 0; i < SUPER_ENTRIES; i++) {
		put_le(w, t->super[i].at, 8);
		put32(w, t->super[i].n);
		put32(w, t->super[i].ticks);
	}
}

struct heading { /* strh */
	const char *kind, *codec;
	uint32_t scale, rate, sample_bytes;
	uint64_t length;
	uint16_t width, height;
};

static void put_heading(struct pen *w, const struct heading *h)
{
	put_chunk(w, "strh", STRH_BYTES);
	put_name(w, h->kind);
	put_name(w, h->codec);
	put_le(w, 0, 12); /* flags, priority, language, frames before */
	put32(w, h->scale);
	put32(w, h->rate);
	put32(w, 0); /* begins at */
	put32(w, h->length);
	put32(w, 0);	      /* buffer: unknown */
	put32(w, UINT32_MAX); /* quality: the codec's own */
	put32(w, h->sample_bytes);
	put_le(w, 0, 4);
	put_le(w, h->width, 2);
	put_le(w, h->height, 2);
}

static void put_sound_track(struct pen *w, const struct avi *a)
{
	uint16_t block = (uint16_t)(2 * a->conf.channels);
	struct heading h = {.kind = "auds",
			    .codec = "\0\0\0",
			    .scale = block,
			    .rate = a->conf.rate_hz * block,
			    .sample_bytes = block,
			    .length = a->tracks[0].ticks};

	put_list(w, "LIST", "strl", STRL_SOUND_BYTES);
	put_heading(w, &h);
	put_chunk(w, "strf", FORMAT_SOUND_BYTES);
	put_le(w, 1, 2); /* PCM */
	put_le(w, a->conf.channels, 2);
	put32(w, a->conf.rate_hz);
	put32(w, a->conf.rate_hz * block);
	put_le(w, block, 2);
	put_le(w, 16, 2);
	put_le(w, 0, 2);
	put_super(w, &a->tracks[0]);
}

static void put_picture_track(struct pen *w, const struct track *t)
{
	struct heading h = {.kind = "vids",
			    .codec = t->codec,
			    .scale = 1,
			    .rate = AVI_HZ,
			    .length = t->ticks,
			    .width = t->width,
			    .height = t->height};

	if (!t->is_there) {
		put_chunk(w, "JUNK", STRL_PICTURE_BYTES - 8);
		memset(w->p, 0, STRL_PICTURE_BYTES - 8);
		w->p += STRL_PICTURE_BYTES - 8;
		return;
	}
	put_list(w, "LIST", "strl", STRL_PICTURE_BYTES);
	put_heading(w, &h);
	put_chunk(w, "strf", FORMAT_PICTURE_BYTES);
	put32(w, FORMAT_PICTURE_BYTES);
	put32(w, t->width);
	put32(w, t->height);
	put_le(w, 1, 2);
	put_le(w, 24, 2);
	put_name(w, t->codec);
	put32(w, 3ull * t->width * t->height);
	put_le(w, 0, 16);
	put_super(w, t);
}

static uint64_t longest(const struct avi *a)
{
	uint64_t a_ticks = a->tracks[1].ticks, b_ticks = a->tracks[2].ticks;

	return a_ticks > b_ticks ? a_ticks : b_ticks;
}

static void put_main_heading(struct pen *w, const struct avi *a)
{
	const struct track *t = &a->tracks[1];

	put_chunk(w, "avih", 56);
	put32(w, 1000000 / AVI_HZ);
	put32(w, AVI_BIT_RATE_UNKNOWN);
	put32(w, 0);
	put32(w, INTERLEAVED);
	put32(w, a->first_end ? a->first_pictures : longest(a));
	put32(w, 0);
	put32(w, 1u + a->tracks[1].is_there + a->tracks[2].is_there);
	put32(w, 0);
	put32(w, t->width);
	put32(w, t->height);
	put_le(w, 0, 8);
	put_le(w, 0, 8);
}

static void put_total(struct pen *w, const struct avi *a)
{
	put_list(w, "LIST", "odml", ODML_BYTES);
	put_chunk(w, "dmlh", 248);
	put32(w, longest(a));
	memset(w->p, 0, 244);
	w->p += 244;
}

static int put_head(struct avi *a)
{
	uint64_t end = a->first_end ? a->first_end : a->end;
	struct pen w = {a->head};

	put_list(&w, "RIFF", "AVI ", end);
	put_list(&w, "LIST", "hdrl", HDRL_BYTES);
	put_main_heading(&w, a);
	put_sound_track(&w, a);
	for (size_t i = 1; i < TRACKS; i++)
		put_picture_track(&w, &a->tracks[i]);
	put_total(&w, a);
	put_list(&w, "LIST", "movi", end - (HEAD_BYTES - 12));
	BUG(w.p != a->head + HEAD_BYTES);
	return put(a, a->head, HEAD_BYTES, 0);
}

/* Of a RIFF that is not the first. */
static int put_extension(struct avi *a)
{
	uint8_t head[EXTENSION_BYTES];
	struct pen w = {head};

	put_list(&w, "RIFF", "AVIX", a->end - a->riff);
	put_list(&w, "LIST", "movi", a->end - a->riff - 12);
	return put(a, head, sizeof(head), a->riff);
}

/* --- chunks and their indexes ------------------------------------------------------------------------------------------ */

static int put_index(struct avi *a, struct track *t)
{
	uint32_t n = (uint32_t)(INDEX_HEAD_BYTES + 8 * t->nentries);
	uint8_t *bytes;
	struct pen w;
	int err;

	if (!t->nentries || a->err)
		return a->err;
	if (t->nsuper == SUPER_ENTRIES)
		return a->err = EFBIG;
	bytes = mem_alloc(n);
	if (!bytes)
		return a->err = ENOMEM;
	w.p = bytes;
	put_chunk(&w, t->index, n - 8);
	put_le(&w, 2, 2); /* words of an entry */
	put_le(&w, 0, 1);
	put_le(&w, 1, 1); /* of chunks */
	put32(&w, t->nentries);
	put_name(&w, t->chunk);
	put_le(&w, a->riff, 8);
	put_le(&w, 0, 4);
	for (size_t i = 0; i < t->nentries; i++) {
		put_le(&w, t->entries[i].at, 4);
		put_le(&w, t->entries[i].n, 4);
	}
	err = put(a, bytes, n, a->end);
	mem_free(bytes);
	if (err)
		return err;
	t->super[t->nsuper].at = a->end;
	t->super[t->nsuper].n = n;
	t->super[t->nsuper++].ticks = (uint32_t)(t->ticks - t->indexed);
	t->indexed = t->ticks;
	t->nentries = 0;
	a->end += n;
	return 0;
}

/* All at once: what is behind the last index of any track is behind those of all. */
static int put_indexes(struct avi *a)
{
	for (size_t i = 0; i < TRACKS; i++)
		(void)put_index(a, &a->tracks[i]);
	return a->err;
}

static int begin_riff(struct avi *a)
{
	if (put_indexes(a))
		return a->err;
	if (!a->first_end) {
		a->first_end = a->end;
		a->first_pictures = longest(a);
	} else if (put_extension(a)) {
		return a->err;
	}
	a->riff = a->end;
	a->end += EXTENSION_BYTES;
	return put_extension(a);
}

static int make_room(struct avi *a, struct track *t, size_t n)
{
	size_t indexes = TRACKS * INDEX_HEAD_BYTES;
	struct entry *more;

	for (size_t i = 0; i < TRACKS; i++)
		indexes += 8 * a->tracks[i].nentries;
	if (a->end - a->riff + n + indexes > a->conf.riff_bytes)
		(void)begin_riff(a);
	else if (t->nentries >= a->conf.index_entries)
		(void)put_indexes(a);
	if (a->err || t->nentries < t->room)
		return a->err;
	more = mem_realloc(t->entries, 2 * (t->room + 64) * sizeof(*more));
	if (!more)
		return a->err = ENOMEM;
	t->entries = more;
	t->room = 2 * (t->room + 64);
	return 0;
}

static int add_chunk(struct avi *a, struct track *t, const void *p, size_t n, bool is_key)
{
	static const uint8_t nothing;
	uint8_t head[8];
	struct pen w = {head};

	if (n > UINT32_MAX / 4)
		return a->err = EFBIG;
	if (make_room(a, t, sizeof(head) + n + 1))
		return a->err;
	put_chunk(&w, t->chunk, n);
	if (put(a, head, sizeof(head), a->end) || put(a, p, n, a->end + sizeof(head)) ||
	    put(a, &nothing, n % 2, a->end + sizeof(head) + n))
		return a->err;
	t->entries[t->nentries++] = (struct entry){(uint32_t)(a->end + sizeof(head) - a->riff),
						   (uint32_t)n | (is_key ? 0 : is_no_key)};
	a->end += sizeof(head) + n + n % 2;
	return 0;
}

int avi_sound(struct avi *a, const int16_t *pcm, size_t nsamples)
{
	struct track *t = &a->tracks[0];

	if (!nsamples || add_chunk(a, t, pcm, nsamples * sizeof(*pcm), true))
		return a->err;
	t->ticks += nsamples / a->conf.channels;
	return 0;
}

static void first_picture(struct track *t, const struct avi_picture *pic)
{
	memcpy(t->codec, pic->name, sizeof(t->codec));
	t->width = pic->width;
	t->height = pic->height;
	t->is_there = true;
}

int avi_picture(struct avi *a, unsigned track, const struct avi_picture *pic)
{
	struct track *t;

	BUG(track >= AVI_PICTURES);
	if (!a->nplaces || (a->places[0] != track && a->nplaces < AVI_PICTURES))
		a->places[a->nplaces++] = track;
	t = &a->tracks[a->places[0] == track ? 1 : 2];
	if (!t->is_there)
		first_picture(t, pic);
	while (!a->err && t->ticks < pic->slot) {
		(void)add_chunk(a, t, NULL, 0, false);
		t->ticks++;
	}
	if (add_chunk(a, t, pic->bytes, pic->n, pic->is_key))
		return a->err;
	t->ticks++;
	return 0;
}

/* --- the whole --------------------------------------------------------------------------------------------------------- */

int avi_open(struct avi **ap, const struct avi_conf *conf)
{
	static const char names[TRACKS][2][4] = {
		{{'0', '0', 'w', 'b'}, {'i', 'x', '0', '0'}},
		{{'0', '1', 'd', 'c'}, {'i', 'x', '0', '1'}},
		{{'0', '2', 'd', 'c'}, {'i', 'x', '0', '2'}},
	};
	struct avi *a = mem_alloc(sizeof(*a));
	int err;

	if (!a)
		return ENOMEM;
	a->conf = *conf;
	if (!conf->riff_bytes)
		a->conf.riff_bytes = RIFF_BYTES;
	if (!conf->index_entries)
		a->conf.index_entries = INDEX_ENTRIES;
	for (size_t i = 0; i < TRACKS; i++) {
		memcpy(a->tracks[i].chunk, names[i][0], 4);
		memcpy(a->tracks[i].index, names[i][1], 4);
	}
	a->end = HEAD_BYTES;
	err = put_head(a);
	if (err)
		avi_free(a);
	else
		*ap = a;
	return err;
}

struct avi *avi_free(struct avi *a)
{
	for (size_t i = 0; a && i < TRACKS; i++)
		mem_free(a->tracks[i].entries);
	return mem_free(a);
}

int avi_keep(struct avi *a)
{
	if (a->first_end && put_extension(a))
		return a->err;
	return put_head(a);
}

int avi_finish(struct avi *a)
{
	return put_indexes(a) ? a->err : avi_keep(a);
}

uint64_t avi_bytes(const struct avi *a)
{
	return a->end;
}

uint64_t avi_ms(const struct avi *a)
{
	return a->tracks[0].ticks * 1000 / a->conf.rate_hz;
}
