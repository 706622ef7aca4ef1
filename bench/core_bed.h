/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The signalling core of the server without sockets, disk and media: real sip, registrar, route and call code on a virtual
 * clock, an edge that keeps what is sent, a media engine that only answers, a sink that forgets.  Phones are text.
 *
 * Thread     one
 */
#ifndef BENCH_CORE_BED_H
#define BENCH_CORE_BED_H

#include "base/bus.h"
#include "call/call.h"
#include "sip/digest.h"

enum { BED_MESSAGE = 4096, BED_QUEUE = 16, BED_EVENTS = 16 };

struct bed_sent {
	struct addr to;
	char text[BED_MESSAGE];
};

struct bed {
	struct flow_edge edge; /* first */
	struct media_engine engine;
	struct record_sink sink;
	struct clock_virtual clock;
	struct rng_seeded rng;
	struct env env;
	struct model *model;
	struct sip *sip;
	struct bus *bus;
	struct registrar *registrar;
	struct calls *calls;
	struct sip_digest *digest;
	struct bed_sent sent[BED_QUEUE];
	size_t nsent;
	struct media_event event[BED_EVENTS];
	size_t nevents;
	uint16_t next_port;
	uint64_t cpu_ns, nmessages; /* within the server's code since bed_begin() */
};

void bed_open(
	struct bed *b,
	size_t nextensions); /* numbers 100000 …, accounts of the same name, password "secret-N" */
void bed_close(struct bed *b);
void bed_begin(struct bed *b); /* count from 0 */
void bed_pass(struct bed *b,
	      uint64_t ms); /* time goes by; what it makes the server send is dropped */
size_t bed_bytes(void);	    /* on the heap now */

void bed_register(struct bed *b, size_t i, unsigned expires_s); /* extension i signs in, or off */
struct bed_call {
	size_t caller, callee;
	char id[48], to[256], target[256];
	char callee_to[256];
};
void bed_call(struct bed *b, struct bed_call *c, size_t caller, size_t callee, uint64_t number);
void bed_hang_up(struct bed *b, struct bed_call *c);

#endif
