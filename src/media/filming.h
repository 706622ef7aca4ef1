/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures on the time of a recording: which of its places each takes, and what waits to be written.
 *
 * A picture belongs where its sender's clock says, as long as that goes with when it came; so those that came in a burst are evenly spread,
 * and a clock that drifts, wraps around or begins anew moves nothing by much.  A track begins with a key frame, also after a hold.
 *
 * Thread     the media thread of the recording
 * Units      at_us: of the recording, what was held not counted
 * Ownership  frames are the filming's from filming_add() on
 */
#ifndef MEDIA_FILMING_H
#define MEDIA_FILMING_H

#include "media/video.h"

enum { FILMING_TRACKS = 2, FILMING_MAX_BYTES = 8 << 20 };

struct filming_track { /* zero: waits for a key frame */
	bool has_begun;
	uint8_t codec; /* once it has had one; another cannot follow in the same file */
	uint32_t ts;
	int64_t at_us;
	uint64_t next_slot;
};

struct filming {
	struct filming_track tracks[FILMING_TRACKS];
	struct video_frame *first, *last; /* to be written */
	size_t nbytes;
};

/* False: it is left out, and a key frame is needed. */
bool filming_add(struct filming *f, unsigned track, struct video_frame *frame, uint64_t at_us);
void filming_interrupt(struct filming *f);	     /* what follows does not go on from what was */
struct video_frame *filming_take(struct filming *f); /* all that waits */

#endif
