/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a leg speaks, out of the two descriptions of one m-line: the codec, and which number means what in which direction.
 *
 * Thread     any
 * Sources    RFC 3264 5.1, 6.1 (payload types of each direction; first in the list is preferred), RFC 4733 2.4
 */
#ifndef MEDIA_FORMAT_H
#define MEDIA_FORMAT_H

#include "media/media.h"
#include "sdp/sdp.h"

/* theirs: what they receive, in their order; ours: what we receive.  Codec 0: none that both have and we can speak. */
struct media_format media_format_of(const struct sdp_media *theirs, const struct sdp_media *ours);
/* What a recording can take of what they send, who were told `ours`. */
struct media_pictures media_pictures_of(const struct sdp_media *ours);
/* False: it describes none, or such that have no room. */
bool media_sets_of(struct media_sets *sets, const struct sdp_media *theirs);
uint32_t media_clock_hz(const struct media_format *f); /* of its codec; 0: none */
bool media_knows(const struct sdp_format *f);	       /* we can speak it */

#endif
