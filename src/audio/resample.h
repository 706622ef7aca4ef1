/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From one sample rate to another (speexdsp).  Between 8, 16 and 48 kHz each 10 ms in are 10 ms out.
 *
 * Ownership  resample_free accepts NULL and returns it
 * Errors     resample_make: ENOMEM; *rp NULL and 0 where the rates are equal: resample_run(NULL) copies
 */
#ifndef AUDIO_RESAMPLE_H
#define AUDIO_RESAMPLE_H

#include "base/str.h"

struct resample;
int resample_make(struct resample **rp, uint32_t from_hz, uint32_t to_hz) MUST_USE;
struct resample *resample_free(struct resample *r);
/* Samples written, at most max; what does not fit is dropped. */
size_t resample_run(struct resample *r, const int16_t *in, size_t nin, int16_t *out, size_t max);

#endif
