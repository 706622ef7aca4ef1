/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "media/digits.h"

/* 100 ms pressed and 60 ms between: what every receiver is sure of (Q.24 asks for 40 and 40). */
enum { PRESSED_PACKETS = 5, REST_PACKETS = 3, VOLUME = 10, STEP_MS = 20 };

static const char keys[] = "0123456789*#ABCD";

static bool is_next_segment(const struct digits_in *d, uint32_t ts)
{
	/* RFC 4733 2.5.1.3: one that lasts longer than its 16 bits goes on under a new timestamp. */
	return !d->has_ended && d->duration >= 0xff00 && ts - d->ts >= 0xff00 &&
	       ts - d->ts <= 0x10000;
}

char digits_hear(struct digits_in *d, const struct rtp_head *h, const uint8_t *payload)
{
	uint8_t event;
	bool is_known;

	if (h->n < DIGITS_EVENT_BYTES)
		return 0;
	event = payload[0];
	if (event >= sizeof(keys) - 1)
		return 0;
	if (d->has_last && (int32_t)(h->ts - d->ts) < 0 && d->ts - h->ts < 80000)
		return 0; /* of a key before the last */
	is_known =
		d->has_last && event == d->event && (h->ts == d->ts || is_next_segment(d, h->ts));
	if (!is_known)
		d->has_ended = false;
	d->has_last = true;
	d->event = event;
	d->ts = h->ts;
	d->duration = (uint16_t)(payload[2] << 8 | payload[3]);
	d->has_ended |= payload[1] >> 7;
	return is_known ? 0 : keys[event];
}

static const char *key_at(char digit)
{
	if (digit >= 'a' && digit <= 'd')
		digit = (char)(digit - 'a' + 'A');
	return digit ? strchr(keys, digit) : NULL;
}

int digits_press(struct digits_out *d, char digit)
{
	if (!key_at(digit))
		return EINVAL;
	if (d->nqueue == DIGITS_MAX)
		return ENOSPC;
	d->queue[d->nqueue++] = digit;
	return 0;
}

static void pressed(struct digits_out *d)
{
	memmove(d->queue, d->queue + 1, --d->nqueue);
	d->nsent = 0;
	d->nrest = REST_PACKETS;
}

enum digits_step digits_step(struct digits_out *d, uint32_t clock_hz, uint32_t now_ts,
			     uint8_t payload[DIGITS_EVENT_BYTES], bool *marker, uint32_t *ts)
{
	uint32_t duration;
	bool is_end;

	if (d->nrest) {
		d->nrest--;
		return DIGITS_REST;
	}
	if (!d->nqueue)
		return DIGITS_IDLE;
	*marker = !d->nsent;
	if (!d->nsent)
		d->ts = now_ts;
	d->nsent++;
	is_end = d->nsent >= PRESSED_PACKETS;
	duration = clock_hz / 1000 * STEP_MS * d->nsent;
	*ts = d->ts;
	payload[0] = (uint8_t)(key_at(d->queue[0]) - keys);
	payload[1] = (uint8_t)((is_end ? 0x80 : 0) | VOLUME);
	payload[2] = (uint8_t)(duration >> 8);
	payload[3] = (uint8_t)duration;
	if (!is_end)
		return DIGITS_EVENT;
	pressed(d);
	return DIGITS_END;
}
