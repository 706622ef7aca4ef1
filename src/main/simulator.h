/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The route simulator (RTE-9): where a call would go and why, who rings, what it would say to a provider and cost.
 *
 * It asks the live switch's own question (calls_would_route) and tells the answer; nothing is called.
 *
 * Thread     core
 */
#ifndef MAIN_SIMULATOR_H
#define MAIN_SIMULATOR_H

#include "main/server.h"

/* NULL: out of memory. */
json_t *simulator_answer(struct server *s, const struct command *c);

#endif
