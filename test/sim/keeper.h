/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What survives a crash: the records a server wrote, as the journal and the database would hold them.
 */
#ifndef SIM_KEEPER_H
#define SIM_KEEPER_H

#include "call/leg_kept.h"
#include "schema/record.h"

struct keeper {
	struct record_sink sink; /* first */
	bool is_dead;		 /* the server that writes has crashed: nothing arrives any more */
	struct contact_record *contacts;
	struct call_record *calls;
	struct leg_record *legs;
	struct leg_kept *kept;
	size_t ncontacts, ncalls, nlegs, nkept;
	size_t writes;
};

void keeper_init(struct keeper *k);
void keeper_close(struct keeper *k);
/* As the journal does at start: calls and legs without an end were interrupted at `wall_us`. */
void keeper_interrupt(struct keeper *k, int64_t wall_us);

#endif
