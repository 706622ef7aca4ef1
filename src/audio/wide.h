/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WIDE: a loop over samples, compiled a second time for processors that do eight at once; which of them runs is chosen at the start.
 */
#ifndef AUDIO_WIDE_H
#define AUDIO_WIDE_H

#ifdef __x86_64__
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#endif
