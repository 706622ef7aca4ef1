/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of the core thread's logic: clock, timers, randomness.  Handed in, never fetched, so that the simulator
 * runs the same code on a virtual clock.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include "base/clock.h"
#include "base/rng.h"
#include "base/wheel.h"

struct env {
	const struct clock *clock;
	struct wheel *wheel;
	struct rng *rng;
};

#endif
