/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio/avi.h"
#include "base/mem.h"
#include "media/filming.h"

enum { MAX_OFF_US = 250000, FOLLOW = 64, MAX_BEHIND = AVI_HZ, SECOND_US = 1000000 };

static int64_t time_of(const struct filming_track *t, const struct video_frame *frame,
		       int64_t came_us)
{
	int64_t step = (int64_t)(int32_t)(frame->ts - t->ts) * SECOND_US / VIDEO_CLOCK_HZ;
	int64_t at_us = t->at_us + step, off = came_us - at_us;

	if (!t->has_begun || off > MAX_OFF_US || off < -MAX_OFF_US)
		return came_us;
	return at_us + off / FOLLOW;
}

static bool place(struct filming_track *t, struct video_frame *frame, int64_t came_us)
{
	uint64_t slot;

	if (t->codec && frame->codec != t->codec)
		return false;
	if (!t->has_begun && !frame->is_key)
		return false;
	t->at_us = time_of(t, frame, came_us);
	t->ts = frame->ts;
	t->codec = frame->codec;
	t->has_begun = true;
	slot = t->at_us > 0 ? (uint64_t)t->at_us * AVI_HZ / SECOND_US : 0;
	if (slot + MAX_BEHIND < t->next_slot)
		return false; /* more of them than an AVI has places for */
	frame->slot = slot < t->next_slot ? t->next_slot : slot;
	t->next_slot = frame->slot + 1;
	return true;
}

bool filming_add(struct filming *f, unsigned track, struct video_frame *frame, uint64_t at_us)
{
	struct filming_track *t = &f->tracks[track];

	if (f->nbytes + frame->n > FILMING_MAX_BYTES || !place(t, frame, (int64_t)at_us)) {
		mem_free(frame);
		t->has_begun = false;
		return false;
	}
	frame->track = (uint8_t)track;
	if (f->last)
		f->last->next = frame;
	else
		f->first = frame;
	f->last = frame;
	f->nbytes += frame->n;
	return true;
}

void filming_interrupt(struct filming *f)
{
	for (size_t i = 0; i < FILMING_TRACKS; i++)
		f->tracks[i].has_begun = false;
}

struct video_frame *filming_take(struct filming *f)
{
	struct video_frame *list = f->first;

	f->first = f->last = NULL;
	f->nbytes = 0;
	return list;
}
