/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A recording on its media thread: gathers a second of sound and gives it to the file thread.
 *
 * Thread     the media thread that has it
 * Ownership  recording_end() frees it; MEDIA_RECORDED comes from the file thread
 * Errors     recording_make: those of files_record
 */
#ifndef MEDIA_RECORDING_H
#define MEDIA_RECORDING_H

#include "media/files.h"

struct recording;
struct recording_plan {
	const char *path;
	uint32_t rate_hz;
	bool has_two_tracks, has_pictures, makes_folder;
	uint32_t most_ms;    /* 0: no limit */
	uint64_t most_bytes; /* likewise; over it: EDQUOT */
};
int recording_make(struct recording **rp, struct files *files, const struct files_ask *ask,
		   const struct recording_plan *plan) MUST_USE;
struct recording *recording_end(struct recording *r); /* NULL allowed */
void recording_hold(struct recording *r, bool on);
struct recording_frame { /* 20 ms; pcm NULL: silence */
	const int16_t *pcm;
	uint32_t rate_hz;
};
/* What the leg said and what it heard.  False: it is over, by its length, its quota, or for want of room or memory: end it. */
bool recording_add(struct recording *r, const struct recording_frame *said,
		   const struct recording_frame *heard) MUST_USE;
/* A picture of what it says (0) or sees (1), taken; shown so long ago, or as long from now as sound that came with it waits.  False:
 * a key frame is needed. */
bool recording_show(struct recording *r, unsigned track, struct video_frame *frame,
		    int64_t age_us) MUST_USE;
bool recording_has_pictures(const struct recording *r);

#endif
