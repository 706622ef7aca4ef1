/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A media engine without packets: answers each command with one event a moment later, hands out ports, and knows which
 * sessions are open, so that a leaked one is seen.
 */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include "base/list.h"
#include "media/media.h"
#include "world.h"

struct engine {
	struct media_engine engine; /* first */
	struct node *node;
	struct link sessions;
	struct link answers;
	size_t nsessions, opened;
	uint16_t next_port;
	bool leaks; /* negative control: the first close is lost */
	media_event_h *fn;
	void *arg;
};

void engine_init(struct engine *e, struct node *node, media_event_h *fn, void *arg);
void engine_close(struct engine *e); /* forget all, answer nothing more */

#endif
