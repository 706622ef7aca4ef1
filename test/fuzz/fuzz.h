/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fuzz target is one function that may be given any bytes.  libFuzzer calls it (meson option `fuzz`, script/fuzz), and so
 * does replay.c with every file of its corpus in each test run.
 *
 * Besides not crashing, each target states what must hold (MUST): that is what makes it find wrong answers too.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include "base/defs.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #cond);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
