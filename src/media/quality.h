/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a stream sounded, estimated from what arrived of it: the E-model with loss, a jitter buffer's delay, and nothing else that
 * could only be known at the ears.
 *
 * Thread     any
 * Units      R 0 to 93; MOS in hundredths, 100 to 441; 0: nothing to judge
 * Sources    ITU-T G.107 (default values), G.113 appendix I (codecs, packet loss), RFC 3550 A.3, A.8
 */
#ifndef MEDIA_QUALITY_H
#define MEDIA_QUALITY_H

#include <stdint.h>

struct quality {
	unsigned r, mos_x100;
};

/* packets: of audio, arrived; lost: missing besides.  pt: its payload type, for the codec. */
struct quality quality_of(uint64_t packets, uint64_t lost, uint32_t jitter_us, uint8_t pt);

#endif
