/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "media/quality.h"

enum { PT_GSM = 3, PT_G729 = 18, FRAMES_MS = 40 };

struct impairment {
	double ie, bpl; /* of the codec itself; how well it conceals */
};

static struct impairment of_codec(uint8_t pt)
{
	if (pt == PT_G729)
		return (struct impairment){11, 19};
	if (pt == PT_GSM)
		return (struct impairment){20, 10};
	return (struct impairment){
		0, 25.1}; /* G.711 with concealment; wide-band codecs are no worse */
}

static double mos_of(double r)
{
	if (r <= 0)
		return 1;
	return 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
}

struct quality quality_of(uint64_t packets, uint64_t lost, uint32_t jitter_us, uint8_t pt)
{
	struct impairment c = of_codec(pt);
	double loss, delay_ms, r;

	if (!packets)
		return (struct quality){0, 0};
	loss = 100.0 * (double)lost / (double)(packets + lost);
	/* Packetizing, and a buffer that holds twice the jitter. */
	delay_ms = FRAMES_MS + 2.0 * jitter_us / 1000;
	r = 93.2 - 0.024 * delay_ms;
	if (delay_ms > 177.3)
		r -= 0.11 * (delay_ms - 177.3);
	r -= c.ie + (95 - c.ie) * loss / (loss + c.bpl);
	if (r < 0)
		r = 0;
	return (struct quality){(unsigned)(r + 0.5), (unsigned)(100 * mos_of(r) + 0.5)};
}
