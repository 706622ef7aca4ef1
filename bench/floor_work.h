/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the bare loop does with a packet besides passing it on: the least that the library asks for.  Keys are opened and sealed by
 * libsrtp2, G.711 and G.722 converted by spandsp, Opus by libopus, as the engine does it, at 8 kHz, which is all that G.711 holds.
 *
 * Errors     bench_fail()
 */
#ifndef BENCH_FLOOR_WORK_H
#define BENCH_FLOOR_WORK_H

#include <stdbool.h>
#include "bench/bench.h"

struct floor_work;
/* For packets of one side, on their way to the other; NULL: they are passed on as they are. */
struct floor_work *floor_work_make(enum bench_what what, bool is_b);
/* In place; there is room for 256 bytes more.  Its new length, 0: nothing is to be sent. */
size_t floor_work_do(struct floor_work *w, uint8_t *p, size_t n);

#endif
