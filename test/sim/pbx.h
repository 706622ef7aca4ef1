/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server in the simulated world: the real sip, registrar, route, call and service code, wired as main/ wires it, with
 * a simulated network, media engine and journal.  It can be killed at any instant and started again.
 */
#ifndef SIM_PBX_H
#define SIM_PBX_H

#include "base/bus.h"
#include "call/call.h"
#include "engine.h"
#include "keeper.h"

enum { PBX_EXTENSIONS = 8 };

struct pbx {
	struct node node;
	struct world *world;
	struct keeper keeper;
	struct engine engine;
	struct model *model;
	struct sip *sip;
	struct bus *bus;
	struct registrar *registrar;
	struct calls *calls;
	uint64_t boot;
	unsigned crashes;
};

#define PBX_DOMAIN "sim.test"
#define PBX_IP	   "10.0.0.1"

int pbx_init(struct pbx *p,
	     struct world *w) MUST_USE; /* up, with extensions 100 … and ring group 600 */
void pbx_crash(struct pbx *p);
int pbx_restart(struct pbx *p) MUST_USE;
void pbx_close(struct pbx *p);

#endif
