/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A description line by line, for the files of this folder.
 *
 * Thread     any
 * Sources    RFC 8866 5, 9
 */
#ifndef SDP_LINES_H
#define SDP_LINES_H

#include "sdp/sdp.h"

struct sdp_line {
	char type; /* 'a' of "a=…" */
	struct str value;
	const char *start; /* of the line */
};
/* Take the next line off *text; CRLF or LF ends it.  false: no more.  A line that is not "x=…" has type 0. */
bool sdp_line_next(struct str *text, struct sdp_line *line);
/* Take the next word off *s; empty at the end. */
struct str sdp_word(struct str *s);
struct sdp_attribute sdp_attribute_of(struct str value); /* "name:value" */
/* "IN IP4 192.0.2.1/127": family 0 when it is a name.  EINVAL. */
int sdp_connection(struct addr *a, struct str value) MUST_USE;
/* The static payload types of RFC 3551; false: none of them. */
bool sdp_static_format(struct sdp_format *f, int pt);
/* Decode what the attributes of a media section say, once all are known. */
void sdp_media_finish(struct sdp_media *m, const struct sdp *s, const struct addr *connection);

/* What only the whole description tells. */
void sdp_bundle_finish(struct sdp *s);
bool sdp_direction_of(struct str name, enum sdp_direction *d);

#endif
