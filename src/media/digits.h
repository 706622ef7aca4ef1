/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys as named events in RTP: each that is pressed is heard once, whatever of its packets arrive; and those we press.
 *
 * Thread     one owner
 * Units      ms; timestamps of the events' clock
 * Sources    RFC 4733 2.3 to 2.5
 */
#ifndef MEDIA_DIGITS_H
#define MEDIA_DIGITS_H

#include "media/rtp.h"

enum { DIGITS_MAX = 32, DIGITS_EVENT_BYTES = 4 };

struct digits_in { /* zero: nothing heard */
	bool has_last, has_ended;
	uint8_t event;
	uint16_t duration;
	uint32_t ts;
};
/* The key that this packet is the first of; 0: none (of a key already heard, no key, or unreadable). */
char digits_hear(struct digits_in *d, const struct rtp_head *h, const uint8_t *payload);

struct digits_out { /* zero: nothing pressed */
	char queue[DIGITS_MAX];
	uint8_t nqueue;
	uint8_t nsent; /* packets of the present one; 0: none is pressed */
	uint8_t nrest; /* packets of silence after it */
	uint32_t ts;
};
int digits_press(struct digits_out *d, char digit) MUST_USE; /* EINVAL, ENOSPC */
/* Called each 20 ms: whether an event packet is due; its payload, its marker and its timestamp (of its beginning). */
enum digits_step { DIGITS_IDLE, DIGITS_REST, DIGITS_EVENT, DIGITS_END };
enum digits_step digits_step(struct digits_out *d, uint32_t clock_hz, uint32_t now_ts,
			     uint8_t payload[DIGITS_EVENT_BYTES], bool *marker, uint32_t *ts);

#endif
