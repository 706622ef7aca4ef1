/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RTCP that comes through a bundle: which of its streams it is passed on for; and how it is renamed where the speaker changed.
 *
 * Input: the packet.  Streams 0 to 2 share one transport; their SSRCs are 0x01010101 … and those of their peers 0x11111111 …
 */
#include <string.h>
#include "fuzz.h"
#include "media/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct stream s[3], peer[3];
	const struct splice hears = {
		.is_shifted = true, .ssrc = 0x01010101, .from = 0x02020202, .seq_add = 7};
	const struct splice told = {
		.is_shifted = true, .ssrc = 0x11111111, .from = 0x22222222, .ts_add = 9};
	uint8_t types[16] = {0};
	struct stream *found;
	uint8_t *exact;

	if (rtcp_check(p, n))
		return 0;
	for (uint8_t i = 0; i < 3; i++) {
		stream_init(&s[i], i);
		stream_init(&peer[i], i);
		stream_join(&s[i], &peer[i]);
		bundle_note(&s[i], 0x01010101u * (i + 1u));
		bundle_note(&peer[i], 0x11111111u * (i + 1u));
		types[12] = (uint8_t)(1 << i);
		if (i)
			stream_carry(&s[i], &s[0], types);
	}
	exact = malloc(n);
	MUST(exact);
	memcpy(exact, p, n);
	found = bundle_of_rtcp(&s[0], exact, n);
	MUST(found == &s[0] || found == &s[1] || found == &s[2]);
	MUST(bundle_of_rtcp(&peer[1], exact, n) == &peer[1]);
	splice_reports(&hears, &told, exact, n);
	MUST(!rtcp_check(exact, n));
	free(exact);
	for (uint8_t pt = 0; pt < 128; pt++)
		MUST(bundle_of_rtp(&s[0], pt) == &s[pt == 97 ? 1 : pt == 98 ? 2 : 0]);
	for (int i = 2; i >= 0; i--)
		stream_close(&s[i]);
	MUST(!s[0].ncarried && !s[1].carrier);
	return 0;
}
