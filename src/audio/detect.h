/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is heard in a voice: keys (DTMF) and the calling tone of a fax (CNG), by spandsp.
 *
 * Units      samples at the rate said at the beginning
 * Errors     detect_make ENOMEM
 * Sources    ITU-T Q.24, T.30 4.3.1.2.3
 */
#ifndef AUDIO_DETECT_H
#define AUDIO_DETECT_H

#include "base/str.h"

enum { DETECT_MAX_DIGITS = 8 };
enum { DETECT_KEYS = 1, DETECT_FAX = 2 }; /* what is listened for */

struct detected {
	char digits[DETECT_MAX_DIGITS +
		    1];	 /* that ended in these samples: 0-9 * # A-D, each once */
	bool is_pressed; /* one is, or has just been */
	bool is_fax;	 /* it has been heard just now; once */
};

struct detect;
int detect_make(struct detect **dp, uint32_t rate_hz) MUST_USE;
struct detect *detect_free(struct detect *d);
void detect_hear(struct detect *d, unsigned what, const int16_t *pcm, size_t n,
		 struct detected *out);
void detect_lost(struct detect *d, size_t n); /* samples that are missing */

#endif
