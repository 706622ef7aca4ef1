/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A jitter buffer: packets come when they come, one is taken whenever its sound is wanted.
 *
 * It waits as long as packets have lately differed in their way, plus one packet.  What lies between the fastest and the slowest of
 * the last 4 to 8 seconds is that measure, so a late packet lets the delay grow at once, and it shrinks when none was late for a
 * while.  A far clock that runs faster or slower than ours moves both ends; what adds up is evened out by leaving out a packet or
 * making one up, at most one in a fifth of a second.
 *
 * Thread     one owner
 * Units      _ts: RTP timestamps; _us on the owner's clock
 * Ownership  payloads are copied; one handed out is valid until the next call
 * Errors     jitter_put: EALREADY (played, given up or here before), EMSGSIZE; the packet is not kept, nothing else happens
 * Sources    RFC 3550 6.4.1, A.1
 */
#ifndef AUDIO_JITTER_H
#define AUDIO_JITTER_H

#include "base/str.h"

enum {
	JITTER_SLOTS = 64,	  /* packets, a power of two */
	JITTER_ARENA = 8192,	  /* bytes of all their payloads, a power of two */
	JITTER_MAX_WAIT_MS = 400, /* what is later than that is lost */
};

struct jitter_slot {
	bool is_used;
	uint16_t seq, n;
	uint32_t ts;
	uint64_t at; /* in the arena, counted from the beginning of time */
};

struct jitter_range { /* of arrival minus timestamp, over a while */
	int64_t least_us, most_us;
};

struct jitter {
	uint32_t clock_hz, ssrc;
	bool has_begun; /* there was a packet */
	bool is_playing;
	uint16_t next_seq; /* to be taken */
	uint32_t next_ts, step_ts;
	uint16_t last_seq; /* newest that came */
	uint32_t last_ts;
	int64_t last_us;    /* last_ts as time since the first, unwrapped */
	uint64_t begun_us;  /* when the first came */
	uint64_t range_us;  /* when the present range began */
	uint64_t evened_us; /* when a packet was last left out or made up for the delay's sake */
	struct jitter_range now, before;
	unsigned nempty; /* takes in a row that found nothing */
	uint32_t nlost, nlate, nevened;
	uint64_t head; /* of the arena */
	struct jitter_slot slot[JITTER_SLOTS];
	uint8_t arena[JITTER_ARENA];
};

enum jitter_verdict {
	JITTER_PACKET,
	JITTER_LOST,	/* make one up, of jitter_step_ms() */
	JITTER_NOTHING, /* silence: nothing has begun, or nobody speaks */
};

void jitter_init(struct jitter *j, uint32_t clock_hz);
int jitter_put(struct jitter *j, uint32_t ssrc, uint16_t seq, uint32_t ts, const uint8_t *p,
	       size_t n, uint64_t now_us);
enum jitter_verdict jitter_take(struct jitter *j, const uint8_t **pp, size_t *np, uint64_t now_us);
uint32_t jitter_step_ms(const struct jitter *j); /* of one packet */
uint32_t jitter_wait_ms(const struct jitter *j); /* how long packets are kept */

#endif
