/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why somebody was not heard: a verdict on what came from one leg, for its record and that of the call (WEB-6).
 *
 * Thread     any
 * Errors     none
 */
#ifndef CALL_VERDICT_H
#define CALL_VERDICT_H

#include "media/media.h"

enum verdict {
#define X(name, text) VERDICT_##name,
#include "call/verdict.def"
#undef X
	VERDICT_COUNT
};

enum { VERDICT_MIN_TALK_US = 3000000, VERDICT_POOR_MOS_X100 = 310 };

struct verdict_facts {
	struct media_counters c; /* when it ended */
	int64_t talked_us;
	bool may_send;		     /* at the end: not on hold */
	struct addr described, hint; /* by its description; of its signalling */
	unsigned mos_x100;
};

enum verdict verdict_of(const struct verdict_facts *f);
const char *verdict_name(enum verdict v);

#endif
