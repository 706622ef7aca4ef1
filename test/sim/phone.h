/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A phone of the simulated world: registers and keeps registered, calls, rings, answers, refuses, holds, transfers (blind and
 * attended), keeps long calls alive with session timers, sends calls elsewhere (302), gives up and hangs up at times that the seed decides, and remembers how each of its calls ended.
 *
 * It stands on a SIP stack instance of its own (the same code as the server's, as its peer).
 */
#ifndef SIM_PHONE_H
#define SIM_PHONE_H

#include "base/list.h"
#include "sip/digest.h"
#include "sip/invite.h"
#include "world.h"

struct phone {
	struct node node;
	struct world *world;
	struct addr pbx;
	char user[16], password[32], domain[32], contact[96];
	char binding[96]; /* what it registers; empty: its contact */
	struct sip *sip;
	struct sip_digest *digest;
	char register_call_id[128];
	uint32_t register_cseq;
	uint32_t nc;
	unsigned expires_s, patience_ms; /* with a call that rings and rings */
	bool is_registered, is_quiet;	 /* quiet: makes and takes no more calls */
	struct timer register_timer;
	struct link calls;
	/* what became of all its calls */
	unsigned placed, authorized, established, refused, unanswered, received, ended;
	unsigned transferred, moved; /* REFERs taken, or not heard of; calls it has sent elsewhere */
};

int phone_init(struct phone *p, struct world *w, const char *ip, const char *user,
	       const char *password, const char *domain, const struct addr *pbx) MUST_USE;
void phone_close(struct phone *p);
void phone_register(struct phone *p, unsigned expires_s); /* 0: unregister */
int phone_call(struct phone *p, const char *number) MUST_USE;
size_t phone_calls(const struct phone *p); /* not over yet */

#endif
