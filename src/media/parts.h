/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core knows of each session: its thread, its ports, and whether something is under way with it.
 *
 * The fewer threads share the packets, the more each finds when it wakes and the less a packet costs: a fifth less on one
 * thread than on two, at 500 calls.  So one is filled before the next is used, unless it is busy already.
 *
 * Thread     core
 * Ownership  parts_close() frees every part; ids name them elsewhere
 * Errors     parts_add ENOMEM as NULL; part_take_ports ENOSPC
 */
#ifndef MEDIA_PARTS_H
#define MEDIA_PARTS_H

#include "base/list.h"
#include "base/map.h"
#include "media/ports.h"
#include "media/spare.h"
#include "media/worker.h"

enum { PARTS_MAX_THREADS = 64, PARTS_FILL_SESSIONS = 1000, PARTS_FILL_PERMILLE = 400 };

enum part_state {
	PART_READY,
	PART_BINDING, /* GROW is at the worker */
	PART_MOVING,  /* between two threads */
	PART_CLOSING, /* gone, for all that is posted now */
};

struct room;

struct part {
	struct map_node node;
	oid id;
	struct room *room;
	enum part_state state;
	uint16_t worker;
	uint16_t nheld; /* commands waiting that name it */
	uint8_t nports, nbound, nclashes;
	uint16_t ports[MEDIA_MAX_STREAMS];
	struct media_cmd binding; /* the GROW under way */
	struct link closing;	  /* its CLOSE waits to be dispatched */
	uint32_t close_seq;
};

struct parts {
	struct map parts, rooms;
	struct ports *ports;
	struct spares *spares; /* their ports are taken */
	size_t fill;	       /* sessions a thread takes before the next is used */
	unsigned nworkers;
	struct worker *workers[PARTS_MAX_THREADS];
	size_t load[PARTS_MAX_THREADS]; /* sessions of each */
};

int parts_init(struct parts *ps, uint16_t port_min, uint16_t port_max, size_t fill,
	       size_t nspares) MUST_USE;
void parts_close(struct parts *ps);
struct part *parts_find(const struct parts *ps, oid id);
/* On the thread of its call's other sessions; call 0: any. */
struct part *parts_add(struct parts *ps, oid id, oid call);
void parts_remove(struct parts *ps, struct part *p); /* with its ports */
void parts_set_worker(struct parts *ps, struct part *p, uint16_t worker);
int part_take_ports(struct parts *ps, struct part *p,
		    uint8_t n) MUST_USE; /* to have n; none taken on failure */
void part_return_ports(struct parts *ps, struct part *p, uint8_t n); /* to keep n */
int part_change_port(struct parts *ps, struct part *p,
		     uint8_t i) MUST_USE; /* another program has it */
/* A spare pair's port is the part's first or next; that of a pair left open is the part's no more. */
void part_add_spare(struct part *p, uint16_t port);
void part_leave_spare(struct part *p, uint16_t port);
size_t parts_ports_in_use(const struct parts *ps);
void parts_show(const struct parts *ps); /* metrics */

#endif
