/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call/verdict.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
#define X(name, text) [VERDICT_##name] = text,
#include "call/verdict.def"
#undef X
	};

	return v < VERDICT_COUNT ? names[v] : "";
}

static enum verdict why_silent(const struct verdict_facts *f)
{
	switch (f->c.guard) {
	case MEDIA_GUARD_NO_PAIR:
		return VERDICT_NO_ICE;
	case MEDIA_GUARD_SHAKING:
		return VERDICT_DTLS_STALLED;
	case MEDIA_GUARD_FAILED:
		return VERDICT_DTLS_FAILED;
	default:
		break;
	}
	if (f->c.rx_forged)
		return VERDICT_BAD_KEYS;
	if (f->c.rx_refused)
		return VERDICT_LATCH_MISSING;
	if (f->described.family && f->hint.family && !addr_ip_eq(&f->described, &f->hint))
		return VERDICT_PRIVATE_ADDRESS;
	return VERDICT_NO_PACKETS;
}

enum verdict verdict_of(const struct verdict_facts *f)
{
	if (f->talked_us < VERDICT_MIN_TALK_US)
		return VERDICT_NONE;
	if (!f->c.rx_rtp)
		return f->may_send ? why_silent(f) : VERDICT_NONE;
	if (f->c.rx_undescribed * 2 > f->c.rx_rtp)
		return VERDICT_CODEC_MISMATCH;
	return f->mos_x100 && f->mos_x100 < VERDICT_POOR_MOS_X100 ? VERDICT_POOR : VERDICT_NONE;
}
