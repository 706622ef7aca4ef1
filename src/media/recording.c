/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "audio/resample.h"
#include "base/mem.h"
#include "media/filming.h"
#include "media/recording.h"
#include "media/voice.h"

enum { BLOCK_MS = 1000 };

struct track { /* one of two: converted when its rate is not the recording's */
	struct resample *rate;
	uint32_t from_hz;
};

struct recording {
	struct track track[2];
	struct files *files;
	struct recording_file *file;
	uint32_t rate_hz, left_ms; /* UINT32_MAX: no limit */
	uint64_t left_bytes;	   /* UINT64_MAX: likewise */
	int why;		   /* it ends early */
	uint16_t channels;
	bool is_held;
	struct filming *filming; /* NULL: without pictures */
	uint64_t ms;		 /* so far */
	size_t n;		 /* samples in the block, of all tracks */
	int16_t *block;
};

int recording_make(struct recording **rp, struct files *files, const struct files_ask *ask,
		   const struct recording_plan *plan)
{
	struct recording *r = mem_alloc(sizeof(*r));
	struct files_sound sound = {.rate_hz = plan->rate_hz,
				    .channels = plan->has_two_tracks ? 2 : 1,
				    .has_pictures = plan->has_pictures,
				    .makes_folder = plan->makes_folder};
	int err = 0;

	if (!r)
		return ENOMEM;
	r->files = files;
	r->rate_hz = sound.rate_hz;
	r->channels = sound.channels;
	r->left_ms = plan->most_ms ? plan->most_ms : UINT32_MAX;
	r->left_bytes = plan->most_bytes ? plan->most_bytes : UINT64_MAX;
	if (plan->has_pictures) {
		r->filming = mem_alloc(sizeof(*r->filming));
		err = r->filming ? 0 : ENOMEM;
	}
	if (!err)
		err = files_record(files, ask, plan->path, &sound, &r->file);
	if (err) {
		mem_free(r->filming);
		mem_free(r);
	} else {
		*rp = r;
	}
	return err;
}

static int flush(struct recording *r)
{
	struct video_frame *frames = r->filming ? filming_take(r->filming) : NULL;
	int16_t *block = r->block;
	size_t n = r->n;
	int err = frames ? files_show(r->files, r->file, frames) : 0;

	if (!n || err)
		return err;
	r->block = NULL;
	r->n = 0;
	return files_write(r->files, r->file, block, n);
}

static size_t pictures_of(const struct recording *r)
{
	return r->filming ? r->filming->nbytes : 0;
}

/* False: the block is more than its quota has left, and is cut to it, without its pictures. */
static bool fits(struct recording *r)
{
	if (r->n * sizeof(*r->block) + pictures_of(r) <= r->left_bytes)
		return true;
	if (r->filming)
		video_frames_free(filming_take(r->filming));
	if (r->n * sizeof(*r->block) > r->left_bytes)
		r->n = r->left_bytes / (2u * r->channels) * r->channels;
	r->why = EDQUOT;
	return false;
}

/* False: over its quota, or nothing is written any more. */
static bool go_on(struct recording *r)
{
	if (!fits(r))
		return false;
	if (r->left_bytes != UINT64_MAX)
		r->left_bytes -= r->n * sizeof(*r->block) + pictures_of(r);
	r->why = flush(r);
	return !r->why && !files_has_failed(r->file);
}

struct recording *recording_end(struct recording *r)
{
	if (!r)
		return NULL;
	if (!r->why && fits(r))
		r->why = flush(r); /* full: the end of it is lost, the file is whole */
	else if (r->why == EDQUOT)
		(void)flush(r);
	mem_free(r->block);
	if (r->filming)
		video_frames_free(filming_take(r->filming));
	mem_free(r->filming);
	files_finish(r->files, r->file, r->why);
	for (size_t i = 0; i < ARRAY_LEN(r->track); i++)
		resample_free(r->track[i].rate);
	return mem_free(r);
}

void recording_hold(struct recording *r, bool on)
{
	r->is_held = on;
	if (r->filming)
		filming_interrupt(r->filming);
}

bool recording_has_pictures(const struct recording *r)
{
	return r->filming != NULL;
}

bool recording_show(struct recording *r, unsigned track, struct video_frame *frame, int64_t age_us)
{
	int64_t at_us = 1000 * (int64_t)r->ms - age_us;

	if (r->filming && !r->is_held)
		return filming_add(r->filming, track, frame, at_us > 0 ? (uint64_t)at_us : 0);
	mem_free(frame);
	return true;
}

static void convert(struct recording *r, struct track *t, const struct recording_frame *f,
		    int16_t *out, size_t n)
{
	size_t done = 0;

	if (f->pcm && f->rate_hz != t->from_hz) {
		resample_free(t->rate);
		t->from_hz = resample_make(&t->rate, f->rate_hz, r->rate_hz) ? 0 : f->rate_hz;
	}
	if (f->pcm && t->from_hz)
		done = resample_run(t->rate, f->pcm, f->rate_hz / 1000 * VOICE_FRAME_MS, out, n);
	memset(out + done, 0, (n - done) * sizeof(*out));
}

static int16_t both(int16_t a, int16_t b)
{
	int32_t x = a + b;

	return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static void append(struct recording *r, const int16_t *said, const int16_t *heard, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (r->channels == 2) {
			r->block[r->n++] = said[i];
			r->block[r->n++] = heard[i];
		} else {
			r->block[r->n++] = both(said[i], heard[i]);
		}
	}
}

bool recording_add(struct recording *r, const struct recording_frame *said,
		   const struct recording_frame *heard)
{
	size_t room = (size_t)r->rate_hz * BLOCK_MS / 1000 * r->channels;
	size_t n = r->rate_hz / 1000 * VOICE_FRAME_MS;
	int16_t left[VOICE_FRAME_MAX], right[VOICE_FRAME_MAX];

	if (r->is_held)
		return true;
	if (r->left_ms < VOICE_FRAME_MS)
		return false;
	if (r->left_ms != UINT32_MAX)
		r->left_ms -= VOICE_FRAME_MS;
	if (!r->block)
		r->block = mem_alloc((room + 2 * n) * sizeof(*r->block));
	if (!r->block)
		return false;
	convert(r, &r->track[0], said, left, n);
	convert(r, &r->track[1], heard, right, n);
	append(r, left, right, n);
	r->ms += VOICE_FRAME_MS;
	return r->n < room || go_on(r);
}
