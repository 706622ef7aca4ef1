/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines that every description we write has.
 *
 * Thread     any
 * Errors     the buf's
 */
#ifndef SDP_WRITE_H
#define SDP_WRITE_H

#include "sdp/sdp.h"

/* "v=0", "o=…", "s=-" */
void sdp_write_head(struct buf *out, uint64_t id, uint64_t version, const struct addr *origin);
void sdp_write_connection(struct buf *out, const struct addr *a);
void sdp_write_line(struct buf *out, char type, struct str value);
/* "m=audio 4000 RTP/AVP" without formats and line end */
void sdp_write_media(struct buf *out, const struct sdp_media *m, uint16_t port,
		     const struct sdp_guard *guard);
/* Its attributes; rtp: our address of the line. */
void sdp_write_guard(struct buf *out, const struct sdp_guard *guard, const struct addr *rtp);
/* An m-line that we refuse: port 0, formats kept, nothing behind it but its mid. */
void sdp_write_refused(struct buf *out, const struct sdp_media *m, const struct sdp_guard *guard);
void sdp_write_mid(struct buf *out, const struct sdp_media *m);
void sdp_write_direction(struct buf *out, enum sdp_direction d);
void sdp_write_format(struct buf *out, const struct sdp_format *f); /* its rtpmap and fmtp */

#endif
