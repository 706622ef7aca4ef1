/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flow threads: each owns connections, from accept or connect to close, frames what comes over them and hands it to the core.
 *
 * Thread     flows_start, flows_stop: core; flows_command: any
 * Ownership  a command's blob and descriptor are taken when flows_command succeeds
 * Errors     flows_command ENOBUFS: the thread does not keep up
 */
#ifndef NET_FLOWS_H
#define NET_FLOWS_H

#include <stdatomic.h>
#include "base/ring.h"
#include "net/flow_msgs.h"
#include "net/guard.h"

enum { FLOWS_MAX_THREADS = 16 };

struct flows;

struct flows_limits {
	uint32_t idle_ms; /* without traffic, and nothing that keeps it */
	uint32_t
		message_ms; /* from a message's first byte to its last; also from accept to the first message */
	uint32_t connect_ms;
	uint32_t stuck_ms;	/* the peer takes nothing of what we write */
	uint32_t linger_ms;	/* after our last byte, until the peer closes too */
	size_t congested_bytes; /* waiting to be written: tell the core; relieved at a quarter */
	size_t hopeless_bytes;	/* … close */
	size_t inflight_bytes;	/* received and not yet taken by the core, of all: stop reading */
};

struct flows_shared { /* one for all flow threads; constant once they run, but for the atomics */
	struct flows_limits limits;
	struct ring *events; /* struct flow_evt, to the core */
	struct guard *guard;
	struct tls_keeper *tls; /* the certificate in force */
	const char *ws_origins; /* pages that may open a WebSocket, by space; empty: any */
	_Atomic uint64_t last_conn;
	_Atomic size_t inflight_bytes;
	unsigned nthreads;
	struct flows *threads[FLOWS_MAX_THREADS];
};

int flows_start(struct flows **fp, struct flows_shared *shared, unsigned index) MUST_USE;
void flows_stop(
	struct flows *f); /* its connections are closed, nothing more is told; NULL allowed */
struct flows *
flows_free(struct flows *f); /* when all have stopped: they give connections to each other */
int flows_command(struct flows *f, const struct flow_cmd *cmd) MUST_USE;

#endif
