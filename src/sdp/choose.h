/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which codecs a device may use, and in which order (ACC-9).
 *
 * A list names them, best first: "G722,PCMA,OPUS".  Empty: all, in the order in which they come.  Events, comfort noise and
 * what repairs a stream are no codecs: they stay, but repairs of a codec that goes go with it.
 *
 * Thread     any
 * Sources    RFC 3264 5.1, 6, 6.1; RFC 4588 8 (apt)
 */
#ifndef SDP_CHOOSE_H
#define SDP_CHOOSE_H

#include "sdp/sdp.h"

/* The formats of the line that the list allows, in its order; how many.  0: none that carries sound or pictures. */
size_t sdp_choose(const struct sdp_media *m, struct str list, struct sdp_format *out);
/* The same in place.  False: nothing is left, and the line is as it was. */
bool sdp_restrict(struct sdp_media *m, struct str list);
/* It speaks of a format that is none of these ("rtpmap:96 …"). */
bool sdp_is_of_another(const struct sdp_attribute *a, const struct sdp_format *formats, size_t n);
/* An answer has no formats but those of the offer's line, under its number or another.  False: it has none of them, and is as it
 * was.  Lines that are no RTP stay as they are. */
bool sdp_keep_offered(struct sdp_media *answer, const struct sdp_media *offer);

#endif
